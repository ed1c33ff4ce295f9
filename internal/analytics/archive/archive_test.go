//go:build cgo

package archive_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	_ "github.com/duckdb/duckdb-go/v2" // reads the files as any other tool would
	"github.com/google/go-cmp/cmp"

	"github.com/slipwayhq/slipway/internal/analytics"
	"github.com/slipwayhq/slipway/internal/analytics/archive"
	"github.com/slipwayhq/slipway/internal/analytics/duck"
	"github.com/slipwayhq/slipway/internal/fault"
	"github.com/slipwayhq/slipway/internal/pure/capture"
)

// world is an engine with an archive of it, at a time.
type world struct {
	t      *testing.T
	now    time.Time
	place  archive.Place
	engine analytics.Engine
	*archive.Archive
}

func start(t *testing.T, place archive.Place) *world {
	t.Helper()
	w := &world{t: t, now: midnight(4).Add(12 * time.Hour), place: place, engine: stores(t)}
	w.Archive = archive.New(archive.Options{Place: place, Engine: w.engine, Scratch: t.TempDir(), Now: func() time.Time { return w.now }})
	return w
}

func stores(t *testing.T) analytics.Engine {
	t.Helper()
	e, err := duck.Open(duck.Options{Dir: t.TempDir(), Memory: 128, Threads: 1})
	must(t, err)
	t.Cleanup(func() { _ = e.Close() })
	return e
}

// midnight is when a day of November begins.
func midnight(day int) time.Time { return time.Date(2026, 11, day, 0, 0, 0, 0, time.UTC) }

// row is an event with a sequence, received at a time.
func row(seq uint64, at time.Time) analytics.Row {
	return analytics.Row{Sequence: seq, Event: capture.Event{
		ID: fmt.Sprintf("id-%d", seq), Environment: "production", Source: "src_1", Kind: capture.Track, Name: "clicked", User: fmt.Sprintf("u%d", seq%5), Time: at.Add(-time.Second), Received: at,
		Properties: fmt.Appendf(nil, `{"n":%d,"note":"é \"x\" 🚢"}`, seq),
	}}
}

func (w *world) store(e analytics.Engine) analytics.Store {
	w.t.Helper()
	s, err := e.Store(w.t.Context(), "shop")
	must(w.t, err)
	return s
}

// add appends rows to the store, which then is at the last one.
func (w *world) add(rows ...analytics.Row) {
	w.t.Helper()
	must(w.t, w.store(w.engine).Append(w.t.Context(), analytics.Batch{Rows: rows, Through: rows[len(rows)-1].Sequence}))
}

func (w *world) files(want string) {
	w.t.Helper()
	files, err := w.Files(w.t.Context(), "shop")
	must(w.t, err)
	var got []string
	for _, f := range files {
		got = append(got, fmt.Sprintf("%d:(%d,%d]%d", f.Day.Day(), f.After, f.Through, f.Events))
	}
	if strings.Join(got, " ") != want {
		w.t.Errorf("the files are %s, not %s", strings.Join(got, " "), want)
	}
}

// restore appends what the archive has behind a store's position.
func (w *world) restore(ctx context.Context, s analytics.Store) error {
	at, err := s.Position(ctx)
	must(w.t, err)
	return w.Read(ctx, "shop", at, func(b analytics.Batch) error { return s.Append(ctx, b) })
}

// contents are all rows of all that is made of events.
func (w *world) contents(s analytics.Store) (all []analytics.Table) {
	w.t.Helper()
	for _, query := range []string{`SELECT * FROM events ORDER BY seq`, `SELECT * FROM people ORDER BY anonymous_id`} {
		table, err := s.Query(w.t.Context(), analytics.Query{SQL: query, Rows: 1_000_000})
		must(w.t, err)
		table.Took = 0
		all = append(all, table)
	}
	return all
}

// full is an event that has everything, and bare one that has nothing that can be missing.
func full(seq uint64, at time.Time) analytics.Row {
	r := row(seq, at)
	r.Anonymous, r.Previous, r.Group, r.Release, r.Kind = "a1", "p1", "g1", "rel_1", capture.Identify
	r.Original, r.Context = time.Unix(0, 0).UTC(), []byte(`{"ip":"10.0.0.0"}`)
	r.Time = time.Date(9999, 12, 31, 23, 59, 59, 999_999_000, time.UTC)
	return r
}

func bare(seq uint64, at time.Time) analytics.Row {
	r := row(seq, at)
	r.User, r.Name, r.Properties = "", "", nil
	r.Time = time.Date(1, 1, 1, 0, 0, 0, 0, time.UTC)
	return r
}

