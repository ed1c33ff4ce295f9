package rollout

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
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

// Verdict is a past verdict, with what people say of it.
type Verdict struct {
	score.Facts
	Release    ReleaseView `json:"release"`
	Assessment Assessment  `json:"assessment"`
	CanBeSaid  bool        `json:"can_be_said" doc:"The judge ended it, so that there is something to call right or wrong"`
}

// keepVerdict stores the facts of a rollout that has ended.
func keepVerdict(ctx context.Context, tx *db.Tx, m *machine.Rollout) error {
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

// keepingPast does keepPast until it is done, or ctx ends.
func (s *Service) keepingPast(ctx context.Context) error {
	for err := s.keepPast(ctx); err != nil && ctx.Err() == nil; err = s.keepPast(ctx) {
		s.log.Error("verdicts of before are not in the score yet, trying again", "error", err)
		select {
		case <-time.After(time.Second):
		case <-ctx.Done():
		}
	}
	return nil
}

// keepPast stores the facts of rollouts that ended before facts were kept, a few at a time.
func (s *Service) keepPast(ctx context.Context) error {
	const few = 50
	for last := ""; ; {
		ids, err := s.unkept(ctx, last, few)
		if err != nil || len(ids) == 0 {
			return err
		}
		err = s.change(ctx, func(tx *db.Tx) error {
			for _, id := range ids {
				m, err := loadMachine(ctx, tx, id)
				if err != nil {
					return err
				}
				if err := keepVerdict(ctx, tx, m); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			return err
		}
		last = ids[len(ids)-1]
	}
}

// unkept are the ids of rollouts that have ended without their facts being kept, those behind an id.
func (s *Service) unkept(ctx context.Context, after string, limit int) (ids []string, err error) {
	rows, err := s.db.Query(ctx, `SELECT rollout FROM rollout_rollouts r WHERE rollout > $1 AND state IN ($2, $3)
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

// pastVerdict is a row of the score.
type pastVerdict struct {
	score.Facts
	said Assessment
}

// pastVerdicts gives past verdicts by a condition on rollout_verdicts v and rollout_assessments a.
func pastVerdicts(ctx context.Context, q db.Querier, where string, args ...any) ([]pastVerdict, error) {
	rows, err := q.Query(ctx, `SELECT v.rollout, v.body, COALESCE(a.word, ''), COALESCE(a.actor, ''), COALESCE(a.at, 0), COALESCE(a.note, ''), COALESCE(a.revision, 0)
		FROM rollout_verdicts v LEFT JOIN rollout_assessments a ON a.rollout = v.rollout WHERE `+where, args...)
	if err != nil {
		return nil, fmt.Errorf("list the verdicts: %w", err)
	}
	defer rows.Close()
	var out []pastVerdict
	for rows.Next() {
		var v pastVerdict
		var id, body string
		var at int64
		if err := rows.Scan(&id, &body, &v.said.Word, &v.said.By, &at, &v.said.Note, &v.said.Revision); err != nil {
			return nil, fmt.Errorf("list the verdicts: %w", err)
		}
		if err := json.Unmarshal([]byte(body), &v.Facts); err != nil {
			return nil, fmt.Errorf("decode the verdict on rollout %s: %w", id, err)
		}
		if v.said.Word == score.Unsaid {
			v.said = Assessment{Revision: v.said.Revision} // who took it back is in the audit
		} else {
			v.said.By, v.said.At = access.Name(v.said.By), db.Time(at)
		}
		out = append(out, v)
	}
	return out, rows.Err()
}

// Score adds up the verdicts of an environment (or of the whole app) in the last days, today included.
func (s *Service) Score(ctx context.Context, app, env string, days int) (score.Score, error) {
	now := s.db.Now()
	past, err := pastVerdicts(ctx, s.db, `v.app = $1 AND ($2 = '' OR v.env = $2) AND v.ended_at >= $3 ORDER BY v.ended_at, v.rollout`, app, env, db.Micros(score.Since(now, days)))
	if err != nil {
		return score.Score{}, err
	}
	list := make([]score.Said, 0, len(past))
	for _, v := range past {
		list = append(list, score.Said{Facts: v.Facts, Word: v.said.Word})
	}
	sum := score.Sum(list, now, days)
	sum.App, sum.Env = app, env
	return sum, nil
}

// Which verdicts are listed.
const (
	AllVerdicts = "all"
	Returned    = "rolled_back" // those on what came back, whoever took it back
	ToSay       = "to_say"      // rollbacks by the judge of which nobody has said anything
)

// Verdicts gives the past verdicts of the last days, the newest rollout first, those before the id given ("": from the newest).
func (s *Service) Verdicts(ctx context.Context, app, env, show string, days int, before string, limit int) ([]Verdict, error) {
	past, err := pastVerdicts(ctx, s.db, `v.app = $1 AND ($2 = '' OR v.env = $2) AND v.ended_at >= $3 AND v.judged = 1 AND ($4 = '' OR v.rollout < $4)
		AND ($5 = 'all' OR v.outcome = 'rolled_back' AND ($5 = 'rolled_back' OR v.ended_by = 'judge' AND COALESCE(a.word, '') = ''))
		ORDER BY v.rollout DESC LIMIT $6`, app, env, db.Micros(score.Since(s.db.Now(), days)), before, show, limit)
	if err != nil {
		return nil, err
	}
	out := make([]Verdict, 0, len(past))
	for _, v := range past {
		r, err := s.shown(ctx, s.db, v.ReleaseID)
		if err != nil {
			return nil, err
		}
		out = append(out, Verdict{Facts: v.Facts, Release: r, Assessment: v.said, CanBeSaid: v.CanBeSaid()})
	}
	return out, nil
}

// Verdict gives one past verdict.
func (s *Service) Verdict(ctx context.Context, app, id string) (Verdict, error) {
	m, err := loadMachine(ctx, s.db, id)
	if err == nil && m.App != app {
		err = fault.NotFound("there is no rollout %s in %s", id, app)
	}
	if err != nil {
		return Verdict{}, err
	}
	v, err := pastOf(ctx, s.db, m)
	if fault.Is(err, fault.CodeConflict) {
		err = fault.NotFound("%s", err) // a reader asks for what is not there
	}
	if err != nil {
		return Verdict{}, err
	}
	r, err := s.shown(ctx, s.db, m.Release)
	return Verdict{Facts: v.Facts, Release: r, Assessment: v.said, CanBeSaid: v.CanBeSaid()}, err
}

// pastOf gives what is kept of an ended rollout.
func pastOf(ctx context.Context, q db.Querier, m *machine.Rollout) (pastVerdict, error) {
	past, err := pastVerdicts(ctx, q, `v.rollout = $1`, m.ID)
	if err != nil {
		return pastVerdict{}, err
	}
	switch {
	case len(past) > 0:
		return past[0], nil
	case m.State == machine.Superseded:
		err = fault.Conflict("rollout #%d was superseded: there is no verdict on it", m.Number)
	case m.State.Ended():
		err = fault.Conflict("the verdict on rollout #%d is being added to the score; try again in a moment", m.Number)
	default:
		err = fault.Conflict("rollout #%d has not ended: there is no verdict on it yet", m.Number)
	}
	return pastVerdict{}, err
}

// Assess keeps somebody's word on the judge's verdict, or takes it back (score.Unsaid). seen gets the present revision, and refuses whoever has not
// seen what was said before.
func (s *Service) Assess(ctx context.Context, actor, app, id string, word score.Word, note string, seen func(present int64) error) error {
	return s.change(ctx, func(tx *db.Tx) error {
		m, err := loadMachine(ctx, tx, id)
		if err == nil && m.App != app {
			err = fault.NotFound("there is no rollout %s in %s", id, app)
		}
		if err != nil {
			return err
		}
		v, err := pastOf(ctx, tx, m)
		if err != nil {
			return err
		}
		if !v.CanBeSaid() {
			return fault.Conflict("rollout #%d was not ended by the judge's verdict (%s): there is nothing to call right or wrong", m.Number, v.Text)
		}
		if err := seen(v.said.Revision); err != nil {
			return err
		}
		if v.said.Word == word && v.said.Note == note {
			return nil
		}
		return assess(ctx, tx, m, v, actor, word, note)
	})
}

func assess(ctx context.Context, tx *db.Tx, m *machine.Rollout, v pastVerdict, actor string, word score.Word, note string) error {
	_, err := tx.Exec(ctx, `INSERT INTO rollout_assessments (rollout, word, actor, at, note, revision) VALUES ($1, $2, $3, $4, $5, $6)
		ON CONFLICT (rollout) DO UPDATE SET word = excluded.word, actor = excluded.actor, at = excluded.at, note = excluded.note, revision = excluded.revision`,
		m.ID, string(word), actor, db.Micros(tx.Now()), note, v.said.Revision+1)
	if err != nil {
		return fmt.Errorf("store what is said of rollout %s: %w", m.ID, err)
	}
	entry := access.Entry{
		Actor: actor, Action: "rollout.assessed", App: m.App, Env: m.Env, Target: m.ID, Reason: note,
		Detail: map[string]any{"number": m.Number, "word": word, "was": v.said.Word},
	}
	if err := access.Audit(ctx, tx, entry); err != nil {
		return err
	}
	_, err = tx.Emit(ctx, event.Meta{App: m.App, Env: m.Env, Actor: actor, Cause: m.Cause}, event.RolloutAssessed{
		Rollout: m.ID, Number: m.Number, Outcome: m.Outcome, Verdict: string(m.Verdict), Word: string(word), Was: string(v.said.Word), Note: note,
	})
	return err
}
