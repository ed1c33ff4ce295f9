-- +goose Up
CREATE TABLE fleet_joins (
    id         TEXT   PRIMARY KEY,
    hash       TEXT   NOT NULL UNIQUE,
    roles      TEXT   NOT NULL,
    label      TEXT   NOT NULL,
    uses       BIGINT NOT NULL, -- joins left; -1 means any number
    expires    BIGINT NOT NULL, -- 0 means never
    created_at BIGINT NOT NULL,
    created_by TEXT   NOT NULL
);

CREATE TABLE fleet_agents (
    id         TEXT   PRIMARY KEY,
    name       TEXT   NOT NULL UNIQUE,
    key_hash   TEXT   NOT NULL,
    cred_hash  TEXT   NOT NULL UNIQUE,
    roles      TEXT   NOT NULL,
    labels     TEXT   NOT NULL,
    addr       TEXT   NOT NULL,
    cpus       BIGINT NOT NULL,
    version    TEXT   NOT NULL,
    state      TEXT   NOT NULL,
    joined_at  BIGINT NOT NULL,
    seen_at    BIGINT NOT NULL
);
