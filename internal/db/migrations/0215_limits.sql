-- +goose Up
-- How many events a second a source takes; 0 is no limit.
ALTER TABLE track_sources ADD COLUMN per_second BIGINT NOT NULL DEFAULT 0;
