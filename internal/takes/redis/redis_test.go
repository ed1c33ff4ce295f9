package redis_test

import (
	"context"
	"errors"
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/slipwayhq/slipway/internal/fault"
	"github.com/slipwayhq/slipway/internal/pure/rate"
	"github.com/slipwayhq/slipway/internal/takes"
	"github.com/slipwayhq/slipway/internal/takes/redis"
	"github.com/slipwayhq/slipway/internal/takes/takestest"
)

func TestConformance(t *testing.T) {
	server := newServer(t)
	server.start(t)
	db := 0
	takestest.Run(t, func(t *testing.T, clock *takestest.Clock) takes.Store {
		db++
		return open(t, redis.Options{URL: server.url(db), Now: clock.Now})
	})
}

// Four servers share their limits, of which each takes as fast as it can.
func TestServersAdmitNoMoreTogetherThanOne(t *testing.T) {
	redisServer := newServer(t)
	redisServer.start(t)
	var servers []takes.Store
	for range 4 {
		servers = append(servers, open(t, redis.Options{URL: redisServer.url(0)}))
	}
	few, many := limit(t, 1, rate.Limit{Kind: rate.Ever, Amount: 100}), limit(t, 2, rate.Limit{Kind: rate.Concurrent, Amount: 10_000, HoldSeconds: 3600})
	var passed, lent atomic.Int64
	var wg sync.WaitGroup
	for i := range 800 {
		wg.Go(func() {
			s := servers[i%len(servers)]
			if i%2 == 0 {
				a, err := take(t.Context(), s, few, 1)
				if err != nil {
					t.Errorf("take: %v", err)
				}
				passed.Add(a.Got)
				return
			}
			answers := make([]rate.Answer, 2)
			if err := s.Take(t.Context(), []takes.Ask{{Limit: many, Group: "api:ana", Amount: 1}, {Limit: few, Group: "api:ana", Amount: 1}}, answers); err != nil {
				t.Errorf("take: %v", err)
			}
			passed.Add(answers[1].Got)
			lent.Add(answers[0].Got)
		})
	}
	wg.Wait()
	if passed.Load() != 100 {
		t.Errorf("%d passed a limit of 100", passed.Load())
	}
	for _, s := range servers {
		if a, err := take(t.Context(), s, many, 0); err != nil || a.Left != 10_000-lent.Load() {
			t.Errorf("%v, %+v: %d were lent", err, a, lent.Load())
		}
	}
}

// Servers take as fast as they can for a while. By Redis's clock they get the burst and what came back, and not more for being several.
func TestServersLiveByOneClock(t *testing.T) {
	server := newServer(t)
	server.start(t)
	d := limit(t, 1, rate.Limit{Kind: rate.Rolling, Amount: 1000, Unit: rate.Second, Burst: 50})
	c := server.client(t, 0)
	defer c.Close()
	clock := func() int64 {
		parts, err := c.Do(t.Context(), c.B().Time().Build()).AsIntSlice()
		if err != nil {
			t.Fatal(err)
		}
		return parts[0]*1_000_000 + parts[1]
	}
	var given atomic.Int64
	var wg sync.WaitGroup
	begin := clock()
	for range 3 {
		s := open(t, redis.Options{URL: server.url(0)})
		for range 4 {
			wg.Go(func() {
				for range 300 {
					a, err := take(t.Context(), s, d, 1)
					if err != nil {
						t.Errorf("take: %v", err)
						return
					}
					given.Add(a.Got)
				}
			})
		}
	}
	wg.Wait()
	if took := clock() - begin; given.Load() > 50+took/1000 || given.Load() < 50 {
		t.Errorf("%d were given in %d µs of 1000 a second and 50 at once", given.Load(), took)
	}
}

