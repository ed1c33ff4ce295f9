package catalog

import (
	"context"
	"fmt"
	"maps"
	"slices"

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

// ApplyManifest makes the environments that a pushed manifest names and the app has not, and changes those whose entry differs from the one applied last: so the file and
// the settings page can both be used, and who changed something last wins. It returns a sentence for each thing done.
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
		entry := m.Environments[name]
		now := encode(entry)
		was, exists := before[name]
		switch {
		case !exists:
			e := Environment{App: app, Name: name, Branch: entry.Branch, AllowForcePush: entry.AllowForcePush, Labels: entry.Hosts}
			if err := addEnvironment(ctx, tx, actor, e, now); err != nil {
				return nil, fmt.Errorf("environment %s of %s: %w", name, manifest.Filename, err)
			}
			said = append(said, fmt.Sprintf("The environment %s is new; it follows the branch %s.", name, entry.Branch))
		case was != now:
			changed, err := redeclare(ctx, tx, actor, app, name, entry, now)
			if err != nil {
				return nil, fmt.Errorf("environment %s of %s: %w", name, manifest.Filename, err)
			}
			if changed {
				said = append(said, fmt.Sprintf("The environment %s is as %s says now; it follows the branch %s.", name, manifest.Filename, entry.Branch))
			}
		}
	}
	return said, nil
}

func redeclare(ctx context.Context, tx *db.Tx, actor, app, name string, entry manifest.Environment, now string) (bool, error) {
	e, err := environment(ctx, tx, app, name)
	if err != nil {
		return false, err
	}
	labels := entry.Hosts
	if labels == nil {
		labels = map[string]string{}
	}
	c := Change{Branch: &entry.Branch, AllowForcePush: &entry.AllowForcePush, Labels: labels, Reason: "pushed in " + manifest.Filename}
	_, fields := c.apply(e)
	if err := changeEnvironment(ctx, tx, actor, e, c); err != nil {
		return false, err
	}
	if _, err := tx.Exec(ctx, `UPDATE catalog_environments SET declared = $3 WHERE app = $1 AND name = $2`, app, name, now); err != nil {
		return false, fmt.Errorf("keep what %s says of %s: %w", manifest.Filename, name, err)
	}
	return len(fields) > 0, nil
}

// declarations reads what the manifest said last of each environment.
func declarations(ctx context.Context, q db.Querier, app string) (map[string]string, error) {
	rows, err := q.Query(ctx, `SELECT name, declared FROM catalog_environments WHERE app = $1`, app)
	if err != nil {
		return nil, fmt.Errorf("read what the manifest of %s said: %w", app, err)
	}
	defer rows.Close()
	out := map[string]string{}
	for rows.Next() {
		var name, declared string
		if err := rows.Scan(&name, &declared); err != nil {
			return nil, fmt.Errorf("read what the manifest of %s said: %w", app, err)
		}
		out[name] = declared
	}
	return out, rows.Err()
}
