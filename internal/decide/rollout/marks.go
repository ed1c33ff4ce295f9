package rollout

import (
	"context"
	"fmt"

	"github.com/slipwayhq/slipway/internal/access"
	"github.com/slipwayhq/slipway/internal/decide/rollout/machine"
	"github.com/slipwayhq/slipway/internal/decide/rollout/trace"
	"github.com/slipwayhq/slipway/internal/pure/replay"
)

// SeriesOf gives a vital of a rollout over time, with the rollout's moves as marks.
func (s *Service) SeriesOf(ctx context.Context, app, id, vital string) (trace.Series, error) {
	m, err := s.ofApp(ctx, s.db, app, id)
	if err != nil {
		return trace.Series{}, err
	}
	out, err := trace.Of(ctx, s.db, m, vital)
	if err != nil {
		return out, err
	}
	decisions, err := selectDecisions(ctx, s.db, id)
	for _, d := range decisions {
		out.Marks = append(out.Marks, markOf(d))
	}
	return out, err
}

// Judge judges a rollout again, from its stored counts. It changes nothing.
func (s *Service) Judge(ctx context.Context, app, id string, with trace.Again) (replay.Result, error) {
	m, err := s.ofApp(ctx, s.db, app, id)
	if err != nil {
		return replay.Result{}, err
	}
	r, err := trace.Judge(ctx, s.db, m, with)
	return named(r, m), err
}

// named gives a verdict with the hosts' names in place of the ids by which the judge knows them.
func named(r replay.Result, m *machine.Rollout) replay.Result {
	for i := range r.Reasons {
		r.Reasons[i] = m.NamedText(r.Reasons[i])
	}
	for i := range r.Vitals {
		r.Vitals[i].Text, r.Vitals[i].Suspect = m.NamedText(r.Vitals[i].Text), m.NamedText(r.Vitals[i].Suspect)
	}
	return r
}

// markOf is a move on the time axis. Where a host that broke is left out, the curves jump, since what it showed is forgotten: that is what the mark says.
func markOf(d Decision) trace.Mark {
	if len(d.Reasons) > 0 && d.Reasons[0].Code == machine.CodeSuspect {
		return trace.Mark{Second: d.At.Unix(), Kind: "left_out", Text: "host left out"}
	}
	return trace.Mark{Second: d.At.Unix(), Kind: string(d.To), Text: markText(d)}
}

// markText names a move on the time axis. The step is the decision's: a watch that is prolonged, or goes on after a pause, is the same step still.
func markText(d Decision) string {
	text := stateWords(d.To)
	if d.To == machine.Watching {
		switch d.From {
		case machine.Watching:
			text = "watched on"
		case machine.Paused, machine.Held:
			text = "resumed"
		default:
			text = fmt.Sprintf("step %d", d.Step+1)
		}
	}
	if d.Actor != actorSelf {
		text += " by " + access.Name(d.Actor)
	}
	return text
}

// stateWords is a state as people say it.
func stateWords(s machine.State) string {
	switch s {
	case machine.Returning:
		return "going back"
	case machine.RolledBack:
		return "rolled back"
	}
	return string(s)
}
