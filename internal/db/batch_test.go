package db_test

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/slipwayhq/slipway/internal/db"
	"github.com/slipwayhq/slipway/internal/db/dbtest"
	"github.com/slipwayhq/slipway/internal/event"
	"github.com/slipwayhq/slipway/internal/journal"
)

// emitTogether emits events of numbered apps in one transaction, so that they are all there when the first is.
func emitTogether(t *testing.T, d *db.DB, n int) {
	t.Helper()
	err := d.Tx(t.Context(), func(tx *db.Tx) error {
		for i := range n {
			p := event.AppCreated{Name: fmt.Sprintf("app-%d", i+1)}
			if _, err := tx.Emit(t.Context(), event.Meta{App: p.Name, Actor: "system:test"}, p); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// ledger is where handlers of tests write what they did: a table, and an event for each.
type ledger struct{ d *db.DB }

func newLedger(t *testing.T, d *db.DB) ledger {
	t.Helper()
	err := d.Tx(t.Context(), func(tx *db.Tx) error {
		_, err := tx.Exec(t.Context(), `CREATE TABLE IF NOT EXISTS ledger (at BIGINT NOT NULL)`)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return ledger{d}
}

// note writes an event down, and emits one.
func (ledger) note(ctx context.Context, tx *db.Tx, ev event.Event) error {
	if _, err := tx.Exec(ctx, `INSERT INTO ledger (at) VALUES ($1)`, ev.Position); err != nil {
		return err
	}
	_, err := tx.Emit(ctx, ev.By("system:test", tx.Now()), event.FreezeSet{Reason: "noted"})
	return err
}

// rows is what is committed.
func (l ledger) rows(t *testing.T) (at []int64) {
	t.Helper()
	rows, err := l.d.Query(context.Background(), `SELECT at FROM ledger ORDER BY at`)
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	for rows.Next() {
		var n int64
		if err := rows.Scan(&n); err != nil {
			t.Fatal(err)
		}
		at = append(at, n)
	}
	return at
}

// check tells whether the first n events were each noted once, with one event for each.
func (l ledger) check(t *testing.T, n int) {
	t.Helper()
	want := make([]int64, n)
	for i := range want {
		want[i] = int64(i + 1)
	}
	if got := l.rows(t); !slices.Equal(got, want) {
		t.Errorf("noted are %v, want each from 1 to %d once", got, n)
	}
	var events int
	if err := l.d.QueryRow(context.Background(), `SELECT COUNT(*) FROM events WHERE type = $1`, "freeze.set").Scan(&events); err != nil || events != n {
		t.Errorf("%d events were emitted for %d (%v)", events, n, err)
	}
}

// crowd counts the events of a transaction.
type crowd struct {
	sizes []int
}

type crowdKey struct{}

func (c *crowd) count(tx *db.Tx) {
	i := tx.Kept(crowdKey{}, func() any {
		c.sizes = append(c.sizes, 0)
		return len(c.sizes) - 1
	}).(int)
	c.sizes[i]++
}

// consumeAll consumes until n events are handled for good.
func consumeAll(t *testing.T, d *db.DB, j *journal.Journal, n int64, c db.Consumer) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	handle := c.Handle
	c.Types = []event.Type{"app.created"}
	c.Handle = func(ctx context.Context, tx *db.Tx, ev event.Event) error {
		if ev.Position == n {
			tx.OnCommit(cancel)
		}
		return handle(ctx, tx, ev)
	}
	if err := d.Consume(ctx, j, c); err != nil {
		t.Fatal(err)
	}
	if !errors.Is(ctx.Err(), context.Canceled) {
		t.Fatal("not all were handled in a minute")
	}
}

func TestEventsThatWaitShareTransactions(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		const n = 3 * db.BatchSize
		l, j := newLedger(t, d), dbtest.Journal(t, d)
		emitTogether(t, d, n)
		var c crowd
		last := int64(0)
		consumeAll(t, d, j, n, db.Consumer{Name: "many", Lock: "many", Handle: func(ctx context.Context, tx *db.Tx, ev event.Event) error {
			if c.count(tx); ev.Position != last+1 {
				t.Errorf("%d came behind %d", ev.Position, last)
			}
			last = ev.Position
			return l.note(ctx, tx, ev)
		}})
		l.check(t, n)
		if most := slices.Max(c.sizes); most < 2 || most > db.BatchSize {
			t.Errorf("the largest transaction had %d events, want more than one and at most %d", most, db.BatchSize)
		}
	})
}

func TestWithoutALockEachEventHasItsTransaction(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		j := dbtest.Journal(t, d)
		emitTogether(t, d, 20)
		var c crowd
		consumeAll(t, d, j, 20, db.Consumer{Name: "each", Handle: func(_ context.Context, tx *db.Tx, _ event.Event) error {
			c.count(tx)
			return nil
		}})
		if most := slices.Max(c.sizes); most != 1 {
			t.Errorf("%d events shared a transaction", most)
		}
	})
}

// TestATransactionTakesInForItsTimeOnly has a handler that takes longer than a transaction may go on.
func TestATransactionTakesInForItsTimeOnly(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		j := dbtest.Journal(t, d)
		emitTogether(t, d, 6)
		var c crowd
		consumeAll(t, d, j, 6, db.Consumer{Name: "slow", Lock: "slow", Handle: func(_ context.Context, tx *db.Tx, _ event.Event) error {
			c.count(tx)
			time.Sleep(db.BatchTime + time.Millisecond) // the work
			return nil
		}})
		if most := slices.Max(c.sizes); most != 1 {
			t.Errorf("%d events shared a transaction that was over after the first", most)
		}
	})
}

