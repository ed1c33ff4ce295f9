-- +goose Up
-- The last second of each start of an edge or a host, as Unix time, so that those long gone can be forgotten; 0 is not known.
ALTER TABLE rollout_edges ADD COLUMN second BIGINT NOT NULL DEFAULT 0;
