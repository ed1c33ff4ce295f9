package main

import (
	"context"
	"fmt"
	"net/http"
	"os/exec"
	"regexp"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/slipwayhq/slipway/internal/wire"
)

// cookie is a visitor's, as browsers send it from the second request on.
const cookie = wire.CookieVisitor + "=0123456789abcdef0123456789abcdef"

// turn is one proxy under one kind of load.
type turn struct {
	name   string
	target target
	cookie string
}

// compare gives each proxy its turn in each round.
func (s *stage) compare(ctx context.Context, set settings) ([]figures, error) {
	turns := []turn{
		{"bare ReverseProxy, tuned as the edge is", s.bare["tuned"], cookie},
		{"bare, without a buffer pool", s.bare["pooled"], cookie},
		{"bare, as the library makes it", s.bare["stock"], cookie},
		{"edge", s.edge, cookie},
		{"edge, no cookie (a new id each request)", s.edge, "other=1"},
	}
	result := make([]figures, len(turns))
	for round := range set.Rounds + 1 {
		for k := range turns {
			i := k
			if round%2 == 1 { // there and back again, so that nobody always follows the same one
				i = len(turns) - 1 - k
			}
			if err := result[i].take(ctx, turns[i], set, round > 0); err != nil { // the first one is to warm up
				return nil, err
			}
		}
	}
	for i := range result {
		f := &result[i]
		for round := range f.perSecond {
			f.rateRatios = append(f.rateRatios, f.perSecond[round]/result[0].perSecond[round])
			f.cpuRatios = append(f.cpuRatios, result[0].cpu[round]/f.cpu[round])
		}
		f.Name, f.PerSecond, f.CPU, f.RateRatio, f.CPURatio = turns[i].name, median(f.perSecond), median(f.cpu), median(f.rateRatios), median(f.cpuRatios)
	}
	return result, nil
}

// take loads the proxy for a turn, and keeps what came of it if it counts.
func (f *figures) take(ctx context.Context, t turn, set settings, counts bool) error {
	before, err := cpu(t.target.pid)
	if err != nil {
		return err
	}
	rate, requests, err := load(ctx, t.target.addr, t.cookie, set)
	if err != nil {
		return err
	}
	after, err := cpu(t.target.pid)
	if err == nil && counts {
		f.perSecond = append(f.perSecond, rate)
		f.cpu = append(f.cpu, float64((after-before).Microseconds())/requests)
	}
	return err
}

func loadName() string {
	if _, err := exec.LookPath("wrk"); err == nil {
		return "wrk"
	}
	return "own generator"
}

var (
	wrkRate     = regexp.MustCompile(`Requests/sec:\s+([0-9.]+)`)
	wrkRequests = regexp.MustCompile(`(\d+) requests in`)
	wrkTrouble  = regexp.MustCompile(`(?m)^\s*(Socket errors|Non-2xx).*$`)
)

// load sends GETs for a turn and tells the rate and the number.
func load(ctx context.Context, addr, cookie string, set settings) (rate, requests float64, err error) {
	if loadName() != "wrk" {
		return generate(ctx, addr, cookie, set)
	}
	cmd := exec.CommandContext(ctx, "wrk", "-t1", "-c"+strconv.Itoa(set.Conns), "-d"+strconv.Itoa(max(1, int(set.Time.Seconds())))+"s", // our own numbers
		"-H", "Cookie: "+cookie, "http://"+addr+"/product/81723")
	out, err := cmd.CombinedOutput()
	if err != nil {
		return 0, 0, fmt.Errorf("run wrk: %w: %s", err, out)
	}
	if trouble := wrkTrouble.Find(out); trouble != nil {
		return 0, 0, fmt.Errorf("wrk against %s: %s", addr, trouble)
	}
	r, n := wrkRate.FindSubmatch(out), wrkRequests.FindSubmatch(out)
	if r == nil || n == nil {
		return 0, 0, fmt.Errorf("wrk said %q", out)
	}
	if rate, err = strconv.ParseFloat(string(r[1]), 64); err == nil {
		requests, err = strconv.ParseFloat(string(n[1]), 64)
	}
	return rate, requests, err
}

// generate is the load without wrk.
func generate(ctx context.Context, addr, cookie string, set settings) (rate, requests float64, err error) {
	ctx, cancel := context.WithTimeout(ctx, set.Time)
	defer cancel()
	var done, failed atomic.Int64
	var group sync.WaitGroup
	began := time.Now()
	for range set.Conns {
		group.Go(func() {
			client := &http.Client{Transport: &http.Transport{}}
			defer client.CloseIdleConnections()
			for ctx.Err() == nil {
				if ask(client, http.MethodGet, addr, cookie, nil) != nil {
					failed.Add(1)
				}
				done.Add(1)
			}
		})
	}
	group.Wait()
	if failed.Load() > 0 {
		return 0, 0, fmt.Errorf("%d of %d requests to %s failed", failed.Load(), done.Load(), addr)
	}
	requests = float64(done.Load())
	return requests / time.Since(began).Seconds(), requests, nil
}
