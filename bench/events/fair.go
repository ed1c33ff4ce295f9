package main

import (
	"context"
	"fmt"
	"os"
	"slices"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/slipwayhq/slipway/bench/rig"
)

// fairTarget is by how much another app's flood may delay an acknowledgement, at most.
const fairTarget = 2.0

// fairLimit is how many events a second the other app may send once it is limited.
const fairLimit = 2000

// met are the acknowledgements of one app alone, beside another that sends as fast as it can, of that one then and without the first, and beside it once its source is limited.
type met struct{ alone, beside, floods, lonely, bounded []loaded }

// fairness measures how long one app's acknowledgements take. Each is tried three times, in turn.
func fairness(ctx context.Context, r *rig.Rig, last time.Duration) error {
	before := rig.Load()
	s, err := r.Serve(ctx, "fair", false)
	if err != nil {
		return err
	}
	defer s.Stop()
	m, err := meet(ctx, r, s, last)
	if err != nil {
		return err
	}
	var table [][]string
	for _, q := range []struct {
		name  string
		value func(loaded) float64
	}{{"p50", func(l loaded) float64 { return l.P50 }}, {"p99", func(l loaded) float64 { return l.P99 }}} {
		alone, beside, bounded := median(m.alone, q.value), median(m.beside, q.value), median(m.bounded, q.value)
		table = append(table, []string{
			q.name, fmt.Sprintf("%.1f", alone), fmt.Sprintf("%.1f", beside), fmt.Sprintf("%.1f", median(m.floods, q.value)), fmt.Sprintf("%.1f", beside/alone), rig.Verdict(beside/alone <= fairTarget),
			fmt.Sprintf("%.1f", bounded), fmt.Sprintf("%.1f", bounded/alone), rig.Verdict(bounded/alone <= fairTarget),
		})
	}
	if err := rig.Table(os.Stdout, []string{"200 single events a second, ack", "alone ms", "beside a flood of another app", "the flood's own", "ratio", fmt.Sprintf("at most %.0f", fairTarget), fmt.Sprintf("beside the flood limited to %d/s", fairLimit), "ratio", ""}, table); err != nil {
		return err
	}
	rate := func(l loaded) float64 { return l.Rate }
	_, err = fmt.Printf("the flood: %.0f events/s beside the other, %.0f alone; load before %s, after %s\n", median(m.floods, rate), median(m.lonely, rate), before, rig.Load())
	return err
}

func median(all []loaded, value func(loaded) float64) float64 {
	values := make([]float64, len(all))
	for i, l := range all {
		values[i] = value(l)
	}
	slices.Sort(values)
	return values[len(values)/2]
}

// meet has the two apps meet.
func meet(ctx context.Context, r *rig.Rig, s *rig.Server, last time.Duration) (m met, err error) {
	var flooding struct{ ID string }
	for _, app := range []string{"blog", "shop"} {
		if err := s.Call(ctx, "POST", "/v1/apps", fmt.Sprintf(`{"name":%q}`, app), nil); err != nil {
			return m, err
		}
		if err := s.Call(ctx, "POST", "/v1/apps/"+app+"/sources", `{"name":"web"}`, &flooding); err != nil {
			return m, err
		}
	}
	quiet := load{app: "blog", rate: 200, batch: 1, senders: 32}
	flood := load{app: "shop", rate: 1_000_000, batch: 100, senders: 64, punctual: true}
	both := func(limit int) (other, much loaded, err error) {
		if err := s.Call(ctx, "POST", "/v1/apps/shop/sources/"+flooding.ID+"/changes", fmt.Sprintf(`{"change":"limit","limit":%d,"reason":"it floods"}`, limit), nil); err != nil {
			return other, much, err
		}
		var g errgroup.Group
		g.Go(func() (err error) { much, err = run(ctx, r, s, flood, last); return err })
		g.Go(func() (err error) { other, err = run(ctx, r, s, quiet, last); return err })
		return other, much, g.Wait()
	}
	for range 3 {
		one, err := run(ctx, r, s, quiet, last)
		if err != nil {
			return m, err
		}
		two, much, err := both(0)
		if err != nil {
			return m, err
		}
		alone, err := run(ctx, r, s, flood, last)
		if err != nil {
			return m, err
		}
		three, _, err := both(fairLimit)
		if err != nil {
			return m, err
		}
		m.alone, m.beside, m.floods, m.bounded = append(m.alone, one), append(m.beside, two), append(m.floods, much), append(m.bounded, three)
		m.lonely = append(m.lonely, alone)
	}
	return m, nil
}
