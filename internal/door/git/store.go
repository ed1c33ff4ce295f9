package git

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/slipwayhq/slipway/internal/db"
	"github.com/slipwayhq/slipway/internal/event"
	"github.com/slipwayhq/slipway/internal/fault"
	"github.com/slipwayhq/slipway/internal/pure/manifest"
)

// pushNote is what pre-receive knew of an update and settle needs.
type pushNote struct {
	id       string
	actor    string
	manifest *manifest.Manifest
	hotfix   *event.Hotfix
}

// note keeps what was accepted, before git moves the refs.
func (d *Door) note(ctx context.Context, p *push, updates []update) error {
	return d.opts.DB.Tx(ctx, func(tx *db.Tx) error {
		for _, u := range updates {
			if u.branch() == "" {
				continue
			}
			m, err := json.Marshal(u.manifest)
			if err != nil {
				return fmt.Errorf("encode the manifest of %s: %w", u.ref, err)
			}
			h, err := json.Marshal(u.hotfix)
			if err != nil {
				return fmt.Errorf("encode the hotfix of %s: %w", u.ref, err)
			}
			_, err = tx.Exec(ctx, `INSERT INTO git_pushes (id, app, branch, old, new, actor, manifest, hotfix, at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)`,
				event.NewKey("psh", tx.Now()), p.app, u.branch(), u.old, u.new, p.who.Actor(), string(m), string(h), db.Micros(tx.Now()))
			if err != nil {
				return fmt.Errorf("note the push to %s: %w", p.app, err)
			}
		}
		return nil
	})
}

// noteOf finds what pre-receive noted of a branch that has this head by now; an empty note when there is none.
func noteOf(ctx context.Context, q db.Querier, app, branch, head string) (pushNote, error) {
	var n pushNote
	var m, h string
	err := q.QueryRow(ctx, `SELECT id, actor, manifest, hotfix FROM git_pushes WHERE app = $1 AND branch = $2 AND new = $3
		ORDER BY id DESC LIMIT 1`, app, branch, head).Scan(&n.id, &n.actor, &m, &h)
	if errors.Is(err, sql.ErrNoRows) {
		return n, nil
	}
	if err != nil {
		return n, fmt.Errorf("look for the push of %s to %s: %w", head, app, err)
	}
	if err := json.Unmarshal([]byte(h), &n.hotfix); err != nil {
		return n, fmt.Errorf("decode the hotfix of push %s: %w", n.id, err)
	}
	if m == "null" {
		return n, nil
	}
	// A manifest's JSON is a manifest: reading it back by Parse gives the same.
	parsed, problems := manifest.Parse([]byte(m))
	if err := problems.Err(); err != nil {
		return n, fmt.Errorf("decode the manifest of push %s: %w", n.id, err)
	}
	n.manifest = parsed
	return n, nil
}

// closePushes drops what pre-receive noted: by now it was told of, or git refused it. Notes of the branches to keep stay, for when their refs can be read.
func closePushes(ctx context.Context, tx *db.Tx, app string, keep []string) error {
	var query strings.Builder
	query.WriteString(`DELETE FROM git_pushes WHERE app = $1`)
	args := []any{app}
	for _, branch := range keep {
		args = append(args, branch)
		fmt.Fprintf(&query, " AND branch <> $%d", len(args))
	}
	if _, err := tx.Exec(ctx, query.String(), args...); err != nil {
		return fmt.Errorf("close the pushes to %s: %w", app, err)
	}
	return nil
}

// toldHeads gives the head of each branch that git.pushed told of last.
func toldHeads(ctx context.Context, q db.Querier, app string) (map[string]string, error) {
	rows, err := q.Query(ctx, `SELECT branch, head FROM git_refs WHERE app = $1`, app)
	if err != nil {
		return nil, fmt.Errorf("read the heads of %s: %w", app, err)
	}
	defer rows.Close()
	heads := map[string]string{}
	for rows.Next() {
		var branch, head string
		if err := rows.Scan(&branch, &head); err != nil {
			return nil, fmt.Errorf("read the heads of %s: %w", app, err)
		}
		heads[branch] = head
	}
	return heads, rows.Err()
}

// noteHead notes what is told of. It fails when somebody else told in the meantime.
func noteHead(ctx context.Context, tx *db.Tx, app, branch, old, head string) error {
	var res sql.Result
	var err error
	switch {
	case head == "":
		res, err = tx.Exec(ctx, `DELETE FROM git_refs WHERE app = $1 AND branch = $2 AND head = $3`, app, branch, old)
	case old == "":
		res, err = tx.Exec(ctx, `INSERT INTO git_refs (app, branch, head) VALUES ($1, $2, $3) ON CONFLICT (app, branch) DO NOTHING`, app, branch, head)
	default:
		res, err = tx.Exec(ctx, `UPDATE git_refs SET head = $4 WHERE app = $1 AND branch = $2 AND head = $3`, app, branch, old, head)
	}
	if err != nil {
		return fmt.Errorf("note the head of %s of %s: %w", branch, app, err)
	}
	if n, err := res.RowsAffected(); err != nil || n != 1 {
		return fault.Conflict("%s of %s moved once more meanwhile", branch, app).Because(err)
	}
	return nil
}
