-- +goose Up
-- What a rollback without a name goes by: each end of a rollout that promoted a release, or took it back.
CREATE TABLE rollout_lives (
    app      TEXT   NOT NULL,
    env      TEXT   NOT NULL,
    number   BIGINT NOT NULL, -- counts per environment, from 1
    release  TEXT   NOT NULL,
    promoted BIGINT NOT NULL, -- 1 when it became live, 0 when it was taken back
    PRIMARY KEY (app, env, number)
);
INSERT INTO rollout_lives (app, env, number, release, promoted)
    SELECT app, env, ROW_NUMBER() OVER (PARTITION BY app, env ORDER BY ended_at, number), release, CASE state WHEN 'promoted' THEN 1 ELSE 0 END
    FROM rollout_rollouts WHERE state IN ('promoted', 'rolled_back');

DROP INDEX rollout_releases_good;
ALTER TABLE rollout_releases DROP COLUMN good_at;
ALTER TABLE rollout_releases DROP COLUMN bad;
