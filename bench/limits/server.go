package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
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
	var key struct{ Key string }
	for _, c := range []struct {
		method, path string
		body         any
		out          any
	}{
		{"POST", "/v1/apps", map[string]any{"name": "shop"}, nil},
		{"POST", "/v1/apps/shop/keys", map[string]any{"name": "bench", "kind": "server", "environment": "production"}, &key},
		{"POST", "/v1/apps/shop/limits", map[string]any{"group": "api", "definition": map[string]any{"kind": "rolling", "amount": 1_000_000, "unit": "hour"}}, nil},
		{"POST", "/v1/apps/shop/limits", map[string]any{"group": "few", "definition": map[string]any{"kind": "rolling", "amount": 100, "unit": "day"}}, nil},
		{"PUT", "/v1/apps/shop/limit-domains/bench", map[string]any{"yaml": descriptors}, nil},
	} {
		if err := a.call(ctx, c.method, c.path, c.body, c.out); err != nil {
			return nil, err
		}
	}
	a.key = key.Key
	return a, nil
}

func (a *asked) call(ctx context.Context, method, path string, body, out any) error {
	data, err := json.Marshal(body)
	if err != nil {
		return err
	}
	req, err := http.NewRequestWithContext(ctx, method, a.URL+path, bytes.NewReader(data))
	if err != nil {
		return err
	}
	req.Header.Set("Authorization", "Bearer "+rig.Token)
	req.Header.Set("Content-Type", "application/json")
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	if err != nil {
		return err
	}
	if res.StatusCode/100 != 2 {
		return fmt.Errorf("%s %s: %s: %s", method, path, res.Status, text)
	}
	if out == nil {
		return nil
	}
	return json.Unmarshal(text, out)
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
