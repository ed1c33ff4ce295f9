-- +goose Up
-- Who asked to be forgotten: what was received of them before is not stored again, from whatever it is filled; and who is suppressed, so that nothing more is taken.
CREATE TABLE track_forgotten (
    app          TEXT NOT NULL,
    person       TEXT NOT NULL,               -- the id of the user
    aliases      TEXT NOT NULL DEFAULT '[]',  -- other ids that were the same person's, a list in JSON
    anonymous    TEXT NOT NULL DEFAULT '[]',  -- anonymous ids that became known as them
    suppressed   BIGINT NOT NULL DEFAULT 0,
    keep_aliases BIGINT NOT NULL DEFAULT 0,
    forgotten_at BIGINT NOT NULL,
    forgotten_by TEXT NOT NULL,
    removed      BIGINT NOT NULL DEFAULT -1,  -- how many events were; -1 while they are still to be
    PRIMARY KEY (app, person)
);
