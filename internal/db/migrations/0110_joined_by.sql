-- +goose Up
-- By which token an agent joined last, so that a join whose answer was lost can be repeated without another use of it. Empty: before this was kept, or by none.
ALTER TABLE fleet_agents ADD COLUMN join_id TEXT NOT NULL DEFAULT '';
