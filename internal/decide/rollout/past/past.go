package past

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"log/slog"
	"time"

	"github.com/slipwayhq/slipway/internal/access"
	"github.com/slipwayhq/slipway/internal/db"
	"github.com/slipwayhq/slipway/internal/decide/rollout/machine"
	"github.com/slipwayhq/slipway/internal/decide/rollout/score"
	"github.com/slipwayhq/slipway/internal/event"
	"github.com/slipwayhq/slipway/internal/fault"
)

// Assessment is what somebody says of the judge's verdict on a rollout.
type Assessment struct {
	Word     score.Word `json:"word" enum:"right,wrong," doc:"Empty when nobody has said anything. Of a release that came back, wrong means a false alarm; of a promoted one, that it should have come back"`
	By       string     `json:"by,omitempty" doc:"Who said it last"`
	At       time.Time  `json:"at,omitzero"`
	Note     string     `json:"note,omitempty"`
	Revision int64      `json:"revision" doc:"Counts the changes: the ETag"`
}

// Keep stores the facts of a rollout that has ended.
func Keep(ctx context.Context, tx *db.Tx, m *machine.Rollout) error {
	var first sql.NullInt64
	seen := score.Seen{}
	err := tx.QueryRow(ctx, `SELECT MIN(second), COUNT(DISTINCT second) FROM rollout_ticks WHERE rollout = $1`, m.ID).Scan(&first, &seen.Seconds)
	if err != nil {
		return fmt.Errorf("read the seconds of rollout %s: %w", m.ID, err)
	}
	seen.First = first.Int64
	f, ok := score.Of(m, seen)
	if !ok {
		return nil
	}
	body, err := json.Marshal(f)
	if err != nil {
		return fmt.Errorf("encode the verdict on rollout %s: %w", m.ID, err)
	}
	judged := 0
	if f.Judged {
		judged = 1
	}
	_, err = tx.Exec(ctx, `INSERT INTO rollout_verdicts (rollout, app, env, ended_at, judged, outcome, ended_by, body) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
		ON CONFLICT (rollout) DO NOTHING`, m.ID, m.App, m.Env, db.Micros(m.EndedAt), judged, f.Outcome, string(f.By), string(body))
	if err != nil {
		return fmt.Errorf("store the verdict on rollout %s: %w", m.ID, err)
	}
	return nil
}

// KeepAll keeps those that ended before there was Keep, a few at a time in a transaction of change, until it is done or ctx ends.
func KeepAll(ctx context.Context, d *db.DB, log *slog.Logger, change func(context.Context, func(*db.Tx) error) error, load func(context.Context, db.Querier, string) (*machine.Rollout, error)) error {
	for last := ""; ; {
		next, err := keepSome(ctx, d, change, load, last)
		switch {
		case err == nil && next == "", ctx.Err() != nil:
			return nil
		case err == nil:
			last = next
			continue
		}
		log.Error("verdicts of before are not in the score yet, trying again", "error", err)
		select {
		case <-time.After(time.Second):
		case <-ctx.Done():
		}
	}
}

// keepSome keeps those behind an id, and gives the last of them; "" when there are no more.
func keepSome(ctx context.Context, d *db.DB, change func(context.Context, func(*db.Tx) error) error, load func(context.Context, db.Querier, string) (*machine.Rollout, error), after string) (last string, err error) {
	const few = 50
	ids, err := unkept(ctx, d, after, few)
	if err != nil || len(ids) == 0 {
		return "", err
	}
	return ids[len(ids)-1], change(ctx, func(tx *db.Tx) error {
		for _, id := range ids {
			m, err := load(ctx, tx, id)
			if err != nil {
				return err
			}
			if err := Keep(ctx, tx, m); err != nil {
				return err
			}
		}
		return nil
	})
}

// unkept gives the ids of rollouts that have ended without their facts being kept, those behind an id.
func unkept(ctx context.Context, q db.Querier, after string, limit int) (ids []string, err error) {
	rows, err := q.Query(ctx, `SELECT rollout FROM rollout_rollouts r WHERE rollout > $1 AND state IN ($2, $3)
		AND NOT EXISTS (SELECT 1 FROM rollout_verdicts v WHERE v.rollout = r.rollout) ORDER BY rollout LIMIT $4`,
		after, string(machine.Promoted), string(machine.RolledBack), limit)
	if err != nil {
		return nil, fmt.Errorf("list the rollouts that have ended: %w", err)
	}
	defer rows.Close()
	for rows.Next() {
		var id string
		if err := rows.Scan(&id); err != nil {
			return nil, fmt.Errorf("list the rollouts that have ended: %w", err)
		}
		ids = append(ids, id)
	}
	return ids, rows.Err()
}

// Verdict is what is kept of a rollout, with what people say of it.
type Verdict struct {
	score.Facts
	Said Assessment
}

// verdicts gives those by a condition on rollout_verdicts v and rollout_assessments a.
func verdicts(ctx context.Context, q db.Querier, where string, args ...any) ([]Verdict, error) {
	rows, err := q.Query(ctx, `SELECT v.rollout, v.body, COALESCE(a.word, ''), COALESCE(a.actor, ''), COALESCE(a.at, 0), COALESCE(a.note, ''), COALESCE(a.revision, 0)
		FROM rollout_verdicts v LEFT JOIN rollout_assessments a ON a.rollout = v.rollout WHERE `+where, args...)
	if err != nil {
		return nil, fmt.Errorf("list the verdicts: %w", err)
	}
	defer rows.Close()
	var out []Verdict
	for rows.Next() {
		var v Verdict
		var id, body string
		var at int64
		if err := rows.Scan(&id, &body, &v.Said.Word, &v.Said.By, &at, &v.Said.Note, &v.Said.Revision); err != nil {
			return nil, fmt.Errorf("list the verdicts: %w", err)
		}
		if err := json.Unmarshal([]byte(body), &v.Facts); err != nil {
			return nil, fmt.Errorf("decode the verdict on rollout %s: %w", id, err)
		}
		if v.Said.Word == score.Unsaid {
			v.Said = Assessment{Revision: v.Said.Revision} // who took it back is in the audit
		} else {
			v.Said.By, v.Said.At = access.Name(v.Said.By), db.Time(at)
		}
		out = append(out, v)
	}
	return out, rows.Err()
}

