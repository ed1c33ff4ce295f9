-- +goose Up
CREATE TABLE notify_targets (
    app    TEXT   NOT NULL,
    env    TEXT   NOT NULL,
    number BIGINT NOT NULL,
    kind   TEXT   NOT NULL,
    url    TEXT   NOT NULL,
    topics TEXT   NOT NULL,
    PRIMARY KEY (app, env, number)
);

CREATE TABLE notify_notices (
    id         TEXT   PRIMARY KEY,
    app        TEXT   NOT NULL,
    env        TEXT   NOT NULL,
    kind       TEXT   NOT NULL,
    url        TEXT   NOT NULL,
    topic      TEXT   NOT NULL,
    body       TEXT   NOT NULL,
    cause      TEXT   NOT NULL,
    state      TEXT   NOT NULL, -- waiting, sent, failed
    tries      BIGINT NOT NULL,
    next_at    BIGINT NOT NULL,
    error      TEXT   NOT NULL,
    created_at BIGINT NOT NULL,
    ended_at   BIGINT NOT NULL
);
CREATE INDEX notify_notices_due ON notify_notices (state, next_at);
CREATE INDEX notify_notices_env ON notify_notices (app, env, created_at);
