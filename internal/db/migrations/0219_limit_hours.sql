-- +goose Up
-- What keys asked is kept by minute for some hours, and then by hour: span is how many seconds a row has.
ALTER TABLE limit_keys ADD COLUMN span BIGINT NOT NULL DEFAULT 60;
CREATE INDEX limit_keys_span ON limit_keys (span, minute);
