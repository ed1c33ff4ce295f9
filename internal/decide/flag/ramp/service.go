package ramp

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"time"

	"github.com/slipwayhq/slipway/internal/access"
	"github.com/slipwayhq/slipway/internal/db"
	"github.com/slipwayhq/slipway/internal/decide/flag"
	"github.com/slipwayhq/slipway/internal/event"
	"github.com/slipwayhq/slipway/internal/fault"
	"github.com/slipwayhq/slipway/internal/pure/judge"
)

// actorSelf is who moves ramps when nobody asked.
const actorSelf = "system:ramp"

// Service is what the doors call. The actor of a method is audited, not checked: doors check.
type Service struct {
	db    *db.DB
	flags *flag.Service
	log   *slog.Logger
}

// New makes the Service on a store. From then on who changes a flag is told of its ramps, and ends them.
func New(d *db.DB, flags *flag.Service, log *slog.Logger) *Service {
	s := &Service{db: d, flags: flags, log: log}
	flags.Ramps = flag.Ramps{Yield: s.yield, Beneath: s.beneath}
	return s
}

// Start begins a ramp: the flag is on, and its first share of visitors is given the value.
func (s *Service) Start(ctx context.Context, actor, app, env, id, reason string, spec Spec) (Ramp, error) {
	if err := spec.clean(); err != nil {
		return Ramp{}, err
	}
	var r Ramp
	err := s.db.Tx(ctx, func(tx *db.Tx) error {
		if err := flag.NeedsApproval(ctx, tx, app, env); err != nil {
			return err
		}
		alpha, why, err := s.alpha(ctx, tx, app, spec)
		if err != nil {
			return err
		}
		policy := spec.policy(alpha)
		if err := policy.Validate(); err != nil {
			return fault.Invalid("%s", err).At("body")
		}
		r = Ramp{
			ID: "rmp_" + strings.ReplaceAll(event.NewID(tx.Now()), "-", ""), App: app, Environment: env, State: Watching, Share: spec.Steps[0].Share, Spec: spec, Alpha: alpha, Why: why,
			Reasons: []string{}, StartedAt: tx.Now(), StartedBy: actor, StepAt: tx.Now(),
		}
		k := kept{Ramp: r, Policy: policy, evidence: judge.NewState(policy)}
		f, err := s.flags.Within(ctx, tx, actor, app, id, env, reason, func(f flag.Flag, now flag.State) (flag.State, error) {
			return k.begin(&f, now)
		})
		if err != nil {
			return err
		}
		k.As = f.States[env]
		if err := insert(ctx, tx, k); err != nil {
			return err
		}
		r = k.Ramp
		if err := insertMove(ctx, tx, r.ID, Move{At: tx.Now(), By: actor, Move: "started", Share: r.Share, Reasons: []string{why}}); err != nil {
			return err
		}
		if _, err := tx.Emit(ctx, event.Meta{App: app, Env: env, Actor: actor}, event.RampStarted{Ramp: r.ID, Flag: r.Flag, Name: r.Name, Share: r.Share, Reason: reason}); err != nil {
			return err
		}
		return access.Audit(ctx, tx, access.Entry{Actor: actor, Action: "ramp.started", App: app, Env: env, Target: r.Name, Reason: reason})
	})
	if err != nil {
		return Ramp{}, err
	}
	return r, s.flags.Load(ctx, app)
}

