package api

import (
	"context"
	"fmt"
	"sync"

	"github.com/slipwayhq/slipway/internal/event"
)

// Tick says that a watched rollout has a new second of figures. It is a hint, not an event: who misses one reads the figures a second later.
type Tick struct {
	App     string `json:"-"`
	Rollout string `json:"rollout"`
	Second  int64  `json:"second"`
}

// feed wakes the streams. They read what is new from the store themselves, so that a slow reader holds nobody up and nothing is kept for it.
type feed struct {
	over  chan struct{} // closed when the server stops feeding
	mu    sync.Mutex
	news  chan struct{} // closed at the next news
	ticks map[chan Tick]struct{}
}

func newFeed() *feed {
	return &feed{over: make(chan struct{}), news: make(chan struct{}), ticks: map[chan Tick]struct{}{}}
}

// wait gives a channel that is closed when there is news after this call.
func (f *feed) wait() <-chan struct{} {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.news
}

func (f *feed) wake() {
	f.mu.Lock()
	defer f.mu.Unlock()
	close(f.news)
	f.news = make(chan struct{})
}

// listen gives the ticks from now on, until stop is called.
func (f *feed) listen() (ticks <-chan Tick, stop func()) {
	ch := make(chan Tick, 16)
	f.mu.Lock()
	defer f.mu.Unlock()
	f.ticks[ch] = struct{}{}
	return ch, func() {
		f.mu.Lock()
		defer f.mu.Unlock()
		delete(f.ticks, ch)
	}
}

// Tick passes a tick on to the streams. One that is too slow misses it.
func (s *Server) Tick(t Tick) {
	s.feed.mu.Lock()
	defer s.feed.mu.Unlock()
	for ch := range s.feed.ticks {
		select {
		case ch <- t:
		default:
		}
	}
}

// Run feeds the streams from the log until ctx ends. Then the streams end too, so that none holds up the server's stop: browsers come back by themselves. It runs once.
func (s *Server) Run(ctx context.Context) error {
	defer close(s.feed.over)
	at, err := s.opts.Journal.LastPosition(ctx)
	if ctx.Err() != nil {
		return nil // stopped before it began, which is no failure
	}
	if err != nil {
		return fmt.Errorf("feed the streams: %w", err)
	}
	return s.opts.Journal.ReadState(ctx, at, func(event.Event) error {
		s.feed.wake()
		return nil
	})
}