func TestKeysExpireWhenAllHasComeBack(t *testing.T) {
	server := newServer(t)
	server.start(t)
	s, c := open(t, redis.Options{URL: server.url(0)}), server.client(t, 0)
	defer c.Close()
	rolling := limit(t, 1, rate.Limit{Kind: rate.Rolling, Amount: 10, Unit: rate.Second})
	for _, d := range []*rate.Defined{
		rolling, limit(t, 2, rate.Limit{Kind: rate.Ever, Amount: 5}), limit(t, 3, rate.Limit{Kind: rate.Calendar, Amount: 5, Unit: rate.Year}), limit(t, 4, rate.Limit{Kind: rate.Concurrent, Amount: 5, HoldSeconds: 3600}),
	} {
		a, err := take(t.Context(), s, d, 5)
		if err != nil || a.Got != 5 {
			t.Fatalf("%v, %+v", err, a)
		}
		key := "slipway:takes:" + string('0'+rune(d.Series)) + ":api:ana"
		at, err := c.Do(t.Context(), c.B().Pexpiretime().Key(key).Build()).AsInt64()
		if err != nil {
			t.Fatal(err)
		}
		switch full := a.Full / int64(time.Millisecond); {
		case a.Full == rate.Never:
			if at != -1 {
				t.Errorf("%s: it expires at %d", d.Rule.Limit.Kind, at)
			}
		case at == -2: // half a second has passed
		case at < full || at > full+10_000: // the script ran at most so long after the time was read
			t.Errorf("%s: it expires at %d, and is full at %d", d.Rule.Limit.Kind, at, full)
		}
	}
	for end := time.Now().Add(time.Minute); ; time.Sleep(50 * time.Millisecond) {
		n, err := c.Do(t.Context(), c.B().Exists().Key("slipway:takes:1:api:ana").Build()).AsInt64()
		if err == nil && n == 0 {
			break
		}
		if time.Now().After(end) {
			t.Fatalf("half a second's takes are kept: %v", err)
		}
	}
	if a, err := take(t.Context(), s, rolling, 10); err != nil || a.Got != 10 { // by Redis's clock
		t.Errorf("all has come back: %v, %+v", err, a)
	}
}

// A take whose limit was lowered comes back more slowly than was foreseen when it was written.
func TestALoweredLimitIsRememberedLonger(t *testing.T) {
	server := newServer(t)
	server.start(t)
	s, c := open(t, redis.Options{URL: server.url(0)}), server.client(t, 0)
	defer c.Close()
	if a, err := take(t.Context(), s, limit(t, 1, rate.Limit{Kind: rate.Rolling, Amount: 60, Unit: rate.Minute}), 60); err != nil || a.Got != 60 {
		t.Fatalf("%v, %+v", err, a)
	}
	a, err := take(t.Context(), s, limit(t, 1, rate.Limit{Kind: rate.Rolling, Amount: 6, Unit: rate.Minute}), 1)
	if err != nil || a.Passed {
		t.Fatalf("%v, %+v", err, a)
	}
	at, err := c.Do(t.Context(), c.B().Pexpiretime().Key("slipway:takes:1:api:ana").Build()).AsInt64()
	if err != nil || at < a.Full/int64(time.Millisecond) {
		t.Errorf("%v: it expires at %d, and is full at %d", err, at, a.Full)
	}
}

// Redis is killed in the middle, twice. Who asks meanwhile is told that nobody knows; what was admitted is remembered.
func TestRedisIsKilledAndComesBack(t *testing.T) {
	server := newServer(t)
	server.start(t)
	s := open(t, redis.Options{URL: server.url(0), Timeout: time.Second})
	const most = 3000
	d := limit(t, 1, rate.Limit{Kind: rate.Ever, Amount: most})
	var admitted, unknown atomic.Int64
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for t.Context().Err() == nil {
				switch a, err := take(t.Context(), s, d, 1); {
				case fault.Is(err, fault.CodeInternal):
					unknown.Add(1)
					time.Sleep(time.Millisecond)
				case err != nil:
					t.Errorf("take: %v", err)
				case !a.Passed:
					return
				default:
					admitted.Add(1)
				}
			}
		})
	}
	for _, at := range []int64{200, 800} {
		until(t, func() bool { return admitted.Load() >= at })
		before := unknown.Load()
		server.kill()
		until(t, func() bool { return unknown.Load() > before })
		server.start(t)
	}
	wg.Wait()
	if n := admitted.Load(); n > most || n+unknown.Load() < most {
		t.Errorf("%d were admitted of %d, and of %d nobody knew", n, most, unknown.Load())
	}
}

