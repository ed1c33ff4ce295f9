package flag

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/slipwayhq/slipway/internal/access"
	"github.com/slipwayhq/slipway/internal/db"
	"github.com/slipwayhq/slipway/internal/event"
	"github.com/slipwayhq/slipway/internal/fault"
)

// Plan is a change that is still to be made: when somebody else has approved it, at a time, or both.
type Plan struct {
	ID          string          `json:"id"`
	Flag        string          `json:"flag"`
	Name        string          `json:"name" doc:"Of the flag"`
	Environment string          `json:"environment"`
	Patch       json.RawMessage `json:"patch" doc:"The members of the state that change; null takes one out"`
	Before      json.RawMessage `json:"before" doc:"What these members were when the change was planned. It is not made where they are others by then"`
	Words       string          `json:"words"`
	Reason      string          `json:"reason,omitempty"`
	By          string          `json:"by" doc:"Who planned it, or edited it last"`
	At          time.Time       `json:"at"`
	Wall        string          `json:"wall,omitempty" doc:"When it is to be made, as a clock there shows it" example:"2026-12-01T09:00"`
	Zone        string          `json:"zone,omitempty" doc:"Where that clock hangs" example:"Europe/Berlin"`
	Due         time.Time       `json:"due,omitzero"`
	Status      string          `json:"status" enum:"waiting,approved,done,refused,withdrawn,failed" doc:"waiting: for an approval; approved: for its time"`
	DecidedBy   string          `json:"decided_by,omitempty"`
	DecidedAt   time.Time       `json:"decided_at,omitzero"`
	Said        string          `json:"said,omitempty" doc:"Why it failed, or was refused"`
	Revision    int64           `json:"-"`
	app         string
}

// What becomes of a plan.
const (
	waiting   = "waiting"
	approved  = "approved"
	finished  = "done"
	refused   = "refused"
	withdrawn = "withdrawn"
	failed    = "failed"
)

const wallForm = "2006-01-02T15:04"

// due is the moment of a wall time in a zone. One that the clocks there leave out, as they go forward, is none.
func due(wall, zone string) (time.Time, error) {
	if wall == "" {
		return time.Time{}, nil
	}
	if zone == "" {
		return time.Time{}, fault.Invalid("say which zone %s is meant in, such as Europe/Berlin", wall).At("body.zone")
	}
	at, err := time.LoadLocation(zone)
	if err != nil || zone == "Local" {
		return time.Time{}, fault.Invalid("there is no time zone %q; they are called as Europe/Berlin is", zone).At("body.zone")
	}
	t, err := time.ParseInLocation(wallForm, wall, at)
	if err != nil {
		return time.Time{}, fault.Invalid("%q is no time; write it as 2026-12-01T09:00", wall).At("body.wall")
	}
	if t.Format(wallForm) != wall {
		return time.Time{}, fault.Invalid("there is no %s in %s: the clocks go forward then; choose an hour later", wall, zone).At("body.wall")
	}
	return t.UTC(), nil
}

// never is after all times that a plan can have.
func never() time.Time { return time.Date(9999, 1, 1, 0, 0, 0, 0, time.UTC) }

// Wish is a change that somebody wants to be made later.
type Wish struct {
	State      State
	Wall, Zone string
	Reason     string
}

// Plan keeps a change for later. Where nobody has to approve it, it needs a time.
func (s *Service) Plan(ctx context.Context, actor, app, id, env string, w Wish) (Plan, error) {
	var p Plan
	err := s.db.Tx(ctx, func(tx *db.Tx) error {
		f, err := find(ctx, tx, app, id)
		if err != nil {
			return err
		}
		p = Plan{ID: newID("fpl_", tx), Flag: f.ID, Name: f.Name, Environment: env, app: app, Revision: 1}
		if err := s.wish(ctx, tx, &p, f, actor, w); err != nil {
			return err
		}
		_, err = tx.Exec(ctx, `INSERT INTO flag_plans (id, app, flag, environment, patch, before, reason, by_whom, at, wall, zone, status, revision) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, 1)`,
			p.ID, app, p.Flag, env, string(p.Patch), string(p.Before), p.Reason, p.By, db.Micros(p.At), p.Wall, p.Zone, p.Status)
		if err != nil {
			return fmt.Errorf("plan a change of flag %s: %w", f.Name, err)
		}
		return tellPlan(ctx, tx, actor, p)
	})
	return p, err
}