// begin is the flag with the ramp's first step.
func (k *kept) begin(f *flag.Flag, now flag.State) (flag.State, error) {
	switch {
	case f.Kind != flag.Rules:
		return now, fault.Conflict("%s is a %s; only flags have ramps", f.Name, f.Kind)
	case now.Audience != nil && now.On:
		return now, fault.Conflict("%s is on for its audience in %s already; switch it off, and a ramp gives it to more and more of that audience", f.Name, k.Environment)
	case len(k.Spec.Value) == 0 && f.Type != "boolean":
		return now, fault.Invalid("%s is a flag of type %s: say which value visitors are given, as JSON (--value '\"blue\"')", f.Name, f.Type).At("body.value")
	case len(k.Spec.Value) == 0:
		k.Spec.Value = json.RawMessage("true")
	}
	k.Flag, k.Name, k.Was = f.ID, f.Name, now
	var err error
	if prepared(&now) {
		if len(k.Spec.Condition) > 0 {
			return now, fault.Conflict("%s is off in %s and says already whom it means, and the ramp is among those; leave the condition out, or take the rules out (--no-rules)", f.Name, k.Environment).At("body.condition")
		}
		if k.Spec.Condition, err = meant(f, now, k.Spec.Value); err != nil {
			return now, err
		}
	}
	// Who is given the old value sees no difference to before.
	if now.Default = json.RawMessage(f.OnValue(now)); !now.On {
		now.On, now.Audience, now.Rules, now.Default = true, nil, nil, json.RawMessage(f.OffValue(now))
	}
	k.Rule = k.rule(now.Default)
	now.Rules, err = k.withRule(now.Rules, k.Rule)
	return now, err
}

const month = 30 * 24 * time.Hour

// alpha follows from the false alarms that are allowed and from how many ramps there were in a month.
func (s *Service) alpha(ctx context.Context, tx *db.Tx, app string, spec Spec) (float64, string, error) {
	var n int64
	if err := tx.QueryRow(ctx, `SELECT COUNT(*) FROM ramp_ramps WHERE app = $1 AND started_at > $2`, app, db.Micros(tx.Now().Add(-month))).Scan(&n); err != nil {
		return 0, "", fmt.Errorf("count the ramps of %s: %w", app, err)
	}
	alpha, why, err := judge.AlphaFor(spec.Alarms, float64(n))
	if err != nil {
		return 0, "", fault.Invalid("%s", err).At("body.false_alarms")
	}
	return alpha, strings.NewReplacer("releases", "ramps", "rollouts", "ramps").Replace(why), nil
}

// Ramps lists those of an app, the newest first; only those under way, unless all are wanted.
func (s *Service) Ramps(ctx context.Context, app, flagID string, all bool) ([]Ramp, error) {
	found, err := list(ctx, s.db, `WHERE app = $1 AND ($2 = '' OR flag = $2) AND ($3 OR ended_at = 0) ORDER BY id DESC LIMIT 1000`, app, flagID, all)
	out := make([]Ramp, 0, len(found))
	for _, k := range found {
		out = append(out, k.Ramp)
	}
	return out, err
}

// Shown is a ramp with what its evidence says.
type Shown struct {
	Ramp
	Verdict judge.Verdict `json:"verdict"`
	Moves   []Move        `json:"moves" nullable:"false"`
	Slots   []Slot        `json:"slots" nullable:"false"`
}

// Show gives one ramp of an app.
func (s *Service) Show(ctx context.Context, app, id string) (Shown, error) {
	k, err := one(ctx, s.db, id)
	if err == nil && k.App != app {
		err = fault.NotFound("there is no ramp %s", id)
	}
	if err != nil {
		return Shown{}, err
	}
	out := Shown{Ramp: k.Ramp, Verdict: said(judge.Judge(k.Policy, k.evidence))}
	if out.Moves, err = moves(ctx, s.db, id); err != nil {
		return out, err
	}
	out.Slots, err = slots(ctx, s.db, id)
	return out, err
}

// Open gives the ramps under way, of all apps: what is counted for.
func (s *Service) Open(ctx context.Context) ([]Ramp, error) {
	found, err := list(ctx, s.db, `WHERE ended_at = 0 ORDER BY id`)
	out := make([]Ramp, 0, len(found))
	for _, k := range found {
		out = append(out, k.Ramp)
	}
	return out, err
}