// Score adds up the verdicts of an environment (or of the whole app) in the last days, today included.
func Score(ctx context.Context, q db.Querier, app, env string, now time.Time, days int) (score.Score, error) {
	found, err := verdicts(ctx, q, `v.app = $1 AND ($2 = '' OR v.env = $2) AND v.ended_at >= $3 ORDER BY v.ended_at, v.rollout`, app, env, db.Micros(score.Since(now, days)))
	if err != nil {
		return score.Score{}, err
	}
	list := make([]score.Said, 0, len(found))
	for _, v := range found {
		list = append(list, score.Said{Facts: v.Facts, Word: v.Said.Word})
	}
	sum := score.Sum(list, now, days)
	sum.App, sum.Env = app, env
	return sum, nil
}

// List gives the verdicts since a time, the newest rollout first, those before the id given ("": from the newest). show is
// "all", "rolled_back" (what came back, whoever took it back), or "to_say" (what the judge took back and nobody has called right or wrong).
func List(ctx context.Context, q db.Querier, app, env, show string, since time.Time, before string, limit int) ([]Verdict, error) {
	return verdicts(ctx, q, `v.app = $1 AND ($2 = '' OR v.env = $2) AND v.ended_at >= $3 AND v.judged = 1 AND ($4 = '' OR v.rollout < $4)
		AND ($5 = 'all' OR v.outcome = 'rolled_back' AND ($5 = 'rolled_back' OR v.ended_by = 'judge' AND COALESCE(a.word, '') = ''))
		ORDER BY v.rollout DESC LIMIT $6`, app, env, db.Micros(since), before, show, limit)
}

// Read is Of for who reads: what is not there is not found.
func Read(ctx context.Context, q db.Querier, m *machine.Rollout) (Verdict, error) {
	v, err := Of(ctx, q, m)
	if fault.Is(err, fault.CodeConflict) {
		err = fault.NotFound("%s", err)
	}
	return v, err
}

// Of gives what is kept of an ended rollout.
func Of(ctx context.Context, q db.Querier, m *machine.Rollout) (Verdict, error) {
	found, err := verdicts(ctx, q, `v.rollout = $1`, m.ID)
	if err != nil {
		return Verdict{}, err
	}
	switch {
	case len(found) > 0:
		return found[0], nil
	case m.State == machine.Superseded:
		err = fault.Conflict("rollout #%d was superseded: there is no verdict on it", m.Number)
	case m.State.Ended():
		err = fault.Conflict("the verdict on rollout #%d is being added to the score; try again in a moment", m.Number)
	default:
		err = fault.Conflict("rollout #%d has not ended: there is no verdict on it yet", m.Number)
	}
	return Verdict{}, err
}

// Assess keeps somebody's word on the judge's verdict, or takes it back (score.Unsaid). seen gets the present revision, and refuses whoever has not seen what was said
// before.
func Assess(ctx context.Context, tx *db.Tx, m *machine.Rollout, actor string, word score.Word, note string, seen func(present int64) error) error {
	v, err := Of(ctx, tx, m)
	if err != nil {
		return err
	}
	if !v.CanBeSaid() {
		return fault.Conflict("rollout #%d was not ended by the judge's verdict (%s): there is nothing to call right or wrong", m.Number, v.Text)
	}
	if err := seen(v.Said.Revision); err != nil {
		return err
	}
	if v.Said.Word == word && v.Said.Note == note {
		return nil
	}
	return say(ctx, tx, m, v, actor, word, note)
}

func say(ctx context.Context, tx *db.Tx, m *machine.Rollout, v Verdict, actor string, word score.Word, note string) error {
	_, err := tx.Exec(ctx, `INSERT INTO rollout_assessments (rollout, word, actor, at, note, revision) VALUES ($1, $2, $3, $4, $5, $6)
		ON CONFLICT (rollout) DO UPDATE SET word = excluded.word, actor = excluded.actor, at = excluded.at, note = excluded.note, revision = excluded.revision`,
		m.ID, string(word), actor, db.Micros(tx.Now()), note, v.Said.Revision+1)
	if err != nil {
		return fmt.Errorf("store what is said of rollout %s: %w", m.ID, err)
	}
	entry := access.Entry{
		Actor: actor, Action: "rollout.assessed", App: m.App, Env: m.Env, Target: m.ID, Reason: note,
		Detail: map[string]any{"number": m.Number, "word": word, "was": v.Said.Word},
	}
	if err := access.Audit(ctx, tx, entry); err != nil {
		return err
	}
	_, err = tx.Emit(ctx, event.Meta{App: m.App, Env: m.Env, Actor: actor, Cause: m.Cause}, event.RolloutAssessed{
		Rollout: m.ID, Number: m.Number, Outcome: m.Outcome, Verdict: string(m.Verdict), Word: string(word), Was: string(v.Said.Word), Note: note,
	})
	return err
}
