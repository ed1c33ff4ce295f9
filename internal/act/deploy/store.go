package deploy

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/slipwayhq/slipway/internal/db"
	"github.com/slipwayhq/slipway/internal/event"
	"github.com/slipwayhq/slipway/internal/fault"
	"github.com/slipwayhq/slipway/internal/wire"
)

type envKey struct{ app, env string }

type releaseRow struct {
	app, env, artifact, manifest string
	size                         int64
	config                       int
}

type desiredRow struct {
	app, env, deploy string
	hold, run        []string
	starts           map[string]int64
	current          string
	cause, answer    string
}

func insertRelease(ctx context.Context, tx *db.Tx, app, env string, r event.ReleaseCreated) error {
	_, err := tx.Exec(ctx, `INSERT INTO deploy_releases (release, app, env, artifact, size, config, manifest) VALUES ($1, $2, $3, $4, $5, $6, $7)`,
		r.Release, app, env, r.Artifact, r.Size, r.Config, string(r.Manifest))
	if err != nil {
		return fmt.Errorf("store release %s for the hosts: %w", r.Release, err)
	}
	return nil
}

func releaseByID(ctx context.Context, q db.Querier, id string) (releaseRow, error) {
	var r releaseRow
	err := q.QueryRow(ctx, `SELECT app, env, artifact, size, config, manifest FROM deploy_releases WHERE release = $1`, id).
		Scan(&r.app, &r.env, &r.artifact, &r.size, &r.config, &r.manifest)
	if errors.Is(err, sql.ErrNoRows) {
		return r, fault.NotFound("there is no release %s", id)
	}
	if err != nil {
		return r, fmt.Errorf("read release %s: %w", id, err)
	}
	return r, nil
}

func generation(ctx context.Context, q db.Querier, host string) (int64, error) {
	var gen int64
	err := q.QueryRow(ctx, `SELECT generation FROM deploy_hosts WHERE host = $1`, host).Scan(&gen)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return 0, fmt.Errorf("read the generation of host %s: %w", host, err)
	}
	return gen, nil
}

// bump makes the host fetch its wish anew.
func bump(ctx context.Context, tx *db.Tx, host string) error {
	_, err := tx.Exec(ctx, `INSERT INTO deploy_hosts (host, generation) VALUES ($1, 1)
		ON CONFLICT (host) DO UPDATE SET generation = deploy_hosts.generation + 1`, host)
	if err != nil {
		return fmt.Errorf("raise the generation of host %s: %w", host, err)
	}
	return nil
}

func putDesired(ctx context.Context, tx *db.Tx, host string, k envKey, cause string, d event.DeployRequested) error {
	hold, err := json.Marshal(d.Hold)
	if err != nil {
		return fmt.Errorf("encode deploy %s: %w", d.Deploy, err)
	}
	run, err := json.Marshal(d.Run)
	if err != nil {
		return fmt.Errorf("encode deploy %s: %w", d.Deploy, err)
	}
	starts, err := json.Marshal(d.Starts)
	if err != nil {
		return fmt.Errorf("encode deploy %s: %w", d.Deploy, err)
	}
	_, err = tx.Exec(ctx, `INSERT INTO deploy_desired (host, app, env, deploy, hold, run, current, cause, answer, starts) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)
		ON CONFLICT (host, app, env) DO UPDATE SET deploy = excluded.deploy, hold = excluded.hold, run = excluded.run,
			current = excluded.current, cause = excluded.cause, answer = excluded.answer, starts = excluded.starts`,
		host, k.app, k.env, d.Deploy, string(hold), string(run), d.Current, cause, answerPending, string(starts))
	if err != nil {
		return fmt.Errorf("store deploy %s for host %s: %w", d.Deploy, host, err)
	}
	return bump(ctx, tx, host)
}

func selectDesired(ctx context.Context, q db.Querier, host string) ([]desiredRow, error) {
	rows, err := q.Query(ctx, `SELECT app, env, deploy, hold, run, current, cause, answer, starts FROM deploy_desired WHERE host = $1 ORDER BY app, env`, host)
	if err != nil {
		return nil, fmt.Errorf("read the wish of host %s: %w", host, err)
	}
	defer rows.Close()
	var out []desiredRow
	for rows.Next() {
		var r desiredRow
		var hold, run, starts string
		if err := rows.Scan(&r.app, &r.env, &r.deploy, &hold, &run, &r.current, &r.cause, &r.answer, &starts); err != nil {
			return nil, fmt.Errorf("read the wish of host %s: %w", host, err)
		}
		if starts == "" {
			starts = "{}" // stored before there were any
		}
		if err := errors.Join(json.Unmarshal([]byte(hold), &r.hold), json.Unmarshal([]byte(run), &r.run), json.Unmarshal([]byte(starts), &r.starts)); err != nil {
			return nil, fmt.Errorf("read the wish of host %s: %w", host, err)
		}
		out = append(out, r)
	}
	return out, rows.Err()
}

