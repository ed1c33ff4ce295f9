package traffic

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/slipwayhq/slipway/internal/db"
	"github.com/slipwayhq/slipway/internal/event"
	"github.com/slipwayhq/slipway/internal/wire"
)

func generation(ctx context.Context, q db.Querier) (int64, error) {
	var gen int64
	if err := q.QueryRow(ctx, `SELECT generation FROM traffic_generation WHERE one = 1`).Scan(&gen); err != nil {
		return 0, fmt.Errorf("read the snapshot's generation: %w", err)
	}
	return gen, nil
}

// bump starts a new generation of the snapshot.
func bump(ctx context.Context, tx *db.Tx) (int64, error) {
	var gen int64
	if err := tx.QueryRow(ctx, `UPDATE traffic_generation SET generation = generation + 1 WHERE one = 1 RETURNING generation`).Scan(&gen); err != nil {
		return 0, fmt.Errorf("raise the snapshot's generation: %w", err)
	}
	return gen, nil
}

// snapshot is read as one statement a table; a change in between raises the generation, which was read first, so the edge asks again.
func snapshot(ctx context.Context, q db.Querier) (wire.Snapshot, error) {
	gen, err := generation(ctx, q)
	if err != nil {
		return wire.Snapshot{}, err
	}
	snap := wire.Snapshot{Generation: gen}
	backends, err := selectBackends(ctx, q)
	if err != nil {
		return snap, err
	}
	releases, err := selectReleases(ctx, q)
	if err != nil {
		return snap, err
	}
	rows, err := q.Query(ctx, `SELECT app, env, domains, traffic, rollout, split FROM traffic_routes WHERE traffic <> '' ORDER BY app, env`)
	if err != nil {
		return snap, fmt.Errorf("read the routes: %w", err)
	}
	defer rows.Close()
	for rows.Next() {
		var r wire.Route
		var domains, split string
		if err := rows.Scan(&r.App, &r.Env, &domains, &r.Traffic, &r.Rollout, &split); err != nil {
			return snap, fmt.Errorf("read the routes: %w", err)
		}
		if err := errors.Join(json.Unmarshal([]byte(domains), &r.Hosts), json.Unmarshal([]byte(split), &r.Split)); err != nil {
			return snap, fmt.Errorf("read the route of %s/%s: %w", r.App, r.Env, err)
		}
		r.Backends = backends[[2]string{r.App, r.Env}]
		known := releases[r.Split.Old]
		if r.Split.New != "" {
			known = releases[r.Split.New]
		}
		r.Health, r.Assets = known.health, known.assets
		snap.Routes = append(snap.Routes, r)
	}
	return snap, rows.Err()
}

func selectBackends(ctx context.Context, q db.Querier) (map[[2]string][]wire.Backend, error) {
	rows, err := q.Query(ctx, `SELECT app, env, release, host, addr FROM traffic_backends ORDER BY app, env, release, host`)
	if err != nil {
		return nil, fmt.Errorf("read the backends: %w", err)
	}
	defer rows.Close()
	out := map[[2]string][]wire.Backend{}
	for rows.Next() {
		var k [2]string
		var b wire.Backend
		if err := rows.Scan(&k[0], &k[1], &b.Release, &b.Host, &b.Addr); err != nil {
			return nil, fmt.Errorf("read the backends: %w", err)
		}
		out[k] = append(out[k], b)
	}
	return out, rows.Err()
}

type release struct {
	health string
	assets []string
}

func selectReleases(ctx context.Context, q db.Querier) (map[string]release, error) {
	rows, err := q.Query(ctx, `SELECT r.release, r.health, r.assets FROM traffic_releases r
		WHERE r.release IN (SELECT release FROM traffic_backends)`)
	if err != nil {
		return nil, fmt.Errorf("read the releases: %w", err)
	}
	defer rows.Close()
	out := map[string]release{}
	for rows.Next() {
		var id, assets string
		var r release
		if err := rows.Scan(&id, &r.health, &assets); err != nil {
			return nil, fmt.Errorf("read the releases: %w", err)
		}
		if err := json.Unmarshal([]byte(assets), &r.assets); err != nil {
			return nil, fmt.Errorf("read release %s: %w", id, err)
		}
		out[id] = r
	}
	return out, rows.Err()
}

func insertRelease(ctx context.Context, tx *db.Tx, id, health string, assets []string) error {
	list, err := json.Marshal(assets)
	if err != nil {
		return fmt.Errorf("encode release %s: %w", id, err)
	}
	if _, err := tx.Exec(ctx, `INSERT INTO traffic_releases (release, health, assets) VALUES ($1, $2, $3)`, id, health, string(list)); err != nil {
		return fmt.Errorf("store release %s for the edges: %w", id, err)
	}
	return nil
}

// putDomains makes the environment's route, or changes its domains; the split stays.
func putDomains(ctx context.Context, tx *db.Tx, app, env string, domains []string) error {
	list, err := json.Marshal(domains)
	if err != nil {
		return fmt.Errorf("encode the domains of %s/%s: %w", app, env, err)
	}
	_, err = tx.Exec(ctx, `INSERT INTO traffic_routes (app, env, domains, traffic, rollout, split, cause, generation, told) VALUES ($1, $2, $3, '', '', '{}', '', 0, 1)
		ON CONFLICT (app, env) DO UPDATE SET domains = excluded.domains`, app, env, string(list))
	if err != nil {
		return fmt.Errorf("store the domains of %s/%s: %w", app, env, err)
	}
	return nil
}

