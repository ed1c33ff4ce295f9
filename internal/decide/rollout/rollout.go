package rollout

import (
	"context"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/slipwayhq/slipway/internal/access"
	"github.com/slipwayhq/slipway/internal/db"
	"github.com/slipwayhq/slipway/internal/decide/rollout/machine"
	"github.com/slipwayhq/slipway/internal/event"
	"github.com/slipwayhq/slipway/internal/fault"
	"github.com/slipwayhq/slipway/internal/journal"
	"github.com/slipwayhq/slipway/internal/pure/manifest"
)

// Service is the slice as the doors see it.
type Service struct {
	db  *db.DB
	j   *journal.Journal
	log *slog.Logger

	// Probe says what a vital's queries give now, and whether they give anything; nil where there is no Prometheus. Set it before anybody asks.
	Probe func(ctx context.Context, q Queries, v manifest.Vital) (text string, ok bool)
	// ProbeEvents says the same of a vital on an event: how many came lately, and what kept some from counting. Set it before anybody asks.
	ProbeEvents func(ctx context.Context, q Queries, v manifest.Vital) (text string, ok bool)

	wake    chan struct{} // tells the timer to look sooner than it plans to
	planned atomic.Int64  // when it plans to look, in microseconds; 0 while it looks

	mu    sync.Mutex
	ticks chan struct{} // closed and replaced when evidence came in
	last  Tick
}

// Tick says that a rollout under watch got a second of evidence.
type Tick struct {
	Rollout string `json:"rollout"`
	App     string `json:"app"`
	Second  int64  `json:"second"`
}

// New makes the slice. Run it too.
func New(d *db.DB, j *journal.Journal, log *slog.Logger) *Service {
	return &Service{db: d, j: j, log: log, wake: make(chan struct{}, 1), ticks: make(chan struct{})}
}

// NextTick waits for the next second of evidence of any rollout; ok is false when ctx ends first.
func (s *Service) NextTick(ctx context.Context) (t Tick, ok bool) {
	s.mu.Lock()
	ch := s.ticks
	s.mu.Unlock()
	select {
	case <-ch:
	case <-ctx.Done():
		return t, false
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.last, true
}

func (s *Service) tell(t Tick) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.last = t
	close(s.ticks)
	s.ticks = make(chan struct{})
}

// EnvironmentOf gives the environment that a rollout of an app is in.
func (s *Service) EnvironmentOf(ctx context.Context, app, id string) (string, error) {
	m, err := s.ofApp(ctx, s.db, app, id)
	if err != nil {
		return "", err
	}
	return m.Env, nil
}

// Do carries out a command on a rollout. It fails with a conflict when the rollout's state does not allow it.
func (s *Service) Do(ctx context.Context, actor, app, id string, cmd machine.Command, why string) error {
	return s.change(ctx, func(tx *db.Tx) error {
		m, err := s.ofApp(ctx, tx, app, id)
		if err != nil {
			return err
		}
		return s.command(ctx, tx, m, actor, cmd, why)
	})
}

func (s *Service) command(ctx context.Context, tx *db.Tx, m *machine.Rollout, actor string, cmd machine.Command, why string) error {
	if m.State != machine.Queued {
		m.Look(tx.Now()) // before it begins to wait for something
	} else if cmd == machine.Promote {
		if err := s.hurry(ctx, tx, m, actor, why); err != nil {
			return err
		}
	}
	mv, err := m.Order(cmd, access.Name(actor), why)
	if err != nil {
		return err
	}
	entry := access.Entry{Actor: actor, Action: "rollout." + string(cmd), App: m.App, Env: m.Env, Target: m.ID, Reason: why}
	if err := access.Audit(ctx, tx, entry); err != nil {
		return err
	}
	paused := m.State == machine.Paused
	since := m.Since
	if err := s.step(ctx, tx, m, mv, actor); err != nil {
		return err
	}
	if cmd == machine.Resume && paused {
		m.Shift(tx.Now().Sub(since))
	}
	return s.advance(ctx, tx, m)
}

