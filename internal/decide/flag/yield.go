package flag

import (
	"bytes"
	"context"
	"encoding/json"
	"maps"
	"slices"
	"strings"

	"github.com/slipwayhq/slipway/internal/db"
	"github.com/slipwayhq/slipway/internal/fault"
)

// Ramps are asked where somebody changes a flag that a ramp may be moving. Package ramp sets them, before anything is asked of the Service; without them there are none.
type Ramps struct {
	// Yield says what is saved in the place of a state that somebody wants, with what became of a ramp; the ramp that it overtakes has ended then.
	Yield func(ctx context.Context, tx *db.Tx, w Wanted) (to State, said string, err error)
	// Beneath is what a flag is without the ramp under way, and that ramp's id; the state itself where there is none.
	Beneath func(ctx context.Context, q db.Querier, f Flag, env string) (State, string, error)
}

// Wanted is a state that somebody is about to save.
type Wanted struct {
	Flag        Flag
	Environment string
	From, To    State
	By          string
	Gone        bool // the flag goes out of use
	Back        bool // it comes back
}

// Only tells whether nothing but the switch changes, to off.
func (w *Wanted) Only() bool {
	patch, _ := difference(w.From, w.To)
	return len(patch) == 1 && string(patch["on"]) == "false"
}

// RampRule begins the ids of rules that ramps make.
const RampRule = "ramp-rmp_"

// yield has the ramps say what becomes of a change.
func (s *Service) yield(ctx context.Context, tx *db.Tx, f Flag, env string, to State, c Change) (State, string, error) {
	if s.Ramps.Yield == nil || c.How == ramped {
		return to, "", nil
	}
	return s.Ramps.Yield(ctx, tx, Wanted{Flag: f, Environment: env, From: f.States[env], To: to, By: c.By, Gone: c.How == archived, Back: c.How == broughtBack})
}

// settle ends the ramps of a flag that goes out of use, and leaves no rule of one that is over in one that comes back.
func (s *Service) settle(ctx context.Context, tx *db.Tx, f Flag, c Change) (Flag, error) {
	for _, env := range slices.Sorted(maps.Keys(f.States)) {
		if !strings.Contains(string(f.States[env].Rules), RampRule) {
			continue
		}
		var err error
		if c.At, err = bump(ctx, tx, f.App); err != nil {
			return f, err
		}
		if f, _, err = s.put(ctx, tx, f, env, f.States[env], c); err != nil {
			return f, err
		}
	}
	return f, nil
}

// Archive takes a flag out of use: clients are told of it no more. Its history stays.
func (s *Service) Archive(ctx context.Context, actor, app, id, reason string, revision int64) (Flag, error) {
	var needs Needs
	name := id
	out, err := s.everywhere(ctx, actor, app, id, archived, reason, revision, func(tx *db.Tx, f *Flag) (string, error) {
		all, err := flags(ctx, tx, app, true)
		if err != nil {
			return "", err
		}
		name = f.Name
		if needs = NeedsOf(all)[f.ID]; f.ArchivedAt.IsZero() {
			if *f, err = s.settle(ctx, tx, *f, Change{By: actor, How: archived, Reason: reason, unchecked: true}); err != nil {
				return "", err
			}
			f.ArchivedAt = s.db.Now()
		}
		return "taken out of use", nil
	})
	if fault.Is(err, fault.CodeInvalid) && len(needs.By) > 0 { // what leans on it cannot be evaluated without
		return out, fault.Conflict("%s asks first what %s gives; take that out of its rules (parentConditions) before", strings.Join(needs.By, ", "), name).Because(err)
	}
	return out, err
}

// Told is what clients are told of a flag while it is on: rules, and the value where none decides. An audience is rules, too, to them.
func (f *Flag) Told(s State) (rules []json.RawMessage, otherwise json.RawMessage, err error) {
	s.On = true
	var b bytes.Buffer
	feature(&b, f, &s)
	var told struct {
		Default json.RawMessage   `json:"defaultValue"`
		Rules   []json.RawMessage `json:"rules"`
	}
	err = json.Unmarshal(b.Bytes(), &told)
	return told.Rules, told.Default, err
}
