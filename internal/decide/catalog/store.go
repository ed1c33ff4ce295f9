package catalog

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"math"

	"github.com/slipwayhq/slipway/internal/access"
	"github.com/slipwayhq/slipway/internal/db"
	"github.com/slipwayhq/slipway/internal/event"
	"github.com/slipwayhq/slipway/internal/fault"
)

const environmentColumns = `e.app, e.name, e.branch, e.allow_force_push, e.labels, e.hosts, e.domains, e.config, e.frozen, e.rollout, e.created_at, e.revision,
	(SELECT COUNT(*) FROM catalog_releases w WHERE w.app = e.app AND w.env = e.name AND w.state = 'waiting'),
	COALESCE(r.id, ''), COALESCE(r.number, 0), COALESCE(r.sha, ''), COALESCE(r.subject, ''), COALESCE(r.live_at, 0)
	FROM catalog_environments e LEFT JOIN catalog_releases r ON r.id = e.live`

// environments reads those of an app, production first, then by age.
func environments(ctx context.Context, q db.Querier, app string) ([]Environment, error) {
	rows, err := q.Query(ctx, `SELECT `+environmentColumns+` WHERE e.app = $1 ORDER BY CASE e.name WHEN 'production' THEN 0 ELSE 1 END, e.created_at, e.name`, app)
	if err != nil {
		return nil, fmt.Errorf("list the environments of %s: %w", app, err)
	}
	defer rows.Close()
	envs := []Environment{}
	for rows.Next() {
		e, err := scanEnvironment(rows)
		if err != nil {
			return nil, fmt.Errorf("list the environments of %s: %w", app, err)
		}
		envs = append(envs, e)
	}
	return envs, rows.Err()
}

func environment(ctx context.Context, q db.Querier, app, name string) (Environment, error) {
	e, err := scanEnvironment(q.QueryRow(ctx, `SELECT `+environmentColumns+` WHERE e.app = $1 AND e.name = $2`, app, name))
	if errors.Is(err, sql.ErrNoRows) {
		return e, fault.NotFound("%s has no environment named %q", app, name)
	}
	if err != nil {
		return e, fmt.Errorf("read environment %s of %s: %w", name, app, err)
	}
	return e, nil
}

func scanEnvironment(row interface{ Scan(...any) error }) (Environment, error) {
	var e Environment
	var force, created, since int64
	var labels, hosts, domains, frozen, rollout string
	var live Live
	err := row.Scan(&e.App, &e.Name, &e.Branch, &force, &labels, &hosts, &domains, &e.Config, &frozen, &rollout, &created, &e.Revision, &e.Waiting,
		&live.Release, &live.Number, &live.Commit, &live.Subject, &since)
	if err != nil {
		return e, err
	}
	e.AllowForcePush, e.CreatedAt, live.Since = force == 1, db.Time(created), db.Time(since)
	if live.Release != "" {
		e.Live = &live
	}
	return e, errors.Join(decode(labels, &e.Labels), decode(hosts, &e.Hosts), decode(domains, &e.Domains), decode(frozen, &e.Frozen), decode(rollout, &e.Rollout))
}

// insertEnvironment takes what the environment begins as for what the manifest said of it last: see ApplyManifest.
func insertEnvironment(ctx context.Context, tx *db.Tx, e Environment) error {
	_, err := tx.Exec(ctx, `INSERT INTO catalog_environments
		(app, name, branch, allow_force_push, labels, hosts, domains, declared, config, releases, live, frozen, rollout, created_at, revision)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, 0, 0, '', 'null', 'null', $9, 1)`,
		e.App, e.Name, e.Branch, number(e.AllowForcePush), encode(e.Labels), encode(e.Hosts), encode(e.Domains), encode(e.declaration()), db.Micros(tx.Now()))
	if err != nil {
		return fmt.Errorf("add environment %s to %s: %w", e.Name, e.App, err)
	}
	return nil
}

func updateEnvironment(ctx context.Context, tx *db.Tx, e Environment) error {
	_, err := tx.Exec(ctx, `UPDATE catalog_environments SET branch = $3, allow_force_push = $4, labels = $5, hosts = $6, domains = $7, revision = revision + 1
		WHERE app = $1 AND name = $2`, e.App, e.Name, e.Branch, number(e.AllowForcePush), encode(e.Labels), encode(e.Hosts), encode(e.Domains))
	if err != nil {
		return fmt.Errorf("change environment %s of %s: %w", e.Name, e.App, err)
	}
	return nil
}

// lock serialises changes of an app, so that what was checked still holds when it is written. It fails when the app does not exist.
func lock(ctx context.Context, tx *db.Tx, app string) error {
	res, err := tx.Exec(ctx, `UPDATE catalog_apps SET revision = revision + 1 WHERE name = $1`, app)
	if err != nil {
		return fmt.Errorf("lock app %s: %w", app, err)
	}
	n, err := res.RowsAffected()
	if err == nil && n == 0 {
		return access.NoSuchApp(app)
	}
	return err
}

