package catalog

import (
	"context"
	"fmt"
	"maps"
	"math"
	"slices"
	"time"

	"github.com/slipwayhq/slipway/internal/access"
	"github.com/slipwayhq/slipway/internal/db"
	"github.com/slipwayhq/slipway/internal/event"
	"github.com/slipwayhq/slipway/internal/fault"
	"github.com/slipwayhq/slipway/internal/vault"
)

// Config is the newest configuration of an environment, and how it came about.
type Config struct {
	Version int `json:"version"`
	vault.Contents
	History []ConfigVersion `json:"history"` // newest first, at most 100
}

// ConfigVersion is one change of the configuration: names, never values.
type ConfigVersion struct {
	Version  int       `json:"version"`
	At       time.Time `json:"at"`
	Actor    string    `json:"actor"`
	Settings []string  `json:"settings"`
	Secrets  []string  `json:"secrets"`
	Removed  []string  `json:"removed"`
	Reason   string    `json:"reason"`
}

// Config gives the newest configuration, secrets by name.
func (s *Service) Config(ctx context.Context, app, env string) (Config, error) {
	e, err := environment(ctx, s.db, app, env)
	if err != nil {
		return Config{}, err
	}
	c := Config{Version: e.Config}
	if c.Contents, err = vault.Read(ctx, s.db, app, env, e.Config); err != nil {
		return c, err
	}
	c.History, err = history(ctx, s.db, app, env)
	return c, err
}

// ChangeConfig makes the next configuration version, and a release of it when there is an artifact to ship it with. version is the one that the caller saw; another
// one means that somebody else was faster.
func (s *Service) ChangeConfig(ctx context.Context, actor, app, env string, version int, c vault.Change, reason string) (Config, error) {
	if len(c.Settings)+len(c.Secrets)+len(c.Remove) == 0 {
		return Config{}, fault.Invalid("the change is empty: give settings, secrets, or names to remove")
	}
	err := s.db.Tx(ctx, func(tx *db.Tx) error {
		if err := lock(ctx, tx, app); err != nil {
			return err
		}
		e, err := environment(ctx, tx, app, env)
		if err != nil {
			return err
		}
		if e.Config != version {
			return fault.Conflict("the configuration of %s is at version %d, not %d: somebody else was faster; look at it again", env, e.Config, version)
		}
		if err := s.vault.Amend(ctx, tx, app, env, version, version+1, c); err != nil {
			return err
		}
		next := ConfigVersion{
			Version: version + 1, At: tx.Now(), Actor: actor, Reason: reason,
			Settings: slices.Sorted(maps.Keys(c.Settings)), Secrets: slices.Sorted(maps.Keys(c.Secrets)), Removed: slices.Sorted(slices.Values(c.Remove)),
		}
		return noteConfig(ctx, tx, app, env, next)
	})
	if err != nil {
		return Config{}, err
	}
	return s.Config(ctx, app, env)
}

// noteConfig keeps and tells of a version that the vault holds by now, and makes its release.
func noteConfig(ctx context.Context, tx *db.Tx, app, env string, v ConfigVersion) error {
	_, err := tx.Exec(ctx, `INSERT INTO catalog_configs (app, env, version, at, actor, settings, secrets, removed, reason) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)`,
		app, env, v.Version, db.Micros(v.At), v.Actor, encode(v.Settings), encode(v.Secrets), encode(v.Removed), v.Reason)
	if err != nil {
		return fmt.Errorf("keep configuration %d of %s/%s: %w", v.Version, app, env, err)
	}
	if _, err := tx.Exec(ctx, `UPDATE catalog_environments SET config = $3 WHERE app = $1 AND name = $2`, app, env, v.Version); err != nil {
		return fmt.Errorf("set the configuration of %s/%s: %w", app, env, err)
	}
	m := event.Meta{App: app, Env: env, Actor: v.Actor}
	changed, err := tx.Emit(ctx, m, event.ConfigChanged{Version: v.Version, Settings: v.Settings, Secrets: v.Secrets, Removed: v.Removed, Reason: v.Reason})
	if err != nil {
		return err
	}
	err = access.Audit(ctx, tx, access.Entry{
		Actor: v.Actor, Action: "config.changed", App: app, Env: env, Target: fmt.Sprintf("version %d", v.Version), Reason: v.Reason,
		Detail: map[string]any{"settings": v.Settings, "secrets": v.Secrets, "removed": v.Removed},
	})
	if err != nil {
		return err
	}
	newestFirst, err := releases(ctx, tx, app, env, 0, keptReleases)
	if err != nil {
		return err
	}
	with, ok := base(newestFirst)
	if !ok {
		return nil // nothing was ever built: the first release will have it
	}
	change := event.ConfigDiff{By: v.Actor, Settings: v.Settings, Secrets: v.Secrets, Removed: v.Removed, Reason: v.Reason}
	with.Change, with.Subject, with.Author = &change, change.Subject(v.Version), access.Name(v.Actor)
	with.Config, with.Why, with.Build, with.Hotfix, with.Commits = v.Version, "config", "", nil, []event.Commit{}
	return addRelease(ctx, tx, changed.By(v.Actor, tx.Now()), with)
}

func history(ctx context.Context, q db.Querier, app, env string) ([]ConfigVersion, error) {
	out, err := configs(ctx, q, app, env, 0, math.MaxInt32)
	return out[:min(len(out), 100)], err
}

// configs gives the versions from low to high, newest first.
func configs(ctx context.Context, q db.Querier, app, env string, low, high int) ([]ConfigVersion, error) {
	rows, err := q.Query(ctx, `SELECT version, at, actor, settings, secrets, removed, reason FROM catalog_configs
		WHERE app = $1 AND env = $2 AND version BETWEEN $3 AND $4 ORDER BY version DESC LIMIT 1000`, app, env, low, high)
	if err != nil {
		return nil, fmt.Errorf("read the configuration history of %s/%s: %w", app, env, err)
	}
	defer rows.Close()
	out := []ConfigVersion{}
	for rows.Next() {
		var v ConfigVersion
		var at int64
		var settings, secrets, removed string
		if err := rows.Scan(&v.Version, &at, &v.Actor, &settings, &secrets, &removed, &v.Reason); err != nil {
			return nil, fmt.Errorf("read the configuration history of %s/%s: %w", app, env, err)
		}
		v.At = db.Time(at)
		for text, into := range map[string]*[]string{settings: &v.Settings, secrets: &v.Secrets, removed: &v.Removed} {
			if err := decode(text, into); err != nil {
				return nil, err
			}
			*into = notNil(*into)
		}
		out = append(out, v)
	}
	return out, rows.Err()
}

// addChanges gives the releases that a change of configuration made the change.
func addChanges(ctx context.Context, q db.Querier, app, env string, list []Release) error {
	low, high := math.MaxInt32, 0
	for _, r := range list {
		if r.Why == "config" {
			low, high = min(low, r.Config), max(high, r.Config)
		}
	}
	if high == 0 {
		return nil
	}
	made, err := configs(ctx, q, app, env, low, high)
	if err != nil {
		return err
	}
	for i := range list {
		r := &list[i]
		for _, v := range made {
			if r.Why == "config" && v.Version == r.Config {
				r.Change = &event.ConfigDiff{By: v.Actor, Settings: v.Settings, Secrets: v.Secrets, Removed: v.Removed, Reason: v.Reason}
			}
		}
	}
	return nil
}
