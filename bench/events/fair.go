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

// victims are who is not to be delayed, and beside how many of the kinds that is looked at.
var victims = []struct {
	name  string
	load  load
	kinds int
}{
	{"200 single events a second", load{app: "blog", rate: 200, batch: 1, senders: 32}, len(kinds)},
	{"10 batches of 50 a second", load{app: "blog", rate: 500, batch: 50, senders: 32}, 3},
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
	var flooding struct{ ID string }
	for _, app := range []string{"blog", "shop"} {
		if err := s.Call(ctx, "POST", "/v1/apps", fmt.Sprintf(`{"name":%q}`, app), nil); err != nil {
			return err
		}
		if err := s.Call(ctx, "POST", "/v1/apps/"+app+"/sources", `{"name":"web"}`, &flooding); err != nil {
			return err
		}
	}
	for i, victim := range victims {
		m := met{make([][]loaded, victim.kinds), make([][]loaded, victim.kinds), make([][]loaded, victim.kinds)}
		for range 3 {
			for k, kind := range kinds[:victim.kinds] {
				if err := s.Call(ctx, "POST", "/v1/apps/shop/sources/"+flooding.ID+"/changes", fmt.Sprintf(`{"change":"limit","limit":%d,"reason":"it floods"}`, kind.limit), nil); err != nil {
					return err
				}
				if err := m.meet(ctx, r, s, victim.load, k, i == 0, last); err != nil {
					return err
				}
			}
		}
		if err := m.print(victim.name); err != nil {
			return err
		}
	}
	_, err = fmt.Printf("load before %s, after %s\n", before, rig.Load())
	return err
}

// meet has the two apps meet, and then, where it is asked for, lets the flood alone.
func (m met) meet(ctx context.Context, r *rig.Rig, s *rig.Server, quiet load, kind int, lonely bool, last time.Duration) error {
	var g errgroup.Group
	var other, much loaded
	if kind > 0 {
		g.Go(func() (err error) { much, err = run(ctx, r, s, kinds[kind].flood, last); return err })
	}
	g.Go(func() (err error) { other, err = run(ctx, r, s, quiet, last); return err })
	if err := g.Wait(); err != nil {
		return err
	}
	m.quiet[kind], m.floods[kind] = append(m.quiet[kind], other), append(m.floods[kind], much)
	if kind == 0 || !lonely {
		return nil
	}
	alone, err := run(ctx, r, s, kinds[kind].flood, last)
	m.lonely[kind] = append(m.lonely[kind], alone)
	return err
}

func (m met) print(victim string) error {
	p50, p99, rate := func(l loaded) float64 { return l.P50 }, func(l loaded) float64 { return l.P99 }, func(l loaded) float64 { return l.Rate }
	ms := func(v float64) string { return fmt.Sprintf("%.1f", v) }
	var table [][]string
	alone50, alone99 := median(m.quiet[0], p50), median(m.quiet[0], p99)
	for i := range m.quiet {
		by50, by99 := median(m.quiet[i], p50), median(m.quiet[i], p99)
		row := []string{kinds[i].name, ms(by50), "", "", ms(by99), "", "", "", ""}
		if i > 0 {
			row[2], row[3], row[5], row[6] = ms(by50/alone50), rig.Verdict(by50/alone50 <= fairTarget), ms(by99/alone99), rig.Verdict(by99/alone99 <= fairTarget)
			row[7] = fmt.Sprintf("%.0f", median(m.floods[i], rate))
		}
		if len(m.lonely[i]) > 0 {
			row[8] = fmt.Sprintf("%.0f", median(m.lonely[i], rate))
		}
		table = append(table, row)
	}
	most := fmt.Sprintf("at most %.0f", fairTarget)
	return rig.Table(os.Stdout, []string{victim + ", ack", "p50 ms", "times alone", most, "p99 ms", "times alone", most, "the other's events/s", "and without"}, table)
}

func median(all []loaded, value func(loaded) float64) float64 {
	values := make([]float64, len(all))
	for i, l := range all {
		values[i] = value(l)
	}
	slices.Sort(values)
	return values[len(values)/2]
}
