package cli

import (
	"context"
	"errors"
	"os"
	"time"
)

// tied is for programs that a demo starts: they end when the demo does, kill -9 included.
type tied struct {
	Tied bool `help:"End with the program that started this one." hidden:""`
}

// lookEvery is how often a tied program looks whether its parent lives. Nothing tells it: the system's own signal at a parent's death goes by threads, not processes.
const lookEvery = 500 * time.Millisecond

var errOrphaned = errors.New("the program that started this one has ended")

// bind gives a context that ends with the parent, too. Call stop to end the looking.
func (t tied) bind(ctx context.Context) (_ context.Context, stop func()) {
	ctx, cancel := context.WithCancelCause(ctx)
	if !t.Tied {
		return ctx, func() { cancel(nil) }
	}
	parent, ended := os.Getppid(), make(chan struct{})
	go func() { // ends with stop
		defer close(ended)
		tick := time.NewTicker(lookEvery)
		defer tick.Stop()
		for {
			select {
			case <-ctx.Done():
				return
			case <-tick.C:
				if os.Getppid() != parent {
					cancel(errOrphaned)
					return
				}
			}
		}
	}()
	return ctx, func() {
		cancel(nil)
		<-ended
	}
}
