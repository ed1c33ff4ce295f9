-- +goose Up
-- What an app wants of its events: how long they are kept, and what of them is never stored. An app without a row has what is said here as default.
CREATE TABLE track_settings (
    app        TEXT PRIMARY KEY,
    keep_days  BIGINT NOT NULL DEFAULT 0,  -- 0: for ever
    ip         TEXT NOT NULL DEFAULT 'truncate',
    hidden     TEXT NOT NULL DEFAULT '[]', -- names and dotted paths, a list in JSON
    revision   BIGINT NOT NULL,
    changed_at BIGINT NOT NULL,
    changed_by TEXT NOT NULL
);