func setAnswer(ctx context.Context, tx *db.Tx, host string, k envKey, answer string) error {
	_, err := tx.Exec(ctx, `UPDATE deploy_desired SET answer = $4 WHERE host = $1 AND app = $2 AND env = $3`, host, k.app, k.env, answer)
	if err != nil {
		return fmt.Errorf("note the answer of host %s: %w", host, err)
	}
	return nil
}

// dropHost forgets a host and gives the processes it had.
func dropHost(ctx context.Context, tx *db.Tx, host string) (map[envKey][]process, error) {
	known, err := selectProcesses(ctx, tx, host)
	if err != nil {
		return nil, err
	}
	for _, table := range []string{"deploy_desired", "deploy_processes", "deploy_hosts"} {
		if _, err := tx.Exec(ctx, `DELETE FROM `+table+` WHERE host = $1`, host); err != nil {
			return nil, fmt.Errorf("forget host %s: %w", host, err)
		}
	}
	return known, nil
}

func selectProcesses(ctx context.Context, q db.Querier, host string) (map[envKey][]process, error) {
	rows, err := q.Query(ctx, `SELECT app, env, release, process, start, state, addr, restarts, text FROM deploy_processes WHERE host = $1`, host)
	if err != nil {
		return nil, fmt.Errorf("read the processes of host %s: %w", host, err)
	}
	defer rows.Close()
	out := map[envKey][]process{}
	for rows.Next() {
		var k envKey
		var p process
		if err := rows.Scan(&k.app, &k.env, &p.release, &p.name, &p.start, &p.state, &p.addr, &p.restarts, &p.text); err != nil {
			return nil, fmt.Errorf("read the processes of host %s: %w", host, err)
		}
		out[k] = append(out[k], p)
	}
	return out, rows.Err()
}

// putProcess stores a process's state; a stopped one is forgotten.
func putProcess(ctx context.Context, tx *db.Tx, k envKey, c event.ProcessChanged) error {
	var err error
	if c.State == wire.ProcessStopped {
		_, err = tx.Exec(ctx, `DELETE FROM deploy_processes WHERE host = $1 AND app = $2 AND env = $3 AND release = $4 AND process = $5`,
			c.Host, k.app, k.env, c.Release, c.Process)
	} else {
		_, err = tx.Exec(ctx, `INSERT INTO deploy_processes (host, app, env, release, process, state, addr, restarts, text, since, start)
			VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)
			ON CONFLICT (host, app, env, release, process) DO UPDATE SET state = excluded.state, addr = excluded.addr,
				restarts = excluded.restarts, text = excluded.text, since = excluded.since, start = excluded.start`,
			c.Host, k.app, k.env, c.Release, c.Process, c.State, c.Addr, c.Restarts, c.Text, db.Micros(tx.Now()), c.Start)
	}
	if err != nil {
		return fmt.Errorf("store process %s of release %s on host %s: %w", c.Process, c.Release, c.Host, err)
	}
	return nil
}

func selectAllProcesses(ctx context.Context, q db.Querier) ([]Process, error) {
	rows, err := q.Query(ctx, `SELECT host, app, env, release, process, state, addr, restarts, text, since FROM deploy_processes ORDER BY host, app, env, release, process`)
	if err != nil {
		return nil, fmt.Errorf("list processes: %w", err)
	}
	defer rows.Close()
	out := []Process{}
	for rows.Next() {
		var p Process
		var since int64
		if err := rows.Scan(&p.Host, &p.App, &p.Env, &p.Release, &p.Process, &p.State, &p.Addr, &p.Restarts, &p.Text, &since); err != nil {
			return nil, fmt.Errorf("list processes: %w", err)
		}
		p.Since = db.Time(since)
		out = append(out, p)
	}
	return out, rows.Err()
}

func selectHeld(ctx context.Context, q db.Querier) (map[string]bool, error) {
	rows, err := q.Query(ctx, `SELECT hold FROM deploy_desired`)
	if err != nil {
		return nil, fmt.Errorf("list held releases: %w", err)
	}
	defer rows.Close()
	held := map[string]bool{}
	for rows.Next() {
		var text string
		var hold []string
		if err := rows.Scan(&text); err != nil {
			return nil, fmt.Errorf("list held releases: %w", err)
		}
		if err := json.Unmarshal([]byte(text), &hold); err != nil {
			return nil, fmt.Errorf("list held releases: %w", err)
		}
		for _, id := range hold {
			held[id] = true
		}
	}
	return held, rows.Err()
}
