package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/slipwayhq/slipway/bench/rig"
	"github.com/slipwayhq/slipway/examples"
	"github.com/slipwayhq/slipway/internal/event"
	"github.com/slipwayhq/slipway/internal/visitors"
)

// The rollout of the table: as few seconds as there can be.
const shopSteps = `rollout:
  canary: visitors
  steps: [{share: 10%, watch: 1s}, {share: 100%, watch: 1s, hold_back: 10%}]
  settle: 1s
`

// milestone is a stage's end.
type milestone struct {
	name  string
	match func(event.Event) bool
}

func moved(from, to string, step int) func(event.Event) bool {
	return rig.Of(func(m event.RolloutMoved) bool { return m.From == from && m.To == to && m.Step == step })
}

// milestones are the ends of a commit's stages, in order.
func milestones() []milestone {
	return []milestone{
		{"push accepted", rig.Is("git.pushed")},
		{"first command given to a worker", rig.Is("build.started")},
		{"tests listed", rig.Is("build.listed")},
		{"first tests done", rig.Is("build.progressed")},
		{"all tests done", rig.Of(func(p event.BuildProgressed) bool { return p.Done == p.Total })},
		{"packed and stored", rig.Is("build.passed")},
		{"staged on all hosts", moved("staging", "starting", 0)},
		{"up and healthy on all hosts", moved("starting", "shifting", 0)},
		{"first visitors on it (10 %)", moved("shifting", "settling", 0)},
		{"settled (1 s asked for)", moved("settling", "watching", 0)},
		{"watched (1 s asked for)", rig.Of(func(m event.RolloutMoved) bool { return m.From == "watching" && m.Step == 1 })},
		{"100 % but for the hold-back", moved("shifting", "settling", 1)},
		{"settled (is so already)", moved("settling", "watching", 1)},
		{"watched (1 s asked for)", rig.Of(func(m event.RolloutMoved) bool { return m.From == "watching" && m.To == "promoting" })},
		{"everyone, and promoted", rig.Is("rollout.ended")},
	}
}

// shop ships the demo's shop and small commits to it.
func (s stage) shop(ctx context.Context, commits int) error {
	repo, err := s.rig.Repo(ctx, "shop", s.server.GitURL("shop"))
	if err != nil {
		return err
	}
	if err := examples.WriteShop(repo.Dir); err != nil {
		return err
	}
	if err := pace(filepath.Join(repo.Dir, ".slipway.yaml")); err != nil {
		return err
	}
	if _, err := s.commit(ctx, repo, "The shop", ""); err != nil { // fills the caches
		return err
	}
	crowd, err := visitors.New(visitors.Options{Target: s.server.EdgeURL, RPS: 100, Visitors: 300, Seed: 1})
	if err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(ctx)
	ended := make(chan struct{})
	go func() { defer close(ended); _ = crowd.Run(ctx) }() // ends by cancel alone
	defer func() { cancel(); <-ended }()
	load := rig.Load()
	took := make([][]time.Duration, len(milestones())) // by milestone, since the push began
	for i := range commits {
		at, err := s.commit(ctx, repo, fmt.Sprintf("Change %d", i+1), fmt.Sprintf("package main\n\nconst change = %d\n\nvar _ = change\n", i+1))
		if err != nil {
			return err
		}
		for k, t := range at {
			took[k] = append(took[k], t)
		}
	}
	return stages(took, commits, load)
}

// pace puts the table's rollout into the shop's manifest.
func pace(path string) error {
	text, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	before, rest, found := strings.Cut(string(text), "rollout:\n")
	_, after, more := strings.Cut(rest, "\n\n")
	if !found || !more {
		return fmt.Errorf("%s has no rollout section to replace", path)
	}
	return os.WriteFile(path, []byte(before+shopSteps+"\n"+after), 0o644)
}

// commit ships one commit and gives when each milestone was reached, since the push began.
func (s stage) commit(ctx context.Context, repo *rig.Repo, message, source string) ([]time.Duration, error) {
	if source != "" {
		if err := repo.Write(map[string]string{"change.go": source}); err != nil {
			return nil, err
		}
	}
	if _, err := repo.Commit(ctx, message); err != nil {
		return nil, err
	}
	mark, began := s.feed.Mark(), time.Now()
	if _, err := repo.Push(ctx); err != nil {
		return nil, err
	}
	if _, err := s.feed.Wait(ctx, mark, "the rollout has ended", rig.Is("rollout.ended")); err != nil {
		return nil, err
	}
	if source == "" {
		return nil, nil // a first release has not all of the stages
	}
	var at []time.Duration
	for _, m := range milestones() {
		found := s.feed.Since(mark, m.match)
		if len(found) == 0 {
			return nil, fmt.Errorf("%s: no event says %q", message, m.name)
		}
		at = append(at, found[0].Time.Sub(began))
	}
	return at, nil
}

func stages(took [][]time.Duration, commits int, load string) error {
	var rows [][]string
	before := time.Duration(0)
	for i, m := range milestones() {
		at := rig.Median(took[i])
		rows = append(rows, []string{m.name, rig.Seconds(at), rig.Seconds(at - before)})
		before = at
	}
	if err := rig.Table(os.Stdout, []string{"the demo's shop, from git push", "at, s", "took, s"}, rows); err != nil {
		return err
	}
	fmt.Printf("medians of %d small commits, %d hosts, 4 workers; load before and after: %s, %s\n", commits, hosts, load, rig.Load())
	return nil
}
