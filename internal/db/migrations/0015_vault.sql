-- +goose Up
CREATE TABLE vault_values (
    app     TEXT   NOT NULL,
    env     TEXT   NOT NULL,
    version BIGINT NOT NULL,
    name    TEXT   NOT NULL,
    secret  BIGINT NOT NULL,
    value   TEXT   NOT NULL,
    since   BIGINT NOT NULL,
    at      BIGINT NOT NULL,
    PRIMARY KEY (app, env, version, name)
);
