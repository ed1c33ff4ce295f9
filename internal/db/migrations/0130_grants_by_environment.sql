-- +goose Up
-- A role holds in one environment, or in all of them: '*'. The key changes, so the table is made anew.
CREATE TABLE access_grants_by_environment (
    person TEXT NOT NULL REFERENCES access_people (id),
    app    TEXT NOT NULL,
    env    TEXT NOT NULL,
    role   TEXT NOT NULL,
    PRIMARY KEY (person, app, env)
);
INSERT INTO access_grants_by_environment (person, app, env, role) SELECT person, app, '*', role FROM access_grants;
DROP TABLE access_grants;
ALTER TABLE access_grants_by_environment RENAME TO access_grants;
CREATE INDEX access_grants_app ON access_grants (app);