// Take folds what was counted in a step of a ramp. What is of another step than the present one comes too late.
func (s *Service) Take(ctx context.Context, id string, step int, t judge.Tick) error {
	return s.db.Tx(ctx, func(tx *db.Tx) error {
		if err := tx.Lock(ctx, "ramp:"+id); err != nil {
			return err
		}
		k, err := one(ctx, tx, id)
		if err != nil || k.State.Over() || k.Step != step {
			return err
		}
		t.Share = k.Share
		if err := k.evidence.Fold(k.Policy, t); err != nil {
			return fmt.Errorf("fold what ramp %s counted: %w", id, err)
		}
		if err := addSlot(ctx, tx, id, step, t); err != nil {
			return err
		}
		if err := update(ctx, tx, k); !fault.Is(err, fault.CodeConflict) { // it was overtaken meanwhile, and this comes too late
			return err
		}
		return nil
	})
}

// Command is what somebody wants of a ramp: pause, resume, next (a step further, or all), return.
func (s *Service) Command(ctx context.Context, actor, app, id, command, reason string) (Ramp, error) {
	return s.move(ctx, id, actor, func(_ *db.Tx, k *kept) (decision, error) {
		if k.App != app {
			return decision{}, fault.NotFound("there is no ramp %s", id)
		}
		if k.State.Over() {
			return decision{}, fault.Conflict("this ramp is over: %s", k.State)
		}
		d := decision{to: k.State, step: k.Step, share: k.Share}
		switch command {
		case "pause":
			d.to = Paused
		case "resume":
			d.to = Watching
		case "next":
			d = k.next()
		case "return":
			d.to, d.share = Returned, 0
		default:
			return d, fault.Invalid("a ramp can pause, resume, go to the next step, or return, not %q", command).At("body.command")
		}
		if d.reasons = []string{}; reason != "" {
			d.reasons = append(d.reasons, reason)
		}
		return d, nil
	})
}

// move carries a decision out: the ramp, the flag, and what is told of it, in one transaction.
func (s *Service) move(ctx context.Context, id, actor string, decide func(*db.Tx, *kept) (decision, error)) (Ramp, error) {
	var r Ramp
	err := s.db.Tx(ctx, func(tx *db.Tx) error {
		if err := tx.Lock(ctx, "ramp:"+id); err != nil {
			return err
		}
		k, err := one(ctx, tx, id)
		if err != nil {
			return err
		}
		d, err := decide(tx, &k)
		if err != nil {
			return err
		}
		r = k.Ramp
		if d.to == k.State && d.step == k.Step {
			return nil
		}
		changes := d.share != k.Share || d.to.Over()
		if d.step != k.Step || k.State != Watching && d.to == Watching { // a pause is no time that was watched
			k.StepAt = tx.Now()
		}
		k.State, k.Step, k.Share, k.Reasons = d.to, d.step, d.share, d.reasons
		if k.State.Over() {
			k.EndedAt = tx.Now()
		}
		if changes {
			if err := s.setFlag(ctx, tx, actor, &k); err != nil {
				return err
			}
		}
		if err := update(ctx, tx, k); err != nil {
			return err
		}
		r = k.Ramp
		return s.tell(ctx, tx, actor, r)
	})
	if err != nil {
		return r, err
	}
	return r, s.flags.Load(ctx, r.App)
}

// setFlag makes the flag what the ramp's state wants.
func (s *Service) setFlag(ctx context.Context, tx *db.Tx, actor string, k *kept) error {
	if k.State == Overtaken {
		return s.clear(ctx, tx, actor, k)
	}
	f, err := s.flags.Within(ctx, tx, actor, k.App, k.Flag, k.Environment, strings.Join(k.Reasons, "; "), func(f flag.Flag, now flag.State) (flag.State, error) {
		if !now.On || !k.has(now.Rules, k.Rule) {
			return now, fault.Conflict("%s was changed by somebody else, and the ramp ends in a moment", k.Name)
		}
		if k.State == Returned {
			return k.back(now)
		}
		if k.State == Promoted && prepared(&k.Was) && now.Revision == k.As.Revision { // what was prepared
			to := k.Was
			to.On = true
			return to, nil
		}
		k.Rule = k.rule(json.RawMessage(f.OnValue(now)))
		var err error
		now.Rules, err = k.withRule(now.Rules, k.Rule)
		return now, err
	})
	k.As = f.States[k.Environment]
	return err
}

