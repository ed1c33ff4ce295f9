package rollout

import (
	"context"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/slipwayhq/slipway/internal/db"
	"github.com/slipwayhq/slipway/internal/decide/rollout/before"
	"github.com/slipwayhq/slipway/internal/decide/rollout/machine"
	"github.com/slipwayhq/slipway/internal/decide/rollout/past"
	"github.com/slipwayhq/slipway/internal/decide/rollout/route"
	"github.com/slipwayhq/slipway/internal/event"
	"github.com/slipwayhq/slipway/internal/pure/judge"
)

const actorSelf = "system:rollout"

// start fixes everything that must not change during the rollout (hosts drawn, thresholds, policy of the judge) and takes the first step.
func (s *Service) start(ctx context.Context, tx *db.Tx, e *envRow, m *machine.Rollout) error {
	agents, err := selectAgents(ctx, tx)
	if err != nil {
		return err
	}
	m.From = e.live
	m.Started, m.Split, m.InForce = tx.Now(), event.Split{Old: e.live}, true
	m.Hosts, m.LeftOut, m.Lost = nil, nil, nil
	for _, a := range hostsOf(e.spec, agents) {
		m.Call(a.id, a.name)
		m.Hosts = append(m.Hosts, a.id)
		if !a.live {
			m.Lost = append(m.Lost, a.id)
		}
	}
	if len(m.Hosts) == 0 {
		return s.waitForHosts(ctx, tx, e, m)
	}
	m.Draw(rand.New(rand.NewPCG(rand.Uint64(), rand.Uint64()))) // nobody gains by guessing it
	m.ChooseMode()
	m.LearnSettle(e.settles)
	m.Steps = machine.StepsOf(m)
	if err := s.prepareJudge(ctx, tx, e, m); err != nil {
		return err
	}
	e.current = m.ID
	if err := storeEnv(ctx, tx, e); err != nil {
		return err
	}
	meta := event.Meta{App: m.App, Env: m.Env, Actor: actorSelf, Cause: m.Cause}
	ev, err := tx.Emit(ctx, meta, event.RolloutStarted{Rollout: m.ID, Release: m.Release, From: m.From})
	if err != nil {
		return err
	}
	m.Cause = ev.ID
	mv := m.To(machine.Staging, machine.Because("started", map[string]float64{"alpha": m.Judge.Alpha}, "%s", m.StartWords()))
	if err := s.step(ctx, tx, m, mv, actorSelf); err != nil {
		return err
	}
	return s.advance(ctx, tx, m)
}

// prepareJudge fixes thresholds and policy before the first tick.
func (s *Service) prepareJudge(ctx context.Context, tx *db.Tx, e *envRow, m *machine.Rollout) error {
	if !m.Judged() || m.Begun() {
		return nil
	}
	weights := m.Policy.Weights(m.Mode)
	var err error
	if m.Thresholds, err = before.Thresholds(ctx, tx, tx.Now(), m.App, m.Env, m.From, weights); err != nil {
		return err
	}
	alpha := m.Policy.Alpha
	m.Alpha = fmt.Sprintf("at most %.3g %% of good releases come back, as the policy says", 100*alpha)
	if alpha == 0 {
		monthly, err := rolloutsAMonth(ctx, tx, m.App, m.Env, m.ID, db.Micros(tx.Now().AddDate(0, 0, -30)))
		if err != nil {
			return err
		}
		if alpha, m.Alpha, err = judge.AlphaFor(alarmsAMonth(m.Policy), float64(monthly)); err != nil {
			return fmt.Errorf("set alpha of rollout %s: %w", m.ID, err)
		}
	}
	window, err := before.Load(ctx, tx, m.App, m.Env)
	if err != nil {
		return err
	}
	if m.Measures() { // most policies need nothing of it, and it is much
		if window.Measured, err = before.LoadMeasured(ctx, tx, tx.Now(), m.App, m.Env, m.From); err != nil {
			return err
		}
	}
	m.PerSecond, m.ErrorRate = window.Rates()
	m.Judge = machine.PolicyOf(m, alpha, weights, window, e.history)
	if err := m.Judge.Validate(); err != nil {
		return fmt.Errorf("set the judge of rollout %s: %w", m.ID, err)
	}
	m.PrepareUsed(window)
	m.Evidence = judge.NewState(m.Judge)
	m.Verdict = judge.Unknown
	return nil
}

// advance lets the machine move as far as it can now, and stores it.
func (s *Service) advance(ctx context.Context, tx *db.Tx, m *machine.Rollout) error {
	m.Look(tx.Now())
	if err := s.measured(ctx, tx, m); err != nil {
		return err
	}
	for range 20 {
		mv, ok := m.Decide(tx.Now())
		if !ok {
			break
		}
		if err := s.step(ctx, tx, m, mv, actorSelf); err != nil {
			return err
		}
		if m.State == machine.Watching && mv.To == machine.Watching {
			break // another round of the same watch
		}
	}
	if m.State == machine.Queued {
		return s.requeue(ctx, tx, m)
	}
	at := m.LookAt(tx.Now())
	tx.OnCommit(func() { s.wakeFor(at) })
	return storeMachine(ctx, tx, m)
}

