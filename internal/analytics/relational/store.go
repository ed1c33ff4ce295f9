package relational

import (
	"context"
	"database/sql"
	"fmt"
	"iter"

	"github.com/slipwayhq/slipway/internal/analytics"
)

// Dialect is what the engines do each in their own way.
type Dialect struct {
	// Events is the table of events. It may have columns of the engine's own when there is a view events, without them.
	Events string
	// JSON is the type of columns that hold a JSON object, with how they are kept.
	JSON string
	// Tables are statements that make what an engine keeps beside the tables of all, before the views; Removed sees to it after events were removed, in the same transaction. nil sees to nothing.
	Tables  []string
	Removed func(ctx context.Context, conn *sql.Conn) error
	// Functions define prop, obj and num: see package explore.
	Functions []string
	// Bulk adds many rows to a table, within the transaction that the connection is in. A row is the engine's only until it asks for the next.
	Bulk func(ctx context.Context, conn *sql.Conn, table string, columns []string, rows iter.Seq[[]any]) error
	// Learn adds rows of LearnedColumns to "learned", which the engine then makes among its Tables; what is there of the same kind, name, property and type becomes one with it. nil has a table that is changed in place.
	Learn func(ctx context.Context, conn *sql.Conn, rows [][]any) error
	// Ask gives a connection for one question, which can do nothing but read, and what to do when it was answered. It refuses what is not one SELECT.
	Ask func(ctx context.Context, q analytics.Query) (rows *sql.Rows, done func(), err error)
	// Value makes a value of an answer plain; see analytics.Table.
	Value func(column *sql.ColumnType, v any) any
	// Complaint makes an engine's error the asker's, where it is about the question.
	Complaint func(err error) error
	// Refused tells that an error of appending is about the data, and not about the engine, its machine or the way there.
	Refused func(err error) bool
	// Failed looks at every error of the engine, for what says that the database itself is of no use any more; nil looks at none.
	Failed func(err error)
	// Size is what the store takes on disk, in bytes.
	Size func(ctx context.Context) (int64, error)
}

// Store is the analytics.Store of one app in a database of SQL.
type Store struct {
	db *sql.DB
	d  Dialect
	// writing keeps appends, and what removes rows, apart: each is one transaction, and engines refuse what meets. Who has it in the channel writes.
	writing chan struct{}
	known   map[string]bool // anonymous ids that are in people for certain; of who writes
}

var _ analytics.Store = (*Store)(nil)

// Open makes the tables where they are missing.
func Open(ctx context.Context, db *sql.DB, d Dialect) (*Store, error) {
	for _, statement := range schema(d) {
		if _, err := db.ExecContext(ctx, statement); err != nil {
			return nil, fmt.Errorf("make the tables of events: %w", err)
		}
	}
	return &Store{db: db, d: d, writing: make(chan struct{}, 1), known: map[string]bool{}}, nil
}

// Position implements analytics.Store.
func (s *Store) Position(ctx context.Context) (uint64, error) {
	var at int64
	if err := s.noticed(s.db.QueryRowContext(ctx, `SELECT through FROM position`).Scan(&at)); err != nil {
		return 0, fmt.Errorf("ask how far the events are stored: %w", err)
	}
	return uint64(at), nil
}

// Size implements analytics.Store.
func (s *Store) Size(ctx context.Context) (int64, error) { return s.d.Size(ctx) }

// Improve implements analytics.Store: what all engines have is made at once.
func (s *Store) Improve(context.Context) (more bool, err error) { return false, nil }

// Write runs fn in a transaction, apart from all others that write. When that fails, failed is called before others may write; nil is not.
func (s *Store) Write(ctx context.Context, fn func(conn *sql.Conn) error, failed func()) error {
	unlock, err := s.lock(ctx)
	if err != nil {
		return err
	}
	defer unlock()
	err = s.tx(ctx, fn)
	if err != nil && failed != nil {
		failed()
	}
	return err
}