func putSplit(ctx context.Context, tx *db.Tx, ev event.Event, r event.TrafficRequested, gen int64) error {
	split, err := json.Marshal(r.Split)
	if err != nil {
		return fmt.Errorf("encode the split of %s/%s: %w", ev.App, ev.Env, err)
	}
	_, err = tx.Exec(ctx, `INSERT INTO traffic_routes (app, env, domains, traffic, rollout, split, cause, generation, told) VALUES ($1, $2, '[]', $3, $4, $5, $6, $7, 0)
		ON CONFLICT (app, env) DO UPDATE SET traffic = excluded.traffic, rollout = excluded.rollout, split = excluded.split,
			cause = excluded.cause, generation = excluded.generation, told = 0`,
		ev.App, ev.Env, r.Traffic, r.Rollout, string(split), ev.ID, gen)
	if err != nil {
		return fmt.Errorf("store the split of %s/%s: %w", ev.App, ev.Env, err)
	}
	return nil
}

// setBackend stores where a release answers on a host, or that it does not (addr empty); changed tells whether that was news.
func setBackend(ctx context.Context, tx *db.Tx, app, env, release, host, addr string) (changed bool, err error) {
	var old string
	err = tx.QueryRow(ctx, `SELECT addr FROM traffic_backends WHERE app = $1 AND env = $2 AND release = $3 AND host = $4`, app, env, release, host).Scan(&old)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return false, fmt.Errorf("read the backend %s of %s: %w", host, release, err)
	}
	if old == addr {
		return false, nil
	}
	if addr == "" {
		_, err = tx.Exec(ctx, `DELETE FROM traffic_backends WHERE app = $1 AND env = $2 AND release = $3 AND host = $4`, app, env, release, host)
	} else {
		_, err = tx.Exec(ctx, `INSERT INTO traffic_backends (app, env, release, host, addr) VALUES ($1, $2, $3, $4, $5)
			ON CONFLICT (app, env, release, host) DO UPDATE SET addr = excluded.addr`, app, env, release, host, addr)
	}
	if err != nil {
		return false, fmt.Errorf("store the backend %s of %s: %w", host, release, err)
	}
	return true, nil
}

func setEdge(ctx context.Context, tx *db.Tx, id string, live bool) error {
	n := 0
	if live {
		n = 1
	}
	_, err := tx.Exec(ctx, `INSERT INTO traffic_edges (edge, live, applied) VALUES ($1, $2, 0)
		ON CONFLICT (edge) DO UPDATE SET live = excluded.live`, id, n)
	if err != nil {
		return fmt.Errorf("store the edge %s: %w", id, err)
	}
	return nil
}

func deleteEdge(ctx context.Context, tx *db.Tx, id string) error {
	if _, err := tx.Exec(ctx, `DELETE FROM traffic_edges WHERE edge = $1`, id); err != nil {
		return fmt.Errorf("forget the edge %s: %w", id, err)
	}
	return nil
}

func appliedBy(ctx context.Context, q db.Querier, id string) (int64, error) {
	var applied int64
	err := q.QueryRow(ctx, `SELECT applied FROM traffic_edges WHERE edge = $1`, id).Scan(&applied)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return 0, fmt.Errorf("read the edge %s: %w", id, err)
	}
	return applied, nil
}

func setApplied(ctx context.Context, tx *db.Tx, id string, applied int64) error {
	_, err := tx.Exec(ctx, `INSERT INTO traffic_edges (edge, live, applied) VALUES ($1, 1, $2)
		ON CONFLICT (edge) DO UPDATE SET applied = excluded.applied, live = 1`, id, applied)
	if err != nil {
		return fmt.Errorf("store what the edge %s applied: %w", id, err)
	}
	return nil
}

// tellApplied emits traffic.applied for each split that is now in force and was not told.
func tellApplied(ctx context.Context, tx *db.Tx) error {
	edges, err := selectEdges(ctx, tx)
	if err != nil {
		return err
	}
	rows, err := tx.Query(ctx, `SELECT app, env, traffic, rollout, cause, generation FROM traffic_routes WHERE told = 0 AND traffic <> ''`)
	if err != nil {
		return fmt.Errorf("read the routes: %w", err)
	}
	defer rows.Close()
	type told struct {
		meta event.Meta
		data event.TrafficApplied
	}
	var out []told
	for rows.Next() {
		t := told{meta: event.Meta{Actor: "system:traffic"}}
		var gen int64
		if err := rows.Scan(&t.meta.App, &t.meta.Env, &t.data.Traffic, &t.data.Rollout, &t.meta.Cause, &gen); err != nil {
			return fmt.Errorf("read the routes: %w", err)
		}
		if inForce(gen, edges) {
			out = append(out, t)
		}
	}
	if err := errors.Join(rows.Err(), rows.Close()); err != nil {
		return fmt.Errorf("read the routes: %w", err)
	}
	for _, t := range out {
		if _, err := tx.Exec(ctx, `UPDATE traffic_routes SET told = 1 WHERE app = $1 AND env = $2`, t.meta.App, t.meta.Env); err != nil {
			return fmt.Errorf("note that %s is in force: %w", t.data.Traffic, err)
		}
		if _, err := tx.Emit(ctx, t.meta, t.data); err != nil {
			return err
		}
	}
	return nil
}

func selectEdges(ctx context.Context, q db.Querier) ([]edge, error) {
	rows, err := q.Query(ctx, `SELECT live, applied FROM traffic_edges`)
	if err != nil {
		return nil, fmt.Errorf("read the edges: %w", err)
	}
	defer rows.Close()
	var out []edge
	for rows.Next() {
		var live int
		var e edge
		if err := rows.Scan(&live, &e.applied); err != nil {
			return nil, fmt.Errorf("read the edges: %w", err)
		}
		e.live = live == 1
		out = append(out, e)
	}
	return out, rows.Err()
}
