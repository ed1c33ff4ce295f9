package rollout

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/slipwayhq/slipway/internal/db"
	"github.com/slipwayhq/slipway/internal/decide/rollout/machine"
	"github.com/slipwayhq/slipway/internal/event"
	"github.com/slipwayhq/slipway/internal/fault"
	"github.com/slipwayhq/slipway/internal/pure/stats/units"
	"github.com/slipwayhq/slipway/internal/wire"
)

// lock is held by everything that reads a rollout or an environment in order to change it: people, events, seconds and time come at once.
const lock = "rollout"

// change is db.Tx under the lock.
func (s *Service) change(ctx context.Context, fn func(*db.Tx) error) error {
	return s.db.Tx(ctx, func(tx *db.Tx) error {
		if err := tx.Lock(ctx, lock); err != nil {
			return err
		}
		return fn(tx)
	})
}

// envRow is one environment as this slice knows it.
type envRow struct {
	app, env  string
	spec      event.EnvironmentSpec
	live      string
	current   string
	numbers   int
	frozenBy  string
	frozenWhy string
	frozenAt  time.Time
	// history is what the windows before taught of how hosts differ, by vital.
	history map[string]units.Spread
	// settles are how many seconds the last rollouts took to warm up, the newest first.
	settles []float64
}

const envColumns = `app, env, spec, live, current, numbers, frozen_by, frozen_why, frozen_at, history, settles`

func scanEnv(scan func(...any) error) (*envRow, error) {
	var e envRow
	var spec, history, settles string
	var frozen int64
	if err := scan(&e.app, &e.env, &spec, &e.live, &e.current, &e.numbers, &e.frozenBy, &e.frozenWhy, &frozen, &history, &settles); err != nil {
		return nil, err
	}
	e.frozenAt = db.Time(frozen)
	for _, learnt := range []struct {
		body string
		to   any
	}{{history, &e.history}, {settles, &e.settles}} {
		if learnt.body == "" {
			continue
		}
		if err := json.Unmarshal([]byte(learnt.body), learnt.to); err != nil {
			return nil, fmt.Errorf("read what rollouts to %s/%s taught: %w", e.app, e.env, err)
		}
	}
	return &e, json.Unmarshal([]byte(spec), &e.spec)
}

func loadEnv(ctx context.Context, q db.Querier, app, env string) (*envRow, error) {
	e, err := scanEnv(q.QueryRow(ctx, `SELECT `+envColumns+` FROM rollout_envs WHERE app = $1 AND env = $2`, app, env).Scan)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, fault.NotFound("%s has no environment %q", app, env)
	}
	if err != nil {
		return nil, fmt.Errorf("read environment %s/%s: %w", app, env, err)
	}
	return e, nil
}

func loadEnvs(ctx context.Context, q db.Querier) ([]*envRow, error) {
	rows, err := q.Query(ctx, `SELECT `+envColumns+` FROM rollout_envs ORDER BY app, env`)
	if err != nil {
		return nil, fmt.Errorf("list environments: %w", err)
	}
	defer rows.Close()
	var out []*envRow
	for rows.Next() {
		e, err := scanEnv(rows.Scan)
		if err != nil {
			return nil, fmt.Errorf("list environments: %w", err)
		}
		out = append(out, e)
	}
	return out, rows.Err()
}

func storeEnv(ctx context.Context, tx *db.Tx, e *envRow) error {
	spec, err := json.Marshal(e.spec)
	if err != nil {
		return fmt.Errorf("encode environment %s/%s: %w", e.app, e.env, err)
	}
	history, err := json.Marshal(e.history)
	if err != nil {
		return fmt.Errorf("encode what rollouts to %s/%s taught: %w", e.app, e.env, err)
	}
	settles, err := json.Marshal(e.settles)
	if err != nil {
		return fmt.Errorf("encode what rollouts to %s/%s taught: %w", e.app, e.env, err)
	}
	_, err = tx.Exec(ctx, `INSERT INTO rollout_envs (`+envColumns+`) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)
		ON CONFLICT (app, env) DO UPDATE SET spec = excluded.spec, live = excluded.live, current = excluded.current, numbers = excluded.numbers,
			frozen_by = excluded.frozen_by, frozen_why = excluded.frozen_why, frozen_at = excluded.frozen_at, history = excluded.history, settles = excluded.settles`,
		e.app, e.env, string(spec), e.live, e.current, e.numbers, e.frozenBy, e.frozenWhy, db.Micros(e.frozenAt), string(history), string(settles))
	if err != nil {
		return fmt.Errorf("store environment %s/%s: %w", e.app, e.env, err)
	}
	return nil
}