// fill makes two days and a bit, whose receipt interleaves at midnight, with a day on which nothing came.
func (w *world) fill() {
	w.add(full(3, midnight(1).Add(time.Hour)), bare(5, midnight(1).Add(2*time.Hour)))
	w.add(row(6, midnight(2).Add(time.Millisecond)), row(7, midnight(2).Add(-time.Millisecond)), row(9, midnight(2).Add(2*time.Millisecond)))
	w.add(row(10, midnight(4).Add(time.Millisecond)), row(11, midnight(4).Add(time.Hour)))
}

func TestRoundTrip(t *testing.T) {
	for kind, open := range places() {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			w := start(t, open(t))
			w.fill()
			must(t, w.KeepAll(t.Context()))
			w.files("1:(0,7]4 2:(7,9]1")
			must(t, w.Verify(t.Context(), "shop"))

			// What the archive has not, the log still has: together they are the store.
			other := w.store(stores(t))
			must(t, w.restore(t.Context(), other))
			if at, err := other.Position(t.Context()); at != 9 || err != nil {
				t.Errorf("the restored store is at %d (%v), not 9", at, err)
			}
			must(t, other.Append(t.Context(), analytics.Batch{Rows: []analytics.Row{row(9, midnight(2)), row(10, midnight(4).Add(time.Millisecond)), row(11, midnight(4).Add(time.Hour))}, Through: 11}))
			if diff := cmp.Diff(w.contents(w.store(w.engine)), w.contents(other)); diff != "" {
				t.Error(diff)
			}

			w.now = midnight(5).Add(59 * time.Minute)
			must(t, w.KeepAll(t.Context()))
			w.files("1:(0,7]4 2:(7,9]1")
			w.now = midnight(5).Add(time.Hour)
			must(t, w.KeepAll(t.Context()))
			w.files("1:(0,7]4 2:(7,9]1 4:(9,11]2")
			apps, err := w.Apps(t.Context())
			if must(t, err); len(apps) != 1 || apps[0] != "shop" {
				t.Errorf("apps with files are %v", apps)
			}
		})
	}
}

