package limit_test

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/slipwayhq/slipway/internal/db"
	"github.com/slipwayhq/slipway/internal/db/dbtest"
	"github.com/slipwayhq/slipway/internal/decide/limit"
	"github.com/slipwayhq/slipway/internal/event"
	"github.com/slipwayhq/slipway/internal/fault"
	"github.com/slipwayhq/slipway/internal/journal"
	"github.com/slipwayhq/slipway/internal/pure/rate"
	"github.com/slipwayhq/slipway/internal/takes"
)

const ana = "person:ana"

// world is the slice with a real store, a real log, and real takes.
type world struct {
	*testing.T
	db     *db.DB
	log    *journal.Journal
	limits *limit.Service
	takes  *takes.Memory
	clock  atomic.Int64
}

func newWorld(t *testing.T) *world {
	t.Helper()
	w := &world{T: t}
	w.clock.Store(time.Now().Truncate(time.Hour).UnixNano())
	quiet := slog.New(slog.DiscardHandler)
	log, err := journal.Open(t.Context(), journal.Options{Dir: t.TempDir(), Logger: quiet})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(log.Close)
	w.log, w.db = log, dbtest.SQLite(t, db.Options{Now: w.now})
	w.limits = limit.New(w.db, log, quiet)
	w.takes, err = takes.OpenMemory(t.Context(), takes.Options{Dir: t.TempDir(), Journal: log, Find: w.limits.Find, Watch: w.limits.Fold, Now: w.now, Logger: quiet})
	if err != nil {
		t.Fatal(err)
	}
	w.run(log.Run)
	w.run(func(ctx context.Context) error { return w.db.Pump(ctx, log) })
	w.run(w.takes.Run)
	return w
}

func (w *world) run(run func(context.Context) error) (stop func()) {
	ctx, cancel := context.WithCancel(context.WithoutCancel(w.Context()))
	var wg sync.WaitGroup
	wg.Go(func() {
		if err := run(ctx); err != nil {
			w.Error(err)
		}
	})
	stop = func() { cancel(); wg.Wait() }
	w.Cleanup(stop)
	return stop
}

func (w *world) now() time.Time        { return time.Unix(0, w.clock.Load()).UTC() }
func (w *world) later(d time.Duration) { w.clock.Add(int64(d)) }
func (w *world) found(group string) string {
	return fmt.Sprint(w.limits.For("shop", "production").Find(group))
}

func (w *world) create(group string, d rate.Limit) limit.Limit {
	w.Helper()
	l, err := w.limits.Create(w.Context(), ana, "", limit.Limit{App: "shop", Group: group, Definition: d})
	if err != nil {
		w.Fatal(err)
	}
	return l
}

// take asks so many times for one, and says how many passed.
func (w *world) take(group string, times int) (passed int) {
	w.Helper()
	d := w.limits.For("shop", "production").Find(group)
	if d == nil {
		w.Fatalf("nothing limits %s", group)
	}
	for range times {
		var a [1]rate.Answer
		if err := w.takes.Take(w.Context(), []takes.Ask{{Limit: d, Group: group, Amount: 1}}, a[:]); err != nil {
			w.Fatal(err)
		}
		passed += int(a[0].Got)
	}
	return passed
}

func hourly(n int64) rate.Limit { return rate.Limit{Kind: rate.Rolling, Amount: n, Unit: rate.Hour} }