// releaseRow is a release as this slice knows it.
type releaseRow struct {
	app, env string
	body     event.ReleaseCreated
}

func insertRelease(ctx context.Context, tx *db.Tx, app, env string, r event.ReleaseCreated) error {
	body, err := json.Marshal(r)
	if err != nil {
		return fmt.Errorf("encode release %s: %w", r.Release, err)
	}
	_, err = tx.Exec(ctx, `INSERT INTO rollout_releases (release, app, env, number, body) VALUES ($1, $2, $3, $4, $5)`,
		r.Release, app, env, r.Number, string(body))
	if err != nil {
		return fmt.Errorf("store release %s: %w", r.Release, err)
	}
	return nil
}

func loadRelease(ctx context.Context, q db.Querier, id string) (releaseRow, error) {
	var r releaseRow
	var body string
	err := q.QueryRow(ctx, `SELECT app, env, body FROM rollout_releases WHERE release = $1`, id).Scan(&r.app, &r.env, &body)
	if errors.Is(err, sql.ErrNoRows) {
		return r, fault.NotFound("there is no release %s", id)
	}
	if err != nil {
		return r, fmt.Errorf("read release %s: %w", id, err)
	}
	return r, json.Unmarshal([]byte(body), &r.body)
}

// storeMachine stores a rollout, at the end of the transaction.
func storeMachine(ctx context.Context, tx *db.Tx, m *machine.Rollout) error {
	booksOf(ctx, tx).changed(m)
	return nil
}

// loadMachine gives a rollout. In a transaction all who ask get the same one, with all that was done to it so far.
func loadMachine(ctx context.Context, q db.Querier, id string) (*machine.Rollout, error) {
	tx, changing := q.(*db.Tx)
	if changing {
		if p, ok := booksOf(ctx, tx).open[id]; ok {
			return p.machine, nil
		}
	}
	var body string
	err := q.QueryRow(ctx, `SELECT machine FROM rollout_rollouts WHERE rollout = $1`, id).Scan(&body)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, fault.NotFound("there is no rollout %s", id)
	}
	if err != nil {
		return nil, fmt.Errorf("read rollout %s: %w", id, err)
	}
	if changing {
		return booksOf(ctx, tx).read(id, body)
	}
	return decodeMachine(id, body)
}

// machines gives rollouts by a condition on rollout_rollouts, as loadMachine does.
func machines(ctx context.Context, q db.Querier, where string, args ...any) ([]*machine.Rollout, error) {
	decode := decodeMachine
	if tx, changing := q.(*db.Tx); changing {
		b := booksOf(ctx, tx)
		if err := b.write(ctx); err != nil {
			return nil, err
		}
		decode = b.read
	}
	rows, err := q.Query(ctx, `SELECT rollout, machine FROM rollout_rollouts WHERE `+where, args...)
	if err != nil {
		return nil, fmt.Errorf("list rollouts: %w", err)
	}
	defer rows.Close()
	var out []*machine.Rollout
	for rows.Next() {
		var id, body string
		if err := rows.Scan(&id, &body); err != nil {
			return nil, fmt.Errorf("list rollouts: %w", err)
		}
		m, err := decode(id, body)
		if err != nil {
			return nil, err
		}
		out = append(out, m)
	}
	return out, rows.Err()
}

// Decision is one move of a rollout, kept for ever.
type Decision struct {
	At      time.Time      `json:"at"`
	Actor   string         `json:"actor"`
	From    machine.State  `json:"from"`
	To      machine.State  `json:"to"`
	Step    int            `json:"step"`
	Verdict string         `json:"verdict,omitempty"`
	Reasons []event.Reason `json:"reasons"`
}

func insertDecision(ctx context.Context, tx *db.Tx, rollout string, d Decision) error {
	body, err := json.Marshal(d)
	if err != nil {
		return fmt.Errorf("encode a decision on rollout %s: %w", rollout, err)
	}
	_, err = tx.Exec(ctx, `INSERT INTO rollout_decisions (rollout, number, at, actor, body)
		SELECT $1, COALESCE(MAX(number), 0) + 1, $2, $3, $4 FROM rollout_decisions WHERE rollout = $1`,
		rollout, db.Micros(d.At), d.Actor, string(body))
	if err != nil {
		return fmt.Errorf("store a decision on rollout %s: %w", rollout, err)
	}
	return nil
}

