package main

import (
	"context"
	"fmt"
	"os"
	"time"

	"github.com/slipwayhq/slipway/bench/rig"
	"github.com/slipwayhq/slipway/internal/event"
)

const (
	// canaryTarget is how long it may take from the last test to the first canary.
	canaryTarget = 2 * time.Second
	// perSecond is how many visitors come.
	perSecond = 200
)

const steps = `  canary: visitors
  steps: [{share: 50%, watch: 1s}, {share: 100%, watch: 1s}]
  settle: 1s
`

// round is one release's way to its first visitor: since the last test ended.
type round struct {
	size                                 int64
	packed, staged, up, applied, visitor time.Duration
}

func (s stage) canary(ctx context.Context, rounds, size int) error {
	site, err := s.server.Site(ctx, size*1_000_000-programSize(), steps)
	if err != nil {
		return err
	}
	if _, err := site.Ship(ctx, 0); err != nil {
		return err
	}
	if _, err := s.feed.Wait(ctx, 0, "the first release is out", rig.Is("rollout.ended")); err != nil {
		return err
	}
	load := rig.Load()
	crowd := s.server.Crowd(ctx, perSecond)
	defer crowd.Close()
	var all []round
	for range rounds {
		one, err := s.release(ctx, site, crowd)
		if err != nil {
			return err
		}
		all = append(all, one)
	}
	return report(all, load)
}

// programSize is about what this program adds to a release, in bytes compressed.
func programSize() int {
	const compressed = 0.4
	exe, err := os.Executable()
	if err != nil {
		return 0
	}
	info, err := os.Stat(exe)
	if err != nil {
		return 0
	}
	return int(compressed * float64(info.Size()))
}

func (s stage) release(ctx context.Context, site *rig.Site, crowd *rig.Crowd) (out round, err error) {
	mark := s.feed.Mark()
	sha, err := site.Ship(ctx, 0)
	if err != nil {
		return out, err
	}
	passed, err := s.feed.Wait(ctx, mark, "the build", rig.Of(func(p event.BuildPassed) bool { return p.Head == sha }))
	if err != nil {
		return out, err
	}
	p, err := event.Decode[event.BuildPassed](passed)
	if err != nil {
		return out, err
	}
	tested := s.feed.Since(mark, rig.Of(func(e event.BuildProgressed) bool { return e.Build == p.Build && e.Done == e.Total }))
	applied, err1 := s.feed.Wait(ctx, mark, "the first canary", rig.Is("traffic.applied"))
	ended, err2 := s.feed.Wait(ctx, mark, "the rollout has ended", rig.Is("rollout.ended"))
	if err1 != nil || err2 != nil || len(tested) == 0 {
		return out, fmt.Errorf("release %s: %w, %w, %d times all tests done", sha, err1, err2, len(tested))
	}
	e, err := event.Decode[event.RolloutEnded](ended)
	if err != nil {
		return out, err
	}
	if e.Outcome != "promoted" {
		return out, fmt.Errorf("release %s ended %s: %v", sha, e.Outcome, e.Reasons)
	}
	staged := s.feed.Since(mark, moved("staging", "starting", 0))
	up := s.feed.Since(mark, moved("starting", "shifting", 0))
	done := tested[0].Time
	return round{
		p.Size, passed.Time.Sub(done), staged[0].Time.Sub(done), up[0].Time.Sub(done), applied.Time.Sub(done), crowd.Of(e.Release).First.Sub(done),
	}, nil
}

func report(all []round, load string) error {
	var rows [][]string
	var applied, passed []time.Duration
	for i, one := range all {
		rows = append(rows, []string{fmt.Sprint(i + 1), fmt.Sprintf("%.1f", float64(one.size)/1e6), rig.Millis(one.packed), rig.Millis(one.staged), rig.Millis(one.up), rig.Millis(one.applied), rig.Millis(one.visitor)})
		applied, passed = append(applied, one.applied), append(passed, one.applied-one.packed)
	}
	header := []string{"release", "MB", "tests done → packed, ms", "→ on all disks, ms", "→ up, ms", "→ first canary switched, ms", "→ first visitor's answer, ms"}
	if err := rig.Table(os.Stdout, header, rows); err != nil {
		return err
	}
	m := rig.Median(applied)
	fmt.Printf("%d hosts; target: tests done → first canary at most %v: %s (median %s ms; from build passed %s ms); load before and after: %s, %s\n\n",
		hosts, canaryTarget, rig.Verdict(m <= canaryTarget), rig.Millis(m), rig.Millis(rig.Median(passed)), load, rig.Load())
	return nil
}
