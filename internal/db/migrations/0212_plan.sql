-- +goose Up
-- What an app plans its events to be: a JSON Schema for each, and what becomes of those that are otherwise.
CREATE TABLE track_plans (
    app               TEXT PRIMARY KEY,
    mode              TEXT NOT NULL,            -- observe, warn, reject
    additional_events BIGINT NOT NULL,
    events            TEXT NOT NULL,            -- a list in JSON: kind, name, schema
    revision          BIGINT NOT NULL,
    changed_at        BIGINT NOT NULL,
    changed_by        TEXT NOT NULL
);
