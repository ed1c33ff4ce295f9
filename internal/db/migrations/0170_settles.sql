-- +goose Up
-- How many seconds the last rollouts took to warm up, the newest first, as JSON.
ALTER TABLE rollout_envs ADD COLUMN settles TEXT NOT NULL DEFAULT '';
