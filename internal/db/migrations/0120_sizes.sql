-- +goose Up
-- What a unit is planned by until it was seen: how much source its tests have, in bytes; 0 where that is not known.
ALTER TABLE build_units ADD COLUMN size BIGINT NOT NULL DEFAULT 0;
ALTER TABLE build_lists ADD COLUMN sizes TEXT NOT NULL DEFAULT '{}'; -- JSON, by unit