// What DuckDB finds in the files is what the store has in events: the same columns, with the same types, nulls and times.
func TestOthersReadTheFiles(t *testing.T) {
	dir := t.TempDir()
	w := start(t, openPlace(t, dir, nil))
	w.fill()
	w.now = midnight(5).Add(2 * time.Hour)
	must(t, w.KeepAll(t.Context()))
	db, err := sql.Open("duckdb", "")
	must(t, err)
	defer db.Close()
	query := `SELECT * FROM %s ORDER BY seq`
	rows, err := db.QueryContext(t.Context(), fmt.Sprintf(query, `read_parquet('`+filepath.Join(dir, "shop", "*.parquet")+`')`))
	must(t, err)
	defer rows.Close()
	types, err := rows.ColumnTypes()
	must(t, err)
	var got analytics.Table
	for _, c := range types {
		got.Columns = append(got.Columns, analytics.Column{Name: c.Name(), Type: c.DatabaseTypeName()})
	}
	for rows.Next() {
		values, at := make([]any, len(types)), make([]any, len(types))
		for i := range values {
			at[i] = &values[i]
		}
		must(t, rows.Scan(at...))
		got.Rows = append(got.Rows, values)
	}
	must(t, rows.Err())
	want := w.contents(w.store(w.engine))[0]
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

// A day's file is written once: what is changed or lost later in the store does not reach it.
func TestDaysAreWrittenOnce(t *testing.T) {
	w := start(t, openPlace(t, t.TempDir(), nil))
	w.fill()
	must(t, w.KeepAll(t.Context()))
	_, err := w.store(w.engine).Retain(t.Context(), midnight(2))
	must(t, err)
	must(t, w.KeepAll(t.Context()))
	w.files("1:(0,7]4 2:(7,9]1")
	// One that is taken away is written again, and takes nothing from its neighbours.
	must(t, w.place.Remove(t.Context(), "shop/2026-11-02.parquet"))
	w.now = midnight(5).Add(2 * time.Hour)
	must(t, w.KeepAll(t.Context()))
	w.files("1:(0,7]4 2:(7,9]1 4:(9,11]2")
	w.add(row(12, midnight(2).Add(time.Hour)))
	must(t, w.place.Remove(t.Context(), "shop/2026-11-02.parquet"))
	must(t, w.KeepAll(t.Context()))
	w.files("1:(0,7]4 2:(7,9]1 4:(9,11]2")
}

// many are events of one day.
func many(n uint64) (rows []analytics.Row) {
	for seq := range n {
		r := row(2*seq+1, midnight(1).Add(time.Duration(seq)*time.Millisecond))
		if seq%1000 == 0 {
			r.Anonymous = fmt.Sprintf("a%d", seq)
		}
		rows = append(rows, r)
	}
	return rows
}

func TestAnImportThatBreaksOffGoesOn(t *testing.T) {
	w := start(t, openPlace(t, t.TempDir(), nil))
	w.add(many(45_000)...)
	w.add(row(200_000, midnight(2)))
	must(t, w.KeepAll(t.Context()))
	w.files("1:(0,89999]45000 2:(89999,200000]1")
	other := stores(t)
	broke := errors.New("the power went off")
	batches, last := 0, uint64(0)
	// Each time one batch is stored, and then it breaks off.
	for {
		s := w.store(other)
		at, err := s.Position(t.Context())
		must(t, err)
		if at < last || (at > last && batches == 0) {
			t.Fatalf("the position went from %d to %d", last, at)
		}
		last = at
		err = w.Read(t.Context(), "shop", at, func(b analytics.Batch) error {
			if len(b.Rows) > 20_000 {
				t.Fatalf("%d events come at once", len(b.Rows))
			}
			must(t, s.Append(t.Context(), b))
			batches++
			return broke
		})
		if err == nil {
			break
		}
		if !errors.Is(err, broke) {
			t.Fatal(err)
		}
	}
	if batches != 4 {
		t.Errorf("there were %d batches, not three of the first day and one of the second", batches)
	}
	if last != 200_000 {
		t.Errorf("the store is at %d at last", last)
	}
	want, got := w.contents(w.store(w.engine)), w.contents(w.store(other))
	if !reflect.DeepEqual(want, got) {
		t.Error("the restored store is not what it was")
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := w.Read(ctx, "shop", 0, func(analytics.Batch) error { return nil }); !errors.Is(err, context.Canceled) {
		t.Errorf("an import that is ended says %v", err)
	}
}

func TestBrokenFilesAreSaid(t *testing.T) {
	dir := t.TempDir()
	w := start(t, openPlace(t, dir, nil))
	w.add(many(2_000)...)
	w.add(row(200_000, midnight(2)))
	must(t, w.KeepAll(t.Context()))
	path := filepath.Join(dir, "shop", "2026-11-01.parquet")
	sound, err := os.ReadFile(path)
	must(t, err)
	flipped := func(at int) []byte {
		bad := append([]byte{}, sound...)
		bad[at] ^= 0x40
		return bad
	}
	other, err := os.ReadFile(filepath.Join(dir, "shop", "2026-11-02.parquet"))
	must(t, err)
	cases := map[string][]byte{
		"cut off": sound[:len(sound)/2], "empty": {}, "no Parquet": []byte(strings.Repeat("this was a file once. ", 100)), "another day": other, "end": flipped(len(sound) - 6),
	}
	for i := range 40 {
		cases[fmt.Sprint("bit ", i)] = flipped(4 + (len(sound)-8)*i/40)
	}
	want := w.contents(w.store(w.engine))
	for name, text := range cases {
		must(t, os.WriteFile(path, text, 0o600))
		s := w.store(stores(t))
		err := w.restore(t.Context(), s)
		if err == nil && reflect.DeepEqual(want, w.contents(s)) {
			continue // it hit what no event is made of
		}
		if !strings.Contains(fmt.Sprint(err), "shop/2026-11-01.parquet") || !strings.Contains(fmt.Sprint(err), "put back a sound copy") {
			t.Errorf("%s: %v", name, err)
		}
		if at, err := s.Position(t.Context()); at != 0 || err != nil {
			t.Errorf("%s: the store is at %d (%v)", name, at, err)
		}
		if w.Verify(t.Context(), "shop") == nil {
			t.Errorf("%s: it is called sound", name)
		}
	}
	must(t, os.WriteFile(path, sound, 0o600))
	must(t, w.Verify(t.Context(), "shop"))
}

func TestForgottenPeopleAreInNoFile(t *testing.T) {
	for kind, open := range places() {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			w := start(t, open(t))
			visit, login, bought, other := row(1, midnight(1)), row(2, midnight(1)), row(3, midnight(2)), row(4, midnight(2))
			visit.User, visit.Anonymous, login.User, login.Anonymous, bought.User, other.User, other.Anonymous = "", "a1", "ana", "a1", "ana", "ben", "a1"
			alone := row(5, midnight(3))
			alone.User = "ana"
			w.add(visit, login, bought, other, alone)
			must(t, w.KeepAll(t.Context()))
			w.files("1:(0,2]2 2:(2,4]2 3:(4,5]1")
			n, err := w.Forget(t.Context(), "shop", "ana", []string{"a1"})
			must(t, err)
			if n != 4 {
				t.Errorf("%d events are removed, not 4", n)
			}
			w.files("1:(0,2]0 2:(2,4]1 3:(4,5]0")
			if n, err := w.Forget(t.Context(), "shop", "ana", []string{"a1"}); n != 0 || err != nil {
				t.Errorf("%d events are removed again (%v)", n, err)
			}
			s := w.store(stores(t))
			must(t, w.restore(t.Context(), s))
			table, err := s.Query(t.Context(), analytics.Query{SQL: `SELECT seq, user_id, (SELECT max(through) FROM position) FROM events`})
			must(t, err)
			if got := fmt.Sprint(table.Rows); got != "[[4 ben 5]]" {
				t.Errorf("a restored store has %s", got)
			}
		})
	}
}

