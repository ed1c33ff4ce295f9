-- +goose Up
-- Flags, switches and samples of an app; what one is in an environment is in flag_states.
CREATE TABLE flag_flags (
    id          TEXT PRIMARY KEY,
    app         TEXT NOT NULL,
    kind        TEXT NOT NULL,      -- flag, switch, sample
    name        TEXT NOT NULL,
    about       TEXT NOT NULL,      -- JSON: what is said of it everywhere
    created_at  BIGINT NOT NULL,
    created_by  TEXT NOT NULL,
    changed_at  BIGINT NOT NULL,    -- anywhere
    changed_by  TEXT NOT NULL,
    archived_at BIGINT NOT NULL DEFAULT 0,
    revision    BIGINT NOT NULL,    -- of about
    UNIQUE (app, kind, name)
);
CREATE TABLE flag_states (
    flag        TEXT NOT NULL,
    environment TEXT NOT NULL,
    state       TEXT NOT NULL,      -- JSON
    changed_at  BIGINT NOT NULL,
    changed_by  TEXT NOT NULL,
    revision    BIGINT NOT NULL,
    PRIMARY KEY (flag, environment)
);
-- What became of each flag.
CREATE TABLE flag_changes (
    id          TEXT PRIMARY KEY,   -- sortable by time
    flag        TEXT NOT NULL,
    environment TEXT NOT NULL,      -- empty: everywhere
    at          BIGINT NOT NULL,
    by_whom     TEXT NOT NULL,
    how         TEXT NOT NULL,
    reason      TEXT NOT NULL,
    before      TEXT NOT NULL,      -- JSON; empty where there was none
    after       TEXT NOT NULL,
    words       TEXT NOT NULL,
    revision    BIGINT NOT NULL
);
CREATE INDEX flag_changes_of ON flag_changes (flag, id);
-- Lists of visitors and conditions that rules name.
CREATE TABLE flag_groups (
    app         TEXT NOT NULL,
    id          TEXT NOT NULL,
    definition  TEXT NOT NULL,      -- JSON
    note        TEXT NOT NULL,
    changed_at  BIGINT NOT NULL,
    changed_by  TEXT NOT NULL,
    revision    BIGINT NOT NULL,
    PRIMARY KEY (app, id)
);
-- What clients send. Kept as they are: those of browsers are public, and people must find them again.
CREATE TABLE flag_keys (
    id          TEXT PRIMARY KEY,
    app         TEXT NOT NULL,
    environment TEXT NOT NULL,
    name        TEXT NOT NULL,
    key         TEXT NOT NULL UNIQUE,
    kind        TEXT NOT NULL,      -- server, client
    remote      BIGINT NOT NULL,
    encryption  TEXT NOT NULL,
    stopped     BIGINT NOT NULL DEFAULT 0,
    created_at  BIGINT NOT NULL,
    created_by  TEXT NOT NULL,
    UNIQUE (app, name)
);
-- Changes that are still to be made: at a time, when somebody else has looked at them, or both.
CREATE TABLE flag_plans (
    id          TEXT PRIMARY KEY,
    app         TEXT NOT NULL,
    flag        TEXT NOT NULL,
    environment TEXT NOT NULL,
    patch       TEXT NOT NULL,      -- JSON merge patch of the state
    before      TEXT NOT NULL,      -- JSON: the members that the patch names, as they were seen
    reason      TEXT NOT NULL,
    by_whom     TEXT NOT NULL,
    at          BIGINT NOT NULL,
    wall        TEXT NOT NULL,      -- when it is to be made, as a clock there shows it; empty: at once
    zone        TEXT NOT NULL,
    status      TEXT NOT NULL,      -- waiting, approved, done, refused, withdrawn, failed
    decided_by  TEXT NOT NULL DEFAULT '',
    decided_at  BIGINT NOT NULL DEFAULT 0,
    said        TEXT NOT NULL DEFAULT '',
    revision    BIGINT NOT NULL
);
CREATE INDEX flag_plans_open ON flag_plans (status, app);
-- What an app wants of its flags, and the count of their changes.
CREATE TABLE flag_apps (
    app         TEXT PRIMARY KEY,
    settings    TEXT NOT NULL,      -- JSON
    revision    BIGINT NOT NULL,    -- of the settings
    changes     BIGINT NOT NULL,    -- of anything that an evaluation depends on
    changed_at  BIGINT NOT NULL     -- never goes back
);
