package ramp

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/slipwayhq/slipway/internal/access"
	"github.com/slipwayhq/slipway/internal/db"
	"github.com/slipwayhq/slipway/internal/decide/flag"
	"github.com/slipwayhq/slipway/internal/fault"
)

// Under is a ramp under way, and what its flag is without it.
type Under struct {
	Ramp        string     `json:"ramp" doc:"Its id"`
	Flag        string     `json:"-"`
	Environment string     `json:"-"`
	State       State      `json:"state" enum:"watching,paused,held"`
	Share       float64    `json:"share" doc:"Who is given the value now"`
	Beneath     flag.State `json:"beneath" doc:"What the flag is in this environment without the ramp; lists of flags have this"`
}

// Under gives the ramps under way of an app, with what their flags are without them.
func (s *Service) Under(ctx context.Context, app string, all []flag.Flag) ([]Under, error) {
	found, err := list(ctx, s.db, `WHERE ended_at = 0 AND app = $1 ORDER BY id`, app)
	if err != nil || len(found) == 0 {
		return nil, err
	}
	by := make(map[string]*flag.Flag, len(all))
	for i := range all {
		by[all[i].ID] = &all[i]
	}
	out := []Under{}
	for i := range found {
		k := &found[i]
		f := by[k.Flag]
		if f == nil {
			continue
		}
		beneath, err := k.back(f.States[k.Environment])
		if err != nil {
			return nil, err
		}
		out = append(out, Under{Ramp: k.ID, Flag: k.Flag, Environment: k.Environment, State: k.State, Share: k.Share, Beneath: beneath})
	}
	return out, nil
}

// of finds the ramp under way of a flag in an environment; nil where there is none.
func of(ctx context.Context, q db.Querier, flagID, env string) (*kept, error) {
	found, err := list(ctx, q, `WHERE flag = $1 AND environment = $2 AND ended_at = 0`, flagID, env)
	if err != nil || len(found) == 0 {
		return nil, err
	}
	return &found[0], nil
}

func (s *Service) beneath(ctx context.Context, q db.Querier, f flag.Flag, env string) (flag.State, string, error) {
	now := f.States[env]
	k, err := of(ctx, q, f.ID, env)
	if err != nil || k == nil {
		return now, "", err
	}
	to, err := k.back(now)
	return to, k.ID, err
}

// yield ends the ramp that a change overtakes, whose rule goes with it. A rule of a ramp that is over is not saved: nobody watches what it does (ADR 126).
func (s *Service) yield(ctx context.Context, tx *db.Tx, w flag.Wanted) (flag.State, string, error) {
	to, revision := w.To, w.To.Revision
	k, err := of(ctx, tx, w.Flag.ID, w.Environment)
	if err != nil {
		return to, "", err
	}
	said := ""
	if k != nil {
		why, err := k.yields(&w, &to)
		if err != nil {
			return to, "", err
		}
		if to.Revision = revision; why != "" {
			k.State, k.Reasons, k.EndedAt = Overtaken, []string{why + " by " + access.Name(w.By)}, tx.Now()
			if err := update(ctx, tx, *k); err != nil {
				return to, "", err
			}
			if err := s.tell(ctx, tx, w.By, k.Ramp); err != nil {
				return to, "", err
			}
			said, k = "the ramp "+k.ID+" ends", nil
		}
	}
	taken, err := leftovers(k, &w, &to)
	if err == nil && said == "" {
		said = taken
	}
	return to, said, err
}

// yields says why a change ends the ramp, if it does, and makes the state what it is without it.
func (k *kept) yields(w *flag.Wanted, to *flag.State) (why string, err error) {
	has := k.has(to.Rules, k.Rule)
	switch {
	case w.Gone:
		*to, err = k.back(w.From)
		return "the flag was taken out of use", err
	case !to.On && has:
		if w.Only() { // what was there before is there when it is switched on again
			*to, err = k.back(w.From)
			to.On = false
		} else {
			to.Rules, err = k.withRule(to.Rules, nil)
		}
		return "the flag was switched off", err
	case has:
		return "", nil
	}
	all, err := listed(to.Rules)
	if err != nil {
		return "", nil //nolint:nilerr // what is wrong with the rules is told, with its place, by the compiler
	}
	for i, rule := range all {
		if k.isOwn(rule) {
			return "", fault.Conflict("rule %d is the one of the ramp %s, which alone moves it; end the ramp first (slipway flag ramp return %s), or take the rule out, which ends it", i+1, k.ID, k.ID).At(fmt.Sprintf("body.rules[%d]", i))
		}
	}
	if !to.On {
		return "the flag was switched off", nil
	}
	return "the ramp's rule was taken out", nil
}

// leftovers takes rules of ramps that are over out of a state where they are already, and refuses them where they are not.
func leftovers(live *kept, w *flag.Wanted, to *flag.State) (said string, err error) {
	if !strings.Contains(string(to.Rules), flag.RampRule) {
		return "", nil
	}
	all, err := listed(to.Rules)
	if err != nil {
		return "", nil //nolint:nilerr // told by the compiler
	}
	var stay []json.RawMessage
	for i, rule := range all {
		id := inner(rule)
		switch {
		case id == "", live != nil && id == live.ID:
			stay = append(stay, rule)
			continue
		case !w.Gone && !w.Back && !strings.Contains(string(w.From.Rules), ruleID+id):
			return "", fault.Conflict("rule %d is one of the ramp %s, which is over: nobody would watch what it does; take it out, or start a ramp", i+1, id).At(fmt.Sprintf("body.rules[%d]", i))
		}
		said = "the rule of the ramp " + id + ", which is over, was taken out"
	}
	if said == "" {
		return "", nil
	}
	if to.Rules = nil; len(stay) > 0 {
		to.Rules, err = json.Marshal(stay)
	}
	return said, err
}

// inner is the id of the ramp whose rule this is while it is under way, which gives two values; what a promoted ramp leaves gives one, and is like any other.
func inner(rule json.RawMessage) string {
	var about struct {
		ID         string            `json:"id"`
		Variations []json.RawMessage `json:"variations"`
	}
	if json.Unmarshal(rule, &about) != nil || !strings.HasPrefix(about.ID, flag.RampRule) || len(about.Variations) == 0 {
		return ""
	}
	return strings.TrimPrefix(about.ID, ruleID)
}

// clear takes the rule of a ramp that was overtaken out of a flag in use, if it is still there.
func (s *Service) clear(ctx context.Context, tx *db.Tx, actor string, k *kept) error {
	f, err := s.flags.FindIn(ctx, tx, k.App, k.Flag)
	if err != nil || !f.ArchivedAt.IsZero() || !strings.Contains(string(f.States[k.Environment].Rules), ruleID+k.ID) {
		return err
	}
	_, err = s.flags.Within(ctx, tx, actor, k.App, k.Flag, k.Environment, strings.Join(k.Reasons, "; "), func(_ flag.Flag, now flag.State) (flag.State, error) {
		now.Rules, err = k.withRule(now.Rules, nil)
		return now, err
	})
	return err
}
