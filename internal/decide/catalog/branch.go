package catalog

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/slipwayhq/slipway/internal/db"
	"github.com/slipwayhq/slipway/internal/pure/manifest"
)

// EnvironmentsOf gives the environments of an app, none when there is no such app.
func EnvironmentsOf(ctx context.Context, q db.Querier, app string) ([]Environment, error) {
	return environments(ctx, q, app)
}

// EnvironmentFor gives the environment that follows a branch. ok is false when none does, or there is no such app.
func EnvironmentFor(ctx context.Context, q db.Querier, app, branch string) (e Environment, ok bool, err error) {
	envs, err := environments(ctx, q, app)
	if err != nil {
		return e, false, err
	}
	for _, e := range envs {
		if e.Branch == branch {
			return e, true, nil
		}
	}
	return e, false, nil
}

// ApplyManifest makes the environments that a pushed manifest names and the app has not. Of the others it changes what the manifest says differently than last time: so the file
// and the settings page can both be used, who changed something last wins, and a manifest that says nothing new undoes nothing. It returns a sentence for each thing done.
func ApplyManifest(ctx context.Context, tx *db.Tx, actor, app string, m *manifest.Manifest) ([]string, error) {
	if err := lock(ctx, tx, app); err != nil {
		return nil, err
	}
	before, err := declarations(ctx, tx, app)
	if err != nil {
		return nil, err
	}
	var said []string
	for _, name := range slices.Sorted(maps.Keys(m.Environments)) {
		now := m.Environments[name]
		was, exists := before[name]
		if !exists {
			e := Environment{App: app, Name: name, Branch: now.Branch, AllowForcePush: now.AllowForcePush, Labels: now.Hosts}
			if err := addEnvironment(ctx, tx, actor, e); err != nil {
				return nil, fmt.Errorf("environment %s of %s: %w", name, manifest.Filename, err)
			}
			said = append(said, fmt.Sprintf("The environment %s is new; it follows the branch %s.", name, now.Branch))
			continue
		}
		fields, err := redeclare(ctx, tx, actor, app, name, was, now)
		if err != nil {
			return nil, fmt.Errorf("environment %s of %s: %w", name, manifest.Filename, err)
		}
		if len(fields) > 0 {
			said = append(said, fmt.Sprintf("The environment %s has a new %s, as %s says.", name, strings.Join(fields, ", "), manifest.Filename))
		}
	}
	return said, nil
}

// declaration is the environment as a manifest would say it.
func (e Environment) declaration() manifest.Environment {
	return manifest.Environment{Branch: e.Branch, AllowForcePush: e.AllowForcePush, Hosts: e.Labels}
}

// redeclare carries over to the environment what differs between two entries of the manifest, and names what that changed.
func redeclare(ctx context.Context, tx *db.Tx, actor, app, name string, was, now manifest.Environment) ([]string, error) {
	c := Change{Reason: "pushed in " + manifest.Filename}
	if now.Branch != was.Branch {
		c.Branch = &now.Branch
	}
	if now.AllowForcePush != was.AllowForcePush {
		c.AllowForcePush = &now.AllowForcePush
	}
	if !maps.Equal(now.Hosts, was.Hosts) {
		c.Labels = map[string]string{}
		maps.Copy(c.Labels, now.Hosts)
	}
	e, err := environment(ctx, tx, app, name)
	if err != nil {
		return nil, err
	}
	if encode(was) == encode(now) {
		return nil, nil
	}
	_, fields := c.apply(e)
	if err := changeEnvironment(ctx, tx, actor, e, c); err != nil {
		return nil, err
	}
	if _, err := tx.Exec(ctx, `UPDATE catalog_environments SET declared = $3 WHERE app = $1 AND name = $2`, app, name, encode(now)); err != nil {
		return nil, fmt.Errorf("keep what %s says of %s: %w", manifest.Filename, name, err)
	}
	return fields, nil
}

// declarations reads what the manifest said last of each environment.
func declarations(ctx context.Context, q db.Querier, app string) (map[string]manifest.Environment, error) {
	rows, err := q.Query(ctx, `SELECT name, declared FROM catalog_environments WHERE app = $1`, app)
	if err != nil {
		return nil, fmt.Errorf("read what the manifest of %s said: %w", app, err)
	}
	defer rows.Close()
	out := map[string]manifest.Environment{}
	for rows.Next() {
		var name, text string
		var declared manifest.Environment
		if err := rows.Scan(&name, &text); err != nil {
			return nil, fmt.Errorf("read what the manifest of %s said: %w", app, err)
		}
		if err := decode(text, &declared); err != nil {
			return nil, err
		}
		out[name] = declared
	}
	return out, rows.Err()
}
