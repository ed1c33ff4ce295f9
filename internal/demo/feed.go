package demo

import (
	"context"

	"github.com/slipwayhq/slipway/internal/apiclient"
	"github.com/slipwayhq/slipway/internal/event"
)

// feed is the app's events, in order, and a nudge for each second of a watched rollout.
type feed struct {
	open   chan struct{} // closed once nothing is missed any more
	events chan event.Event
	ticks  chan string // ids of rollouts; only the newest matters
}

func newFeed() *feed {
	return &feed{open: make(chan struct{}), events: make(chan event.Event, 64), ticks: make(chan string, 1)}
}

// run reads the stream until ctx ends.
func (f *feed) run(ctx context.Context, c *apiclient.Client) error {
	opened := false
	return c.Stream(ctx, "", apiclient.Now, func(n apiclient.News) error {
		switch {
		case n.Event != nil && n.Event.App == appName:
			select {
			case f.events <- *n.Event:
			case <-ctx.Done():
			}
		case n.Tick != nil:
			select {
			case f.ticks <- n.Tick.Rollout:
			default:
			}
		case n.Event == nil && !opened:
			opened = true
			close(f.open)
		}
		return nil
	})
}
