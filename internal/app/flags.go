package app

import (
	"context"
	"math/rand/v2"

	"github.com/slipwayhq/slipway/internal/decide/flag"
	"github.com/slipwayhq/slipway/internal/decide/flag/ramp"
	"github.com/slipwayhq/slipway/internal/door/api"
	"github.com/slipwayhq/slipway/internal/door/evaluate"
	"github.com/slipwayhq/slipway/internal/door/flags"
	"github.com/slipwayhq/slipway/internal/door/git"
	"github.com/slipwayhq/slipway/internal/door/waffle"
	"github.com/slipwayhq/slipway/internal/journal"
)

// flags opens what flags are kept and asked by.
func (a *App) flags(server *api.Server, kept *flag.Service, ramps *ramp.Service, repos *git.Door, log *journal.Journal) {
	(&flags.Door{API: server, Flags: kept, Ramps: ramps, Analytics: a.plans.Engine, Refs: refsIn(repos), Now: a.opts.Now}).Mount()
	told := evaluate.New(kept, a.logger("flags"))
	told.Expose = a.exposed.Record
	told.Mount(server.Clients())
	a.stage("streams of flags", told.Run)
	(&waffle.Door{Flags: kept, Exposures: a.exposed, Now: a.opts.Now, Dice: rand.Float64, Logger: a.logger("waffle")}).Mount(server.Clients())
	a.stage("flags", a.exposed.Run, func(ctx context.Context) error { return kept.Run(ctx, log) }, kept.Keep, ramps.Run, a.ramped.Run)
}

// refsIn finds where code names flags.
func refsIn(repos *git.Door) func(ctx context.Context, app, branch string, words []string) (flags.Refs, error) {
	return func(ctx context.Context, app, branch string, words []string) (flags.Refs, error) {
		commit, found, more, err := repos.Grep(ctx, app, branch, words)
		out := flags.Refs{Commit: commit, Branch: branch, More: more, Refs: []flags.Ref{}}
		for _, f := range found {
			out.Refs = append(out.Refs, flags.Ref{Flag: f.Word, Path: f.Path, Line: f.Line, Text: f.Text})
		}
		return out, err
	}
}
