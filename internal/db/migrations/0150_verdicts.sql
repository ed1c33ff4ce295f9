-- +goose Up
-- What is known for good about a rollout that has ended: the score is kept from it, without reading the rollouts themselves. Those that ended before are added when
-- the server starts.
CREATE TABLE rollout_verdicts (
    rollout  TEXT   PRIMARY KEY,
    app      TEXT   NOT NULL,
    env      TEXT   NOT NULL,
    ended_at BIGINT NOT NULL,
    judged   BIGINT NOT NULL, -- 1 when it was compared with the release before
    outcome  TEXT   NOT NULL,
    ended_by TEXT   NOT NULL, -- judge, person, crash or hosts
    body     TEXT   NOT NULL  -- score.Facts
);
CREATE INDEX rollout_verdicts_app ON rollout_verdicts (app, env, ended_at);

-- What people say of a verdict. A row stays when the word is taken back, so that its revision never repeats.
CREATE TABLE rollout_assessments (
    rollout  TEXT   PRIMARY KEY,
    word     TEXT   NOT NULL, -- right, wrong, or empty
    actor    TEXT   NOT NULL,
    at       BIGINT NOT NULL,
    note     TEXT   NOT NULL,
    revision BIGINT NOT NULL
);
