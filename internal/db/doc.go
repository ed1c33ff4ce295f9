// Package db is the state store: SQLite in the data directory, or PostgreSQL by address, behind one Tx.
//
// The one write path is
//
//	db.Tx(ctx, func(tx *db.Tx) error { …rows…; tx.Emit(…) })
//
// Rows, events and a consumer's checkpoint commit together. Events wait in the table "events" until the pump gives them a gapless position and publishes them to
// the journal, in order; the rows stay, so that the log can be rebuilt from the store.
//
//	Tx ──events (no position)──> Pump ──position──> journal ──> Consume (checkpoint in the handler's own Tx)
//
// A consumer that names its lock takes the events that wait together: one transaction for as many as are there, up to a number and a time, so that hundreds of answers
// cost tens of commits. A single event waits for no other. Events that fail together are handled one by one, so that only the one at fault is undone and comes again, and
// those behind it wait for it. The checkpoint moves from where the consumer left it or not at all: whoever else moved it meanwhile has handled the events.
//
// Statements are plain SQL in the common subset of SQLite and PostgreSQL: $1 placeholders, TEXT, BIGINT, JSON as TEXT, times as microseconds, ON CONFLICT,
// RETURNING. Migrations are one numbered line for both; SERIAL_KEY in them is replaced by the dialect's growing integer key.
package db
