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

// fairLimit is how many events a second the other app may send once it is limited.
const fairLimit = 2000

// fairness measures how long one app's acknowledgements take alone, beside another app that sends as fast as it can, and beside the same once its source is limited. Each is tried three times, in turn.
func fairness(ctx context.Context, r *rig.Rig, last time.Duration) error {
	before := rig.Load()
	s, err := r.Serve(ctx, "fair", false)
	if err != nil {
		return err
	}
	defer s.Stop()
	var flooding struct{ ID string }
	for _, app := range []string{"blog", "shop"} {
		if err := call(ctx, s.URL+"/v1/apps", fmt.Sprintf(`{"name":%q}`, app), nil); err != nil {
			return err
		}
		if err := call(ctx, s.URL+"/v1/apps/"+app+"/sources", `{"name":"web"}`, &flooding); err != nil {
			return err
		}
	}
	limited := func(perSecond int) error {
		return call(ctx, s.URL+"/v1/apps/shop/sources/"+flooding.ID+"/changes", fmt.Sprintf(`{"change":"limit","limit":%d,"reason":"it floods"}`, perSecond), nil)
	}
	quiet := load{app: "blog", rate: 200, batch: 1, senders: 32}
	flood := load{app: "shop", rate: 1_000_000, batch: 100, senders: 64}
	meet := func() (other, much loaded, err error) {
		var both errgroup.Group
		both.Go(func() (err error) { much, err = run(ctx, r, s, flood, last); return err })
		both.Go(func() (err error) { other, err = run(ctx, r, s, quiet, last); return err })
		return other, much, both.Wait()
	}
	var alone, beside, floods, bounded []loaded
	for range 3 {
		one, err := run(ctx, r, s, quiet, last)
		if err != nil {
			return err
		}
		two, much, err := meet()
		if err != nil {
			return err
		}
		if err := limited(fairLimit); err != nil {
			return err
		}
		three, _, err := meet()
		if err != nil {
			return err
		}
		if err := limited(0); err != nil {
			return err
		}
		alone, beside, floods, bounded = append(alone, one), append(beside, two), append(floods, much), append(bounded, three)
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
		bound := of(bounded, q.value) / of(alone, q.value)
		table = append(table, []string{
			q.name, fmt.Sprintf("%.1f", of(alone, q.value)), fmt.Sprintf("%.1f", of(beside, q.value)), fmt.Sprintf("%.1f", of(floods, q.value)), fmt.Sprintf("%.1f", ratio), rig.Verdict(ratio <= fairTarget),
			fmt.Sprintf("%.1f", of(bounded, q.value)), fmt.Sprintf("%.1f", bound), rig.Verdict(bound <= fairTarget),
		})
	}
	if err := rig.Table(os.Stdout, []string{"200 single events a second, ack", "alone ms", "beside a flood of another app", "the flood's own", "ratio", fmt.Sprintf("at most %.0f", fairTarget), fmt.Sprintf("beside the flood limited to %d/s", fairLimit), "ratio", ""}, table); err != nil {
		return err
	}
	_, err = fmt.Printf("the flood: %.0f events/s; load before %s, after %s\n", of(floods, func(l loaded) float64 { return l.Rate }), before, rig.Load())
	return err
}