// EditPlan makes a planned change another one. What was approved has to be approved again.
func (s *Service) EditPlan(ctx context.Context, actor, app, id string, revision int64, w Wish) (Plan, error) {
	return s.decide(ctx, app, id, revision, func(tx *db.Tx, p *Plan) error {
		f, err := find(ctx, tx, app, p.Flag)
		if err != nil {
			return err
		}
		if err := s.wish(ctx, tx, p, f, actor, w); err != nil {
			return err
		}
		p.DecidedBy, p.DecidedAt = "", time.Time{}
		return tellPlan(ctx, tx, actor, *p)
	})
}

// wish fills a plan with what somebody wants.
func (s *Service) wish(ctx context.Context, tx *db.Tx, p *Plan, f Flag, actor string, w Wish) error {
	if !f.ArchivedAt.IsZero() {
		return fault.Conflict("%s is out of use; bring it back first", f.Name)
	}
	if err := w.State.clean(f.Kind, f.Type); err != nil {
		return err
	}
	now := f.States[p.Environment]
	if w.State.Revision != now.Revision {
		return errFaster(f.Name)
	}
	patch, before := difference(now, w.State)
	if len(patch) == 0 {
		return fault.Invalid("this is what %s is in %s already; there is nothing to plan", f.Name, p.Environment)
	}
	at, err := due(w.Wall, w.Zone)
	if err != nil {
		return err
	}
	needs, err := approvals(ctx, tx, p.app, p.Environment)
	switch {
	case err != nil:
		return err
	case w.Wall != "" && !at.After(tx.Now()):
		return fault.Invalid("%s in %s is over; choose a time to come", w.Wall, w.Zone).At("body.wall")
	case w.Wall == "" && !needs:
		return fault.Invalid("say when the change is to be made; nobody has to approve it in %s, so that it can be made at once as well", p.Environment).At("body.wall")
	}
	if _, err := tried(ctx, tx, f, p.Environment, w.State); err != nil { // a plan with a fault is refused when it is made
		return err
	}
	p.Patch, _ = json.Marshal(patch)
	p.Before, _ = json.Marshal(before) // both are JSON already
	p.Words, p.Reason, p.By, p.At, p.Wall, p.Zone, p.Due = words(patch, before), w.Reason, actor, tx.Now(), w.Wall, w.Zone, at
	if p.Status = approved; needs {
		p.Status = waiting
	}
	return nil
}

func tellPlan(ctx context.Context, tx *db.Tx, actor string, p Plan) error {
	meta := event.Meta{App: p.app, Env: p.Environment, Actor: actor}
	var err error
	if p.Status == waiting || p.Status == approved {
		_, err = tx.Emit(ctx, meta, event.FlagPlanned{Plan: p.ID, Flag: p.Flag, Name: p.Name, Words: p.Words, Status: p.Status, Wall: p.Wall, Zone: p.Zone, Reason: p.Reason})
	} else {
		_, err = tx.Emit(ctx, meta, event.FlagPlanEnded{Plan: p.ID, Flag: p.Flag, Name: p.Name, Status: p.Status, Said: p.Said})
	}
	if err != nil {
		return err
	}
	return access.Audit(ctx, tx, access.Entry{Actor: actor, Action: "flag_plan." + p.Status, App: p.app, Env: p.Environment, Target: p.Name, Reason: p.Reason, Detail: map[string]any{"change": p.Words, "plan": p.ID}})
}

// Approve lets a planned change be made: at once, or at its time. Who planned it cannot.
func (s *Service) Approve(ctx context.Context, actor, app, id string, revision int64) (Plan, error) {
	p, err := s.decide(ctx, app, id, revision, func(tx *db.Tx, p *Plan) error {
		if p.Status != waiting {
			return fault.Conflict("this change is %s; there is nothing to approve", p.Status)
		}
		if p.By == actor {
			return fault.Forbidden("you planned this change; somebody else has to approve it")
		}
		p.Status, p.DecidedBy, p.DecidedAt = approved, actor, tx.Now()
		if p.Due.After(tx.Now()) {
			return tellPlan(ctx, tx, actor, *p)
		}
		return s.carryOut(ctx, tx, p, actor)
	})
	if err != nil {
		return p, err
	}
	return p, s.Load(ctx, app)
}

