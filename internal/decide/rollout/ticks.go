package rollout

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"math"

	"github.com/slipwayhq/slipway/internal/db"
	"github.com/slipwayhq/slipway/internal/decide/rollout/machine"
	"github.com/slipwayhq/slipway/internal/event"
	"github.com/slipwayhq/slipway/internal/fault"
	"github.com/slipwayhq/slipway/internal/journal"
	"github.com/slipwayhq/slipway/internal/pure/judge"
	"github.com/slipwayhq/slipway/internal/pure/stats"
	"github.com/slipwayhq/slipway/internal/wire"
)

// minutesKept is how long latencies are kept, in minutes: enough for the baseline of the next rollout and a look back.
const minutesKept = 24 * 60

// second takes one second of one edge: into the baseline, and into the rollout it belongs to. Each counts once, whatever is sent again.
func (s *Service) second(ctx context.Context, tx *db.Tx, t journal.Telemetry) error {
	var sec event.EdgeSecond
	if err := json.Unmarshal(t.Data, &sec); err != nil {
		s.log.Error("an edge's second cannot be read and is left out", "sequence", t.Sequence, "error", err)
		return nil
	}
	fresh, err := takeNumber(ctx, tx, sec)
	if err != nil || !fresh {
		return err
	}
	for part, rs := range sec.Routes {
		if err := addMinute(ctx, tx, rs, sec.Second); err != nil {
			return err
		}
		if rs.Rollout == "" || rs.Split.New == "" {
			continue
		}
		if err := s.evidence(ctx, tx, sec, part); err != nil {
			return err
		}
	}
	return nil
}

// evidence folds a second into its rollout, keeps the tick, and lets the machine move.
func (s *Service) evidence(ctx context.Context, tx *db.Tx, sec event.EdgeSecond, part int) error {
	rs := sec.Routes[part]
	m, err := loadMachine(ctx, tx, rs.Rollout)
	if fault.Is(err, fault.CodeNotFound) {
		s.log.Warn("an edge counts for a rollout that is not known here", "rollout", rs.Rollout, "edge", sec.Edge)
		return nil
	}
	if err != nil {
		return err
	}
	if m.State.Ended() || rs.Split.New != m.Release {
		return nil
	}
	changed, err := m.Fold(rs, sec.Second, tx.Now())
	if err != nil {
		s.log.Error("a second's counts are impossible and are left out", "rollout", m.ID, "edge", sec.Edge, "second", sec.Second, "error", err)
	}
	if err := storeTick(ctx, tx, m, sec, part); err != nil {
		return err
	}
	tx.OnCommit(func() { s.tell(Tick{Rollout: m.ID, App: m.App, Second: sec.Second}) })
	if changed {
		meta := event.Meta{App: m.App, Env: m.Env, Actor: actorSelf, Cause: m.Cause}
		ev, err := tx.Emit(ctx, meta, event.RolloutJudged{Rollout: m.ID, Verdict: string(m.Verdict), Reasons: m.Named(machine.JudgeReasons(judge.Judge(m.Judge, m.Evidence)))})
		if err != nil {
			return err
		}
		m.Cause = ev.ID
	}
	return s.advance(ctx, tx, m)
}

// takeNumber notes the second's number and tells whether it is new. Edges send them in order.
func takeNumber(ctx context.Context, tx *db.Tx, sec event.EdgeSecond) (fresh bool, err error) {
	var last int64
	err = tx.QueryRow(ctx, `INSERT INTO rollout_edges (edge, boot, number) VALUES ($1, $2, $3)
		ON CONFLICT (edge, boot) DO UPDATE SET number = excluded.number WHERE rollout_edges.number < excluded.number RETURNING number`,
		sec.Edge, sec.Boot, sec.Number).Scan(&last)
	if errors.Is(err, sql.ErrNoRows) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("note second %s: %w", sec.Key(), err)
	}
	return true, nil
}

