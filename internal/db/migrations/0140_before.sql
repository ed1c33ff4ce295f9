-- +goose Up
-- What hosts, buckets of visitors and routes counted while one release served alone (before.Minute as JSON), empty during a rollout.
ALTER TABLE rollout_minutes ADD COLUMN calm TEXT NOT NULL DEFAULT '';
-- What the windows before taught of how hosts differ, by vital, as JSON.
ALTER TABLE rollout_envs ADD COLUMN history TEXT NOT NULL DEFAULT '';

-- Kinds of errors that releases showed while they served: what is none of these is new.
CREATE TABLE rollout_failures (
    app      TEXT   NOT NULL,
    env      TEXT   NOT NULL,
    path     TEXT   NOT NULL,
    status   BIGINT NOT NULL,
    error    TEXT   NOT NULL,
    first_at BIGINT NOT NULL,
    last_at  BIGINT NOT NULL,
    PRIMARY KEY (app, env, path, status, error)
);
