package takes_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/slipwayhq/slipway/internal/journal"
	"github.com/slipwayhq/slipway/internal/pure/rate"
	"github.com/slipwayhq/slipway/internal/takes"
)

// world is a log, and tables that are opened on it one after another.
type world struct {
	mu        sync.Mutex // of limits
	dir       string
	log       *journal.Journal
	limits    map[string]*rate.Defined
	clock     atomic.Int64
	keys      int
	saveEvery time.Duration
	watch     func(time.Time, []takes.Row)
}

func newWorld(t testing.TB) *world {
	t.Helper()
	w := &world{dir: t.TempDir(), limits: map[string]*rate.Defined{}}
	w.clock.Store(time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC).UnixNano())
	log, err := journal.Open(t.Context(), journal.Options{Dir: t.TempDir(), Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	w.log = log
	t.Cleanup(log.Close)
	running(t, log.Run)
	return w
}

// lose puts an empty log in the place of the world's.
func (w *world) lose(t testing.TB) {
	t.Helper()
	log, err := journal.Open(t.Context(), journal.Options{Dir: t.TempDir(), Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	w.log = log
	t.Cleanup(log.Close)
	running(t, log.Run)
}

// running runs something until the test ends, or until the function that comes back is called.
func running(t testing.TB, run func(context.Context) error) (stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.WithoutCancel(t.Context()))
	ended := make(chan error, 1)
	go func() { ended <- run(ctx) }()
	stop = sync.OnceFunc(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
	t.Cleanup(stop)
	return stop
}

func (w *world) limit(t testing.TB, group string, l rate.Limit) *rate.Defined {
	t.Helper()
	r, err := rate.Compile(l, time.LoadLocation)
	if err != nil {
		t.Fatal(err)
	}
	d := &rate.Defined{App: "shop", Env: "production", Group: group, Series: uint64(len(w.limits) + 1), Rule: r}
	w.limits[group] = d
	return d
}

func (w *world) find(_, _, group string) *rate.Defined {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.limits[group]
}

func (w *world) now() time.Time { return time.Unix(0, w.clock.Load()) }

func (w *world) open(t testing.TB) *takes.Memory {
	t.Helper()
	m, err := takes.OpenMemory(t.Context(), takes.Options{
		Dir: w.dir, Journal: w.log, Now: w.now, Logger: slog.New(slog.DiscardHandler), Watch: w.watch, MaxKeys: w.keys, SaveEvery: w.saveEvery,
		Find: w.find,
	})
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func take(t testing.TB, s takes.Store, d *rate.Defined, group string, amount int64) rate.Answer {
	t.Helper()
	var a [1]rate.Answer
	if err := s.Take(t.Context(), []takes.Ask{{Limit: d, Group: group, Amount: amount}}, a[:]); err != nil {
		t.Fatalf("take %d of %s: %v", amount, group, err)
	}
	return a[0]
}

func TestRestart(t *testing.T) {
	w := newWorld(t)
	hourly := w.limit(t, "hourly", rate.Limit{Kind: rate.Rolling, Amount: 10, Unit: rate.Hour})
	once := w.limit(t, "once", rate.Limit{Kind: rate.Ever, Amount: 1})
	jobs := w.limit(t, "jobs", rate.Limit{Kind: rate.Concurrent, Amount: 2, HoldSeconds: 600})
	m := w.open(t)
	stop := running(t, m.Run)
	for range 3 {
		take(t, m, hourly, "hourly:ana", 3)
	}
	take(t, m, once, "once:42", 1)
	lease := take(t, m, jobs, "jobs:x", 1)
	take(t, m, jobs, "jobs:x", 1)
	if ok, err := m.Return(t.Context(), takes.Ask{Limit: jobs, Group: "jobs:x"}, lease.Ends); !ok || err != nil {
		t.Fatal(ok, err)
	}
	stop()
	m = w.open(t)
	running(t, m.Run)
	if a := take(t, m, hourly, "hourly:ana", 2); a.Passed || a.Left != 1 {
		t.Errorf("after 9 of 10: %+v", a)
	}
	if a := take(t, m, once, "once:42", 1); a.Passed {
		t.Errorf("once, the second time: %+v", a)
	}
	if a := take(t, m, jobs, "jobs:x", 2); a.Passed || a.Left != 1 {
		t.Errorf("one of two is out: %+v", a)
	}
	if ok, err := m.Return(t.Context(), takes.Ask{Limit: jobs, Group: "jobs:x"}, lease.Ends); ok || err != nil {
		t.Errorf("returned twice: %v %v", ok, err)
	}
}

// saved waits until all that was taken is in files.
func (w *world) saved(t *testing.T, m *takes.Memory, d *rate.Defined) {
	t.Helper()
	written := func() time.Time {
		i, err := os.Stat(filepath.Join(w.dir, "index"))
		if err != nil {
			return time.Time{}
		}
		return i.ModTime()
	}
	for range 2 { // a round may have been under way
		for before := written(); !written().After(before); time.Sleep(time.Millisecond) {
			take(t, m, d, "once:tick", 0)
			if err := m.Forget(t.Context(), d, "once:tick"); err != nil { // something for the log
				t.Fatal(err)
			}
		}
	}
}

// A log that is lost takes nothing with it that was saved; nor do files that are, as long as the log is there.
func TestLost(t *testing.T) {
	w := newWorld(t)
	w.saveEvery = 5 * time.Millisecond
	once := w.limit(t, "once", rate.Limit{Kind: rate.Ever, Amount: 2})
	jobs := w.limit(t, "jobs", rate.Limit{Kind: rate.Concurrent, Amount: 1, HoldSeconds: 600})
	for i, lose := range []func(){
		func() {
			for _, name := range []string{"index", "shard-*"} {
				files, err := filepath.Glob(filepath.Join(w.dir, name))
				for _, f := range files {
					err = errors.Join(err, os.WriteFile(f, []byte("broken"), 0o600))
				}
				if err != nil || len(files) == 0 {
					t.Fatal(err, files)
				}
			}
		},
		func() { w.lose(t) },
		func() {},
	} {
		m := w.open(t)
		stop := running(t, m.Run)
		if a := take(t, m, once, "once:42", 1); a.Passed != (i < 2) {
			t.Errorf("take %d of 2: %+v", i+1, a)
		}
		if a := take(t, m, jobs, "jobs:x", 1); a.Passed != (i == 0) {
			t.Errorf("take %d of 1: %+v", i+1, a)
		}
		w.saved(t, m, once)
		stop()
		lose()
	}
}

// A crash is a table that is left as it is: what it has not written down is lost.
func TestCrashGivesNothingTwice(t *testing.T) {
	w := newWorld(t)
	ever := w.limit(t, "ever", rate.Limit{Kind: rate.Ever, Amount: 100})
	minute := w.limit(t, "minute", rate.Limit{Kind: rate.Rolling, Amount: 6_000, Unit: rate.Minute})
	var evers, minutes atomic.Int64
	for range 5 {
		m := w.open(t)
		ctx, crash := context.WithCancel(t.Context())
		ended := make(chan struct{})
		go func() { defer close(ended); m.RunUntilCrash(ctx) }()
		var wg sync.WaitGroup
		for range 16 {
			wg.Go(func() {
				var a [1]rate.Answer
				for ctx.Err() == nil {
					if m.Take(ctx, []takes.Ask{{Limit: ever, Group: "ever:x", Amount: 1}}, a[:]) == nil {
						evers.Add(a[0].Got)
					}
					if m.Take(ctx, []takes.Ask{{Limit: minute, Group: "minute:x", Amount: 3}}, a[:]) == nil {
						minutes.Add(a[0].Got)
					}
				}
			})
		}
		before := minutes.Load() // something happens before the crash
		for minutes.Load() < before+300 && minutes.Load() < 6000 {
			time.Sleep(time.Millisecond)
		}
		crash()
		wg.Wait()
		<-ended
	}
	if n := evers.Load(); n > 100 {
		t.Errorf("%d of 100 for ever", n)
	}
	if n, most := minutes.Load(), 6_000+5*minute.Rule.Slack(); n > most || n < 1500 {
		t.Errorf("%d of 6000 a minute; five crashes allow %d", n, most)
	}
}

// Time goes on while many wait for one another: nobody is given again what came back in the time that he waited.
func TestCrowdByTheRealClock(t *testing.T) {
	w := newWorld(t)
	d := w.limit(t, "fast", rate.Limit{Kind: rate.Rolling, Amount: 20_000, Unit: rate.Second, Burst: 10})
	m, err := takes.OpenMemory(t.Context(), takes.Options{Dir: w.dir, Journal: w.log, Logger: slog.New(slog.DiscardHandler), Find: func(_, _, g string) *rate.Defined { return w.limits[g] }})
	if err != nil {
		t.Fatal(err)
	}
	running(t, m.Run)
	var got atomic.Int64
	ctx, cancel := context.WithTimeout(t.Context(), time.Second)
	defer cancel()
	began := time.Now()
	var wg sync.WaitGroup
	for range 200 {
		wg.Go(func() {
			var a [1]rate.Answer
			for ctx.Err() == nil {
				if m.Take(t.Context(), []takes.Ask{{Limit: d, Group: "fast:x", Amount: 1}}, a[:]) == nil {
					got.Add(a[0].Got)
				}
			}
		})
	}
	wg.Wait()
	if most := 10 + int64(20_000*time.Since(began).Seconds()); got.Load() > most || got.Load() < 100 {
		t.Errorf("%d were given, of %d at most", got.Load(), most)
	}
}

// While the log does not answer, no more is given than a crash may give again.
func TestSlackIsWhatNobodyHasWrittenDown(t *testing.T) {
	w := newWorld(t)
	d := w.limit(t, "minute", rate.Limit{Kind: rate.Rolling, Amount: 6000, Unit: rate.Minute})
	m := w.open(t)
	w.log.Close()
	ctx, cancel := context.WithCancel(t.Context())
	var wg sync.WaitGroup
	wg.Go(func() { m.RunUntilCrash(ctx) })
	defer func() { cancel(); wg.Wait() }()
	given := int64(0)
	for range 4 { // what is on its way to the disk stands beside what comes after
		for range 200 {
			short, done := context.WithTimeout(t.Context(), 2*time.Millisecond)
			var a [1]rate.Answer
			if m.Take(short, []takes.Ask{{Limit: d, Group: "minute:x", Amount: 1}}, a[:]) == nil {
				given += a[0].Got
			}
			done()
		}
		time.Sleep(150 * time.Millisecond)
	}
	if slack := d.Rule.Slack(); given > slack || given < slack/2 {
		t.Errorf("%d were given without the log, of %d", given, slack)
	}
}

// The table goes by limits as they are: a lowered one gives nothing back early, and what was taken of one that is gone is forgotten.
func TestSweepByPresentLimits(t *testing.T) {
	w := newWorld(t)
	w.saveEvery = 5 * time.Millisecond
	tick := w.limit(t, "once", rate.Limit{Kind: rate.Ever, Amount: 1000})
	d := w.limit(t, "api", rate.Limit{Kind: rate.Rolling, Amount: 60, Unit: rate.Minute})
	gone := w.limit(t, "gone", rate.Limit{Kind: rate.Ever, Amount: 1})
	m := w.open(t)
	running(t, m.Run)
	take(t, m, d, "api:ana", 60)
	for i := range 100 {
		take(t, m, gone, fmt.Sprint("gone:", i), 1)
	}
	low := *d
	var err error
	if low.Rule, err = rate.Compile(rate.Limit{Kind: rate.Rolling, Amount: 60, Unit: rate.Day}, time.LoadLocation); err != nil {
		t.Fatal(err)
	}
	w.mu.Lock()
	w.limits["api"] = &low
	delete(w.limits, "gone")
	w.mu.Unlock()
	w.clock.Add(int64(2 * time.Minute))
	w.saved(t, m, tick)
	if a := take(t, m, &low, "api:ana", 0); a.Left != 0 {
		t.Errorf("%d are left of a limit that was lowered", a.Left)
	}
	if n := m.Keys(); n > 2 {
		t.Errorf("%d keys are counted; those of a limit that is gone are not to be", n)
	}
}

func TestKeysAreBounded(t *testing.T) {
	w := newWorld(t)
	w.keys = 256 * 4
	d := w.limit(t, "x", rate.Limit{Kind: rate.Rolling, Amount: 100, Unit: rate.Second})
	m := w.open(t)
	running(t, m.Run)
	full := 0
	var a [1]rate.Answer
	for i := range 4000 {
		if m.Take(t.Context(), []takes.Ask{{Limit: d, Group: fmt.Sprint("x:", i), Amount: 1}}, a[:]) != nil {
			full++
		}
	}
	if m.Keys() > 1024 || full < 2900 {
		t.Errorf("%d keys, %d refused", m.Keys(), full)
	}
	w.clock.Add(int64(3 * time.Second))
	if take(t, m, d, "x:new", 1); m.Keys() > 1024 {
		t.Errorf("%d keys", m.Keys())
	}
}

func BenchmarkTake(b *testing.B) {
	w := newWorld(b)
	d := w.limit(b, "api", rate.Limit{Kind: rate.Rolling, Amount: 1_000_000_000, Unit: rate.Minute})
	w.watch = func(time.Time, []takes.Row) {}
	m, err := takes.OpenMemory(b.Context(), takes.Options{Dir: w.dir, Journal: w.log, Logger: slog.New(slog.DiscardHandler), Find: func(_, _, group string) *rate.Defined { return w.limits[group] }})
	if err != nil {
		b.Fatal(err)
	}
	running(b, m.Run)
	set := rate.NewSet([]*rate.Defined{d})
	groups := make([]string, 1024)
	for i := range groups {
		groups[i] = fmt.Sprintf("api:user-%06d", i)
	}
	asks, answers := make([]takes.Ask, 1), make([]rate.Answer, 1)
	b.ReportAllocs()
	i := 0
	for b.Loop() {
		g := groups[i&1023]
		i++
		asks[0] = takes.Ask{Limit: set.Find(g), Group: g, Amount: 1}
		if err := m.Take(b.Context(), asks, answers); err != nil || !answers[0].Passed {
			b.Fatal(err, answers[0])
		}
	}
}
