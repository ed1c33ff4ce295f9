package git

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

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
	var ids []string
	err := d.opts.DB.Tx(ctx, func(tx *db.Tx) error {
		ids = nil
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
			id := event.NewKey("psh", tx.Now())
			_, err = tx.Exec(ctx, `INSERT INTO git_pushes (id, app, branch, old, new, actor, manifest, hotfix, at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)`,
				id, p.app, u.branch(), u.old, u.new, p.who.Actor(), string(m), string(h), db.Micros(tx.Now()))
			if err != nil {
				return fmt.Errorf("note the push to %s: %w", p.app, err)
			}
			ids = append(ids, id)
		}
		return nil
	})
	if err == nil {
		p.noted(ids)
	}
	return err
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

// noteTime is how long the note of a push is kept whose server was killed: a git that outlives it may move the ref behind the next start's look, and behind other pushes.
const noteTime = time.Hour

// closePushes drops notes of pre-receive: those named, which were told of by now or which git refused, and old ones. Those of the branches to keep stay, for when their refs can
// be read.
func closePushes(ctx context.Context, tx *db.Tx, app string, ids, keep []string) error {
	var query strings.Builder
	query.WriteString(`DELETE FROM git_pushes WHERE app = $1 AND (at < $2`)
	args := []any{app, db.Micros(tx.Now().Add(-noteTime))}
	list := func(before string, values []string) {
		for i, v := range values {
			args = append(args, v)
			if i > 0 {
				before = ", "
			}
			fmt.Fprintf(&query, "%s$%d", before, len(args))
		}
		if len(values) > 0 {
			query.WriteString(")")
		}
	}
	list(" OR id IN (", ids)
	query.WriteString(")")
	list(" AND branch NOT IN (", keep)
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