// addMinute adds the old release's requests and latencies to the baseline of its minute.
func addMinute(ctx context.Context, tx *db.Tx, rs event.RouteSecond, second int64) error {
	release := rs.Split.Old
	data, ok := rs.Latency[release]
	if release == "" || !ok {
		return nil
	}
	minute := second / 60
	var body string
	var sum stats.Histogram
	err := tx.QueryRow(ctx, `SELECT latency FROM rollout_minutes WHERE app = $1 AND env = $2 AND release = $3 AND minute = $4`, rs.App, rs.Env, release, minute).Scan(&body)
	switch {
	case errors.Is(err, sql.ErrNoRows):
		if _, err := tx.Exec(ctx, `DELETE FROM rollout_minutes WHERE app = $1 AND env = $2 AND minute < $3`, rs.App, rs.Env, minute-minutesKept); err != nil {
			return fmt.Errorf("drop old latencies of %s/%s: %w", rs.App, rs.Env, err)
		}
	case err != nil:
		return fmt.Errorf("read the latencies of %s/%s: %w", rs.App, rs.Env, err)
	default:
		if err := json.Unmarshal([]byte(body), &sum); err != nil {
			return fmt.Errorf("read the latencies of %s/%s: %w", rs.App, rs.Env, err)
		}
	}
	for i := range data.Index {
		if i < len(data.Count) {
			if err := sum.AddBucket(data.Index[i], data.Count[i]); err != nil {
				return nil //nolint:nilerr // an edge of another version counts in buckets this one does not have: no baseline from it
			}
		}
	}
	next, err := json.Marshal(sum)
	if err != nil {
		return fmt.Errorf("encode the latencies of %s/%s: %w", rs.App, rs.Env, err)
	}
	var requests, failed int64
	for _, h := range rs.Hosts {
		if h.Release == release {
			requests, failed = requests+h.Requests, failed+h.Errors
		}
	}
	_, err = tx.Exec(ctx, `INSERT INTO rollout_minutes (app, env, release, minute, requests, errors, latency) VALUES ($1, $2, $3, $4, $5, $6, $7)
		ON CONFLICT (app, env, release, minute) DO UPDATE SET requests = rollout_minutes.requests + excluded.requests,
			errors = rollout_minutes.errors + excluded.errors, latency = excluded.latency`,
		rs.App, rs.Env, release, minute, requests, failed, string(next))
	if err != nil {
		return fmt.Errorf("store the latencies of %s/%s: %w", rs.App, rs.Env, err)
	}
	return nil
}

// tickVital is one vital in one second, as drawn: what came in, and where the evidence stood after it.
type tickVital struct {
	judge.Count
	LogE  float64 `json:"e"`
	Ratio float64 `json:"r"`
	Low   float64 `json:"lo"`
	High  float64 `json:"hi"`
}

// tickBody is a kept second. Share and Settled make it possible to judge again from the ticks alone.
type tickBody struct {
	Share       float64              `json:"share"`
	RequestsNew int64                `json:"requests_new"`
	RequestsOld int64                `json:"requests_old"`
	ErrorsNew   int64                `json:"errors_new"`
	ErrorsOld   int64                `json:"errors_old"`
	Counted     bool                 `json:"counted"`
	Vitals      map[string]tickVital `json:"vitals"`
}

func storeTick(ctx context.Context, tx *db.Tx, m *machine.Rollout, sec event.EdgeSecond, part int) error {
	rs := sec.Routes[part]
	b := tickBody{Share: rs.Split.Share, Vitals: map[string]tickVital{}}
	counts := map[string]judge.Count{}
	for _, c := range rs.Hosts {
		if c.Release == m.Release {
			b.RequestsNew, b.ErrorsNew = b.RequestsNew+c.Requests, b.ErrorsNew+c.Errors
		} else {
			b.RequestsOld, b.ErrorsOld = b.RequestsOld+c.Requests, b.ErrorsOld+c.Errors
		}
	}
	for _, c := range m.Counted(rs, sec.Second) {
		b.Counted = true
		m.Count(counts, c)
	}
	for _, e := range judge.Judge(m.Judge, m.Evidence).Vitals {
		b.Vitals[e.Name] = tickVital{Count: counts[e.Name], LogE: round(e.EValue), Ratio: round(e.RatioEstimate), Low: round(e.RatioLow), High: round(e.RatioHigh)}
	}
	body, err := json.Marshal(b)
	if err != nil {
		return fmt.Errorf("encode a tick of rollout %s: %w", m.ID, err)
	}
	_, err = tx.Exec(ctx, `INSERT INTO rollout_ticks (rollout, edge, boot, number, part, second, body) VALUES ($1, $2, $3, $4, $5, $6, $7)`,
		m.ID, sec.Edge, sec.Boot, sec.Number, part, sec.Second, string(body))
	if err != nil {
		return fmt.Errorf("store a tick of rollout %s: %w", m.ID, err)
	}
	return nil
}

// eachTick gives the kept seconds of a rollout, in order.
func (s *Service) eachTick(ctx context.Context, id string, fn func(second int64, t tickBody)) error {
	rows, err := s.db.Query(ctx, `SELECT second, body FROM rollout_ticks WHERE rollout = $1 ORDER BY second, edge, boot, number, part`, id)
	if err != nil {
		return fmt.Errorf("read the ticks of rollout %s: %w", id, err)
	}
	defer rows.Close()
	for rows.Next() {
		var second int64
		var body string
		var t tickBody
		if err := rows.Scan(&second, &body); err != nil {
			return fmt.Errorf("read the ticks of rollout %s: %w", id, err)
		}
		if err := json.Unmarshal([]byte(body), &t); err != nil {
			return fmt.Errorf("read the ticks of rollout %s: %w", id, err)
		}
		fn(second, t)
	}
	return rows.Err()
}

// round keeps four digits: enough to draw.
func round(x float64) float64 { return math.Round(x*1e4) / 1e4 }

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