const releaseColumns = `id, number, app, env, sha, commits, subject, author, artifact, size, config, why, build, hotfix, created_at, state, verdict, rollout, live_at, stored, manifest
	FROM catalog_releases`

// releases reads those of an environment (of all, when env is ""), newest first, those before the number given (0: from the newest).
func releases(ctx context.Context, q db.Querier, app, env string, before, limit int) ([]Release, error) {
	if before <= 0 {
		before = math.MaxInt32
	}
	return queryReleases(ctx, q, `SELECT `+releaseColumns+` WHERE app = $1 AND env = $2 AND number < $3 ORDER BY number DESC LIMIT $4`, app, env, before, limit)
}

func queryReleases(ctx context.Context, q db.Querier, query string, args ...any) ([]Release, error) {
	rows, err := q.Query(ctx, query, args...)
	if err != nil {
		return nil, fmt.Errorf("list releases: %w", err)
	}
	defer rows.Close()
	out := []Release{}
	for rows.Next() {
		r, err := scanRelease(rows)
		if err != nil {
			return nil, fmt.Errorf("list releases: %w", err)
		}
		out = append(out, r)
	}
	return out, rows.Err()
}

func release(ctx context.Context, q db.Querier, id string) (Release, error) {
	r, err := scanRelease(q.QueryRow(ctx, `SELECT `+releaseColumns+` WHERE id = $1`, id))
	if errors.Is(err, sql.ErrNoRows) {
		return r, fault.NotFound("there is no release %q", id)
	}
	if err != nil {
		return r, fmt.Errorf("read release %s: %w", id, err)
	}
	return r, nil
}

func scanRelease(row interface{ Scan(...any) error }) (Release, error) {
	var r Release
	var commits, hotfix string
	var created, live, stored int64
	err := row.Scan(&r.ID, &r.Number, &r.App, &r.Environment, &r.Commit, &commits, &r.Subject, &r.Author, &r.Artifact, &r.Size, &r.Config, &r.Why, &r.Build,
		&hotfix, &created, &r.State, &r.Verdict, &r.Rollout, &live, &stored, &r.manifest)
	if err != nil {
		return r, err
	}
	r.CreatedAt, r.Stored = db.Time(created), stored == 1
	if live != 0 {
		at := db.Time(live)
		r.LiveAt = &at
	}
	err = errors.Join(decode(commits, &r.Commits), decode(hotfix, &r.Hotfix))
	r.Commits = notNil(r.Commits)
	return r, err
}

func insertRelease(ctx context.Context, tx *db.Tx, r Release) error {
	_, err := tx.Exec(ctx, `INSERT INTO catalog_releases
		(id, app, env, number, sha, subject, author, commits, artifact, size, config, why, build, manifest, hotfix, created_at, state, verdict, rollout, live_at, stored)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, '', '', 0, 1)`,
		r.ID, r.App, r.Environment, r.Number, r.Commit, r.Subject, r.Author, encode(r.Commits), r.Artifact, r.Size, r.Config, r.Why, r.Build, r.manifest,
		encode(r.Hotfix), db.Micros(r.CreatedAt), string(r.State))
	if err != nil {
		return fmt.Errorf("add release %d of %s/%s: %w", r.Number, r.App, r.Environment, err)
	}
	return nil
}

// addRelease gives the release its id and number and emits release.created.
func addRelease(ctx context.Context, tx *db.Tx, m event.Meta, r Release) error {
	err := tx.QueryRow(ctx, `UPDATE catalog_environments SET releases = releases + 1 WHERE app = $1 AND name = $2 RETURNING releases`, r.App, r.Environment).Scan(&r.Number)
	if err != nil {
		return fmt.Errorf("number a release of %s/%s: %w", r.App, r.Environment, err)
	}
	r.ID, r.CreatedAt, r.State, r.Stored = event.NewKey("rel", tx.Now()), tx.Now(), Waiting, true
	if err := insertRelease(ctx, tx, r); err != nil {
		return err
	}
	m.App, m.Env = r.App, r.Environment
	_, err = tx.Emit(ctx, m, event.ReleaseCreated{
		Release: r.ID, Number: r.Number, Build: r.Build, Commit: r.Commit, Commits: r.Commits, Artifact: r.Artifact, Size: r.Size, Config: r.Config,
		Manifest: json.RawMessage(r.manifest), Why: r.Why, Hotfix: r.Hotfix, Diverged: r.diverged, Change: r.Change,
	})
	return err
}

// encode cannot fail: only maps, lists and structs of strings, numbers and times are given to it. A nil list or map reads back as empty by empties.
func encode(v any) string {
	text, err := json.Marshal(v)
	if err != nil {
		return "null"
	}
	return string(text)
}

// notNil makes a list that was left out empty: it is shown as [].
func notNil[T any](list []T) []T {
	if list == nil {
		return []T{}
	}
	return list
}

func decode(text string, into any) error {
	if err := json.Unmarshal([]byte(text), into); err != nil {
		return fmt.Errorf("decode %.60q: %w", text, err)
	}
	return nil
}

func number(b bool) int64 {
	if b {
		return 1
	}
	return 0
}
