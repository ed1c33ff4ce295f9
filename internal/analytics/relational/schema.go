package relational

import (
	"slices"
	"strings"
	"time"

	"github.com/slipwayhq/slipway/internal/analytics"
)

// schema makes the tables. Nothing here is unique but what upserts need: an index over millions of ids costs more than the events, and the position guards against doubles.
func schema(d Dialect) []string {
	json := d.JSON
	tables := []string{
		`CREATE TABLE IF NOT EXISTS ` + d.Events + ` (
			seq BIGINT NOT NULL, received TIMESTAMP NOT NULL, time TIMESTAMP NOT NULL, client_time TIMESTAMP,
			environment VARCHAR NOT NULL, source VARCHAR NOT NULL, kind VARCHAR NOT NULL, name VARCHAR NOT NULL,
			visitor VARCHAR NOT NULL, user_id VARCHAR, anonymous_id VARCHAR, previous_id VARCHAR, group_id VARCHAR,
			release VARCHAR, message_id VARCHAR NOT NULL, properties ` + json + `, context ` + json + `)`,
		`CREATE TABLE IF NOT EXISTS people (anonymous_id VARCHAR NOT NULL, user_id VARCHAR NOT NULL, since TIMESTAMP NOT NULL)`,
		`CREATE TABLE IF NOT EXISTS failed (
			seq BIGINT NOT NULL, received TIMESTAMP NOT NULL, environment VARCHAR NOT NULL, source VARCHAR NOT NULL,
			dialect VARCHAR NOT NULL, kind VARCHAR NOT NULL, reason VARCHAR NOT NULL, message VARCHAR NOT NULL, raw VARCHAR NOT NULL, state VARCHAR NOT NULL, changed TIMESTAMP)`,
		`CREATE TABLE IF NOT EXISTS position (through BIGINT NOT NULL)`,
		`INSERT INTO position SELECT 0 WHERE NOT EXISTS (SELECT 1 FROM position)`,
	}
	if d.Learn == nil {
		tables = append(tables, `CREATE TABLE IF NOT EXISTS learned (`+LearnedDefinition+`, PRIMARY KEY (kind, name, property, type))`)
	}
	return slices.Concat(tables, d.Tables, []string{
		`CREATE OR REPLACE VIEW activity AS SELECT e.` + strings.Join(EventColumns(), ", e.") + `, coalesce(p.user_id, e.visitor) AS person FROM events e LEFT JOIN people p ON p.anonymous_id = e.visitor`,
	}, d.Functions)
}

// EventColumns are those of events, in their order.
func EventColumns() []string {
	return []string{
		"seq", "received", "time", "client_time", "environment", "source", "kind", "name", "visitor", "user_id", "anonymous_id", "previous_id", "group_id", "release", "message_id",
		"properties", "context",
	}
}

// LearnedDefinition are the columns of learned, in the order of LearnedColumns.
const LearnedDefinition = `kind VARCHAR NOT NULL, name VARCHAR NOT NULL, property VARCHAR NOT NULL, type VARCHAR NOT NULL, first TIMESTAMP NOT NULL, last TIMESTAMP NOT NULL, count BIGINT NOT NULL`

// LearnedColumns are those of learned, in their order.
func LearnedColumns() []string {
	return []string{"kind", "name", "property", "type", "first", "last", "count"}
}

// learnedRow is a row of learned in the order of LearnedColumns.
func learnedRow(l *analytics.Learned) []any {
	return []any{text(string(l.Kind)), text(l.Name), text(l.Property), l.Type, l.First, l.Last, l.Count}
}

var failedColumns = []string{"seq", "received", "environment", "source", "dialect", "kind", "reason", "message", "raw", "state", "changed"}

// eventRow appends a row of events in the order of EventColumns.
func eventRow(to []any, r *analytics.Row) []any {
	visitor := r.User
	if visitor == "" {
		visitor = r.Anonymous
	}
	return append(to,
		int64(r.Sequence), r.Received, r.Time, moment(r.Original), text(r.Environment), text(r.Source), text(string(r.Kind)), text(r.Name), text(visitor), null(r.User), null(r.Anonymous), null(r.Previous), null(r.Group),
		null(r.Release), text(r.ID), null(jsonText(r.Properties)), null(jsonText(r.Context)))
}

func failedRow(f *analytics.Failed) []any {
	state := f.State
	if state == "" {
		state = analytics.Open
	}
	return []any{int64(f.Sequence), f.Received, text(f.Environment), text(f.Source), text(string(f.Dialect)), text(string(f.Kind)), text(string(f.Reason)), text(f.Message), text(string(f.Raw)), text(string(state)), moment(f.Changed)}
}

// null keeps what is not there out of the columns: it takes no room, and count() passes over it.
func null(s string) any {
	if s == "" {
		return nil
	}
	return text(s)
}

func moment(t time.Time) any {
	if t.IsZero() {
		return nil
	}
	return t
}
