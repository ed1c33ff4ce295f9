-- +goose Up
-- Questions about the events of an app that somebody gave a name.
CREATE TABLE question_saved (
    id         TEXT PRIMARY KEY,
    app        TEXT NOT NULL,
    name       TEXT NOT NULL,
    kind       TEXT NOT NULL,      -- sql, trend, funnel, retention
    question   TEXT NOT NULL,      -- JSON, as the API takes it
    saved_at   BIGINT NOT NULL,
    saved_by   TEXT NOT NULL,
    changed_at BIGINT NOT NULL,
    changed_by TEXT NOT NULL,
    revision   BIGINT NOT NULL,
    UNIQUE (app, name)
);
