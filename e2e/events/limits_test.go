package events

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/http"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
)

// takers take of limits as fast as they are answered, and count what they were given.
type takers struct {
	s   *server
	key string
	// what was given, by limit, and how many asks had no answer
	given, silent map[string]*atomic.Int64
	held, most    atomic.Int64 // leases of which the answer is here, and that are not being returned; the most there ever were
	answers       atomic.Int64
	began         time.Time
	stop          func()
}

const (
	ever    = 3000
	held    = 3
	perMin  = 6000 // slack: 100, a second's worth
	yearly  = 500  // slack: 5, a hundredth
	workers = 8    // for each limit
)

// TestCrashGivesNoMoreThanTheLimit kills the server at random moments while many take of limits, and counts what they were given.
func TestCrashGivesNoMoreThanTheLimit(t *testing.T) {
	kills := number(t, "SLIPWAY_KILLS", 4)
	if kills > 50 {
		kills = 50
	}
	seed := uint64(number(t, "SLIPWAY_SEED", int(time.Now().UnixNano()%1e9)))
	t.Logf("%d kills with SLIPWAY_SEED=%d", kills, seed)
	dice := rand.New(rand.NewPCG(seed, 2000))
	s := newServer(t)
	k := take(s)
	for n := range kills {
		if n%4 != 3 { // each fourth death is one at the start
			s.ready()
			more := k.answers.Load() + 200
			k.until(func() bool { return k.answers.Load() > more })
		}
		time.Sleep(time.Duration(dice.IntN(400)) * time.Millisecond)
		s.end(syscall.SIGKILL)
		s.start()
	}
	s.ready()
	last := k.given["ever"].Load()
	k.until(func() bool { // what is ever given is given in the end, but for what was given to nobody who heard of it
		n := k.given["ever"].Load()
		same := n == last && n+k.silent["ever"].Load() >= ever
		last = n
		return same || n >= ever
	})
	k.stop()
	k.check(kills)
}

// take makes the limits and lets takers loose on them.
func take(s *server) *takers {
	s.Helper()
	var key struct{ Key string }
	s.call("/v1/apps/shop/keys", map[string]any{"name": "backend", "kind": "server", "environment": "production"}, &key)
	for group, d := range map[string]map[string]any{
		"ever":   {"kind": "ever", "amount": ever},
		"held":   {"kind": "concurrent", "amount": held, "hold_seconds": 3},
		"minute": {"kind": "rolling", "amount": perMin, "unit": "minute"},
		"year":   {"kind": "calendar", "amount": yearly, "unit": "year"}, // a window that does not end in the test
	} {
		s.call("/v1/apps/shop/limits", map[string]any{"group": group, "definition": d}, nil)
	}
	k := &takers{s: s, key: key.Key, given: map[string]*atomic.Int64{}, silent: map[string]*atomic.Int64{}, began: time.Now()}
	ctx, cancel := context.WithCancel(s.Context())
	var wg sync.WaitGroup
	k.stop = sync.OnceFunc(func() { cancel(); wg.Wait() })
	s.Cleanup(k.stop)
	for _, group := range []string{"ever", "held", "minute", "year"} {
		k.given[group], k.silent[group] = &atomic.Int64{}, &atomic.Int64{}
	}
	for group := range k.given {
		for range workers {
			wg.Go(func() {
				for ctx.Err() == nil {
					k.one(ctx, group)
				}
			})
		}
	}
	return k
}

// one takes one of a limit; a lease is held for a moment, and returned.
func (k *takers) one(ctx context.Context, group string) {
	var a struct {
		Passed bool
		Groups []struct{ Lease string }
	}
	status := k.post(ctx, "check", map[string]any{"group": group + ":x"}, &a)
	if status != http.StatusOK {
		k.silent[group].Add(1)
		time.Sleep(10 * time.Millisecond)
		return
	}
	k.answers.Add(1)
	if !a.Passed {
		time.Sleep(2 * time.Millisecond)
		return
	}
	k.given[group].Add(1)
	if group != "held" {
		return
	}
	n := k.held.Add(1)
	for most := k.most.Load(); n > most && !k.most.CompareAndSwap(most, n); most = k.most.Load() {
	}
	time.Sleep(3 * time.Millisecond)
	k.held.Add(-1) // from here on it may be another's
	k.post(ctx, "return", map[string]any{"group": group + ":x", "lease": a.Groups[0].Lease}, nil)
}

// post gives the status; 0: there was no answer.
func (k *takers) post(ctx context.Context, what string, body, out any) int {
	data, err := json.Marshal(body)
	if err != nil {
		panic(err)
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://"+k.s.addr+"/v1/limits/"+what, bytes.NewReader(data))
	if err != nil {
		panic(err)
	}
	req.Header.Set("Authorization", "Bearer "+k.key)
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return 0
	}
	defer res.Body.Close()
	if out != nil && json.NewDecoder(res.Body).Decode(out) != nil {
		return 0
	}
	return res.StatusCode
}

func (k *takers) until(ok func() bool) {
	k.s.Helper()
	for end := time.Now().Add(patience); time.Now().Before(end); time.Sleep(100 * time.Millisecond) {
		if ok() {
			return
		}
	}
	k.s.Fatalf("not within %s: %s", patience, k)
}

func (k *takers) String() string {
	return fmt.Sprintf("ever %d of %d (%d without an answer), held %d of %d at most, %d times; minute %d, year %d of %d; %d answers in %s", k.given["ever"].Load(), ever, k.silent["ever"].Load(), k.most.Load(), held,
		k.given["held"].Load(), k.given["minute"].Load(), k.given["year"].Load(), yearly, k.answers.Load(), time.Since(k.began).Round(time.Second))
}

// check compares what was given with what the limits and their promise allow: each crash may give again what is one hundredth of a limit, or one second's worth.
func (k *takers) check(kills int) {
	k.s.Helper()
	k.s.Log(k)
	if n := k.given["ever"].Load(); n > ever {
		k.s.Errorf("%d of %d were ever given", n, ever)
	}
	if n := k.most.Load(); n > held || n == 0 || k.given["held"].Load() < int64(kills) {
		k.s.Errorf("%d of %d were held at once, %d were given", n, held, k.given["held"].Load())
	}
	most := perMin + int64(time.Since(k.began)/time.Second+1)*perMin/60 + int64(kills)*max(perMin/100, perMin/60)
	if n := k.given["minute"].Load(); n > most {
		k.s.Errorf("%d were given of %d a minute; %d can be with %d crashes", n, perMin, most, kills)
	}
	if n, most := k.given["year"].Load(), int64(yearly+kills*yearly/100); n > most || n < yearly-k.silent["year"].Load() {
		k.s.Errorf("%d were given of %d; %d can be with %d crashes", n, yearly, most, kills)
	}
}
