package seen_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/slipwayhq/slipway/internal/seen"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// clock stands still until it is moved.
type clock struct{ at atomic.Int64 }

func (c *clock) now() time.Time { return time.Unix(c.at.Load(), 0) }

func started() *clock {
	c := &clock{}
	c.at.Store(1_780_000_000)
	return c
}

func open(t *testing.T, dir string, c *clock) *seen.Index {
	t.Helper()
	x, err := seen.Open(dir, c.now, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = x.Close() })
	return x
}

func keys(ids ...string) (k []seen.Key) {
	for _, id := range ids {
		k = append(k, seen.KeyOf("shop", id))
	}
	return k
}

func claim(t *testing.T, x *seen.Index, ids ...string) *seen.Claim {
	t.Helper()
	c, err := x.Claim(t.Context(), keys(ids...))
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func fresh(t *testing.T, c *seen.Claim, want ...bool) {
	t.Helper()
	if !slices.Equal(c.Fresh, want) {
		t.Errorf("fresh %v, want %v", c.Fresh, want)
	}
}

func commit(t *testing.T, c *seen.Claim, taken func(int) bool) {
	t.Helper()
	if err := c.Commit(taken); err != nil {
		t.Fatal(err)
	}
}

func TestWhatWasTakenIsKnown(t *testing.T) {
	c := started()
	x := open(t, t.TempDir(), c)
	first := claim(t, x, "a", "b", "a")
	fresh(t, first, true, true, false) // the second "a" is one with the first
	commit(t, first, func(i int) bool { return i != 1 })
	second := claim(t, x, "a", "b", "c")
	fresh(t, second, false, true, true)
	second.Release()
	fresh(t, claim(t, x, "c"), true) // it was given back
	if other, err := x.Claim(t.Context(), []seen.Key{seen.KeyOf("blog", "a")}); err != nil || !other.Fresh[0] {
		t.Errorf("the same id of another source: %v, %v", other, err)
	}
}

func TestAnIdIsKnownForSevenDays(t *testing.T) {
	c := started()
	x := open(t, t.TempDir(), c)
	commit(t, claim(t, x, "a"), nil)
	for _, forget := range []bool{false, true} {
		c.at.Add(int64((seen.Window - time.Minute).Seconds()))
		if forget {
			if err := x.Forget(); err != nil {
				t.Fatal(err)
			}
		}
		again := claim(t, x, "a")
		fresh(t, again, false)
		again.Release()
		c.at.Add(-int64((seen.Window - time.Minute).Seconds()))
	}
	c.at.Add(int64((seen.Window + seen.Window/2 + time.Minute).Seconds()))
	if err := x.Forget(); err != nil {
		t.Fatal(err)
	}
	late := claim(t, x, "a")
	fresh(t, late, true)
	late.Release()
	c.at.Add(-int64((4 * 24 * time.Hour).Seconds())) // back within the window: it is gone all the same
	fresh(t, claim(t, x, "a"), true)
}

// Each of many calls at the same time may have some ids of each other; of each id one alone is told that it is fresh, unless that one gives it back.
func TestOneOfManyCallsTakesAnId(t *testing.T) {
	x := open(t, t.TempDir(), started())
	const callers, each, ids = 16, 60, 200
	var taken [ids]atomic.Int32
	var wg sync.WaitGroup
	for w := range callers {
		rng := rand.New(rand.NewPCG(1, uint64(w)))
		wg.Go(func() {
			for range each {
				at := []int{rng.IntN(ids), rng.IntN(ids), rng.IntN(ids)}
				c, err := x.Claim(t.Context(), keys(fmt.Sprint(at[0]), fmt.Sprint(at[1]), fmt.Sprint(at[2])))
				if err != nil {
					t.Error(err)
					return
				}
				if rng.IntN(4) == 0 {
					c.Release()
					continue
				}
				for i, yes := range c.Fresh {
					if yes {
						taken[at[i]].Add(1)
					}
				}
				if err := c.Commit(nil); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	for i := range taken {
		if n := taken[i].Load(); n != 1 {
			t.Errorf("id %d was taken %d times", i, n)
		}
	}
}

func TestACallThatWaitsCanGiveUp(t *testing.T) {
	x := open(t, t.TempDir(), started())
	held := claim(t, x, "a", "b")
	ctx, cancel := context.WithCancel(t.Context())
	waits := make(chan error)
	go func() {
		_, err := x.Claim(ctx, keys("c", "a"))
		waits <- err
	}()
	fresh(t, claim(t, x, "c"), true) // whoever waits holds nothing
	cancel()
	if err := <-waits; !errors.Is(err, context.Canceled) {
		t.Errorf("%v", err)
	}
	held.Release()
}

// What is behind the position after a crash is what must be read again: everything before it is in.
func TestThePositionPromisesWhatLiesBeforeIt(t *testing.T) {
	c, dir := started(), t.TempDir()
	x := open(t, dir, c)
	var log atomic.Uint64
	at := func(context.Context) (uint64, error) { return log.Load(), nil }
	commit(t, claim(t, x, "1"), nil)
	log.Store(1)
	if err := x.Settle(t.Context(), at); err != nil {
		t.Fatal(err)
	}
	under := claim(t, x, "2") // the log has it, the index not yet
	log.Store(2)
	settled := make(chan error)
	go func() { settled <- x.Settle(t.Context(), at) }()
	select {
	case err := <-settled:
		t.Fatalf("settled while a call was under way: %v", err)
	case <-time.After(50 * time.Millisecond):
	}
	if p := x.Position(); p != 1 {
		t.Errorf("position %d", p)
	}
	later := claim(t, x, "3") // began after Settle did: nobody waits for it
	commit(t, under, nil)
	if err := <-settled; err != nil {
		t.Fatal(err)
	}
	later.Release()

	crashed := filepath.Join(t.TempDir(), "copy") // what a power failure leaves: what was written down with Settle
	if err := os.CopyFS(crashed, os.DirFS(dir)); err != nil {
		t.Fatal(err)
	}
	y := open(t, crashed, c)
	if p := y.Position(); p != 2 {
		t.Errorf("position %d", p)
	}
	again := claim(t, y, "1", "2", "3")
	fresh(t, again, false, false, true)
	again.Release()
	if err := y.Learn(c.now(), keys("3")...); err != nil {
		t.Fatal(err)
	}
	fresh(t, claim(t, y, "3"), false)
}

func TestRunSettlesAtItsEnd(t *testing.T) {
	dir, c := t.TempDir(), started()
	x := open(t, dir, c)
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error)
	go func() { done <- x.Run(ctx, func(context.Context) (uint64, error) { return 7, nil }) }()
	commit(t, claim(t, x, "a"), nil)
	cancel()
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	if err := x.Close(); err != nil {
		t.Fatal(err)
	}
	y := open(t, dir, c)
	if p := y.Position(); p != 7 {
		t.Errorf("position %d", p)
	}
	fresh(t, claim(t, y, "a"), false)
}

// A call that nobody ends holds up whoever waits for it no longer than that has time, and what it may have written is not promised by a later Settle either.
func TestACallThatDoesNotEndHoldsNobodyForEver(t *testing.T) {
	dir, c := t.TempDir(), started()
	x := open(t, dir, c)
	x.LastSettle(20 * time.Millisecond)
	at := func(context.Context) (uint64, error) { return 7, nil }
	stuck := claim(t, x, "a")
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error)
	go func() { done <- x.Run(ctx, at) }()
	cancel()
	select {
	case err := <-done:
		if err != nil {
			t.Fatal(err)
		}
	case <-time.After(time.Minute):
		t.Fatal("its end waits for a call that nobody ends")
	}
	short, end := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer end()
	if err := x.Settle(short, at); !errors.Is(err, context.DeadlineExceeded) { // the call began before the Settle that gave up
		t.Errorf("settled over a call that is under way: %v", err)
	}
	if p := x.Position(); p != 0 {
		t.Errorf("position %d", p)
	}
	stuck.Release()
	if err := x.Settle(t.Context(), at); err != nil {
		t.Fatal(err)
	}
	if p := x.Position(); p != 7 {
		t.Errorf("position %d", p)
	}
}

// Of ids that may be missing the next start finds out; until then claims go on, and Run does.
func TestAnAbandonedCallEndsNothing(t *testing.T) {
	dir, c := t.TempDir(), started()
	var said syncedBuffer
	x, err := seen.Open(dir, c.now, slog.New(slog.NewTextHandler(&said, nil)))
	if err != nil {
		t.Fatal(err)
	}
	defer x.Close()
	x.SettleEvery(10 * time.Millisecond)
	asked := make(chan struct{}, 10_000)
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() {
		done <- x.Run(ctx, func(context.Context) (uint64, error) { asked <- struct{}{}; return 7, nil })
	}()
	lost := claim(t, x, "lost")
	lost.Abandon(errors.New("no answer"))
	lost.Release()
	released := claim(t, x, "released")
	released.Release()
	for range 3 { // it goes on trying
		select {
		case <-asked:
		case err := <-done:
			t.Fatalf("it ends by itself: %v", err)
		}
	}
	commit(t, claim(t, x, "a"), nil)
	again := claim(t, x, "a", "b", "lost")
	fresh(t, again, false, true, true)
	again.Release()
	cancel()
	if err := <-done; err != nil {
		t.Errorf("its end: %v", err)
	}
	if p := x.Position(); p != 0 {
		t.Errorf("position %d", p)
	}
	if n := strings.Count(said.String(), "are not settled"); n != 1 {
		t.Errorf("said %d times: %s", n, said.String())
	}
	if !strings.Contains(said.String(), "were not settled at the end") {
		t.Errorf("nothing is said at the end: %s", said.String())
	}
}

// After a call has ended, who abandons it too late changes nothing.
func TestACallEndsOnce(t *testing.T) {
	x := open(t, t.TempDir(), started())
	for _, end := range []func(*seen.Claim){(*seen.Claim).Release, func(c *seen.Claim) { commit(t, c, nil) }} {
		c := claim(t, x, "a")
		end(c)
		c.Abandon(errors.New("too late"))
		c.Release()
	}
	if err := x.Settle(t.Context(), func(context.Context) (uint64, error) { return 1, nil }); err != nil {
		t.Fatal(err)
	}
}

// syncedBuffer is read while it is written.
type syncedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (s *syncedBuffer) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.Write(p)
}

func (s *syncedBuffer) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.String()
}

func BenchmarkClaim(b *testing.B) {
	x, err := seen.Open(b.TempDir(), time.Now, slog.New(slog.DiscardHandler))
	if err != nil {
		b.Fatal(err)
	}
	defer x.Close()
	n := 0
	for b.Loop() {
		var k []seen.Key
		for range 100 {
			n++
			k = append(k, seen.KeyOf("shop", fmt.Sprint(n)))
		}
		c, err := x.Claim(b.Context(), k)
		if err != nil {
			b.Fatal(err)
		}
		if err := c.Commit(nil); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(n), "ns/id")
}