func selectDecisions(ctx context.Context, q db.Querier, rollout string) ([]Decision, error) {
	rows, err := q.Query(ctx, `SELECT body FROM rollout_decisions WHERE rollout = $1 ORDER BY number`, rollout)
	if err != nil {
		return nil, fmt.Errorf("read the decisions on rollout %s: %w", rollout, err)
	}
	defer rows.Close()
	out := []Decision{}
	for rows.Next() {
		var body string
		var d Decision
		if err := rows.Scan(&body); err != nil {
			return nil, fmt.Errorf("read the decisions on rollout %s: %w", rollout, err)
		}
		if err := json.Unmarshal([]byte(body), &d); err != nil {
			return nil, fmt.Errorf("read the decisions on rollout %s: %w", rollout, err)
		}
		out = append(out, d)
	}
	return out, rows.Err()
}

// agentRow is a host as this slice knows it.
type agentRow struct {
	id, name string
	labels   map[string]string
	live     bool
}

func storeAgent(ctx context.Context, tx *db.Tx, a agentRow) error {
	labels, err := json.Marshal(a.labels)
	if err != nil {
		return fmt.Errorf("encode agent %s: %w", a.id, err)
	}
	_, err = tx.Exec(ctx, `INSERT INTO rollout_agents (agent, name, labels, live) VALUES ($1, $2, $3, 1)
		ON CONFLICT (agent) DO UPDATE SET name = excluded.name, labels = excluded.labels, live = 1`, a.id, a.name, string(labels))
	if err != nil {
		return fmt.Errorf("store agent %s: %w", a.id, err)
	}
	return nil
}

func setAgentLive(ctx context.Context, tx *db.Tx, id string, live bool) error {
	n := 0
	if live {
		n = 1
	}
	if _, err := tx.Exec(ctx, `UPDATE rollout_agents SET live = $2 WHERE agent = $1`, id, n); err != nil {
		return fmt.Errorf("store agent %s: %w", id, err)
	}
	return nil
}

func deleteAgent(ctx context.Context, tx *db.Tx, id string) error {
	if _, err := tx.Exec(ctx, `DELETE FROM rollout_agents WHERE agent = $1`, id); err != nil {
		return fmt.Errorf("forget agent %s: %w", id, err)
	}
	return nil
}

func selectAgents(ctx context.Context, q db.Querier) ([]agentRow, error) {
	rows, err := q.Query(ctx, `SELECT agent, name, labels, live FROM rollout_agents ORDER BY name`)
	if err != nil {
		return nil, fmt.Errorf("list hosts: %w", err)
	}
	defer rows.Close()
	var out []agentRow
	for rows.Next() {
		var a agentRow
		var labels string
		var live int
		if err := rows.Scan(&a.id, &a.name, &labels, &live); err != nil {
			return nil, fmt.Errorf("list hosts: %w", err)
		}
		a.live = live == 1
		if err := json.Unmarshal([]byte(labels), &a.labels); err != nil {
			return nil, fmt.Errorf("list hosts: %w", err)
		}
		out = append(out, a)
	}
	return out, rows.Err()
}

// hostsOf picks the hosts of an environment.
func hostsOf(spec event.EnvironmentSpec, agents []agentRow) []agentRow {
	var out []agentRow
	for _, a := range agents {
		if len(spec.Hosts) > 0 && !slices.Contains(spec.Hosts, a.name) {
			continue
		}
		fits := true
		for k, v := range spec.Labels {
			fits = fits && a.labels[k] == v
		}
		if fits {
			out = append(out, a)
		}
	}
	return out
}

func storeProcess(ctx context.Context, tx *db.Tx, app, env string, p event.ProcessChanged) error {
	var err error
	if p.State == wire.ProcessStopped {
		_, err = tx.Exec(ctx, `DELETE FROM rollout_processes WHERE app = $1 AND env = $2 AND host = $3 AND release = $4`, app, env, p.Host, p.Release)
	} else {
		_, err = tx.Exec(ctx, `INSERT INTO rollout_processes (app, env, host, release, state, restarts, text) VALUES ($1, $2, $3, $4, $5, $6, $7)
			ON CONFLICT (app, env, host, release) DO UPDATE SET state = excluded.state, restarts = excluded.restarts, text = excluded.text`,
			app, env, p.Host, p.Release, p.State, p.Restarts, p.Text)
	}
	if err != nil {
		return fmt.Errorf("store the process of %s on %s: %w", p.Release, p.Host, err)
	}
	return nil
}
