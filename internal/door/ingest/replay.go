package ingest

import (
	"context"

	"github.com/slipwayhq/slipway/internal/fault"
	"github.com/slipwayhq/slipway/internal/pure/capture"
)

// Replay takes one item that had failed and was repaired: it is read in the dialect it came in, as of the time when it came. id names its event where it has none of its own, so that
// what is replayed twice is there once. With write unset nothing is written. The error says why it still is no event.
func (e *Events) Replay(ctx context.Context, f capture.Failed, id string, item []byte, write bool) (capture.Event, error) {
	source := ofFlags(f.App, f.Environment)
	if f.Source != source.ID {
		var err error
		if source, err = e.sources.Find(ctx, f.App, f.Source); err != nil {
			return capture.Event{}, err
		}
	}
	dialect := f.Dialect
	if dialect == "" {
		dialect = capture.InPlain
	}
	rules := e.sources.Rules(source.App)
	d, err := capture.Decode(dialect, &capture.Call{Body: item, Received: f.Received, Kind: f.Kind, Network: networkOf(rules), NewID: func() string { return id }})
	if err != nil {
		return capture.Event{}, fault.Invalid("%s", err)
	}
	switch dropped := admit(rules, &d); {
	case dropped > 0:
		return capture.Event{}, fault.Invalid("its user is suppressed: nothing of theirs is taken")
	case len(d.Failures) > 0:
		return capture.Event{}, fault.Invalid("%s", d.Failures[0].Message)
	case len(d.Events) != 1:
		return capture.Event{}, fault.Invalid("there are %d events in it; make it one", len(d.Events))
	}
	own(source, &d.Events[0])
	event := d.Events[0]
	if !write {
		return event, nil
	}
	_, err = e.keep(ctx, source, d, false)
	return event, err
}
