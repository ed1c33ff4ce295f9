-- +goose Up
-- Where events come from: one write key each. The key is kept as it is, since browsers show it to everybody and people must find it again.
CREATE TABLE track_sources (
    id          TEXT PRIMARY KEY,
    app         TEXT NOT NULL,
    environment TEXT NOT NULL,
    name        TEXT NOT NULL,
    write_key   TEXT NOT NULL UNIQUE,
    stopped     BIGINT NOT NULL DEFAULT 0, -- since when it takes nothing; 0 while it does
    created_at  BIGINT NOT NULL,
    created_by  TEXT NOT NULL,
    revision    BIGINT NOT NULL DEFAULT 1,
    UNIQUE (app, name)
);
