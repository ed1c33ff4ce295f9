package track

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/slipwayhq/slipway/internal/db"
	"github.com/slipwayhq/slipway/internal/event"
	"github.com/slipwayhq/slipway/internal/journal"
)

// Source is where events come from.
type Source struct {
	ID          string    `json:"id"`
	App         string    `json:"app"`
	Environment string    `json:"environment"`
	Name        string    `json:"name"`
	Key         string    `json:"write_key" doc:"What clients send with their events. Browsers show it to everybody: it can write, and nothing else"`
	Stopped     bool      `json:"stopped" doc:"Takes no events"`
	Limit       int64     `json:"limit,omitempty" doc:"How many events a second it takes; 0 is no limit. What is more is answered 429, for its client to send again"`
	CreatedAt   time.Time `json:"created_at"`
	CreatedBy   string    `json:"created_by"`
	Revision    int64     `json:"-"`
}

// Refusal tells how much of a source's was refused for coming faster than its limit, since the server started.
type Refusal struct {
	Source string    `json:"source" doc:"Id of the source"`
	Bodies int64     `json:"bodies" doc:"Requests that were told to come again later"`
	Last   time.Time `json:"last" doc:"When the last of them came"`
}

// Service is what the doors call. The actor of a method is audited, not checked: doors check.
type Service struct {
	db      *db.DB
	loading sync.Mutex // what was read first is not put in the place of what was read after
	keys    atomic.Pointer[map[string]Source]
	rules   atomic.Pointer[map[string]*Rules]
	drops   sync.Map      // *atomic.Int64 by app and user: what is not taken
	tallies sync.Map      // *tally by app: what was not as planned
	changed chan struct{} // wakes the Keeper
}

// New makes the Service on a store. It knows no key before Load.
func New(d *db.DB) *Service {
	s := &Service{db: d, changed: make(chan struct{}, 1)}
	s.keys.Store(&map[string]Source{})
	s.rules.Store(&map[string]*Rules{})
	return s
}

// Source finds the source of a write key; ok is false for a key that is nobody's.
func (s *Service) Source(key string) (src Source, ok bool) {
	src, ok = (*s.keys.Load())[key]
	return src, ok
}

// Load reads all keys and rules. New ones, and changes, come by Run.
func (s *Service) Load(ctx context.Context) error {
	s.loading.Lock()
	defer s.loading.Unlock()
	all, err := list(ctx, s.db, "")
	if err != nil {
		return err
	}
	keys := make(map[string]Source, len(all))
	for _, src := range all {
		keys[src.Key] = src
	}
	s.keys.Store(&keys)
	return s.loadRules(ctx)
}

// Run follows what becomes of the sources and the rules, whoever changes them, until ctx ends.
func (s *Service) Run(ctx context.Context, j *journal.Journal) error {
	from, err := j.LastPosition(ctx) // first: what is told between the two is read twice, which does nothing
	if err != nil {
		return err
	}
	if err := s.Load(ctx); err != nil {
		return err
	}
	return j.ReadState(ctx, from, func(ev event.Event) error {
		switch ev.Type {
		case event.SourceCreated{}.EventType(), event.SourceChanged{}.EventType(), event.CollectionChanged{}.EventType(), event.UserForgotten{}.EventType(), event.SuppressionLifted{}.EventType(), event.PlanChanged{}.EventType():
			if err := s.Load(ctx); err != nil && ctx.Err() == nil {
				return fmt.Errorf("read the write keys and rules after event %s: %w", ev.ID, err)
			}
		}
		return nil
	})
}
