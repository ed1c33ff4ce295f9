-- +goose Up
-- Plans of events that repositories declare, each once, by their content.
CREATE TABLE track_declared (
    hash TEXT PRIMARY KEY,                      -- SHA-256 of plan, in hex
    plan TEXT NOT NULL                          -- JSON: mode, additional_events, events
);
-- Which commit declares which: noted with its push, read when a release is made of it.
CREATE TABLE track_commits (
    app  TEXT NOT NULL,
    sha  TEXT NOT NULL,
    hash TEXT NOT NULL,
    PRIMARY KEY (app, sha)
);
-- What releases say of events. A release that is shipped again brings its plan with it.
CREATE TABLE track_releases (
    release TEXT PRIMARY KEY,
    app     TEXT NOT NULL,
    env     TEXT NOT NULL,
    number  BIGINT NOT NULL,
    sha     TEXT NOT NULL,
    state   TEXT NOT NULL,                      -- empty, rolling, live
    hash    TEXT NOT NULL,                      -- its plan, where that is for this environment; else empty
    folder  TEXT NOT NULL,                      -- where the plan is in the repository
    uses    TEXT NOT NULL                       -- JSON: which events its vitals count
);
CREATE INDEX track_releases_state ON track_releases (app, state);