func TestOldFilesAreRemoved(t *testing.T) {
	w := start(t, openPlace(t, t.TempDir(), nil))
	w.fill()
	w.now = midnight(6)
	must(t, w.KeepAll(t.Context()))
	n, err := w.Retain(t.Context(), "shop", midnight(3).Add(-time.Second))
	must(t, err)
	if n != 1 {
		t.Errorf("%d files are removed, not 1", n)
	}
	w.files("2:(7,9]1 4:(9,11]2")
	s := w.store(stores(t))
	must(t, w.restore(t.Context(), s))
	if got := len(w.contents(s)[0].Rows); got != 3 {
		t.Errorf("%d events are restored, not 3", got)
	}
	must(t, w.Drop(t.Context(), "shop"))
	w.files("")
}

func TestWhatOnlyTheStoreHasIsFound(t *testing.T) {
	w := start(t, openPlace(t, t.TempDir(), nil))
	w.fill()
	must(t, w.KeepAll(t.Context()))
	none := (*archive.Archive)(nil)
	for name, c := range map[string]struct {
		a     *archive.Archive
		first uint64
		lost  string
	}{
		"the log has all": {none, 3, ""}, "no log, no archive": {none, 12, "2026-11-01"}, "no archive": {none, 4, "2026-11-01"}, "the archive has the first days": {w.Archive, 10, ""},
		"a hole without events": {w.Archive, 9, ""}, "a hole": {w.Archive, 11, "2026-11-04"},
	} {
		err := c.a.Covers(t.Context(), "shop", w.store(w.engine), c.first)
		if c.lost == "" && err != nil || c.lost != "" && (!fault.Is(err, fault.CodeConflict) || !strings.Contains(fault.Message(err), c.lost)) {
			t.Errorf("%s: %v", name, err)
		}
	}
	must(t, w.place.Remove(t.Context(), "shop/2026-11-01.parquet"))
	if err := w.Covers(t.Context(), "shop", w.store(w.engine), 10); !strings.Contains(fault.Message(err), "2026-11-01") {
		t.Errorf("a day that is missing: %v", err)
	}
}

// A store that is dropped while its day is archived makes no file with less in it.
func TestAStoreThatGoesAwayMakesNoFile(t *testing.T) {
	w := start(t, openPlace(t, t.TempDir(), nil))
	w.fill()
	gone := archive.New(archive.Options{Place: w.place, Engine: dropping{w.engine}, Scratch: t.TempDir(), Now: func() time.Time { return w.now }})
	if err := gone.KeepAll(t.Context()); err == nil {
		t.Error("a store that went away was archived")
	}
	w.files("")
}

// dropping is an engine whose stores are dropped as soon as their days were told.
type dropping struct{ analytics.Engine }

func (d dropping) Store(ctx context.Context, app string) (analytics.Store, error) {
	s, err := d.Engine.Store(ctx, app)
	return droppingStore{s, d.Engine}, err
}

type droppingStore struct {
	analytics.Store
	engine analytics.Engine
}

func (d droppingStore) Days(ctx context.Context) ([]analytics.Day, error) {
	days, err := d.Store.Days(ctx)
	return days, errors.Join(err, d.engine.Drop(ctx, "shop"))
}

func TestItRunsAndEnds(t *testing.T) {
	w := start(t, openPlace(t, t.TempDir(), nil))
	w.fill()
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- w.Run(ctx) }()
	for deadline := time.Now().Add(time.Minute); ; time.Sleep(time.Millisecond) {
		if files, err := w.Files(t.Context(), "shop"); err == nil && len(files) == 2 {
			break
		}
		if time.Now().After(deadline) {
			t.Fatalf("nothing is archived: %v", w.Trouble())
		}
	}
	cancel()
	must(t, <-done)
	must(t, (*archive.Archive)(nil).Run(t.Context()))
}