// lock waits for the right to write.
func (s *Store) lock(ctx context.Context) (unlock func(), err error) {
	select {
	case s.writing <- struct{}{}:
		return func() { <-s.writing }, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// Append implements analytics.Store.
func (s *Store) Append(ctx context.Context, b analytics.Batch) error {
	unlock, err := s.lock(ctx)
	if err != nil {
		return err
	}
	defer unlock()
	met := map[string]bool{}
	err = s.tx(ctx, func(conn *sql.Conn) error {
		var at int64
		if err := conn.QueryRowContext(ctx, `SELECT through FROM position`).Scan(&at); err != nil {
			return err
		}
		if b.Through <= uint64(at) {
			return nil
		}
		if err := s.addRows(ctx, conn, b, uint64(at), met); err != nil {
			return err
		}
		// Whoever else appended since makes this one fail, rather than count twice.
		res, err := conn.ExecContext(ctx, `UPDATE position SET through = $1 WHERE through = $2`, int64(b.Through), at)
		if err != nil {
			return err
		}
		if n, err := res.RowsAffected(); err != nil || n != 1 {
			return fmt.Errorf("another process appends to the same events: %w", err)
		}
		return nil
	})
	if err != nil && s.d.Refused(err) {
		err = fmt.Errorf("%w: %w", analytics.ErrRefused, err)
	}
	if err != nil {
		return fmt.Errorf("store events up to %d: %w", b.Through, err)
	}
	s.remember(met)
	return nil
}

// noticed hands an error on.
func (s *Store) noticed(err error) error {
	if err != nil && s.d.Failed != nil {
		s.d.Failed(err)
	}
	return err
}

func (s *Store) addRows(ctx context.Context, conn *sql.Conn, b analytics.Batch, after uint64, met map[string]bool) error {
	var people []person
	var row []any
	events := func(yield func([]any) bool) {
		for i := range b.Rows {
			b.Breathe(i)
			r := &b.Rows[i]
			if r.Sequence <= after {
				continue
			}
			if p, ok := knownAs(r); ok && !met[p.anonymous] && !s.known[p.anonymous] {
				met[p.anonymous] = true
				people = append(people, p)
			}
			if row = eventRow(row[:0], r); !yield(row) {
				return
			}
		}
	}
	failed := func(yield func([]any) bool) {
		for i := range b.Failed {
			b.Breathe(i)
			if f := &b.Failed[i]; f.Sequence > after && !yield(failedRow(f)) {
				return
			}
		}
	}
	if err := s.bulk(ctx, conn, s.d.Events, EventColumns(), events); err != nil {
		return err
	}
	if err := s.bulk(ctx, conn, "failed", failedColumns, failed); err != nil {
		return err
	}
	if err := addPeople(ctx, conn, people); err != nil {
		return err
	}
	return s.addLearned(ctx, conn, b.Learned)
}

// bulk adds rows, which are made one by one; without any it asks the engine for nothing.
func (s *Store) bulk(ctx context.Context, conn *sql.Conn, table string, columns []string, rows iter.Seq[[]any]) error {
	some := false
	for range rows {
		some = true
		break
	}
	if !some {
		return nil
	}
	return s.d.Bulk(ctx, conn, table, columns, rows)
}

// mostKnown bounds how many anonymous ids are held in memory; the table has all.
const mostKnown = 100_000

func (s *Store) remember(met map[string]bool) {
	if len(s.known)+len(met) > mostKnown {
		clear(s.known)
	}
	for id := range met {
		s.known[id] = true
	}
}

// tx runs fn in a transaction on one connection.
func (s *Store) tx(ctx context.Context, fn func(conn *sql.Conn) error) error {
	return s.noticed(s.within(ctx, fn))
}

func (s *Store) within(ctx context.Context, fn func(conn *sql.Conn) error) error {
	conn, err := s.db.Conn(ctx)
	if err != nil {
		return err
	}
	defer conn.Close()
	if _, err := conn.ExecContext(ctx, `BEGIN TRANSACTION`); err != nil {
		return err
	}
	if err := fn(conn); err != nil {
		_, _ = conn.ExecContext(context.WithoutCancel(ctx), `ROLLBACK`) // the first error tells more
		return err
	}
	if _, err := conn.ExecContext(context.WithoutCancel(ctx), `COMMIT`); err != nil {
		_, _ = conn.ExecContext(context.WithoutCancel(ctx), `ROLLBACK`)
		return err
	}
	return nil
}
