package rig

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/slipwayhq/slipway/internal/apiclient"
	"github.com/slipwayhq/slipway/internal/event"
)

// Feed is every event of a server, as it comes.
type Feed struct {
	mu     sync.Mutex
	events []event.Event
	news   chan struct{} // closed and replaced with every event
	cancel context.CancelFunc
	ended  chan error
}

// Follow reads the server's events until Close.
func (s *Server) Follow(ctx context.Context) *Feed {
	ctx, cancel := context.WithCancel(ctx)
	f := &Feed{news: make(chan struct{}), cancel: cancel, ended: make(chan error, 1)}
	go func() { // Close waits for it
		f.ended <- s.Client.Stream(ctx, "", 0, func(n apiclient.News) error {
			if n.Event != nil {
				f.mu.Lock()
				defer f.mu.Unlock()
				f.events = append(f.events, *n.Event)
				close(f.news)
				f.news = make(chan struct{})
			}
			return nil
		})
	}()
	return f
}

// Close ends the reading.
func (f *Feed) Close() error {
	f.cancel()
	return <-f.ended
}

// Mark is the present end: Wait and Since count from a mark.
func (f *Feed) Mark() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return len(f.events)
}

// Since gives the events behind a mark that match.
func (f *Feed) Since(mark int, match func(event.Event) bool) []event.Event {
	f.mu.Lock()
	defer f.mu.Unlock()
	var out []event.Event
	for _, ev := range f.events[mark:] {
		if match(ev) {
			out = append(out, ev)
		}
	}
	return out
}

// Wait gives the first event behind a mark that matches, when it is there.
func (f *Feed) Wait(ctx context.Context, mark int, what string, match func(event.Event) bool) (event.Event, error) {
	late := time.NewTimer(patience)
	defer late.Stop()
	for next := mark; ; {
		f.mu.Lock()
		events, news := f.events, f.news
		f.mu.Unlock()
		for ; next < len(events); next++ {
			if match(events[next]) {
				return events[next], nil
			}
		}
		select {
		case <-news:
		case <-late.C:
			return event.Event{}, fmt.Errorf("not within %s: %s; the last events: %s", patience, what, lastTypes(events))
		case <-ctx.Done():
			return event.Event{}, ctx.Err()
		}
	}
}

func lastTypes(events []event.Event) string {
	var words []string
	for _, ev := range events[max(0, len(events)-8):] {
		words = append(words, fmt.Sprintf("%s %s", ev.Type, ev.Data))
	}
	return strings.Join(words, ", ")
}

// Is matches a type.
func Is(t event.Type) func(event.Event) bool {
	return func(ev event.Event) bool { return ev.Type == t }
}

// Of matches a payload of which more must be true.
func Of[T event.Payload](more func(T) bool) func(event.Event) bool {
	return func(ev event.Event) bool {
		var p T
		if ev.Type != p.EventType() {
			return false
		}
		p, err := event.Decode[T](ev)
		return err == nil && more(p)
	}
}
