-- +goose Up
-- What a host measured of a release in ten seconds: what its processes used, and the app's own counters. Kept for two hours.
CREATE TABLE rollout_measures (
    app     TEXT   NOT NULL,
    env     TEXT   NOT NULL,
    release TEXT   NOT NULL,
    slot    BIGINT NOT NULL, -- Unix time divided by ten
    host    TEXT   NOT NULL,
    body    TEXT   NOT NULL, -- before.Slot
    PRIMARY KEY (app, env, slot, release, host)
);
