-- +goose Up
CREATE TABLE traffic_routes (
    app        TEXT   NOT NULL,
    env        TEXT   NOT NULL,
    domains    TEXT   NOT NULL,
    traffic    TEXT   NOT NULL, -- the request in force, empty before the first
    rollout    TEXT   NOT NULL,
    split      TEXT   NOT NULL,
    cause      TEXT   NOT NULL,
    generation BIGINT NOT NULL, -- from which on the edges have this split
    told       BIGINT NOT NULL, -- 1 once traffic.applied was emitted
    PRIMARY KEY (app, env)
);

CREATE TABLE traffic_backends (
    app     TEXT NOT NULL,
    env     TEXT NOT NULL,
    release TEXT NOT NULL,
    host    TEXT NOT NULL,
    addr    TEXT NOT NULL,
    PRIMARY KEY (app, env, release, host)
);

CREATE TABLE traffic_releases (
    release TEXT PRIMARY KEY,
    health  TEXT NOT NULL,
    assets  TEXT NOT NULL
);

CREATE TABLE traffic_edges (
    edge    TEXT   PRIMARY KEY,
    live    BIGINT NOT NULL,
    applied BIGINT NOT NULL
);

CREATE TABLE traffic_generation (
    one        BIGINT PRIMARY KEY,
    generation BIGINT NOT NULL
);
INSERT INTO traffic_generation (one, generation) VALUES (1, 1);