func TestChanges(t *testing.T) {
	w := newWorld(t)
	l := w.create("api", hourly(3))
	if _, err := w.limits.Create(t.Context(), ana, "", limit.Limit{App: "shop", Group: "api", Definition: hourly(1)}); !fault.Is(err, fault.CodeConflict) {
		t.Errorf("a second limit of a group: %v", err)
	}
	if n := w.take("api:ana", 5); n != 3 {
		t.Errorf("%d of 3", n)
	}
	// A larger amount goes on from what is taken.
	l.Definition = hourly(4)
	set, err := w.limits.Set(t.Context(), ana, "more", l)
	if err != nil {
		t.Fatal(err)
	}
	if n := w.take("api:ana", 5); n != 1 {
		t.Errorf("%d more of 4", n)
	}
	if _, err := w.limits.Set(t.Context(), "person:bo", "", l); !fault.Is(err, fault.CodeConflict) {
		t.Errorf("who did not see the present one: %v", err)
	}
	// Another way of counting begins at nothing.
	set.Definition = rate.Limit{Kind: rate.Calendar, Amount: 2, Unit: rate.Day}
	if set, err = w.limits.Set(t.Context(), ana, "", set); err != nil {
		t.Fatal(err)
	}
	if n := w.take("api:ana", 5); n != 2 {
		t.Errorf("%d of 2 a day", n)
	}
	if err := w.limits.Remove(t.Context(), ana, "shop", "api", "", set.Revision-1); !fault.Is(err, fault.CodeConflict) {
		t.Errorf("remove what was not seen: %v", err)
	}
	if err := w.limits.Remove(t.Context(), ana, "shop", "api", "", set.Revision); err != nil {
		t.Fatal(err)
	}
	if w.found("api:ana") != "<nil>" {
		t.Errorf("it is gone: %s", w.found("api:ana"))
	}
	w.create("api", hourly(1))
	if n := w.take("api:ana", 2); n != 1 {
		t.Errorf("one that comes back counts from nothing: %d", n)
	}
}

func TestFaults(t *testing.T) {
	w := newWorld(t)
	long := string(make([]byte, 100_000))
	for field, l := range map[string]limit.Limit{
		"body.group":                   {Group: ""},
		"body.group ":                  {Group: long},
		"body.group  ":                 {Group: "a::b"},
		"body.group   ":                {Group: "a:"},
		"body.group    ":               {Group: "a\nb"},
		"body.definition.kind":         {Group: "a", Definition: rate.Limit{Kind: "window"}},
		"body.definition.amount":       {Group: "a", Definition: rate.Limit{Kind: rate.Ever, Amount: -1}},
		"body.definition.unit":         {Group: "a", Definition: rate.Limit{Kind: rate.Rolling, Amount: 1, Unit: "fortnight"}},
		"body.definition.hold_seconds": {Group: "a", Definition: rate.Limit{Kind: rate.Concurrent, Amount: 1}},
		"body.definition.zone":         {Group: "a", Definition: rate.Limit{Kind: rate.Calendar, Amount: 1, Unit: rate.Day, Zone: "Mars/Olympus"}},
		"body.definition.burst":        {Group: "a", Definition: rate.Limit{Kind: rate.Calendar, Amount: 1, Unit: rate.Day, Burst: 4}},
		"body.note":                    {Group: "a", Definition: hourly(1), Note: long},
	} {
		l.App = "shop"
		_, err := w.limits.Create(t.Context(), ana, "", l)
		f, ok := err.(*fault.Error) //nolint:errorlint // it is as it is made
		if !ok || f.Field != strings.TrimRight(field, " ") || f.Code != fault.CodeInvalid || len(f.Message) > 400 {
			t.Errorf("%s: %v", field, err)
		}
	}
}

func TestOverrideForATime(t *testing.T) {
	w := newWorld(t)
	w.create("api", hourly(1))
	w.run(w.limits.Run)
	for _, o := range []limit.Override{{Group: "apis:ana", Amount: 1}, {Group: "api:ana", Amount: -1}, {Group: "api:ana", Amount: 1, Until: w.now()}} {
		if _, err := w.limits.Override(t.Context(), ana, "shop", "api", o); !fault.Is(err, fault.CodeInvalid) {
			t.Errorf("%+v: %v", o, err)
		}
	}
	if _, err := w.limits.Override(t.Context(), ana, "shop", "api", limit.Override{Group: "api:ana", Amount: 5, Until: w.now().Add(time.Minute), Reason: "a sale"}); err != nil {
		t.Fatal(err)
	}
	if n := w.take("api:ana", 6); n != 5 {
		t.Errorf("%d of 5", n)
	}
	w.later(2 * time.Minute)
	for len(w.limits.For("shop", "production").Find("api:ana").Overrides) > 0 { // it is lifted by itself
		time.Sleep(20 * time.Millisecond)
	}
	if _, err := w.limits.Lift(t.Context(), ana, "shop", "api", "api:bo", ""); !fault.Is(err, fault.CodeNotFound) {
		t.Errorf("lift what is none: %v", err)
	}
}