// Refuse ends a planned change that somebody does not want; Withdraw, one of one's own.
func (s *Service) Refuse(ctx context.Context, actor, app, id, said string, revision int64) (Plan, error) {
	return s.decide(ctx, app, id, revision, func(tx *db.Tx, p *Plan) error {
		if p.Status = refused; p.By == actor {
			p.Status = withdrawn
		}
		p.DecidedBy, p.DecidedAt, p.Said = actor, tx.Now(), said
		return tellPlan(ctx, tx, actor, *p)
	})
}

// carryOut does what is planned. What cannot be done any more fails, and says why.
func (s *Service) carryOut(ctx context.Context, tx *db.Tx, p *Plan, actor string) error {
	f, err := find(ctx, tx, p.app, p.Flag)
	if err != nil {
		return err
	}
	var patch, before members
	if err := errors.Join(json.Unmarshal(p.Patch, &patch), json.Unmarshal(p.Before, &before)); err != nil {
		return fmt.Errorf("read plan %s: %w", p.ID, err)
	}
	if needs, err := approvals(ctx, tx, p.app, p.Environment); err != nil {
		return err
	} else if needs && p.DecidedBy == "" { // it was planned before anybody asked for approvals
		p.Status = waiting
		return tellPlan(ctx, tx, actor, *p)
	}
	now := f.States[p.Environment]
	if f.ArchivedAt.IsZero() && fulfilled(now, patch) {
		p.Status, p.DecidedAt, p.Said = finished, tx.Now(), "it was so already"
		return tellPlan(ctx, tx, actor, *p)
	}
	to, err := patched(now, patch, before)
	if err == nil {
		to.Revision = now.Revision
		_, err = tried(ctx, tx, f, p.Environment, to)
	}
	if err == nil && !f.ArchivedAt.IsZero() {
		err = fault.Conflict("%s is out of use", f.Name)
	}
	p.Status, p.DecidedAt = finished, tx.Now()
	if err != nil {
		if fault.CodeOf(err) == fault.CodeInternal {
			return err
		}
		p.Status, p.Said = failed, fault.Message(err)
		return p.fail(ctx, tx, actor)
	}
	at, err := bump(ctx, tx, p.app)
	if err != nil {
		return err
	}
	if _, _, err = s.put(ctx, tx, f, p.Environment, to, Change{At: at, By: p.By, How: planned, Reason: p.Reason}); err != nil {
		return err
	}
	return tellPlan(ctx, tx, actor, *p)
}

// fail tells of a plan that could not be made, in the flag's history as well: whoever planned it may not be looking.
func (p *Plan) fail(ctx context.Context, tx *db.Tx, actor string) error {
	c := Change{ID: idAt("chg_", tx.Now()), Environment: p.Environment, At: tx.Now(), By: p.By, How: planFailed, Reason: p.Reason, Words: "not made: " + p.Words + "; " + p.Said}
	if err := insertChange(ctx, tx, p.Flag, c); err != nil {
		return err
	}
	return tellPlan(ctx, tx, actor, *p)
}

// fulfilled tells whether a state is what a patch makes of it.
func fulfilled(now State, patch members) bool {
	m := membersOf(now)
	for name, v := range patch {
		if !same(orNull(m[name]), v) {
			return false
		}
	}
	return true
}

// decide changes an open plan in the place of the revision that the caller saw.
func (s *Service) decide(ctx context.Context, app, id string, revision int64, do func(*db.Tx, *Plan) error) (Plan, error) {
	var p Plan
	err := s.db.Tx(ctx, func(tx *db.Tx) error {
		var err error
		if p, err = onePlan(ctx, tx, app, id); err != nil {
			return err
		}
		if p.Revision != revision {
			return fault.Conflict("this planned change was edited by somebody else meanwhile; look at it again")
		}
		if p.Status != waiting && p.Status != approved {
			return fault.Conflict("this change is %s already", p.Status)
		}
		if err := do(tx, &p); err != nil {
			return err
		}
		p.Revision++
		res, err := tx.Exec(ctx, `UPDATE flag_plans SET patch = $1, before = $2, reason = $3, by_whom = $4, at = $5, wall = $6, zone = $7, status = $8, decided_by = $9, decided_at = $10, said = $11, revision = $12 WHERE id = $13 AND revision = $14`,
			string(p.Patch), string(p.Before), p.Reason, p.By, db.Micros(p.At), p.Wall, p.Zone, p.Status, p.DecidedBy, db.Micros(p.DecidedAt), p.Said, p.Revision, p.ID, revision)
		return expectOne(res, err, p.Name)
	})
	return p, err
}