// back is the flag as it was before the ramp; where somebody has changed something else meanwhile, that stays, and only the ramp's rule goes.
func (k *kept) back(now flag.State) (flag.State, error) {
	if now.Revision == k.As.Revision {
		to := k.Was
		to.Revision, to.ChangedAt, to.ChangedBy = now.Revision, now.ChangedAt, now.ChangedBy
		return to, nil
	}
	var err error
	now.Rules, err = k.withRule(now.Rules, nil)
	return now, err
}

func (s *Service) tell(ctx context.Context, tx *db.Tx, actor string, r Ramp) error {
	if err := insertMove(ctx, tx, r.ID, Move{At: tx.Now(), By: actor, Move: string(r.State), Step: r.Step, Share: r.Share, Reasons: r.Reasons}); err != nil {
		return err
	}
	meta := event.Meta{App: r.App, Env: r.Environment, Actor: actor}
	var err error
	if r.State.Over() {
		_, err = tx.Emit(ctx, meta, event.RampEnded{Ramp: r.ID, Flag: r.Flag, Name: r.Name, Outcome: string(r.State), Reasons: r.Reasons})
	} else {
		_, err = tx.Emit(ctx, meta, event.RampMoved{Ramp: r.ID, Flag: r.Flag, Name: r.Name, State: string(r.State), Step: r.Step, Share: r.Share, Reasons: r.Reasons})
	}
	if err != nil {
		return err
	}
	return access.Audit(ctx, tx, access.Entry{Actor: actor, Action: "ramp." + string(r.State), App: r.App, Env: r.Environment, Target: r.Name, Reason: strings.Join(r.Reasons, "; ")})
}

// Look lets each ramp under way do what its evidence says.
func (s *Service) Look(ctx context.Context) error {
	open, err := list(ctx, s.db, `WHERE ended_at = 0 ORDER BY id`)
	if err != nil {
		return err
	}
	var failed error
	for i := range open {
		k := &open[i]
		d, err := s.wants(ctx, s.db, k, s.db.Now())
		if err == nil && (d.to != k.State || d.step != k.Step) {
			_, err = s.move(ctx, k.ID, actorSelf, func(tx *db.Tx, k *kept) (decision, error) { return s.wants(ctx, tx, k, tx.Now()) })
		}
		failed = errors.Join(failed, err)
	}
	return failed
}

// wants is what a ramp does by itself: where somebody has changed what it had set, it ends.
func (s *Service) wants(ctx context.Context, q db.Querier, k *kept, now time.Time) (decision, error) {
	f, err := s.flags.FindIn(ctx, q, k.App, k.Flag)
	if err != nil {
		return decision{}, err
	}
	if !k.State.Over() {
		if why := overtaken(f, k); why != "" {
			return decision{to: Overtaken, step: k.Step, share: k.Share, reasons: []string{why}}, nil
		}
	}
	return decide(&k.Ramp, judge.Judge(k.Policy, k.evidence), k.evidence.Split, now), nil
}

// overtaken says what somebody did to the flag that ends the ramp.
func overtaken(f flag.Flag, k *kept) string {
	state := f.States[k.Environment]
	switch {
	case !f.ArchivedAt.IsZero():
		return "the flag was taken out of use by " + access.Name(f.ChangedBy)
	case !state.On:
		return "the flag was switched off by " + access.Name(state.ChangedBy)
	case !k.has(state.Rules, k.Rule):
		return "the ramp's rule was changed by " + access.Name(state.ChangedBy)
	}
	return ""
}

// Run looks each second, until ctx ends.
func (s *Service) Run(ctx context.Context) error {
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
		if err := s.Look(ctx); err != nil && ctx.Err() == nil {
			s.log.Error("a ramp could not be looked at; it is looked at again", "error", err)
		}
	}
}
