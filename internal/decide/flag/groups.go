package flag

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/slipwayhq/slipway/internal/access"
	"github.com/slipwayhq/slipway/internal/db"
	"github.com/slipwayhq/slipway/internal/event"
	"github.com/slipwayhq/slipway/internal/fault"
)

const groupColumns = `SELECT id, definition, note, changed_at, changed_by, revision FROM flag_groups`

func scanGroup(into func(...any) error) (g Group, err error) {
	var definition string
	var at int64
	err = into(&g.ID, &definition, &g.Note, &at, &g.ChangedBy, &g.Revision)
	g.Definition, g.ChangedAt = json.RawMessage(definition), db.Time(at)
	return g, err
}

func groups(ctx context.Context, q db.Querier, app string) ([]Group, error) {
	rows, err := q.Query(ctx, groupColumns+` WHERE app = $1 ORDER BY id`, app)
	return each(rows, err, "groups of visitors", scanGroup)
}

// Groups lists those of an app by id.
func (s *Service) Groups(ctx context.Context, app string) ([]Group, error) {
	return groups(ctx, s.db, app)
}

// FindGroup gives one group of an app.
func (s *Service) FindGroup(ctx context.Context, app, id string) (Group, error) {
	g, err := scanGroup(s.db.QueryRow(ctx, groupColumns+` WHERE app = $1 AND id = $2`, app, id).Scan)
	if errors.Is(err, sql.ErrNoRows) {
		return g, fault.NotFound("%s has no group of visitors %q", app, id)
	}
	return g, err
}

// SetGroup makes a group, or changes it in the place of the revision that it names; 0 is for a new one.
func (s *Service) SetGroup(ctx context.Context, actor, app, reason string, g Group) (Group, error) {
	if err := checkName(g.ID); err != nil {
		return g, err
	}
	if err := compact(&g.Definition); err != nil {
		return g, fault.Invalid("the definition of a group is a JSON list, or an object with a type: %s", err).At("body.definition")
	}
	return g, s.changeGroup(ctx, actor, app, reason, g.ID, func(tx *db.Tx) (string, error) {
		g.ChangedBy, g.ChangedAt = actor, tx.Now()
		res, err := tx.Exec(ctx, `INSERT INTO flag_groups (app, id, definition, note, changed_at, changed_by, revision) VALUES ($1, $2, $3, $4, $5, $6, $7 + 1)
			ON CONFLICT (app, id) DO UPDATE SET definition = excluded.definition, note = excluded.note, changed_at = excluded.changed_at, changed_by = excluded.changed_by, revision = excluded.revision
			WHERE flag_groups.revision = $7`, app, g.ID, string(g.Definition), g.Note, db.Micros(g.ChangedAt), actor, g.Revision)
		if err != nil {
			return "", fmt.Errorf("set group %s: %w", g.ID, err)
		}
		if n, err := res.RowsAffected(); err != nil || n == 0 {
			return "", errFaster("group " + g.ID)
		}
		g.Revision++
		return "set", nil
	})
}

// RemoveGroup forgets a group that no flag and no other group names, of the revision that the caller saw.
func (s *Service) RemoveGroup(ctx context.Context, actor, app, id, reason string, revision int64) error {
	return s.changeGroup(ctx, actor, app, reason, id, func(tx *db.Tx) (string, error) {
		res, err := tx.Exec(ctx, `DELETE FROM flag_groups WHERE app = $1 AND id = $2 AND revision = $3`, app, id, revision)
		if err != nil {
			return "", fmt.Errorf("remove group %s: %w", id, err)
		}
		if n, err := res.RowsAffected(); err != nil || n == 0 {
			return "", errFaster("group " + id)
		}
		return "removed", nil
	})
}

// changeGroup does something to a group, and checks that all flags can still be evaluated.
func (s *Service) changeGroup(ctx context.Context, actor, app, reason, id string, do func(*db.Tx) (string, error)) error {
	err := s.db.Tx(ctx, func(tx *db.Tx) error {
		if _, err := bump(ctx, tx, app); err != nil {
			return err
		}
		if err := approvedFlagsName(ctx, tx, app, id); err != nil {
			return err
		}
		change, err := do(tx)
		if err != nil {
			return err
		}
		if _, err := tx.Emit(ctx, event.Meta{App: app, Actor: actor}, event.FlagGroupChanged{Group: id, Change: change, Reason: reason}); err != nil {
			return err
		}
		if err := s.check(ctx, tx, app, ""); err != nil {
			return err
		}
		return access.Audit(ctx, tx, access.Entry{Actor: actor, Action: "flag_group." + change, App: app, Target: id, Reason: reason})
	})
	if err != nil {
		return err
	}
	return s.Load(ctx, app)
}

// approvedFlagsName refuses to change a group by which a flag decides in an environment whose changes need an approval.
func approvedFlagsName(ctx context.Context, tx *db.Tx, app, id string) error {
	st, err := load(ctx, tx, app)
	if err != nil {
		return err
	}
	for _, env := range st.settings.Approvals {
		for i := range st.flags {
			state := st.flags[i].States[env]
			if state.On && st.named(state)[id] {
				return fault.Conflict("%s decides by the group %s in %s, where changes need an approval; make another group, and plan a change of the flag to it", st.flags[i].Name, id, env)
			}
		}
	}
	return nil
}

// named are the groups that a state's rules name, themselves or by other groups.
func (st *stored) named(states ...State) map[string]bool {
	groups := map[string]bool{}
	for i := range states {
		var rules any
		if json.Unmarshal(states[i].Rules, &rules) == nil {
			named(rules, "", map[string]bool{}, groups)
		}
	}
	for before := -1; before != len(groups); {
		before = len(groups)
		for _, g := range st.groups {
			var definition any
			if groups[g.ID] && json.Unmarshal(g.Definition, &definition) == nil {
				named(definition, "", map[string]bool{}, groups)
			}
		}
	}
	return groups
}
