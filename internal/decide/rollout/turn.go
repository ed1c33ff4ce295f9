package rollout

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/slipwayhq/slipway/internal/access"
	"github.com/slipwayhq/slipway/internal/db"
	"github.com/slipwayhq/slipway/internal/decide/rollout/machine"
	"github.com/slipwayhq/slipway/internal/event"
	"github.com/slipwayhq/slipway/internal/fault"
	"github.com/slipwayhq/slipway/internal/pure/manifest"
)

// queue makes a rollout of a release that waits for its turn.
func (s *Service) queue(ctx context.Context, tx *db.Tx, e *envRow, r releaseRow, meta event.Meta) (*machine.Rollout, error) {
	e.numbers++
	m := &machine.Rollout{
		ID: event.NewKey("rol", tx.Now()), Number: e.numbers, App: e.app, Env: e.env, Release: r.body.Release,
		Commits: r.body.Commits, Hotfix: r.body.Hotfix, Diverged: r.body.Diverged, Cause: meta.Cause, State: machine.Queued, Since: tx.Now(), Created: tx.Now(),
	}
	var mf manifest.Manifest
	if err := json.Unmarshal(r.body.Manifest, &mf); err != nil {
		return nil, fmt.Errorf("read the manifest of release %s: %w", r.body.Release, err)
	}
	m.Policy = mf.Rollout
	if web, ok := mf.Processes[manifest.WebProcess]; ok {
		m.UpWithin = web.StartTimeout.Duration + web.StopTimeout.Duration
	}
	if err := errorsOf(storeMachine(ctx, tx, m), storeEnv(ctx, tx, e)); err != nil {
		return nil, err
	}
	_, err := tx.Emit(ctx, meta, event.RolloutQueued{Rollout: m.ID, Number: m.Number, Release: m.Release})
	return m, err
}

// startNext starts what waits, if it is its turn: the newest hotfix, or else the newest; those before it are superseded by it, and their commits go along. For a
// hotfix the rollout under way makes way.
func (s *Service) startNext(ctx context.Context, tx *db.Tx, e *envRow, cause string) error {
	if !e.frozenAt.IsZero() {
		return nil
	}
	waiting, err := machines(ctx, tx, `app = $1 AND env = $2 AND state = $3 ORDER BY number`, e.app, e.env, string(machine.Queued))
	if err != nil {
		return err
	}
	next, superseded := machine.Next(waiting)
	if next == nil {
		return nil
	}
	if e.current != "" {
		return s.takeOver(ctx, tx, e, next, superseded, cause)
	}
	ahead, err := aheadOfLive(ctx, tx, e, next)
	if err != nil {
		return err
	}
	if err := s.supersede(ctx, tx, append(append(ahead, superseded...), next), cause); err != nil {
		return err
	}
	next.Cause = cause
	return s.start(ctx, tx, e, next)
}

// aheadOfLive gives the rollouts that came after the one that first shipped the release that is live, and before next: what they brought came back, or was left
// behind, and is still in the branch, so that it goes out with next. A release without commits of its own, such as a new configuration, takes no code along.
func aheadOfLive(ctx context.Context, tx *db.Tx, e *envRow, next *machine.Rollout) ([]*machine.Rollout, error) {
	if e.live == "" || len(next.Commits) == 0 {
		return nil, nil
	}
	ended, err := machines(ctx, tx, `app = $1 AND env = $2 AND number < $3 AND number > (SELECT MIN(number) FROM rollout_rollouts
		WHERE app = $1 AND env = $2 AND release = $4) AND ended_at > 0 ORDER BY number`, e.app, e.env, next.Number, e.live)
	if err != nil {
		return nil, err
	}
	return slices.DeleteFunc(ended, func(m *machine.Rollout) bool { return m.Back || !m.State.Ended() }), nil
}

// supersede ends the rollouts of a row that waited before its last one, which takes their commits along. What has ended, or is on its way, may lead the row: it is
// left alone.
func (s *Service) supersede(ctx context.Context, tx *db.Tx, row []*machine.Rollout, cause string) error {
	next := row[len(row)-1]
	commits, from := machine.GoAlong(row)
	for i, old := range row[:len(row)-1] {
		if old.State != machine.Queued {
			continue
		}
		old.Cause = cause
		if err := s.step(ctx, tx, old, old.Supersede(next, i >= from), actorSelf); err != nil {
			return err
		}
	}
	next.Commits = commits
	return storeMachine(ctx, tx, next)
}

