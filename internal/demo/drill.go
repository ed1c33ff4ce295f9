package demo

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/slipwayhq/slipway/examples"
	"github.com/slipwayhq/slipway/internal/apiclient"
	"github.com/slipwayhq/slipway/internal/fault"
)

// DrillOptions say where to drill, and who is told.
type DrillOptions struct {
	// Dir is the demo's folder; default: that of the demo that was started last.
	Dir     string
	Tell    Narrator
	Version string
}

// Drill plants a fault in the running demo's shop, pushes it, and follows it until it is undone. It is an error when it is not.
func Drill(ctx context.Context, o DrillOptions) error {
	r, err := Find(o.Dir)
	if err != nil {
		return err
	}
	c, err := apiclient.New(apiclient.Options{URL: r.URL, Token: r.Token, Agent: "slipway-drill/" + o.Version})
	if err != nil {
		return err
	}
	defer c.Close()
	started := time.Now()
	st := &stage{client: c, tree: worktree{r.Worktree}, feed: newFeed(), look: watched().look, tell: func(s Scene) {
		s.At = float64(time.Since(started).Milliseconds()) / 1000
		o.Tell.Tell(s)
	}}
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() error { return st.feed.run(ctx, c) })
	g.Go(func() error {
		select {
		case <-st.feed.open:
		case <-ctx.Done():
			return ctx.Err()
		}
		if err := st.drill(ctx); err != nil {
			return err
		}
		return errDone
	})
	if err := g.Wait(); !errors.Is(err, errDone) {
		return err
	}
	return nil
}

// drill plants the next fault: no two are the same, so that each makes a commit.
func (s *stage) drill(ctx context.Context) error {
	if dirty, err := s.tree.git(ctx, "status", "--porcelain"); err != nil {
		return err
	} else if dirty != "" {
		return fault.Conflict("%s holds changes that are not committed; commit or undo them first, so that the drill does not take them along", s.tree.dir)
	}
	n, err := s.nextDrill(ctx)
	if err != nil {
		return err
	}
	s.tell(Scene{Type: "drill", Text: fmt.Sprintf("Drill %d: a fault is planted on purpose, in a commit that passes all tests", n)})
	sh, err := s.ship(ctx, "drill", ben(), func(dir string) (string, error) { return examples.DrillChange(dir, n) })
	if err != nil {
		return err
	}
	if sh.ended.Outcome != "rolled_back" {
		return fault.Conflict("the drill was not undone: %s, verdict %s", spaced(sh.ended.Outcome), sh.ended.Verdict)
	}
	s.tell(Scene{Type: "drill", State: sh.ended.Outcome, Verdict: sh.ended.Verdict, Text: fmt.Sprintf(
		"Undone: %s gave it away %.1f s after its first visitors. The commit is in the branch still: the next drill takes it out, and before a push of your own you do: cd %s && git revert --no-edit %s",
		sh.ended.Vital, sh.detection(), s.tree.dir, sh.commit[:8])})
	return nil
}

// nextDrill counts the drills that were committed.
func (s *stage) nextDrill(ctx context.Context) (int, error) {
	log, err := s.tree.git(ctx, "log", "--format=%s")
	if err != nil {
		return 0, err
	}
	n := 1
	for line := range strings.SplitSeq(log, "\n") {
		var before int
		if _, err := fmt.Sscanf(line, "Drill %d:", &before); err == nil && before >= n {
			n = before + 1
		}
	}
	return n, nil
}
