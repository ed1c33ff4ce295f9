-- +goose Up
-- Limits say how much of something may be had: what is taken of them is in the log, and what follows is what people say of them.
CREATE TABLE limit_limits (
    app        TEXT NOT NULL,
    grp        TEXT NOT NULL,       -- what it limits: "api:search", and all groups that begin with "api:search:"
    generation BIGINT NOT NULL,     -- another one counts from nothing
    definition TEXT NOT NULL,       -- JSON: kind, amount, window and the like
    note       TEXT NOT NULL,
    revision   BIGINT NOT NULL,
    changed_at BIGINT NOT NULL,
    changed_by TEXT NOT NULL,
    PRIMARY KEY (app, grp)
);
CREATE TABLE limit_overrides (
    app      TEXT NOT NULL,
    grp      TEXT NOT NULL,
    key      TEXT NOT NULL,         -- the whole group: "api:search:ana"
    amount   BIGINT NOT NULL,
    burst    BIGINT NOT NULL,
    until    BIGINT NOT NULL,       -- 0: for good
    reason   TEXT NOT NULL,
    set_at   BIGINT NOT NULL,
    set_by   TEXT NOT NULL,
    PRIMARY KEY (app, key)
);
CREATE INDEX limit_overrides_of ON limit_overrides (app, grp);
-- Envoy's descriptors, as they were written.
CREATE TABLE limit_domains (
    app        TEXT NOT NULL,
    domain     TEXT NOT NULL,
    yaml       TEXT NOT NULL,
    revision   BIGINT NOT NULL,
    changed_at BIGINT NOT NULL,
    changed_by TEXT NOT NULL,
    PRIMARY KEY (app, domain)
);
-- What was asked, by minute: what is drawn.
CREATE TABLE limit_minutes (
    app         TEXT NOT NULL,
    environment TEXT NOT NULL,
    grp         TEXT NOT NULL,
    minute      BIGINT NOT NULL,    -- at which it begins
    asks        BIGINT NOT NULL,
    asked       BIGINT NOT NULL,
    given       BIGINT NOT NULL,
    denied      BIGINT NOT NULL,
    near        BIGINT NOT NULL,
    PRIMARY KEY (app, environment, grp, minute)
);
CREATE INDEX limit_minutes_at ON limit_minutes (minute);
-- And by key, of those who asked or were denied most in the minute.
CREATE TABLE limit_keys (
    app         TEXT NOT NULL,
    environment TEXT NOT NULL,
    grp         TEXT NOT NULL,
    minute      BIGINT NOT NULL,
    key         TEXT NOT NULL,
    asks        BIGINT NOT NULL,
    given       BIGINT NOT NULL,
    denied      BIGINT NOT NULL,
    near        BIGINT NOT NULL,
    PRIMARY KEY (app, environment, grp, minute, key)
);
CREATE INDEX limit_keys_at ON limit_keys (minute);
