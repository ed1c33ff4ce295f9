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

// AllEnvironments as the environment of a grant means every environment of the app, those to come included.
const AllEnvironments = "*"

// Right is what an act takes.
type Right int

// The rights, from the weakest.
const (
	// View: see an app and all that happens in it, settings included, secrets not.
	View Right = iota
	// Push: send commits to branches that no environment follows. Who may deploy to any environment of an app has it.
	Push
	// Deploy: push to an environment's branch, change its settings and secrets, steer its rollouts. In all environments: add some, too, and say where they run.
	Deploy
	// Create: make an app.
	Create
	// Administer: people, tokens of others, grants, agents.
	Administer
)

// Grant is one role of one person.
type Grant struct {
	App  string `json:"app"`
	Env  string `json:"environment" doc:"Where the role holds; * for all environments" example:"*"`
	Role Role   `json:"role" enum:"viewer,deployer"`
}

// Check says what is wrong with a grant, whoever gets it.
func (g Grant) Check() error {
	switch {
	case g.Role != Viewer && g.Role != Deployer:
		return fault.Invalid("%q is not a role of an app; it is %q or %q", g.Role, Viewer, Deployer).At("role")
	case g.Env == "":
		return fault.Invalid("name the environment, or %q for all", AllEnvironments).At("environment")
	case g.Role == Viewer && g.Env != AllEnvironments:
		return fault.Invalid("who sees an app sees all its environments: give the role %s without an environment", Viewer).At("environment")
	}
	return nil
}

// Grant gives a person a role in an app ("*" for all) and an environment of it ("*" for all); it replaces the one they had there.
func (s *Service) Grant(ctx context.Context, actor, person string, g Grant) error {
	if err := g.Check(); err != nil {
		return err
	}
	return s.db.Tx(ctx, func(tx *db.Tx) error {
		p, err := personByName(ctx, tx, person)
		if err != nil {
			return err
		}
		_, err = tx.Exec(ctx, `INSERT INTO access_grants (person, app, env, role) VALUES ($1, $2, $3, $4)
			ON CONFLICT (person, app, env) DO UPDATE SET role = excluded.role`, p.ID, g.App, g.Env, string(g.Role))
		if err != nil {
			return fmt.Errorf("make %s %s of %s: %w", person, g.Role, g.place(), err)
		}
		return Audit(ctx, tx, Entry{Actor: actor, Action: "grant.given", App: g.App, Env: g.within(), Target: person, Detail: map[string]any{"role": g.Role}})
	})
}

// Revoke takes away the role that a person was given in an app and environment; with an empty environment, all that they were given in the app.
func (s *Service) Revoke(ctx context.Context, actor, person, app, env string) error {
	g := Grant{App: app, Env: env}
	return s.db.Tx(ctx, func(tx *db.Tx) error {
		p, err := personByName(ctx, tx, person)
		if err != nil {
			return err
		}
		res, err := tx.Exec(ctx, `DELETE FROM access_grants WHERE person = $1 AND app = $2 AND ($3 = '' OR env = $3)`, p.ID, app, env)
		if err != nil {
			return fmt.Errorf("take the role in %s from %s: %w", g.place(), person, err)
		}
		if n, err := res.RowsAffected(); err != nil || n == 0 {
			return fault.NotFound("%s was given no role in %s", person, g.place()).Because(err)
		}
		return Audit(ctx, tx, Entry{Actor: actor, Action: "grant.taken", App: app, Env: g.within(), Target: person})
	})
}

// within is the environment that the audit names, empty for all.
func (g Grant) within() string {
	if g.Env == AllEnvironments {
		return ""
	}
	return g.Env
}

// place names where the grant holds: "shop", or "shop (staging)".
func (g Grant) place() string {
	if g.within() == "" {
		return g.App
	}
	return g.App + " (" + g.Env + ")"
}

func grantsOf(ctx context.Context, q db.Querier, person string) ([]Grant, error) {
	rows, err := q.Query(ctx, `SELECT app, env, role FROM access_grants WHERE person = $1 ORDER BY app, env`, person)
	if err != nil {
		return nil, fmt.Errorf("read the grants of %s: %w", person, err)
	}
	defer rows.Close()
	grants := []Grant{}
	for rows.Next() {
		var g Grant
		if err := rows.Scan(&g.App, &g.Env, &g.Role); err != nil {
			return nil, fmt.Errorf("read the grants of %s: %w", person, err)
		}
		grants = append(grants, g)
	}
	return grants, rows.Err()
}
