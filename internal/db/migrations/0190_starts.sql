-- +goose Up
-- The numbers for which a host's processes must have been started, by release, as JSON; empty for none. And the one for which a process was.
ALTER TABLE deploy_desired ADD COLUMN starts TEXT NOT NULL DEFAULT '';
ALTER TABLE deploy_processes ADD COLUMN start BIGINT NOT NULL DEFAULT 0;
