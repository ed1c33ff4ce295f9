package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/slipwayhq/slipway/bench/rig"
)

// asked is a server with limits, and a key to ask by.
type asked struct {
	*rig.Server
	key, grpc string
}

const descriptors = `
domain: bench
descriptors:
  - key: user
    rate_limit: {unit: hour, requests_per_unit: 1000000}
  - key: few
    rate_limit: {unit: day, requests_per_unit: 100}
`

func serve(ctx context.Context, r *rig.Rig, name string) (*asked, error) {
	port, err := rig.FreePort()
	if err != nil {
		return nil, err
	}
	a := &asked{grpc: fmt.Sprintf("127.0.0.1:%d", port)}
	if a.Server, err = r.Serve(ctx, name, false, "--limit-listen", a.grpc, "--log-level", "error"); err != nil {
		return nil, err
	}
	yaml, err := json.Marshal(map[string]string{"yaml": descriptors})
	if err != nil {
		return nil, fmt.Errorf("encode descriptors: %w", err)
	}
	var key struct{ Key string }
	err = errors.Join(
		a.Call(ctx, http.MethodPost, "/v1/apps", `{"name":"shop"}`, nil),
		a.Call(ctx, http.MethodPost, "/v1/apps/shop/keys", `{"name":"bench","kind":"server","environment":"production"}`, &key),
		a.Call(ctx, http.MethodPost, "/v1/apps/shop/limits", `{"group":"api","definition":{"kind":"rolling","amount":1000000,"unit":"hour"}}`, nil),
		a.Call(ctx, http.MethodPost, "/v1/apps/shop/limits", `{"group":"few","definition":{"kind":"rolling","amount":100,"unit":"day"}}`, nil),
		a.Call(ctx, http.MethodPut, "/v1/apps/shop/limit-domains/bench", string(yaml), nil),
	)
	a.key = key.Key
	return a, err
}

// spent is the time of the processor that a process has had.
func spent(pid int) (time.Duration, error) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return 0, fmt.Errorf("read what a process spent: %w", err)
	}
	_, rest, _ := strings.Cut(string(text), ") ")
	f := strings.Fields(rest)
	if len(f) < 13 {
		return 0, fmt.Errorf("read what a process spent: %q", text)
	}
	user, err1 := strconv.ParseInt(f[11], 10, 64)
	system, err2 := strconv.ParseInt(f[12], 10, 64)
	if err1 != nil || err2 != nil {
		return 0, fmt.Errorf("read what a process spent: %q", text)
	}
	const tick = time.Second / 100 // USER_HZ, on every Linux
	return time.Duration(user+system) * tick, nil
}

// run is what a round of requests came to.
type run struct {
	asked    int
	took     time.Duration
	each     []time.Duration
	cost     []time.Duration // of the processor, by process
	failures int
}

// load asks from so many sides for a time, and says what it cost the processes.
func load(ctx context.Context, lasts time.Duration, sides int, pids []int, ask func(ctx context.Context, side, n int) error) (out run, err error) {
	before := make([]time.Duration, len(pids))
	for i, pid := range pids {
		if before[i], err = spent(pid); err != nil {
			return out, err
		}
	}
	began := time.Now()
	var mu sync.Mutex
	var wg sync.WaitGroup
	for side := range sides {
		wg.Go(func() {
			var each []time.Duration
			failures := 0
			for n := 0; ctx.Err() == nil; n++ {
				at := time.Now()
				if at.Sub(began) > lasts {
					break
				}
				if ask(ctx, side, n) != nil {
					failures++
				}
				each = append(each, time.Since(at))
			}
			mu.Lock()
			defer mu.Unlock()
			out.each, out.failures = append(out.each, each...), out.failures+failures
		})
	}
	wg.Wait()
	out.took, out.asked = time.Since(began), len(out.each)
	for i, pid := range pids {
		after, err := spent(pid)
		if err != nil {
			return out, err
		}
		out.cost = append(out.cost, after-before[i])
	}
	return out, ctx.Err()
}

func micros(d time.Duration, n int) string {
	return fmt.Sprintf("%.1f", float64(d.Microseconds())/float64(max(n, 1)))
}