func TestUseAndNeared(t *testing.T) {
	w := newWorld(t)
	w.create("api", hourly(10))
	keep := w.run(w.limits.Keep)
	w.take("api:ana", 12)
	w.take("api:bo", 1)
	use := func() limit.Use {
		u, err := w.limits.Use(t.Context(), "shop", "production", "api", w.now().Add(-time.Hour), w.now().Add(time.Minute))
		if err != nil {
			t.Fatal(err)
		}
		return u
	}
	for use().Total.Asks < 13 { // what is written down is counted
		time.Sleep(5 * time.Millisecond)
	}
	check := func(when string) {
		t.Helper()
		u := use()
		if u.Total != (limit.Count{Asks: 13, Asked: 13, Given: 11, Denied: 2, Near: 3}) || len(u.Top) != 2 || u.Top[0].Key != "api:ana" || len(u.Denied) != 1 || u.Denied[0].Denied != 2 || len(u.Denied[0].Points) != 1 || len(u.Near) != 1 ||
			len(u.Points) != 1 {
			t.Errorf("%s: %+v", when, u)
		}
	}
	check("before it is kept")
	keep()
	check("once it is kept")
	totals, err := w.limits.Totals(t.Context(), "shop", "production", w.now().Add(-time.Hour))
	if err != nil || totals["api"].Denied != 2 {
		t.Errorf("%v %v", totals, err)
	}
	var neared []event.LimitNeared
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	err = w.log.ReadState(ctx, 0, func(ev event.Event) error {
		if ev.Type == (event.LimitNeared{}).EventType() {
			var n event.LimitNeared
			if err := json.Unmarshal(ev.Data, &n); err != nil {
				return err
			}
			neared = append(neared, n)
			cancel()
		}
		return nil
	})
	if err != nil || len(neared) != 1 || neared[0] != (event.LimitNeared{Group: "api", Key: "api:ana", Denied: 2, Near: 3}) {
		t.Errorf("%+v %v", neared, err)
	}
}

// Counts come in while a minute is written, and keys are what callers make of them.
func TestCountsWhileMinutesAreWritten(t *testing.T) {
	w := newWorld(t)
	w.create("api", hourly(1))
	const rounds = 500
	var wg sync.WaitGroup
	wg.Go(func() {
		for i := range rounds {
			w.limits.Fold(w.now(), []takes.Row{{App: "shop", Env: "production", Limit: "api", Group: fmt.Sprintf("api:%d\x00\xff", i%50), Asks: 1, Asked: 1, Denied: 1}})
		}
	})
	for range 20 {
		w.limits.KeepAll(t.Context())
	}
	wg.Wait()
	w.limits.KeepAll(t.Context())
	u, err := w.limits.Use(t.Context(), "shop", "production", "api", w.now().Add(-time.Hour), w.now().Add(time.Minute))
	if err != nil || u.Total.Asks != rounds || len(u.Denied) != 20 || u.Denied[0].Key[:4] != "api:" || strings.Contains(u.Denied[0].Key, "\x00") || !utf8.ValidString(u.Denied[0].Key) {
		t.Errorf("%+v %v", u.Total, err)
	}
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	w.limits.Fold(w.now(), []takes.Row{{App: "shop", Env: "production", Limit: "api", Group: "api:x", Asks: 1}})
	w.limits.KeepAll(gone) // it fails, and is tried again
	w.limits.Fold(w.now(), []takes.Row{{App: "shop", Env: "production", Limit: "api", Group: "api:x", Asks: 1}})
	w.limits.KeepAll(t.Context())
	if u, err = w.limits.Use(t.Context(), "shop", "production", "api", w.now().Add(-time.Hour), w.now().Add(time.Minute)); err != nil || u.Total.Asks != rounds+2 {
		t.Errorf("%+v %v", u.Total, err)
	}
}

