package db

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"time"

	"github.com/slipwayhq/slipway/internal/event"
)

// Tx is one transaction: rows and events that come true together.
type Tx struct {
	tx     *sql.Tx
	now    time.Time
	shared bool
	events int
	locked string
	kept   map[any]any
	before []func() error
	after  []func()
}

// Tx runs fn in a transaction and commits when it returns nil. fn must not keep tx. Nothing is visible, nothing emitted, when fn or the commit fails.
// On SQLite one Tx runs at a time: do no I/O in it but SQL.
func (d *DB) Tx(ctx context.Context, fn func(tx *Tx) error) error {
	sqlTx, err := d.write.BeginTx(ctx, nil)
	if err != nil {
		return fmt.Errorf("begin a transaction: %w", err)
	}
	tx := &Tx{tx: sqlTx, now: d.Now(), shared: d.postgres}
	if err := tx.do(fn); err != nil {
		_ = sqlTx.Rollback() // the reason is err; a rollback that fails ends with the connection
		return err
	}
	if err := sqlTx.Commit(); err != nil {
		return fmt.Errorf("commit a transaction: %w", err)
	}
	for _, f := range tx.after {
		f()
	}
	if tx.events > 0 {
		d.wakePump()
	}
	return nil
}

// do runs fn and then what is to be done before the commit.
func (t *Tx) do(fn func(*Tx) error) error {
	if err := fn(t); err != nil {
		return err
	}
	for _, f := range t.before {
		if err := f(); err != nil {
			return err
		}
	}
	return nil
}

// Now is the time of the transaction: the same for all that happens in it.
func (t *Tx) Now() time.Time { return t.now }

// Exec runs a statement.
func (t *Tx) Exec(ctx context.Context, query string, args ...any) (sql.Result, error) {
	return t.tx.ExecContext(ctx, query, args...)
}

// Query reads rows; close them before the next statement.
func (t *Tx) Query(ctx context.Context, query string, args ...any) (*sql.Rows, error) {
	return t.tx.QueryContext(ctx, query, args...)
}

// QueryRow reads one row.
func (t *Tx) QueryRow(ctx context.Context, query string, args ...any) *sql.Row {
	return t.tx.QueryRowContext(ctx, query, args...)
}

// Lock makes transactions that lock the same name run one after the other, until their ends, for decisions that rest on rows which others may be changing.
// On SQLite all transactions do so anyway. Take one lock per transaction, and take it first; to take it again does nothing.
func (t *Tx) Lock(ctx context.Context, name string) error {
	if !t.shared || t.locked == name {
		return nil
	}
	if _, err := t.tx.ExecContext(ctx, `SELECT pg_advisory_xact_lock(hashtextextended($1, 0))`, name); err != nil {
		return fmt.Errorf("wait for the lock %q: %w", name, err)
	}
	t.locked = name
	return nil
}

// Kept gives the transaction's own value under a key, which begin makes when it is asked for first: what is read once and written once, however many events share
// the transaction. Keys are values of a type of the caller's own, as in a context.
func (t *Tx) Kept(key any, begin func() any) any {
	v, ok := t.kept[key]
	if !ok {
		if t.kept == nil {
			t.kept = map[any]any{}
		}
		v = begin()
		t.kept[key] = v
	}
	return v
}

// BeforeCommit runs f at the end of the transaction, when all that it is made for is done. If f fails, nothing of it is.
func (t *Tx) BeforeCommit(f func() error) { t.before = append(t.before, f) }

// OnCommit runs f once the transaction is on disk, to wake whoever waits. What f tells must also be found by reading: a crash comes between.
func (t *Tx) OnCommit(f func()) { t.after = append(t.after, f) }

// Emit adds an event to the transaction. A Meta without a time gets the transaction's.
func (t *Tx) Emit(ctx context.Context, m event.Meta, p event.Payload) (event.Event, error) {
	if m.Time.IsZero() {
		m.Time = t.now
	}
	if m.Actor == "" {
		return event.Event{}, fmt.Errorf("emit %s: an event needs an actor", p.EventType())
	}
	ev, err := event.New(m, p)
	if err != nil {
		return event.Event{}, err
	}
	body, err := json.Marshal(ev)
	if err != nil {
		return event.Event{}, fmt.Errorf("encode event %s: %w", ev.Type, err)
	}
	_, err = t.Exec(ctx, `INSERT INTO events (id, type, app, env, at, body) VALUES ($1, $2, $3, $4, $5, $6)`,
		ev.ID, string(ev.Type), ev.App, ev.Env, Micros(ev.Time), string(body))
	if err != nil {
		return event.Event{}, fmt.Errorf("emit %s: %w", ev.Type, err)
	}
	t.events++
	return ev, nil
}

func (d *DB) wakePump() {
	select {
	case d.wake <- struct{}{}:
	default:
	}
}