func until(t *testing.T, holds func() bool) {
	t.Helper()
	for end := time.Now().Add(time.Minute); !holds(); time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("it does not happen")
		}
	}
}

func TestRedisIsAwayFromTheStart(t *testing.T) {
	server := newServer(t)
	s := open(t, redis.Options{URL: server.url(0), Timeout: time.Second})
	d := limit(t, 1, rate.Limit{Kind: rate.Ever, Amount: 1})
	for range 3 {
		if _, err := take(t.Context(), s, d, 1); !fault.Is(err, fault.CodeInternal) || !strings.Contains(fault.Message(err), "does not answer") {
			t.Fatalf("take: %v", err)
		}
	}
	if _, err := s.Return(t.Context(), takes.Ask{Limit: limit(t, 2, rate.Limit{Kind: rate.Concurrent, Amount: 1, HoldSeconds: 1}), Group: "api"}, 1); !fault.Is(err, fault.CodeInternal) {
		t.Errorf("return: %v", err)
	}
	if err := s.Forget(t.Context(), d, "api"); !fault.Is(err, fault.CodeInternal) {
		t.Errorf("forget: %v", err)
	}
	server.start(t)
	until(t, func() bool { a, err := take(t.Context(), s, d, 1); return err == nil && a.Passed })
}

// Somebody listens, and never says anything.
func TestNobodyWaitsForASilentRedis(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	d := limit(t, 1, rate.Limit{Kind: rate.Ever, Amount: 1})
	s := open(t, redis.Options{URL: "redis://" + l.Addr().String(), Timeout: 50 * time.Millisecond})
	for range 3 {
		if _, err := take(context.Background(), s, d, 1); !fault.Is(err, fault.CodeInternal) || !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("take: %v", err)
		}
	}
	patient := open(t, redis.Options{URL: "redis://" + l.Addr().String(), Timeout: 5 * time.Second})
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := take(ctx, patient, d, 1); !errors.Is(err, context.Canceled) {
		t.Errorf("take by one who has left: %v", err)
	}
}

