package access

import (
	"context"
	"encoding/json"
	"fmt"
	"math"
	"time"

	"github.com/slipwayhq/slipway/internal/db"
)

// Entry is what somebody did. Detail holds names and numbers, never a secret's value.
type Entry struct {
	ID     int64     `json:"id"`
	At     time.Time `json:"at"`
	Actor  string    `json:"actor"`
	Action string    `json:"action"` // "<noun>.<past participle>"
	App    string    `json:"app,omitempty"`
	Env    string    `json:"environment,omitempty"`
	// Target is the thing acted on, in words or by id.
	Target string         `json:"target,omitempty"`
	Reason string         `json:"reason,omitempty"`
	Detail map[string]any `json:"detail,omitempty"`
}

// Audit writes the entry in the transaction of the change it tells of. ID and At are given here.
func Audit(ctx context.Context, tx *db.Tx, e Entry) error {
	detail := []byte("{}")
	if len(e.Detail) > 0 {
		var err error
		if detail, err = json.Marshal(e.Detail); err != nil {
			return fmt.Errorf("encode the audit of %s: %w", e.Action, err)
		}
	}
	_, err := tx.Exec(ctx, `INSERT INTO access_audit (at, actor, action, app, env, target, reason, detail) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)`,
		db.Micros(tx.Now()), e.Actor, e.Action, e.App, e.Env, e.Target, e.Reason, string(detail))
	if err != nil {
		return fmt.Errorf("audit %s: %w", e.Action, err)
	}
	return nil
}

// AuditList gives entries from the newest, those before the id given (0: from the newest). App "" means all.
func AuditList(ctx context.Context, q db.Querier, app string, before int64, limit int) ([]Entry, error) {
	if before <= 0 {
		before = math.MaxInt64
	}
	rows, err := q.Query(ctx, `SELECT seq, at, actor, action, app, env, target, reason, detail FROM access_audit
		WHERE seq < $1 AND ($2 = '' OR app = $2) ORDER BY seq DESC LIMIT $3`, before, app, limit)
	if err != nil {
		return nil, fmt.Errorf("read the audit: %w", err)
	}
	defer rows.Close()
	entries := []Entry{}
	for rows.Next() {
		var e Entry
		var at int64
		var detail string
		if err := rows.Scan(&e.ID, &at, &e.Actor, &e.Action, &e.App, &e.Env, &e.Target, &e.Reason, &detail); err != nil {
			return nil, fmt.Errorf("read the audit: %w", err)
		}
		e.At = db.Time(at)
		if err := json.Unmarshal([]byte(detail), &e.Detail); err != nil {
			return nil, fmt.Errorf("decode audit entry %d: %w", e.ID, err)
		}
		entries = append(entries, e)
	}
	return entries, rows.Err()
}