// What keys asked is kept by hour when it is some hours old, and nothing is lost of who is shown.
func TestHours(t *testing.T) {
	w := newWorld(t)
	w.create("api", hourly(1))
	for range 90 { // an hour and a half, from the full hour on
		w.limits.Fold(w.now(), []takes.Row{
			{App: "shop", Env: "production", Limit: "api", Group: "api:ana", Asks: 3, Asked: 3, Given: 1, Denied: 2},
			{App: "shop", Env: "production", Limit: "api", Group: "api:bo", Asks: 1, Asked: 1, Given: 1, Near: 1},
		})
		w.later(time.Minute)
	}
	w.limits.KeepAll(t.Context())
	count := func() (n int) {
		if err := w.db.QueryRow(t.Context(), `SELECT count(*) FROM limit_keys`).Scan(&n); err != nil {
			t.Fatal(err)
		}
		return n
	}
	w.later(6 * time.Hour)
	before := count()
	for range 2 { // twice is once
		if err := w.limits.Merge(t.Context()); err != nil {
			t.Fatal(err)
		}
		if n := count(); before != 180 || n != 62 { // the second hour is not yet six hours old
			t.Errorf("%d rows, then %d", before, n)
		}
	}
	u, err := w.limits.Use(t.Context(), "shop", "production", "api", w.now().Add(-24*time.Hour), w.now())
	if err != nil || u.Total.Asks != 360 || u.Top[0].Key != "api:ana" || u.Top[0].Asks != 270 || u.Denied[0].Denied != 180 || len(u.Denied[0].Points) != 2 || u.Denied[0].Points[0].Denied != 120 || u.Near[0].Near != 90 {
		t.Errorf("%+v %v", u, err)
	}
}

func TestManyKeysStayBounded(t *testing.T) {
	w := newWorld(t)
	w.create("api", hourly(1))
	rows := make([]takes.Row, 0, 5000)
	for i := range 5000 {
		rows = append(rows, takes.Row{App: "shop", Env: "production", Limit: "api", Group: fmt.Sprintf("api:%d", i), Asks: 1, Asked: 1, Given: 1})
	}
	rows = append(rows, takes.Row{App: "shop", Env: "production", Limit: "api", Group: "api:loud", Asks: 100, Asked: 100, Denied: 99, Given: 1})
	for range 3 {
		w.limits.Fold(w.now(), rows)
	}
	u, err := w.limits.Use(t.Context(), "shop", "production", "api", w.now().Add(-time.Hour), w.now().Add(time.Minute))
	if err != nil || u.Total.Asks != 15_300 || len(u.Top) != 20 || u.Top[0].Key != "api:loud" || u.Top[0].Asks != 300 || u.Denied[0].Denied != 297 {
		t.Errorf("%+v %v", u, err)
	}
}

func TestSimulate(t *testing.T) {
	w := newWorld(t)
	w.create("api", hourly(10))
	began := w.now()
	for range 3 {
		w.take("api:ana", 4)
		w.take("api:bo", 1)
		w.written()
		w.later(10 * time.Minute)
	}
	sim := func(d rate.Limit) limit.Simulation {
		t.Helper()
		out, err := w.limits.Simulate(t.Context(), "shop", "production", "api", d, began.Add(-time.Hour), w.now().Add(time.Hour))
		if err != nil {
			t.Fatal(err)
		}
		return out
	}
	if s := sim(hourly(1000)); s.Denied != 0 || s.Was.Asks != 15 || s.Keys != 2 || s.Hit != 0 || s.Given != 15 {
		t.Errorf("plenty: %+v", s)
	}
	// ana asks 4 each 10 minutes; 3 an hour give 3, and one each 20 minutes.
	if s := sim(hourly(3)); s.Denied != 8 || s.Hit != 1 || len(s.Top) != 1 || s.Top[0].Key != "api:ana" || s.Top[0].Denied != 8 || s.Words != "3 an hour" {
		t.Errorf("few: %+v", s)
	}
	if s := sim(rate.Limit{Kind: rate.Ever, Amount: 1}); s.Denied != 13 || s.Hit != 2 {
		t.Errorf("once: %+v", s)
	}
	if _, err := w.limits.Simulate(t.Context(), "shop", "production", "api", hourly(1), w.now(), w.now()); !fault.Is(err, fault.CodeInvalid) {
		t.Errorf("no time: %v", err)
	}
	if s, err := w.limits.Simulate(t.Context(), "shop", "staging", "api", hourly(1), began, w.now()); err != nil || s.Was.Asks != 0 {
		t.Errorf("another environment: %+v %v", s, err)
	}
}

// written waits until nothing is left that is not in the log.
func (w *world) written() {
	w.Helper()
	if err := w.takes.Forget(w.Context(), w.limits.For("shop", "production").Find("api"), "api:nobody"); err != nil {
		w.Fatal(err)
	}
}
