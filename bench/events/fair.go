package main

import (
	"context"
	"fmt"
	"os"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/slipwayhq/slipway/bench/rig"
)

// fairTarget is by how much another app's flood may delay an acknowledgement, at most.
const fairTarget = 2.0

// fairness measures how long one app's acknowledgements take alone, and beside another app that sends as fast as it can. Each is tried three times, in turn.
func fairness(ctx context.Context, r *rig.Rig, last time.Duration) error {
	before := rig.Load()
	s, err := r.Serve(ctx, "fair", false)
	if err != nil {
		return err
	}
	defer s.Stop()
	for _, app := range []string{"shop", "blog"} {
		if err := call(ctx, s.URL+"/v1/apps", fmt.Sprintf(`{"name":%q}`, app)); err != nil {
			return err
		}
		if err := call(ctx, s.URL+"/v1/apps/"+app+"/sources", `{"name":"web"}`); err != nil {
			return err
		}
	}
	quiet := load{app: "blog", rate: 200, batch: 1, senders: 32}
	flood := load{app: "shop", rate: 1_000_000, batch: 100, senders: 64}
	var alone, beside, floods []loaded
	for range 3 {
		one, err := run(ctx, r, s, quiet, last)
		if err != nil {
			return err
		}
		var two, much loaded
		var both errgroup.Group
		both.Go(func() (err error) { much, err = run(ctx, r, s, flood, last); return err })
		both.Go(func() (err error) { two, err = run(ctx, r, s, quiet, last); return err })
		if err := both.Wait(); err != nil {
			return err
		}
		alone, beside, floods = append(alone, one), append(beside, two), append(floods, much)
	}
	of := func(all []loaded, value func(loaded) float64) float64 {
		ms := make([]time.Duration, len(all))
		for i, l := range all {
			ms[i] = time.Duration(value(l) * float64(time.Millisecond))
		}
		return rig.Median(ms).Seconds() * 1000
	}
	var table [][]string
	for _, q := range []struct {
		name  string
		value func(loaded) float64
	}{{"p50", func(l loaded) float64 { return l.P50 }}, {"p99", func(l loaded) float64 { return l.P99 }}} {
		ratio := of(beside, q.value) / of(alone, q.value)
		table = append(table, []string{q.name, fmt.Sprintf("%.1f", of(alone, q.value)), fmt.Sprintf("%.1f", of(beside, q.value)), fmt.Sprintf("%.1f", of(floods, q.value)), fmt.Sprintf("%.1f", ratio), rig.Verdict(ratio <= fairTarget)})
	}
	if err := rig.Table(os.Stdout, []string{"200 single events a second, ack", "alone ms", "beside a flood of another app", "the flood's own", "ratio", fmt.Sprintf("at most %.0f", fairTarget)}, table); err != nil {
		return err
	}
	_, err = fmt.Printf("the flood: %.0f events/s; load before %s, after %s\n", of(floods, func(l loaded) float64 { return l.Rate }), before, rig.Load())
	return err
}