// takeOver lets a hotfix that waits take the place of the rollout under way, which goes back first: never are two releases half on. Anything else waits on.
func (s *Service) takeOver(ctx context.Context, tx *db.Tx, e *envRow, hotfix *machine.Rollout, superseded []*machine.Rollout, cause string) error {
	if hotfix.Hotfix == nil {
		return nil
	}
	m, err := loadMachine(ctx, tx, e.current)
	if err != nil {
		return err
	}
	row := append(append([]*machine.Rollout{m}, superseded...), hotfix)
	_, from := machine.GoAlong(row)
	mv, ok := m.MakeWay(hotfix, access.Name(hotfix.Hotfix.By), from == 0)
	if !ok {
		return nil
	}
	m.Look(tx.Now())
	m.Cause = cause
	text := fmt.Sprintf("it takes the place of rollout #%d, which goes back first", m.Number)
	if mv.To != machine.Returning {
		row, text = row[1:], fmt.Sprintf("rollout #%d is finished first", m.Number)
	}
	if err := s.supersede(ctx, tx, row, cause); err != nil {
		return err
	}
	hotfix.Reasons = []event.Reason{machine.Because("takes_place", nil, "%s", text)}
	if err := storeMachine(ctx, tx, hotfix); err != nil {
		return err
	}
	by := cmp.Or(hotfix.Hotfix.By, actorSelf)
	entry := access.Entry{
		Actor: by, Action: "rollout.displaced", App: m.App, Env: m.Env, Target: m.ID, Reason: mv.Reasons[0].Text, Detail: map[string]any{"hotfix": hotfix.ID, "to": string(mv.To)},
	}
	if err := access.Audit(ctx, tx, entry); err != nil {
		return err
	}
	if err := s.step(ctx, tx, m, mv, actorSelf); err != nil {
		return err
	}
	return s.advance(ctx, tx, m)
}

// hurry makes a hotfix of a rollout that waits: it goes next, to everyone at once.
func (s *Service) hurry(ctx context.Context, tx *db.Tx, m *machine.Rollout, actor, why string) error {
	if why == "" {
		return fault.Invalid("rollout #%d has not begun: to send everyone to it at once, without a watch, takes a reason", m.Number).At("reason")
	}
	e, err := loadEnv(ctx, tx, m.App, m.Env)
	if err != nil {
		return err
	}
	if !e.frozenAt.IsZero() {
		return fault.Conflict("%s/%s is frozen by %s (%s); unfreeze it first", e.app, e.env, access.Name(e.frozenBy), e.frozenWhy)
	}
	h := event.Hotfix{SkipWatch: true, Reason: why, By: actor}
	if m.Hotfix != nil {
		h.SkipTests = m.Hotfix.SkipTests
	}
	m.Hotfix = &h
	return nil
}

// waitForHosts leaves a rollout queued until a host joins.
func (s *Service) waitForHosts(ctx context.Context, tx *db.Tx, e *envRow, m *machine.Rollout) error {
	m.Started = time.Time{}
	m.Reasons = []event.Reason{machine.Because("no_hosts", nil, "%s", noHosts(e))}
	return storeMachine(ctx, tx, m)
}

// noHosts says what is missing in an environment without a host, and how to add one.
func noHosts(e *envRow) string {
	which, flags := "", ""
	if names := e.spec.Hosts; len(names) > 0 {
		which, flags = " named "+strings.Join(names, " or "), " --name "+names[0]
	}
	if len(e.spec.Labels) > 0 {
		var labels []string
		for _, k := range slices.Sorted(maps.Keys(e.spec.Labels)) {
			labels = append(labels, k+"="+e.spec.Labels[k])
		}
		which, flags = which+" labelled "+strings.Join(labels, " and "), flags+" --labels "+strings.Join(labels, ",")
	}
	if flags != "" {
		flags = ", with" + flags
	}
	return fmt.Sprintf(`%s/%s has no host%s; to add one, run on it the command that "slipway join-token --roles host" prints%s`, e.app, e.env, which, flags)
}

// requeue gives up the turn of a rollout that has lost all its hosts: it waits for one, with whatever else waits, and goes on at once where hosts are there that took
// no part so far. Nothing may touch m afterwards.
func (s *Service) requeue(ctx context.Context, tx *db.Tx, m *machine.Rollout) error {
	if err := storeMachine(ctx, tx, m); err != nil {
		return err
	}
	e, err := loadEnv(ctx, tx, m.App, m.Env)
	if err != nil {
		return err
	}
	if e.current == m.ID { // and not one that was hurried on while another one is under way
		e.current = ""
		if err := storeEnv(ctx, tx, e); err != nil {
			return err
		}
	}
	return s.startNext(ctx, tx, e, m.Cause)
}
