-- +goose Up
CREATE TABLE rollout_envs (
    app         TEXT   NOT NULL,
    env         TEXT   NOT NULL,
    spec        TEXT   NOT NULL,
    live        TEXT   NOT NULL, -- release that serves, empty before the first
    current     TEXT   NOT NULL, -- rollout under way, empty when none is
    numbers     BIGINT NOT NULL, -- rollouts so far
    frozen_by   TEXT   NOT NULL,
    frozen_why  TEXT   NOT NULL,
    frozen_at   BIGINT NOT NULL,
    PRIMARY KEY (app, env)
);

CREATE TABLE rollout_releases (
    release    TEXT   PRIMARY KEY,
    app        TEXT   NOT NULL,
    env        TEXT   NOT NULL,
    number     BIGINT NOT NULL,
    body       TEXT   NOT NULL, -- event.ReleaseCreated
    good_at    BIGINT NOT NULL, -- when it was promoted last, 0 when never
    bad        BIGINT NOT NULL  -- 1 when it was rolled back
);
CREATE INDEX rollout_releases_good ON rollout_releases (app, env, good_at);

CREATE TABLE rollout_rollouts (
    rollout    TEXT   PRIMARY KEY,
    app        TEXT   NOT NULL,
    env        TEXT   NOT NULL,
    number     BIGINT NOT NULL,
    release    TEXT   NOT NULL,
    state      TEXT   NOT NULL,
    machine    TEXT   NOT NULL,
    created_at BIGINT NOT NULL,
    started_at BIGINT NOT NULL,
    ended_at   BIGINT NOT NULL
);
CREATE INDEX rollout_rollouts_env ON rollout_rollouts (app, env, number);

CREATE TABLE rollout_decisions (
    rollout TEXT   NOT NULL,
    number  BIGINT NOT NULL,
    at      BIGINT NOT NULL,
    actor   TEXT   NOT NULL,
    body    TEXT   NOT NULL,
    PRIMARY KEY (rollout, number)
);

CREATE TABLE rollout_agents (
    agent  TEXT   PRIMARY KEY,
    name   TEXT   NOT NULL,
    labels TEXT   NOT NULL,
    live   BIGINT NOT NULL
);

CREATE TABLE rollout_processes (
    app      TEXT   NOT NULL,
    env      TEXT   NOT NULL,
    host     TEXT   NOT NULL,
    release  TEXT   NOT NULL,
    state    TEXT   NOT NULL,
    restarts BIGINT NOT NULL,
    text     TEXT   NOT NULL,
    PRIMARY KEY (app, env, host, release)
);

CREATE TABLE rollout_ticks (
    rollout TEXT   NOT NULL,
    edge    TEXT   NOT NULL,
    boot    TEXT   NOT NULL,
    number  BIGINT NOT NULL,
    part    BIGINT NOT NULL, -- a change of the split in mid-second gives two
    second  BIGINT NOT NULL,
    body    TEXT   NOT NULL,
    PRIMARY KEY (rollout, edge, boot, number, part)
);
CREATE INDEX rollout_ticks_second ON rollout_ticks (rollout, second);

CREATE TABLE rollout_edges (
    edge   TEXT   NOT NULL,
    boot   TEXT   NOT NULL,
    number BIGINT NOT NULL,
    PRIMARY KEY (edge, boot)
);

CREATE TABLE rollout_minutes (
    app      TEXT   NOT NULL,
    env      TEXT   NOT NULL,
    release  TEXT   NOT NULL,
    minute   BIGINT NOT NULL,
    requests BIGINT NOT NULL,
    errors   BIGINT NOT NULL,
    latency  TEXT   NOT NULL,
    PRIMARY KEY (app, env, release, minute)
);
