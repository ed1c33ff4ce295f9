package fleet

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/slipwayhq/slipway/internal/db"
	"github.com/slipwayhq/slipway/internal/fault"
	"github.com/slipwayhq/slipway/internal/wire"
)

func insertJoin(ctx context.Context, tx *db.Tx, j JoinToken, hash string) error {
	_, err := tx.Exec(ctx, `INSERT INTO fleet_joins (id, hash, roles, label, uses, expires, created_at, created_by) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)`,
		j.ID, hash, strings.Join(j.Roles, ","), j.Label, j.Uses, db.Micros(j.Expires), db.Micros(j.CreatedAt), j.CreatedBy)
	if err != nil {
		return fmt.Errorf("store a join token: %w", err)
	}
	return nil
}

func selectJoins(ctx context.Context, q db.Querier) ([]JoinToken, error) {
	rows, err := q.Query(ctx, `SELECT id, roles, label, uses, expires, created_at, created_by FROM fleet_joins ORDER BY created_at DESC`)
	if err != nil {
		return nil, fmt.Errorf("list join tokens: %w", err)
	}
	defer rows.Close()
	out := []JoinToken{}
	for rows.Next() {
		var j JoinToken
		var roles string
		var expires, created int64
		if err := rows.Scan(&j.ID, &roles, &j.Label, &j.Uses, &expires, &created, &j.CreatedBy); err != nil {
			return nil, fmt.Errorf("list join tokens: %w", err)
		}
		j.Roles, j.Expires, j.CreatedAt = strings.Split(roles, ","), db.Time(expires), db.Time(created)
		out = append(out, j)
	}
	return out, rows.Err()
}

func deleteJoin(ctx context.Context, tx *db.Tx, id string) (label string, err error) {
	err = tx.QueryRow(ctx, `DELETE FROM fleet_joins WHERE id = $1 RETURNING label`, id).Scan(&label)
	if errors.Is(err, sql.ErrNoRows) {
		return "", fault.NotFound("there is no join token %s", id)
	}
	if err != nil {
		return "", fmt.Errorf("revoke the join token %s: %w", id, err)
	}
	return label, nil
}

// joinByHash finds a join token.
func joinByHash(ctx context.Context, tx *db.Tx, hash string) (JoinToken, error) {
	var j JoinToken
	var roles string
	var expires int64
	err := tx.QueryRow(ctx, `SELECT id, label, roles, uses, expires FROM fleet_joins WHERE hash = $1`, hash).Scan(&j.ID, &j.Label, &roles, &j.Uses, &expires)
	if errors.Is(err, sql.ErrNoRows) {
		return j, fault.Unauthorized("this join token is not known here; copy it again, or make a new one under Hosts")
	}
	if err != nil {
		return j, fmt.Errorf("look up a join token: %w", err)
	}
	j.Roles, j.Expires = strings.Split(roles, ","), db.Time(expires)
	return j, nil
}

// spendJoin takes one use of a token whose uses are counted.
func spendJoin(ctx context.Context, tx *db.Tx, id string) error {
	if _, err := tx.Exec(ctx, `UPDATE fleet_joins SET uses = uses - 1 WHERE id = $1 AND uses > 0`, id); err != nil {
		return fmt.Errorf("use the join token %s: %w", id, err)
	}
	return nil
}

// machine is what tells whether a join is a known machine's.
type machine struct {
	id      string // of the agent, empty when there is none of the name
	keyHash string
	joinID  string // the token by which it joined last
}

func machineByName(ctx context.Context, tx *db.Tx, name string) (machine, error) {
	var m machine
	err := tx.QueryRow(ctx, `SELECT id, key_hash, join_id FROM fleet_agents WHERE name = $1`, name).Scan(&m.id, &m.keyHash, &m.joinID)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return m, fmt.Errorf("look up the agent %q: %w", name, err)
	}
	return m, nil
}

func insertAgent(ctx context.Context, tx *db.Tx, a Agent, keyHash, credHash, joinID string) error {
	labels, err := json.Marshal(a.Labels)
	if err != nil {
		return fmt.Errorf("encode the labels of %q: %w", a.Name, err)
	}
	_, err = tx.Exec(ctx, `INSERT INTO fleet_agents (id, name, key_hash, cred_hash, roles, labels, addr, cpus, version, state, joined_at, seen_at, join_id)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)`,
		a.ID, a.Name, keyHash, credHash, strings.Join(a.Roles, ","), string(labels), a.Addr, a.CPUs, a.Version, a.State, db.Micros(a.JoinedAt), db.Micros(a.SeenAt), joinID)
	if err != nil {
		return fmt.Errorf("store the agent %q: %w", a.Name, err)
	}
	return nil
}