// Freeze holds everything new in an environment; a rollout under way goes on.
func (s *Service) Freeze(ctx context.Context, actor, app, env, why string) error {
	if why == "" {
		return fault.Invalid("a freeze needs a reason: others will ask").At("reason")
	}
	return s.change(ctx, func(tx *db.Tx) error {
		e, err := loadEnv(ctx, tx, app, env)
		if err != nil {
			return err
		}
		if !e.frozenAt.IsZero() {
			return fault.Conflict("%s/%s is frozen already, by %s: %s", app, env, access.Name(e.frozenBy), e.frozenWhy)
		}
		e.frozenBy, e.frozenWhy, e.frozenAt = actor, why, tx.Now()
		if err := storeEnv(ctx, tx, e); err != nil {
			return err
		}
		if err := access.Audit(ctx, tx, access.Entry{Actor: actor, Action: "environment.frozen", App: app, Env: env, Reason: why}); err != nil {
			return err
		}
		_, err = tx.Emit(ctx, event.Meta{App: app, Env: env, Actor: actor}, event.FreezeSet{Reason: why})
		return err
	})
}

// Unfreeze lets go on what waits.
func (s *Service) Unfreeze(ctx context.Context, actor, app, env, why string) error {
	return s.change(ctx, func(tx *db.Tx) error {
		e, err := loadEnv(ctx, tx, app, env)
		if err != nil {
			return err
		}
		if e.frozenAt.IsZero() {
			return fault.Conflict("%s/%s is not frozen", app, env)
		}
		e.frozenBy, e.frozenWhy, e.frozenAt = "", "", time.Time{}
		if err := storeEnv(ctx, tx, e); err != nil {
			return err
		}
		if err := access.Audit(ctx, tx, access.Entry{Actor: actor, Action: "environment.unfrozen", App: app, Env: env, Reason: why}); err != nil {
			return err
		}
		ev, err := tx.Emit(ctx, event.Meta{App: app, Env: env, Actor: actor}, event.FreezeLifted{Reason: why})
		if err != nil {
			return err
		}
		return s.startNext(ctx, tx, e, ev.ID)
	})
}

// RollBackEnv takes an environment back: the rollout under way, or else the live release, to the last good one or the one named.
// It gives the rollout that does it.
func (s *Service) RollBackEnv(ctx context.Context, actor, app, env, release, why string) (id string, err error) {
	err = s.change(ctx, func(tx *db.Tx) error {
		e, err := loadEnv(ctx, tx, app, env)
		if err != nil {
			return err
		}
		if e.current != "" && release == "" {
			m, err := loadMachine(ctx, tx, e.current)
			if err != nil {
				return err
			}
			id = m.ID
			return s.command(ctx, tx, m, actor, machine.RollBack, why)
		}
		id, err = s.rollBackTo(ctx, tx, e, actor, release, why)
		return err
	})
	return id, err
}

// rollBackTo starts a rollout of an older release, without a watch, and whether or not there is a freeze.
func (s *Service) rollBackTo(ctx context.Context, tx *db.Tx, e *envRow, actor, release, why string) (string, error) {
	if e.current != "" {
		m, err := loadMachine(ctx, tx, e.current)
		if err != nil {
			return "", err
		}
		return "", fault.Conflict("rollout #%d is under way; roll it back first", m.Number)
	}
	entry := access.Entry{Actor: actor, Action: "environment.rolled_back", App: e.app, Env: e.env}
	if release == "" {
		good, passed, err := lastGood(ctx, tx, e)
		if err != nil {
			return "", err
		}
		release = good
		if len(passed) > 0 {
			entry.Detail = map[string]any{"passed_over": texts(passed)}
		}
	}
	if release == e.live {
		return "", fault.Conflict("release %s is what serves now", release)
	}
	r, err := loadRelease(ctx, tx, release)
	if err != nil {
		return "", err
	}
	if r.app != e.app || r.env != e.env {
		return "", fault.NotFound("there is no release %s in %s/%s", release, e.app, e.env)
	}
	entry.Target, entry.Reason = release, why
	if err := access.Audit(ctx, tx, entry); err != nil {
		return "", err
	}
	r.body.Hotfix = &event.Hotfix{SkipWatch: true, Reason: why, By: actor}
	r.body.Commits = nil
	m, err := s.queue(ctx, tx, e, r, event.Meta{App: e.app, Env: e.env, Actor: actor})
	if err != nil {
		return "", err
	}
	m.Back, m.BackTo = true, r.body.Number
	return m.ID, s.start(ctx, tx, e, m)
}

// texts are the sentences of reasons.
func texts(reasons []event.Reason) []string {
	var out []string
	for _, r := range reasons {
		out = append(out, r.Text)
	}
	return out
}
