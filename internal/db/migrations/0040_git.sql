-- +goose Up
CREATE TABLE git_refs (
    app    TEXT NOT NULL,
    branch TEXT NOT NULL,
    head   TEXT NOT NULL,
    PRIMARY KEY (app, branch)
);

CREATE TABLE git_pushes (
    id       TEXT   PRIMARY KEY,
    app      TEXT   NOT NULL,
    branch   TEXT   NOT NULL,
    old      TEXT   NOT NULL,
    new      TEXT   NOT NULL,
    actor    TEXT   NOT NULL,
    manifest TEXT   NOT NULL,
    hotfix   TEXT   NOT NULL,
    at       BIGINT NOT NULL
);
CREATE INDEX git_pushes_app ON git_pushes (app, branch);
