-- +goose Up
-- Ramps give a flag's new value to more and more visitors, as long as what they do is no worse.
CREATE TABLE ramp_ramps (
    id          TEXT PRIMARY KEY,
    app         TEXT NOT NULL,
    environment TEXT NOT NULL,
    flag        TEXT NOT NULL,
    state       TEXT NOT NULL,      -- watching, paused, held; promoted, returned, overtaken
    ramp        TEXT NOT NULL,      -- JSON: all of it
    evidence    TEXT NOT NULL,      -- JSON: the judge's
    started_at  BIGINT NOT NULL,
    ended_at    BIGINT NOT NULL DEFAULT 0
);
CREATE INDEX ramp_ramps_open ON ramp_ramps (ended_at, app, environment);
CREATE UNIQUE INDEX ramp_ramps_one ON ramp_ramps (flag, environment) WHERE ended_at = 0;
-- What was counted, in slots of ten seconds: what is drawn, and judged again.
CREATE TABLE ramp_slots (
    ramp   TEXT NOT NULL,
    second BIGINT NOT NULL,         -- at which the slot begins
    step   BIGINT NOT NULL,
    counts TEXT NOT NULL,           -- JSON: by vital
    PRIMARY KEY (ramp, second, step)
);
CREATE TABLE ramp_moves (
    id      TEXT PRIMARY KEY,       -- sortable by time
    ramp    TEXT NOT NULL,
    at      BIGINT NOT NULL,
    by_whom TEXT NOT NULL,
    move    TEXT NOT NULL,
    step    BIGINT NOT NULL,
    share   DOUBLE PRECISION NOT NULL,
    reasons TEXT NOT NULL           -- JSON
);
CREATE INDEX ramp_moves_of ON ramp_moves (ramp, id);
