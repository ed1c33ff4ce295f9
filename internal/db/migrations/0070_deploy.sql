-- +goose Up
CREATE TABLE deploy_releases (
    release  TEXT   PRIMARY KEY,
    app      TEXT   NOT NULL,
    env      TEXT   NOT NULL,
    artifact TEXT   NOT NULL,
    size     BIGINT NOT NULL,
    config   BIGINT NOT NULL,
    manifest TEXT   NOT NULL
);

CREATE TABLE deploy_desired (
    host    TEXT NOT NULL,
    app     TEXT NOT NULL,
    env     TEXT NOT NULL,
    deploy  TEXT NOT NULL,
    hold    TEXT NOT NULL,
    run     TEXT NOT NULL,
    current TEXT NOT NULL,
    cause   TEXT NOT NULL,
    answer  TEXT NOT NULL, -- pending, applied, or the failure told last
    PRIMARY KEY (host, app, env)
);

CREATE TABLE deploy_hosts (
    host       TEXT   PRIMARY KEY,
    generation BIGINT NOT NULL
);

CREATE TABLE deploy_processes (
    host     TEXT   NOT NULL,
    app      TEXT   NOT NULL,
    env      TEXT   NOT NULL,
    release  TEXT   NOT NULL,
    process  TEXT   NOT NULL,
    state    TEXT   NOT NULL,
    addr     TEXT   NOT NULL,
    restarts BIGINT NOT NULL,
    text     TEXT   NOT NULL,
    since    BIGINT NOT NULL,
    PRIMARY KEY (host, app, env, release, process)
);
