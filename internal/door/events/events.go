package events

import (
	"context"

	"github.com/slipwayhq/slipway/internal/analytics"
	"github.com/slipwayhq/slipway/internal/analytics/feed"
	"github.com/slipwayhq/slipway/internal/decide/question"
	"github.com/slipwayhq/slipway/internal/decide/track"
	"github.com/slipwayhq/slipway/internal/door/api"
	"github.com/slipwayhq/slipway/internal/journal"
	"github.com/slipwayhq/slipway/internal/pure/capture"
)

// Door adds the paths about events to an API.
type Door struct {
	API       *api.Server
	Sources   *track.Service
	Questions *question.Service
	Journal   *journal.Journal
	Analytics analytics.Engine
	Feeder    *feed.Feeder
	Keeper    *track.Keeper
	// Plans foresees what a change of a plan would break.
	Plans *track.Reviewer
	// Refusals tells which of an app's sources were too fast; nil tells of none.
	Refusals func([]track.Source) []track.Refusal
	// Replay takes repaired events: see ingest.Events.
	Replay func(ctx context.Context, f capture.Failed, id string, item []byte, write bool) (capture.Event, error)

	// Full tells why no events are taken just now; nil when they are.
	Full func() error

	turns chan struct{} // of questions
}

// Mount adds the paths.
func (d *Door) Mount() {
	d.mountSources()
	d.mountSettings()
	d.mountPeople()
	d.mountPlan()
	d.mountQuestions()
	d.mountSaved()
	d.mountLog()
	d.mountTail()
	d.mountRebuild()
	d.mountFailed()
	d.mountState()
}
