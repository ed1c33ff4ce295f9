package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"runtime"
	"runtime/debug"
	"time"

	"github.com/throttled/throttled/v2"
	"github.com/throttled/throttled/v2/store/memstore"
	"golang.org/x/sys/unix"

	"github.com/slipwayhq/slipway/bench/rig"
	"github.com/slipwayhq/slipway/internal/journal"
	"github.com/slipwayhq/slipway/internal/pure/rate"
	"github.com/slipwayhq/slipway/internal/takes"
)

const (
	keys  = 1024
	turns = 40 * keys // asks a round
)

// counted is a table of limits with its log, and one limit of a million a minute.
type counted struct {
	table *takes.Memory
	set   *rate.Set
	close func() error
}

func openTable(ctx context.Context, r *rig.Rig, name string, maxKeys int) (*counted, error) {
	quiet := slog.New(slog.DiscardHandler)
	log, err := journal.Open(ctx, journal.Options{Dir: r.Path(name, "log"), Logger: quiet})
	if err != nil {
		return nil, err
	}
	rule, err := rate.Compile(rate.Limit{Kind: rate.Rolling, Amount: 1_000_000_000, Unit: rate.Minute}, time.LoadLocation)
	if err != nil {
		return nil, err
	}
	limit := &rate.Defined{App: "shop", Env: "production", Group: "api", Series: 1, Rule: rule}
	table, err := takes.OpenMemory(ctx, takes.Options{Dir: r.Path(name, "takes"), Journal: log, Find: func(_, _, _ string) *rate.Defined { return limit }, MaxKeys: maxKeys, Logger: quiet})
	if err != nil {
		return nil, err
	}
	c := &counted{table: table, set: rate.NewSet([]*rate.Defined{limit})}
	stopLog, stopTable := running(ctx, log.Run), running(ctx, table.Run)
	c.close = func() error {
		err := errors.Join(stopTable(), stopLog()) // the table writes the rest into the log
		log.Close()
		return err
	}
	return c, nil
}

// running runs something until stop is called.
func running(ctx context.Context, run func(context.Context) error) (stop func() error) {
	ctx, cancel := context.WithCancel(ctx)
	ended := make(chan error, 1)
	go func() { ended <- run(ctx) }()
	return func() error { cancel(); return <-ended }
}

// take asks for one, as a door does: its limit is found by its name.
func (c *counted) take(ctx context.Context, group string, asks []takes.Ask, answers []rate.Answer) error {
	asks[0] = takes.Ask{Limit: c.set.Find(group), Group: group, Amount: 1}
	if err := c.table.Take(ctx, asks, answers); err != nil {
		return err
	}
	if !answers[0].Passed {
		return errors.New("it was denied")
	}
	return nil
}

func inProcess(ctx context.Context, r *rig.Rig, o options) error {
	c, err := openTable(ctx, r, "process", 0)
	if err != nil {
		return err
	}
	groups := make([]string, keys)
	for i := range groups {
		groups[i] = fmt.Sprintf("api:user-%06d", i)
	}
	theirs, err := memstore.NewCtx(2 * keys)
	if err != nil {
		return err
	}
	limiter, err := throttled.NewGCRARateLimiterCtx(theirs, throttled.RateQuota{MaxRate: throttled.PerSec(1_000_000), MaxBurst: 1_000_000})
	if err != nil {
		return err
	}
	asks, answers := make([]takes.Ask, 1), make([]rate.Answer, 1)
	ask := func(i int) error { return c.take(ctx, groups[i%keys], asks, answers) }
	peer := func(i int) error {
		denied, _, err := limiter.RateLimitCtx(ctx, groups[i%keys], 1)
		if denied {
			return errors.New("throttled denied it")
		}
		return err
	}
	ours, err := best(o.rounds, ask)
	if err != nil {
		return err
	}
	other, err := best(o.rounds, peer)
	if err != nil {
		return err
	}
	if err := c.close(); err != nil {
		return err
	}
	fmt.Println("One check of 1,024 keys, in the process")
	err = rig.Table(os.Stdout, []string{"", "CPU ns", "B", "allocations"}, [][]string{
		{"Slipway: find the limit, count, note it for the log", fmt.Sprint(ours.time.Nanoseconds()), fmt.Sprint(ours.bytes), fmt.Sprint(ours.allocs)},
		{"throttled v2.15.0, GCRA in memory", fmt.Sprint(other.time.Nanoseconds()), fmt.Sprint(other.bytes), fmt.Sprint(other.allocs)},
	})
	fmt.Printf("at most %d ns and no allocation: %s; %.1f times as fast as throttled\n", checkTarget, rig.Verdict(ours.time <= checkTarget && ours.allocs == 0), float64(other.time)/float64(ours.time))
	return err
}

// figure is what one call costs: time of this thread's processor, and memory.
type figure struct {
	time          time.Duration
	bytes, allocs int
}

func best(rounds int, do func(i int) error) (f figure, err error) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	f.time = time.Hour
	for range rounds {
		var before, after runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&before)
		from, err := cpu()
		if err != nil {
			return f, err
		}
		for i := range turns {
			if err := do(i); err != nil {
				return f, err
			}
		}
		to, err := cpu()
		if err != nil {
			return f, err
		}
		runtime.ReadMemStats(&after)
		if t := (to - from) / turns; t < f.time {
			f = figure{t, int(after.TotalAlloc-before.TotalAlloc) / turns, int(after.Mallocs-before.Mallocs) / turns}
		}
	}
	return f, nil
}

// cpu is the time that this thread has had.
func cpu() (time.Duration, error) {
	var t unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_THREAD_CPUTIME_ID, &t); err != nil {
		return 0, fmt.Errorf("read the clock of the thread: %w", err)
	}
	return time.Duration(t.Nano()), nil
}

func manyKeys(ctx context.Context, r *rig.Rig, o options) error {
	c, err := openTable(ctx, r, "keys", o.keys+o.keys/4)
	if err != nil {
		return err
	}
	before := resident()
	asks, answers := make([]takes.Ask, 1), make([]rate.Answer, 1)
	name := make([]byte, 0, 64)
	began := time.Now()
	for i := range o.keys {
		name = fmt.Appendf(name[:0], "api:user-%09d", i)
		if err := c.take(ctx, string(name), asks, answers); err != nil {
			return fmt.Errorf("key %d: %w", i, err)
		}
	}
	filled := time.Since(began)
	debug.FreeOSMemory()
	after := resident()
	n := c.table.Keys()
	again, err := best(3, func(i int) error {
		name = fmt.Appendf(name[:0], "api:user-%09d", (i*7919)%o.keys)
		return c.take(ctx, string(name), asks, answers)
	})
	if err != nil {
		return err
	}
	if err := c.close(); err != nil {
		return err
	}
	fmt.Printf("%d keys live at once: %s MiB resident (%d bytes a key), %.0f new keys a second with the log, then %d ns a check of keys far apart (with the writing of their names)\n", n, rig.MiB(after-before), (after-before)/int64(n),
		float64(n)/filled.Seconds(), again.time.Nanoseconds())
	fmt.Printf("all of them, and at most %s MiB: %s\n", rig.MiB(keysTarget), rig.Verdict(n >= o.keys && after-before <= int64(float64(keysTarget)*float64(o.keys)/10e6)))
	return nil
}

// resident is the memory of this process.
func resident() int64 {
	now, _, err := rig.Memory(os.Getpid())
	if err != nil {
		return 0
	}
	return now
}