func updateAgent(ctx context.Context, tx *db.Tx, a Agent, credHash, joinID string) error {
	labels, err := json.Marshal(a.Labels)
	if err != nil {
		return fmt.Errorf("encode the labels of %q: %w", a.Name, err)
	}
	_, err = tx.Exec(ctx, `UPDATE fleet_agents SET cred_hash = $2, roles = $3, labels = $4, addr = $5, cpus = $6, version = $7, seen_at = $8, join_id = $9 WHERE id = $1`,
		a.ID, credHash, strings.Join(a.Roles, ","), string(labels), a.Addr, a.CPUs, a.Version, db.Micros(a.SeenAt), joinID)
	if err != nil {
		return fmt.Errorf("store the agent %q: %w", a.Name, err)
	}
	return nil
}

const agentColumns = `id, name, roles, labels, addr, cpus, version, state, joined_at, seen_at`

func scanAgent(scan func(...any) error) (Agent, error) {
	var a Agent
	var roles, labels string
	var joined, seen int64
	if err := scan(&a.ID, &a.Name, &roles, &labels, &a.Addr, &a.CPUs, &a.Version, &a.State, &joined, &seen); err != nil {
		return a, err
	}
	a.Roles, a.JoinedAt, a.SeenAt = strings.Split(roles, ","), db.Time(joined), db.Time(seen)
	return a, json.Unmarshal([]byte(labels), &a.Labels)
}

func selectAgents(ctx context.Context, q db.Querier) ([]Agent, error) {
	rows, err := q.Query(ctx, `SELECT `+agentColumns+` FROM fleet_agents ORDER BY name`)
	if err != nil {
		return nil, fmt.Errorf("list agents: %w", err)
	}
	defer rows.Close()
	out := []Agent{}
	for rows.Next() {
		a, err := scanAgent(rows.Scan)
		if err != nil {
			return nil, fmt.Errorf("list agents: %w", err)
		}
		out = append(out, a)
	}
	return out, rows.Err()
}

func agentByID(ctx context.Context, q db.Querier, id string) (Agent, error) {
	a, err := scanAgent(q.QueryRow(ctx, `SELECT `+agentColumns+` FROM fleet_agents WHERE id = $1`, id).Scan)
	if err != nil {
		return a, fmt.Errorf("read the agent %s: %w", id, err)
	}
	return a, nil
}

func agentByCredential(ctx context.Context, q db.Querier, hash string) (Agent, error) {
	a, err := scanAgent(q.QueryRow(ctx, `SELECT `+agentColumns+` FROM fleet_agents WHERE cred_hash = $1`, hash).Scan)
	if errors.Is(err, sql.ErrNoRows) {
		return a, fault.Unauthorized("this agent is not known here any more; remove its data folder and join it again")
	}
	if err != nil {
		return a, fmt.Errorf("look up an agent: %w", err)
	}
	return a, nil
}

func deleteAgent(ctx context.Context, tx *db.Tx, id string) (Agent, error) {
	a, err := scanAgent(tx.QueryRow(ctx, `DELETE FROM fleet_agents WHERE id = $1 RETURNING `+agentColumns, id).Scan)
	if errors.Is(err, sql.ErrNoRows) {
		return a, fault.NotFound("there is no agent %s", id)
	}
	if err != nil {
		return a, fmt.Errorf("remove the agent %s: %w", id, err)
	}
	return a, nil
}

// touch writes signs of life. One of the future is from before the clock was set back.
func touch(ctx context.Context, tx *db.Tx, seen map[string]time.Time) error {
	for id, t := range seen {
		if _, err := tx.Exec(ctx, `UPDATE fleet_agents SET seen_at = $2 WHERE id = $1 AND (seen_at < $2 OR seen_at > $3)`, id, db.Micros(t), db.Micros(tx.Now().Add(wire.LostAfter))); err != nil {
			return fmt.Errorf("note that agent %s lives: %w", id, err)
		}
	}
	return nil
}

func setState(ctx context.Context, tx *db.Tx, id, state string) error {
	if _, err := tx.Exec(ctx, `UPDATE fleet_agents SET state = $2 WHERE id = $1`, id, state); err != nil {
		return fmt.Errorf("mark agent %s as %s: %w", id, state, err)
	}
	return nil
}
