package notify

import (
	"context"
	"encoding/json"
	"fmt"
	"net/url"
	"strings"
	"time"

	"github.com/slipwayhq/slipway/internal/db"
)

func selectTargets(ctx context.Context, q db.Querier, app, env string) ([]Target, error) {
	rows, err := q.Query(ctx, `SELECT kind, url, topics FROM notify_targets WHERE app = $1 AND env = $2 ORDER BY number`, app, env)
	if err != nil {
		return nil, fmt.Errorf("read the notice targets of %s/%s: %w", app, env, err)
	}
	defer rows.Close()
	out := []Target{}
	for rows.Next() {
		var t Target
		var topics string
		if err := rows.Scan(&t.Kind, &t.URL, &topics); err != nil {
			return nil, fmt.Errorf("read the notice targets of %s/%s: %w", app, env, err)
		}
		if err := json.Unmarshal([]byte(topics), &t.On); err != nil {
			return nil, fmt.Errorf("read the notice targets of %s/%s: %w", app, env, err)
		}
		out = append(out, t)
	}
	return out, rows.Err()
}

func replaceTargets(ctx context.Context, tx *db.Tx, app, env string, targets []Target) error {
	if _, err := tx.Exec(ctx, `DELETE FROM notify_targets WHERE app = $1 AND env = $2`, app, env); err != nil {
		return fmt.Errorf("replace the notice targets of %s/%s: %w", app, env, err)
	}
	for i, t := range targets {
		topics, err := json.Marshal(t.On)
		if err != nil {
			return fmt.Errorf("encode a notice target: %w", err)
		}
		_, err = tx.Exec(ctx, `INSERT INTO notify_targets (app, env, number, kind, url, topics) VALUES ($1, $2, $3, $4, $5, $6)`, app, env, i+1, t.Kind, t.URL, string(topics))
		if err != nil {
			return fmt.Errorf("store a notice target of %s/%s: %w", app, env, err)
		}
	}
	return nil
}

// row is a notice that is to be sent.
type row struct {
	id, app, env, kind, url, topic, body, cause string
	tries                                       int
}

func insertNotice(ctx context.Context, tx *db.Tx, r row) error {
	_, err := tx.Exec(ctx, `INSERT INTO notify_notices (id, app, env, kind, url, topic, body, cause, state, tries, next_at, error, created_at, ended_at)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, 'waiting', 0, $9, '', $9, 0)`,
		r.id, r.app, r.env, r.kind, r.url, r.topic, r.body, r.cause, db.Micros(tx.Now()))
	if err != nil {
		return fmt.Errorf("store a notice for %s/%s: %w", r.app, r.env, err)
	}
	return nil
}

// due gives notices whose time has come, and the time of the next one.
func due(ctx context.Context, q db.Querier, now time.Time) (rows []row, next time.Time, err error) {
	found, err := q.Query(ctx, `SELECT id, app, env, kind, url, topic, body, cause, tries, next_at FROM notify_notices WHERE state = 'waiting' ORDER BY next_at LIMIT 50`)
	if err != nil {
		return nil, next, fmt.Errorf("look for notices: %w", err)
	}
	defer found.Close()
	for found.Next() {
		var r row
		var at int64
		if err := found.Scan(&r.id, &r.app, &r.env, &r.kind, &r.url, &r.topic, &r.body, &r.cause, &r.tries, &at); err != nil {
			return nil, next, fmt.Errorf("look for notices: %w", err)
		}
		if t := db.Time(at); t.After(now) {
			next = t
			break
		}
		rows = append(rows, r)
	}
	return rows, next, found.Err()
}

func setNotice(ctx context.Context, tx *db.Tx, id, state string, tries int, next time.Time, problem string) error {
	ended := int64(0)
	if state != "waiting" {
		ended = db.Micros(tx.Now())
	}
	_, err := tx.Exec(ctx, `UPDATE notify_notices SET state = $2, tries = $3, next_at = $4, error = $5, ended_at = $6 WHERE id = $1`,
		id, state, tries, db.Micros(next), problem, ended)
	if err != nil {
		return fmt.Errorf("note what became of notice %s: %w", id, err)
	}
	return nil
}

func selectNotices(ctx context.Context, q db.Querier, app, env, before string, limit int) ([]Notice, error) {
	rows, err := q.Query(ctx, `SELECT id, topic, kind, url, state, tries, error, created_at, ended_at FROM notify_notices
		WHERE app = $1 AND env = $2 AND ($3 = '' OR id < $3) ORDER BY id DESC LIMIT $4`, app, env, before, limit)
	if err != nil {
		return nil, fmt.Errorf("read the notices of %s/%s: %w", app, env, err)
	}
	defer rows.Close()
	out := []Notice{}
	for rows.Next() {
		var n Notice
		var target string
		var at, ended int64
		if err := rows.Scan(&n.ID, &n.Topic, &n.Kind, &target, &n.State, &n.Tries, &n.Error, &at, &ended); err != nil {
			return nil, fmt.Errorf("read the notices of %s/%s: %w", app, env, err)
		}
		n.Host, n.At, n.EndedAt = hostOf(target), db.Time(at), db.Time(ended)
		out = append(out, n)
	}
	return out, rows.Err()
}

func hostOf(target string) string {
	u, err := url.Parse(target)
	if err != nil {
		return strings.SplitN(target, "/", 2)[0]
	}
	return u.Host
}
