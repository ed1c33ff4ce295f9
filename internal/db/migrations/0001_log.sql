-- +goose Up
CREATE TABLE events (
    seq      SERIAL_KEY,
    id       TEXT   NOT NULL UNIQUE,
    position BIGINT UNIQUE,
    type     TEXT   NOT NULL,
    app      TEXT   NOT NULL,
    env      TEXT   NOT NULL,
    at       BIGINT NOT NULL,
    body     TEXT   NOT NULL
);
CREATE INDEX events_app ON events (app, env, position);

CREATE TABLE checkpoints (
    name     TEXT   PRIMARY KEY,
    position BIGINT NOT NULL
);

CREATE TABLE leases (
    name   TEXT   PRIMARY KEY,
    holder TEXT   NOT NULL,
    until  BIGINT NOT NULL
);
