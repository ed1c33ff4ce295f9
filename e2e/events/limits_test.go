package events

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/http"
	"strings"
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
	// age is what the keys are called now. Each is used before a kill and after it, so that what a crash gives again is seen.
	age        atomic.Int64
	mu         sync.Mutex
	given      map[string]int64 // by key
	silent     map[string]int64 // how many asks of a key had no answer
	held, most atomic.Int64     // leases of which the answer is here, and that are not being returned; the most there ever were
	leases     atomic.Int64
	answers    atomic.Int64
	began      time.Time
	stop       func()
}

const (
	ever    = 60
	held    = 3
	perMin  = 600 // slack: 10, a second's worth
	yearly  = 100 // slack: 1, a hundredth; a window that does not end in the test
	workers = 8   // for each limit
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
		if n%2 == 0 {
			k.age.Add(1)
		}
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
	more := k.answers.Load() + 2000 // keys of the last age are used up
	k.until(func() bool { return k.answers.Load() > more })
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
	k := &takers{s: s, key: key.Key, given: map[string]int64{}, silent: map[string]int64{}, began: time.Now()}
	ctx, cancel := context.WithCancel(s.Context())
	var wg sync.WaitGroup
	k.stop = sync.OnceFunc(func() { cancel(); wg.Wait() })
	s.Cleanup(k.stop)
	for _, group := range []string{"ever", "held", "minute", "year"} {
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
	name := fmt.Sprintf("%s:%d", group, k.age.Load())
	if group == "held" {
		name = "held:x" // one pool for all ages
	}
	status := k.post(ctx, "check", map[string]any{"group": name}, &a)
	if status != http.StatusOK {
		k.count(k.silent, name)
		time.Sleep(10 * time.Millisecond)
		return
	}
	k.answers.Add(1)
	if !a.Passed {
		time.Sleep(2 * time.Millisecond)
		return
	}
	if group != "held" {
		k.count(k.given, name)
		return
	}
	k.leases.Add(1)
	n := k.held.Add(1)
	for most := k.most.Load(); n > most && !k.most.CompareAndSwap(most, n); most = k.most.Load() {
	}
	time.Sleep(3 * time.Millisecond)
	k.held.Add(-1) // from here on it may be another's
	k.post(ctx, "return", map[string]any{"group": name, "lease": a.Groups[0].Lease}, nil)
}

func (k *takers) count(in map[string]int64, name string) {
	k.mu.Lock()
	defer k.mu.Unlock()
	in[name]++
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
	k.mu.Lock()
	defer k.mu.Unlock()
	return fmt.Sprintf("%v given; %d of %d held at most, %d times; %d answers in %s", k.given, k.most.Load(), held, k.leases.Load(), k.answers.Load(), time.Since(k.began).Round(time.Second))
}

// check compares what each key was given with what its limit and its promise allow: a crash may give again a hundredth of a limit, or one second's worth. A key lives through two crashes at most.
func (k *takers) check(kills int) {
	k.s.Helper()
	k.s.Log(k)
	if n := k.most.Load(); n > held || n == 0 || k.leases.Load() < int64(kills) {
		k.s.Errorf("%d of %d were held at once, %d times", n, held, k.leases.Load())
	}
	const crashes = 2
	full := map[string]int{}
	for name, n := range k.given {
		group, _, _ := strings.Cut(name, ":")
		most := map[string]int64{
			"ever": ever, "year": yearly + crashes*yearly/100,
			"minute": perMin + int64(time.Since(k.began)/time.Second+1)*perMin/60 + crashes*perMin/60,
		}[group]
		if n > most {
			k.s.Errorf("%s: %d were given; %d can be", name, n, most)
		}
		if least := map[string]int64{"ever": ever, "year": yearly}[group]; least > 0 && n+k.silent[name] >= least {
			full[group]++
		}
	}
	if ages := int(k.age.Load()); full["ever"] < (ages+1)/2 || full["year"] < (ages+1)/2 { // else nothing would be seen of what is given again
		k.s.Errorf("of %d keys these came to their limits: %v", ages, full)
	}
}