// TestOneBadEventUndoesNoOther has an event in the midst of others that cannot be handled for a while.
func TestOneBadEventUndoesNoOther(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		l, j := newLedger(t, d), dbtest.Journal(t, d)
		emitTogether(t, d, 10)
		const bad = 6
		alone := 0
		consumeAll(t, d, j, 10, db.Consumer{Name: "bad", Lock: "bad", Handle: func(ctx context.Context, tx *db.Tx, ev event.Event) error {
			if ev.Position > bad && alone < 3 {
				t.Errorf("%d is handled although %d is not", ev.Position, bad)
			}
			before := l.rows(t)
			if err := l.note(ctx, tx, ev); err != nil {
				return err
			}
			if ev.Position != bad {
				return nil
			}
			if len(before) == bad-1 { // those before it are safe
				alone++
			}
			if alone < 3 {
				return errors.New("not yet")
			}
			return nil
		}})
		l.check(t, 10)
	})
}

// TestWhatFailsTogetherIsTakenOneByOne has transactions that cannot end with more than one event in them.
func TestWhatFailsTogetherIsTakenOneByOne(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		l, j := newLedger(t, d), dbtest.Journal(t, d)
		emitTogether(t, d, 10)
		type key struct{}
		consumeAll(t, d, j, 10, db.Consumer{Name: "lonely", Lock: "lonely", Handle: func(ctx context.Context, tx *db.Tx, ev event.Event) error {
			n := tx.Kept(key{}, func() any {
				n := new(int)
				tx.BeforeCommit(func() error {
					if *n > 1 {
						return fmt.Errorf("%d events are too many", *n)
					}
					return nil
				})
				return n
			}).(*int)
			*n++
			return l.note(ctx, tx, ev)
		}})
		l.check(t, 10)
	})
}

// TestAServerThatLostItsLeaseDoesNothing goes on from a checkpoint that another server has moved since.
func TestAServerThatLostItsLeaseDoesNothing(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		l, j := newLedger(t, d), dbtest.Journal(t, d)
		emitTogether(t, d, 5)
		c := db.Consumer{Name: "fence", Lock: "fence", Types: []event.Type{"app.created"}, Handle: l.note}
		consumeAll(t, d, j, 5, c)
		for _, lock := range []string{"fence", ""} {
			c.Lock = lock
			ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
			defer cancel()
			if err := d.ConsumeFrom(ctx, j, c, 0); err == nil || !strings.Contains(err.Error(), "another server goes on from there") {
				t.Errorf("it ended with: %v", err)
			}
		}
		l.check(t, 5)
	})
}

// TestACrashBeforeTheCommitDoesNothing kills a server between the last event of a transaction and its commit.
func TestACrashBeforeTheCommitDoesNothing(t *testing.T) {
	for name, store := range map[string]string{"sqlite": filepath.Join(t.TempDir(), "state.db"), "postgres": dbtest.PostgresURL(t)} {
		t.Run(name, func(t *testing.T) {
			log := t.TempDir()
			d, err := db.Open(t.Context(), storeOptions(store))
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { _ = d.Close() })
			l := newLedger(t, d)
			emitTogether(t, d, 10)
			cmd, lines := child(t, "crash", store, log)
			for lines.Scan() {
				t.Error(lines.Text())
			}
			if err := cmd.Wait(); err == nil || !strings.Contains(err.Error(), "killed") {
				t.Fatalf("the child ended by itself: %v", err)
			}
			if n := len(l.rows(t)); n >= crashAt {
				t.Errorf("%d events are noted although the transaction of the %dth never ended", n, crashAt)
			}
			j := openLog(t, log)
			dbtest.Run(t, func(ctx context.Context) error { return d.Pump(ctx, j) })
			consumeAll(t, d, j, 10, db.Consumer{Name: "crash", Lock: "crash", Handle: l.note})
			l.check(t, 10)
		})
	}
}

// TestTelemetryThatWaitsSharesTransactions has a bad message in the midst, too.
func TestTelemetryThatWaitsSharesTransactions(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		l, j := newLedger(t, d), dbtest.Journal(t, d)
		var list [][]byte
		for i := range 40 {
			list = append(list, []byte{byte(i + 1)})
		}
		if err := j.Append(t.Context(), "edge", list...); err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		var c crowd
		failed := false
		err := d.ConsumeTelemetry(ctx, j, db.TelemetryConsumer{Name: "t", Subject: "edge", Lock: "t", Handle: func(ctx context.Context, tx *db.Tx, m journal.Telemetry) error {
			n := int64(m.Data[0])
			c.count(tx)
			if err := l.note(ctx, tx, event.Event{Position: n}); err != nil {
				return err
			}
			if n == 20 && !failed {
				failed = len(l.rows(t)) == 19
				return errors.New("not yet")
			}
			if n == 40 {
				tx.OnCommit(cancel)
			}
			return nil
		}})
		if err != nil {
			t.Fatal(err)
		}
		l.check(t, 40)
		if most := slices.Max(c.sizes); most < 2 {
			t.Error("no two messages shared a transaction")
		}
	})
}
