package access

import (
	"context"
	"fmt"

	"github.com/slipwayhq/slipway/internal/db"
	"github.com/slipwayhq/slipway/internal/fault"
)

// Role is what somebody is to an app.
type Role string

// The roles. Admin is installation-wide and not granted per app.
const (
	Viewer   Role = "viewer"
	Deployer Role = "deployer"
	Admin    Role = "admin"
)

// AllApps as the app of a grant means every app, those to come included.
const AllApps = "*"

// Right is what an act takes.
type Right int

// The rights, from the weakest.
const (
	// View: see an app and all that happens in it, settings included, secrets not.
	View Right = iota
	// Deploy: push, change settings and secrets, steer rollouts.
	Deploy
	// Create: make an app.
	Create
	// Administer: people, tokens of others, grants, agents.
	Administer
)

// Grant is one role of one person.
type Grant struct {
	App  string `json:"app"`
	Role Role   `json:"role"`
}

// Grant gives a person a role in an app ("*" for all); it replaces the one they had there.
func (s *Service) Grant(ctx context.Context, actor, app, person string, role Role) error {
	if role != Viewer && role != Deployer {
		return fault.Invalid("%q is not a role of an app; it is %q or %q", role, Viewer, Deployer).At("role")
	}
	return s.db.Tx(ctx, func(tx *db.Tx) error {
		p, err := personByName(ctx, tx, person)
		if err != nil {
			return err
		}
		_, err = tx.Exec(ctx, `INSERT INTO access_grants (person, app, role) VALUES ($1, $2, $3)
			ON CONFLICT (person, app) DO UPDATE SET role = excluded.role`, p.ID, app, string(role))
		if err != nil {
			return fmt.Errorf("make %s %s of %s: %w", person, role, app, err)
		}
		return Audit(ctx, tx, Entry{Actor: actor, Action: "grant.given", App: app, Target: person, Detail: map[string]any{"role": role}})
	})
}

// Revoke takes a person's role in an app away.
func (s *Service) Revoke(ctx context.Context, actor, app, person string) error {
	return s.db.Tx(ctx, func(tx *db.Tx) error {
		p, err := personByName(ctx, tx, person)
		if err != nil {
			return err
		}
		res, err := tx.Exec(ctx, `DELETE FROM access_grants WHERE person = $1 AND app = $2`, p.ID, app)
		if err != nil {
			return fmt.Errorf("take the role in %s from %s: %w", app, person, err)
		}
		if n, err := res.RowsAffected(); err != nil || n == 0 {
			return fault.NotFound("%s has no role in %s", person, app).Because(err)
		}
		return Audit(ctx, tx, Entry{Actor: actor, Action: "grant.taken", App: app, Target: person})
	})
}

func grantsOf(ctx context.Context, q db.Querier, person string) ([]Grant, error) {
	rows, err := q.Query(ctx, `SELECT app, role FROM access_grants WHERE person = $1 ORDER BY app`, person)
	if err != nil {
		return nil, fmt.Errorf("read the grants of %s: %w", person, err)
	}
	defer rows.Close()
	grants := []Grant{}
	for rows.Next() {
		var g Grant
		if err := rows.Scan(&g.App, &g.Role); err != nil {
			return nil, fmt.Errorf("read the grants of %s: %w", person, err)
		}
		grants = append(grants, g)
	}
	return grants, rows.Err()
}
