package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/slipwayhq/slipway/bench/rig"
	"github.com/slipwayhq/slipway/internal/event"
)

const (
	// goneTarget is how long the last visitor may see the bad release after the verdict, with an edge.
	goneTarget = time.Second
	// perSecond is how many visitors come.
	perSecond = 300
	// failEvery is which request the bad release fails.
	failEvery = 4
)

const watched = `  canary: visitors
  steps: [{share: 50%, watch: 20s}, {share: 100%, watch: 1s}]
  settle: 1s
  alpha: 0.001
`

// stage is the server with hosts, a worker and an edge.
type stage struct {
	server *rig.Server
	feed   *rig.Feed
	site   *rig.Site
}

// round is one bad release.
type round struct {
	judged  time.Duration // from the first visitor on it to the verdict
	back    time.Duration // from the verdict to the edges' answer
	last    time.Duration // from the verdict to the last answer
	answers int
}

func visitors(ctx context.Context, r *rig.Rig, rounds, hosts int) (err error) {
	server, err := r.Serve(ctx, "server", true)
	if err != nil {
		return err
	}
	feed := server.Follow(ctx)
	defer func() { err = errors.Join(err, feed.Close()) }()
	if _, err := server.Agent(ctx, "worker", "work", 0); err != nil {
		return err
	}
	for i := range hosts {
		if _, err := server.Agent(ctx, fmt.Sprintf("host-%d", i+1), "host", i+1, "--drain", "100ms"); err != nil {
			return err
		}
	}
	site, err := server.Site(ctx, 0, watched)
	if err != nil {
		return err
	}
	s := stage{server, feed, site}
	if _, err := site.Ship(ctx, 0); err != nil {
		return err
	}
	if _, err := feed.Wait(ctx, 0, "the first release is out", rig.Is("rollout.ended")); err != nil {
		return err
	}
	load := rig.Load()
	crowd := server.Crowd(ctx, perSecond)
	var all []round
	for range rounds {
		one, err := s.bad(ctx, crowd)
		if err != nil {
			crowd.Close()
			return err
		}
		all = append(all, one)
	}
	return report(all, hosts, crowd.Close(), load)
}

// bad ships a release that fails, and times its way back.
func (s stage) bad(ctx context.Context, crowd *rig.Crowd) (out round, err error) {
	mark := s.feed.Mark()
	if _, err := s.site.Ship(ctx, failEvery); err != nil {
		return out, err
	}
	judged, err := s.feed.Wait(ctx, mark, "the release is judged", rig.Of(func(j event.RolloutJudged) bool { return j.Verdict == "regressed" }))
	if err != nil {
		return out, err
	}
	ended, err := s.feed.Wait(ctx, mark, "the rollout has ended", rig.Is("rollout.ended"))
	if err != nil {
		return out, err
	}
	e, err := event.Decode[event.RolloutEnded](ended)
	if err != nil {
		return out, err
	}
	if e.Outcome != "rolled_back" {
		return out, fmt.Errorf("the bad release ended %s: %v", e.Outcome, e.Reasons)
	}
	applied := s.feed.Since(mark, func(ev event.Event) bool { return ev.Type == "traffic.applied" && ev.Time.After(judged.Time) })
	if len(applied) == 0 {
		return out, errors.New("no edge has said that it went back")
	}
	// Whoever asked before the end may have the answer only now.
	quiet := crowd.Of(e.From).Answers + perSecond
	if err := rig.Until(ctx, "a second's visitors on the old release", 10*time.Millisecond, func() bool { return crowd.Of(e.From).Answers >= quiet }); err != nil {
		return out, err
	}
	span := crowd.Of(e.Release)
	return round{judged.Time.Sub(span.First), applied[0].Time.Sub(judged.Time), span.Last.Sub(judged.Time), span.Answers}, nil
}

func report(all []round, hosts, lost int, load string) error {
	var rows [][]string
	var last []time.Duration
	most := time.Duration(0)
	for i, one := range all {
		rows = append(rows, []string{fmt.Sprint(i + 1), rig.Millis(one.judged), rig.Millis(one.back), rig.Millis(one.last), fmt.Sprint(one.answers)})
		last, most = append(last, one.last), max(most, one.last)
	}
	header := []string{"bad release", "first visitor → regressed, ms", "regressed → edge is back, ms", "regressed → last answer of it, ms", "its answers"}
	if err := rig.Table(os.Stdout, header, rows); err != nil {
		return err
	}
	fmt.Printf("%d hosts, %d visitors a second, of whom it fails every %dth; requests without an answer: %d\n", hosts, perSecond, failEvery, lost)
	fmt.Printf("target: the last answer at most %v after the verdict: %s (median %s ms, most %s ms); load before and after: %s, %s\n\n",
		goneTarget, rig.Verdict(most <= goneTarget), rig.Millis(rig.Median(last)), rig.Millis(most), load, rig.Load())
	return nil
}
