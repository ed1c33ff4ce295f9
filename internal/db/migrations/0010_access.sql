-- +goose Up
CREATE TABLE access_people (
    id         TEXT   PRIMARY KEY,
    name       TEXT   NOT NULL UNIQUE,
    email      TEXT   NOT NULL,
    admin      BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    removed_at BIGINT NOT NULL DEFAULT 0
);

CREATE TABLE access_tokens (
    id         TEXT   PRIMARY KEY,
    person     TEXT   NOT NULL REFERENCES access_people (id),
    hash       TEXT   NOT NULL UNIQUE,
    label      TEXT   NOT NULL,
    created_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    used_at    BIGINT NOT NULL DEFAULT 0,
    revoked_at BIGINT NOT NULL DEFAULT 0
);
CREATE INDEX access_tokens_person ON access_tokens (person);

CREATE TABLE access_sessions (
    hash       TEXT   PRIMARY KEY,
    person     TEXT   NOT NULL REFERENCES access_people (id),
    token      TEXT   NOT NULL,
    created_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL
);

CREATE TABLE access_codes (
    hash       TEXT   PRIMARY KEY,
    person     TEXT   NOT NULL REFERENCES access_people (id),
    expires_at BIGINT NOT NULL
);

CREATE TABLE access_grants (
    person TEXT NOT NULL REFERENCES access_people (id),
    app    TEXT NOT NULL,
    role   TEXT NOT NULL,
    PRIMARY KEY (person, app)
);
CREATE INDEX access_grants_app ON access_grants (app);

CREATE TABLE access_audit (
    seq    SERIAL_KEY,
    at     BIGINT NOT NULL,
    actor  TEXT   NOT NULL,
    action TEXT   NOT NULL,
    app    TEXT   NOT NULL,
    env    TEXT   NOT NULL,
    target TEXT   NOT NULL,
    reason TEXT   NOT NULL,
    detail TEXT   NOT NULL
);
CREATE INDEX access_audit_app ON access_audit (app, seq);

CREATE TABLE access_answers (
    person  TEXT   NOT NULL,
    name    TEXT   NOT NULL,
    request TEXT   NOT NULL,
    at      BIGINT NOT NULL,
    answer  TEXT   NOT NULL,
    PRIMARY KEY (person, name)
);