// Redis stands still with a connection open, and goes on.
func TestRedisStandsStill(t *testing.T) {
	server := newServer(t)
	server.start(t)
	s := open(t, redis.Options{URL: server.url(0), Timeout: 200 * time.Millisecond})
	d := limit(t, 1, rate.Limit{Kind: rate.Ever, Amount: 1000})
	until(t, func() bool { a, err := take(t.Context(), s, d, 1); return err == nil && a.Passed })
	if err := server.cmd.Process.Signal(syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	for range 3 {
		if _, err := take(context.Background(), s, d, 1); !fault.Is(err, fault.CodeInternal) {
			t.Errorf("take: %v", err)
		}
	}
	if err := server.cmd.Process.Signal(syscall.SIGCONT); err != nil {
		t.Fatal(err)
	}
	until(t, func() bool { a, err := take(t.Context(), s, d, 1); return err == nil && a.Passed })
}

// A connection that was closed while nobody asked costs nobody an answer.
func TestAConnectionThatWasClosedIsMadeAnew(t *testing.T) {
	server := newServer(t)
	server.start(t)
	s, c := open(t, redis.Options{URL: server.url(0)}), server.client(t, 0)
	defer c.Close()
	d := limit(t, 1, rate.Limit{Kind: rate.Ever, Amount: 100})
	for range 5 {
		if a, err := take(t.Context(), s, d, 1); err != nil || !a.Passed {
			t.Errorf("take: %v, %+v", err, a)
		}
		if err := c.Do(t.Context(), c.B().ClientKill().TypeNormal().SkipmeYes().Build()).Error(); err != nil {
			t.Fatal(err)
		}
		until(t, func() bool { // they are closed a little later
			list, err := c.Do(t.Context(), c.B().ClientList().Build()).ToString()
			return err == nil && strings.Count(list, "\n") == 1
		})
	}
	if a, err := take(t.Context(), s, d, 0); err != nil || a.Left != 95 {
		t.Errorf("%v, %+v", err, a)
	}
}

func TestRedisForgetsTheScript(t *testing.T) {
	server := newServer(t)
	server.start(t)
	s, c := open(t, redis.Options{URL: server.url(0)}), server.client(t, 0)
	defer c.Close()
	d := limit(t, 1, rate.Limit{Kind: rate.Ever, Amount: 3})
	for i := range int64(4) {
		if err := c.Do(t.Context(), c.B().ScriptFlush().Build()).Error(); err != nil {
			t.Fatal(err)
		}
		if a, err := take(t.Context(), s, d, 1); err != nil || a.Passed != (i < 3) {
			t.Errorf("take %d: %v, %+v", i, err, a)
		}
	}
}

// What a later version wrote counts something, and is not taken for nothing. Other keys are counted as ever.
func TestWhatIsUnreadableIsNotNothing(t *testing.T) {
	server := newServer(t)
	server.start(t)
	s, c := open(t, redis.Options{URL: server.url(0)}), server.client(t, 0)
	defer c.Close()
	d, other := limit(t, 1, rate.Limit{Kind: rate.Ever, Amount: 1}), limit(t, 2, rate.Limit{Kind: rate.Ever, Amount: 100})
	for _, value := range []string{"1", "2" + strings.Repeat("\x00", 24), "1" + strings.Repeat("\x00", 25), "rubbish"} {
		if err := c.Do(t.Context(), c.B().Set().Key("slipway:takes:1:api:ana").Value(value).Build()).Error(); err != nil {
			t.Fatal(err)
		}
		var wg sync.WaitGroup
		for range 4 {
			wg.Go(func() {
				if _, err := take(t.Context(), s, d, 1); !fault.Is(err, fault.CodeInternal) {
					t.Errorf("%q: %v", value, err)
				}
			})
			wg.Go(func() {
				if a, err := take(t.Context(), s, other, 1); err != nil || !a.Passed {
					t.Errorf("another key: %v, %+v", err, a)
				}
			})
		}
		wg.Wait()
	}
	if err := s.Forget(t.Context(), d, "api:ana"); err != nil {
		t.Errorf("forget: %v", err)
	}
	if a, err := take(t.Context(), s, d, 1); err != nil || !a.Passed {
		t.Errorf("forgotten: %v, %+v", err, a)
	}
}

func TestAnAddressIsCheckedAndNotSaid(t *testing.T) {
	for _, url := range []string{"", "http://h", "redis://:hunter2@h:6379/x", "redis://u:hunter2@h:99999999/%zz", "localhost:6379"} {
		_, err := redis.Open(redis.Options{URL: url})
		if !fault.Is(err, fault.CodeInvalid) || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%q: %v", url, err)
		}
	}
}

func TestAStoreThatHasEndedSaysSo(t *testing.T) {
	server := newServer(t)
	server.start(t)
	d := limit(t, 1, rate.Limit{Kind: rate.Rolling, Amount: 1000, Unit: rate.Second})
	for range 20 { // it ends while it is asked
		s, err := redis.Open(redis.Options{URL: server.url(0), Timeout: time.Minute})
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		var wg sync.WaitGroup
		for range 4 {
			wg.Go(func() {
				for {
					if _, err := take(context.Background(), s, d, 1); err != nil {
						if !fault.Is(err, fault.CodeInternal) {
							t.Errorf("take: %v", err)
						}
						return
					}
					cancel()
				}
			})
		}
		if err := s.Run(ctx); err != nil {
			t.Errorf("run: %v", err)
		}
		wg.Wait()
		cancel()
	}
}
