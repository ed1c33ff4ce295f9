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

// kinds are what another app sends meanwhile.
var kinds = []struct {
	name  string
	flood load
	limit int // of its source; 0 is none
}{
	{name: "alone"},
	{"beside batches", load{app: "shop", rate: 1_000_000, batch: 100, senders: 64, punctual: true}, 0},
	{"beside single events", load{app: "shop", rate: 1_000_000, batch: 1, senders: 64, punctual: true}, 0},
	{fmt.Sprintf("beside batches, limited to %d/s", fairLimit), load{app: "shop", rate: 1_000_000, batch: 100, senders: 64, punctual: true}, fairLimit},
}

// met are the acknowledgements of one app, and of the flood beside it, by kind; and those of the flood without the app.
type met struct{ quiet, floods, lonely [][]loaded }

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
	p50, p99, rate := func(l loaded) float64 { return l.P50 }, func(l loaded) float64 { return l.P99 }, func(l loaded) float64 { return l.Rate }
	ms := func(v float64) string { return fmt.Sprintf("%.1f", v) }
	alone50, alone99 := median(m.quiet[0], p50), median(m.quiet[0], p99)
	table := [][]string{{kinds[0].name, ms(alone50), "", "", ms(alone99), "", "", "", ""}}
	for i, kind := range kinds[1:] {
		by50, by99 := median(m.quiet[i+1], p50), median(m.quiet[i+1], p99)
		table = append(table, []string{
			kind.name, ms(by50), ms(by50 / alone50), rig.Verdict(by50/alone50 <= fairTarget), ms(by99), ms(by99 / alone99), rig.Verdict(by99/alone99 <= fairTarget),
			fmt.Sprintf("%.0f", median(m.floods[i+1], rate)), fmt.Sprintf("%.0f", median(m.lonely[i+1], rate)),
		})
	}
	head := []string{"200 single events a second, ack", "p50 ms", "times alone", fmt.Sprintf("at most %.0f", fairTarget), "p99 ms", "times alone", fmt.Sprintf("at most %.0f", fairTarget), "the other's events/s", "and without"}
	if err := rig.Table(os.Stdout, head, table); err != nil {
		return err
	}
	_, err = fmt.Printf("load before %s, after %s\n", before, rig.Load())
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
func meet(ctx context.Context, r *rig.Rig, s *rig.Server, last time.Duration) (met, error) {
	m := met{make([][]loaded, len(kinds)), make([][]loaded, len(kinds)), make([][]loaded, len(kinds))}
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
	for range 3 {
		for i, kind := range kinds {
			if err := s.Call(ctx, "POST", "/v1/apps/shop/sources/"+flooding.ID+"/changes", fmt.Sprintf(`{"change":"limit","limit":%d,"reason":"it floods"}`, kind.limit), nil); err != nil {
				return m, err
			}
			var g errgroup.Group
			var other, much loaded
			if i > 0 {
				g.Go(func() (err error) { much, err = run(ctx, r, s, kind.flood, last); return err })
			}
			g.Go(func() (err error) { other, err = run(ctx, r, s, quiet, last); return err })
			if err := g.Wait(); err != nil {
				return m, err
			}
			m.quiet[i], m.floods[i] = append(m.quiet[i], other), append(m.floods[i], much)
			if i == 0 {
				continue
			}
			lonely, err := run(ctx, r, s, kind.flood, last)
			if err != nil {
				return m, err
			}
			m.lonely[i] = append(m.lonely[i], lonely)
		}
	}
	return m, nil
}
