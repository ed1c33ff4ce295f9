-- +goose Up
CREATE TABLE catalog_apps (
    name       TEXT   PRIMARY KEY,
    created_at BIGINT NOT NULL,
    revision   BIGINT NOT NULL
);

CREATE TABLE catalog_environments (
    app              TEXT   NOT NULL REFERENCES catalog_apps (name),
    name             TEXT   NOT NULL,
    branch           TEXT   NOT NULL,
    allow_force_push BIGINT NOT NULL,
    labels           TEXT   NOT NULL,
    hosts            TEXT   NOT NULL,
    domains          TEXT   NOT NULL,
    declared         TEXT   NOT NULL,
    config           BIGINT NOT NULL,
    releases         BIGINT NOT NULL,
    live             TEXT   NOT NULL,
    frozen           TEXT   NOT NULL,
    rollout          TEXT   NOT NULL,
    created_at       BIGINT NOT NULL,
    revision         BIGINT NOT NULL,
    PRIMARY KEY (app, name)
);

CREATE TABLE catalog_configs (
    app      TEXT   NOT NULL,
    env      TEXT   NOT NULL,
    version  BIGINT NOT NULL,
    at       BIGINT NOT NULL,
    actor    TEXT   NOT NULL,
    settings TEXT   NOT NULL,
    secrets  TEXT   NOT NULL,
    removed  TEXT   NOT NULL,
    reason   TEXT   NOT NULL,
    PRIMARY KEY (app, env, version)
);

CREATE TABLE catalog_releases (
    id         TEXT   PRIMARY KEY,
    app        TEXT   NOT NULL,
    env        TEXT   NOT NULL,
    number     BIGINT NOT NULL,
    sha        TEXT   NOT NULL,
    subject    TEXT   NOT NULL,
    author     TEXT   NOT NULL,
    commits    TEXT   NOT NULL,
    artifact   TEXT   NOT NULL,
    size       BIGINT NOT NULL,
    config     BIGINT NOT NULL,
    why        TEXT   NOT NULL,
    build      TEXT   NOT NULL,
    manifest   TEXT   NOT NULL,
    hotfix     TEXT   NOT NULL,
    created_at BIGINT NOT NULL,
    state      TEXT   NOT NULL,
    verdict    TEXT   NOT NULL,
    rollout    TEXT   NOT NULL,
    live_at    BIGINT NOT NULL,
    stored     BIGINT NOT NULL,
    UNIQUE (app, env, number)
);
CREATE INDEX catalog_releases_artifact ON catalog_releases (artifact);