// step makes one move: stores it with its reasons, tells it, and asks hosts and edges for what it takes.
func (s *Service) step(ctx context.Context, tx *db.Tx, m *machine.Rollout, mv machine.Move, actor string) error {
	mv.Reasons = m.Named(mv.Reasons)
	d := Decision{At: tx.Now(), Actor: actor, From: m.State, To: mv.To, Step: mv.Step, Verdict: string(m.Verdict), Reasons: mv.Reasons}
	m.Enter(mv, tx.Now())
	if err := insertDecision(ctx, tx, m.ID, d); err != nil {
		return err
	}
	meta := event.Meta{App: m.App, Env: m.Env, Actor: actor, Cause: m.Cause}
	share := m.ShareOn(m.Split)
	if len(m.Steps) > 0 {
		share = m.ShareOn(m.WishSplit())
	}
	ev, err := tx.Emit(ctx, meta, event.RolloutMoved{Rollout: m.ID, From: string(d.From), To: string(m.State), Step: m.Step, Share: share, Reasons: mv.Reasons})
	if err != nil {
		return err
	}
	m.Cause = ev.ID
	if m.State == machine.Superseded && m.Started.IsZero() {
		return s.ended(ctx, tx, m, ev)
	}
	if err := s.request(ctx, tx, m, ev); err != nil {
		return err
	}
	switch {
	case m.State.Ended():
		return s.ended(ctx, tx, m, ev)
	case m.State == machine.Held:
		r, err := s.shown(ctx, tx, m.Release)
		if err != nil {
			return err
		}
		held := event.RolloutHeld{Rollout: m.ID, Commits: m.Commits, Reasons: m.Reasons, Number: m.Number, Subject: r.Subject, Author: r.Author}
		_, err = tx.Emit(ctx, ev.By(actorSelf, tx.Now()), held)
		return errorsOf(err, storeMachine(ctx, tx, m))
	}
	return storeMachine(ctx, tx, m)
}

// request asks hosts and edges for what the machine's state takes.
func (s *Service) request(ctx context.Context, tx *db.Tx, m *machine.Rollout, ev event.Event) error {
	deploys, traffic := m.Requests(func(prefix string) string { return event.NewKey(prefix, tx.Now()) })
	meta := ev.By(actorSelf, tx.Now())
	if traffic != nil { // first: it is what visitors feel
		if _, err := tx.Emit(ctx, meta, *traffic); err != nil {
			return err
		}
	}
	for _, d := range deploys {
		if _, err := tx.Emit(ctx, meta, d); err != nil {
			return err
		}
	}
	return nil
}

// ended closes a rollout's books and starts what waits.
func (s *Service) ended(ctx context.Context, tx *db.Tx, m *machine.Rollout, ev event.Event) error {
	if err := errorsOf(storeMachine(ctx, tx, m), past.Keep(ctx, tx, m)); err != nil {
		return err
	}
	r, err := s.shown(ctx, tx, m.Release)
	if err != nil {
		return err
	}
	end := event.RolloutEnded{
		Rollout: m.ID, Release: m.Release, From: m.From, Outcome: m.Outcome, Verdict: string(m.Verdict), Vital: m.Vital, Path: route.Worst(m.Totals.Paths),
		Commits: m.Commits, Reasons: m.EndReasons(), Requests: m.Totals.RequestsNew, Number: m.Number, Subject: r.Subject, Author: r.Author,
	}
	if _, err := tx.Emit(ctx, ev.By(actorSelf, tx.Now()), end); err != nil {
		return err
	}
	e, err := loadEnv(ctx, tx, m.App, m.Env)
	if err != nil || e.current != m.ID {
		return err
	}
	e.current = ""
	if m.State == machine.Promoted {
		e.live = m.Release
	}
	if learnt := m.Learnt(); learnt != nil {
		e.history = learnt
	}
	e.settles = m.KeepWarmed(e.settles)
	if err := past.AddLife(ctx, tx, m); err != nil {
		return err
	}
	if err := storeEnv(ctx, tx, e); err != nil {
		return err
	}
	return s.startNext(ctx, tx, e, ev.ID)
}

// errorsOf gives the first error.
func errorsOf(errs ...error) error {
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

// wakeFor wakes the timer when it should look before it plans to. Nothing is planned while it looks.
func (s *Service) wakeFor(at time.Time) {
	if planned := s.planned.Load(); at.IsZero() || planned != 0 && at.UnixMicro() >= planned {
		return
	}
	select {
	case s.wake <- struct{}{}:
	default:
	}
}