const planColumns = `SELECT p.id, p.app, p.flag, f.name, p.environment, p.patch, p.before, p.reason, p.by_whom, p.at, p.wall, p.zone, p.status, p.decided_by, p.decided_at, p.said, p.revision
	FROM flag_plans p JOIN flag_flags f ON f.id = p.flag`

func scanPlan(into func(...any) error) (p Plan, err error) {
	var patch, before string
	var at, decided int64
	if err := into(&p.ID, &p.app, &p.Flag, &p.Name, &p.Environment, &patch, &before, &p.Reason, &p.By, &at, &p.Wall, &p.Zone, &p.Status, &p.DecidedBy, &decided, &p.Said, &p.Revision); err != nil {
		return p, err
	}
	p.Patch, p.Before, p.At, p.DecidedAt = json.RawMessage(patch), json.RawMessage(before), db.Time(at), db.Time(decided)
	var a, b members
	if err := errors.Join(json.Unmarshal(p.Patch, &a), json.Unmarshal(p.Before, &b)); err != nil {
		return p, err
	}
	p.Words = words(a, b)
	if p.Due, err = due(p.Wall, p.Zone); err != nil { // its zone is gone since: it has no time, and is not made
		p.Due, p.Said = never(), fault.Message(err)
	}
	return p, nil
}

func onePlan(ctx context.Context, q db.Querier, app, id string) (Plan, error) {
	p, err := scanPlan(q.QueryRow(ctx, planColumns+` WHERE p.id = $1 AND p.app = $2`, id, app).Scan)
	if errors.Is(err, sql.ErrNoRows) {
		return p, fault.NotFound("%s has no planned change %s", app, id)
	}
	return p, err
}

// FindPlan gives one planned change.
func (s *Service) FindPlan(ctx context.Context, app, id string) (Plan, error) {
	return onePlan(ctx, s.db, app, id)
}

// failedShown is how long a plan that failed is listed beside those that are open: somebody thinks that it was made.
const failedShown = 7 * 24 * time.Hour

// Plans lists an app's planned changes, newest first; only those that are open and those that failed of late, unless all are wanted, and of one flag where it is named by its id.
func (s *Service) Plans(ctx context.Context, app, flag string, all bool) ([]Plan, error) {
	rows, err := s.db.Query(ctx, planColumns+` WHERE p.app = $1 AND ($2 = '' OR p.flag = $2) AND ($3 OR p.status IN ('waiting', 'approved') OR p.status = 'failed' AND p.decided_at > $4) ORDER BY p.id DESC LIMIT 1000`, app, flag, all, db.Micros(s.db.Now().Add(-failedShown)))
	return each(rows, err, "planned changes", scanPlan)
}

// MakeDue makes the changes whose time has come. One that fails keeps no other from being made.
func (s *Service) MakeDue(ctx context.Context) error {
	rows, err := s.db.Query(ctx, planColumns+` WHERE p.status = 'approved' ORDER BY p.id`)
	all, err := each(rows, err, "planned changes", scanPlan)
	if err != nil {
		return err
	}
	var failed error
	for _, p := range all {
		if p.Due.After(s.db.Now()) {
			continue
		}
		_, err := s.decide(ctx, p.app, p.ID, p.Revision, func(tx *db.Tx, p *Plan) error { return s.carryOut(ctx, tx, p, "system:flags") })
		if fault.Is(err, fault.CodeConflict) { // another server was faster, or somebody has edited it
			continue
		}
		failed = errors.Join(failed, err, s.Load(ctx, p.app))
	}
	return failed
}

// Keep makes planned changes at their time, until ctx ends. What cannot be made now is tried again.
func (s *Service) Keep(ctx context.Context) error {
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	failing := false
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
		err := s.MakeDue(ctx)
		if err != nil && ctx.Err() == nil && !failing {
			s.logger().Error("planned changes of flags cannot be made just now; they are tried again", "error", err)
		}
		failing = err != nil
	}
}
