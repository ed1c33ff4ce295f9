package rollout

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"math"

	"github.com/slipwayhq/slipway/internal/db"
	"github.com/slipwayhq/slipway/internal/decide/rollout/before"
	"github.com/slipwayhq/slipway/internal/decide/rollout/machine"
	"github.com/slipwayhq/slipway/internal/event"
	"github.com/slipwayhq/slipway/internal/fault"
	"github.com/slipwayhq/slipway/internal/journal"
	"github.com/slipwayhq/slipway/internal/pure/judge"
	"github.com/slipwayhq/slipway/internal/pure/stats/units"
	"github.com/slipwayhq/slipway/internal/wire"
)

// second takes one second of one edge: into the baseline, and into the rollout it belongs to. Each counts once, whatever is sent again.
func (s *Service) second(ctx context.Context, tx *db.Tx, t journal.Telemetry) error {
	var sec event.EdgeSecond
	if err := json.Unmarshal(t.Data, &sec); err != nil {
		s.log.Error("an edge's second cannot be read and is left out", "sequence", t.Sequence, "error", err)
		return nil
	}
	fresh, err := takeNumber(ctx, tx, sec.Edge, sec.Boot, sec.Number)
	if err != nil || !fresh {
		return err
	}
	for part, rs := range sec.Routes {
		if err := before.AddSecond(ctx, tx, rs, sec.Second); err != nil {
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
	news, err := before.Unseen(ctx, tx, rs, m.Started)
	if err != nil {
		return err
	}
	folded, changed, err := m.Fold(rs, news, sec.Second, tx.Now())
	if err != nil {
		s.log.Error("a second's counts are impossible and are left out", "rollout", m.ID, "edge", sec.Edge, "second", sec.Second, "error", err)
	}
	if err := storeTicks(ctx, tx, m, sec, part, folded); err != nil {
		return err
	}
	tx.OnCommit(func() { s.tell(Tick{Rollout: m.ID, App: m.App, Second: sec.Second}) })
	if changed {
		if err := s.judged(ctx, tx, m); err != nil {
			return err
		}
	}
	return s.advance(ctx, tx, m)
}

// judged tells that the verdict changed.
func (s *Service) judged(ctx context.Context, tx *db.Tx, m *machine.Rollout) error {
	meta := event.Meta{App: m.App, Env: m.Env, Actor: actorSelf, Cause: m.Cause}
	ev, err := tx.Emit(ctx, meta, event.RolloutJudged{Rollout: m.ID, Verdict: string(m.Verdict), Reasons: m.Named(machine.JudgeReasons(judge.Judge(m.Judge, m.Evidence)))})
	if err != nil {
		return err
	}
	m.Cause = ev.ID
	return nil
}

// takeNumber notes the number of a second of an edge, or a host, and tells whether it is new. They are sent in order.
func takeNumber(ctx context.Context, tx *db.Tx, from, boot string, number int64) (fresh bool, err error) {
	var last int64
	err = tx.QueryRow(ctx, `INSERT INTO rollout_edges (edge, boot, number) VALUES ($1, $2, $3)
		ON CONFLICT (edge, boot) DO UPDATE SET number = excluded.number WHERE rollout_edges.number < excluded.number RETURNING number`,
		from, boot, number).Scan(&last)
	if errors.Is(err, sql.ErrNoRows) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("note second %s/%s/%d: %w", from, boot, number, err)
	}
	return true, nil
}

// tickVital is one vital in one second, as drawn: what came in, and where the evidence stood after it.
type tickVital struct {
	judge.Count
	LogE  float64 `json:"e"`
	Ratio float64 `json:"r"`
	Low   float64 `json:"lo"`
	High  float64 `json:"hi"`
	// MeanNew and MeanOld are what is drawn of a mean of hosts.
	MeanNew float64 `json:"mn,omitempty"`
	MeanOld float64 `json:"mo,omitempty"`
}

// tickBody is a kept second. It makes it possible to judge again from the ticks alone.
type tickBody struct {
	Share       float64              `json:"share"`
	RequestsNew int64                `json:"requests_new"`
	RequestsOld int64                `json:"requests_old"`
	ErrorsNew   int64                `json:"errors_new"`
	ErrorsOld   int64                `json:"errors_old"`
	Counted     bool                 `json:"counted"`
	Vitals      map[string]tickVital `json:"vitals"`
	// Hosts are the counts by host, events and requests of each in the order of the policy's fleet, of the vitals with any; Layout says who was compared from then on.
	Hosts   map[string][][2]int64 `json:"hosts,omitempty"`
	Layout  *units.Layout         `json:"layout,omitempty"`
	Traffic *judge.Traffic        `json:"traffic,omitempty"`
	// Looks are those at means of hosts.
	Looks []machine.Look `json:"looks,omitempty"`
}

// tick is the second in the judge's form again.
func (t tickBody) tick(second int64, policy judge.Policy) judge.Tick {
	tick := judge.Tick{Second: second, Share: t.Share, Counts: map[string]judge.Count{}, Traffic: t.Traffic}
	for vital, cells := range t.Hosts {
		hosts := make([]judge.HostCount, len(cells))
		for i, c := range cells {
			hosts[i] = judge.HostCount{Events: c[0], Requests: c[1]}
		}
		if tick.Hosts == nil {
			tick.Hosts = map[string][]judge.HostCount{}
		}
		tick.Hosts[vital] = hosts
	}
	for _, v := range policy.Vitals {
		if c, ok := t.Vitals[v.Name]; ok && t.Hosts == nil {
			tick.Counts[v.Name] = c.Count
		}
	}
	return tick
}

// storeTicks keeps a second, and what of seconds before was folded with it, in that order.
func storeTicks(ctx context.Context, tx *db.Tx, m *machine.Rollout, sec event.EdgeSecond, part int, folded []machine.Second) error {
	rs := sec.Routes[part]
	b := tickBody{Share: rs.Split.Share, Vitals: map[string]tickVital{}}
	for _, c := range rs.Hosts {
		if c.Release == m.Release {
			b.RequestsNew, b.ErrorsNew = b.RequestsNew+c.Requests, b.ErrorsNew+c.Errors
		} else {
			b.RequestsOld, b.ErrorsOld = b.RequestsOld+c.Requests, b.ErrorsOld+c.Errors
		}
	}
	for i, f := range folded {
		t := tickBody{Share: f.Tick.Share, Vitals: map[string]tickVital{}}
		if i == len(folded)-1 {
			t = b
		}
		t.Counted, t.Layout, t.Traffic = f.Counted() || f.Layout != nil, f.Layout, f.Tick.Traffic
		t.addVitals(m, f.Tick, false)
		// What waited comes before the second that it waited for.
		if err := t.store(ctx, tx, m.ID, sec.Edge, sec.Boot, sec.Number, part*maxFolded+i, sec.Second); err != nil {
			return err
		}
	}
	if len(folded) > 0 {
		return nil
	}
	return b.store(ctx, tx, m.ID, sec.Edge, sec.Boot, sec.Number, part*maxFolded, sec.Second)
}

// maxFolded is more than what one second lets be folded.
const maxFolded = 100

// addVitals keeps what a tick counted, and where the evidence stands after it: of the vitals that hosts measure themselves, or of the others.
func (t *tickBody) addVitals(m *machine.Rollout, tick judge.Tick, ofHosts bool) {
	for vital, hosts := range tick.Hosts {
		t.addHosts(vital, hosts)
	}
	for i, e := range judge.Judge(m.Judge, m.Evidence).Vitals {
		if spec := m.Judge.Vitals[i]; (spec.Mean || spec.Clustered) != ofHosts {
			continue
		}
		count := m.Evidence.Vitals[i].Counted(m.Judge.Vitals[i], tick)
		if m.Judge.Vitals[i].AlarmOnly && count == (judge.Count{}) {
			continue // most routes are quiet in most seconds
		}
		t.Vitals[e.Name] = tickVital{Count: count, LogE: round(e.EValue), Ratio: round(e.RatioEstimate), Low: round(e.RatioLow), High: round(e.RatioHigh)}
	}
}

// store keeps the second; from, boot, number and part name it.
func (t *tickBody) store(ctx context.Context, tx *db.Tx, rollout, from, boot string, number int64, part int, second int64) error {
	body, err := json.Marshal(t)
	if err != nil {
		return fmt.Errorf("encode a tick of rollout %s: %w", rollout, err)
	}
	_, err = tx.Exec(ctx, `INSERT INTO rollout_ticks (rollout, edge, boot, number, part, second, body) VALUES ($1, $2, $3, $4, $5, $6, $7)`,
		rollout, from, boot, number, part, second, string(body))
	if err != nil {
		return fmt.Errorf("store a tick of rollout %s: %w", rollout, err)
	}
	return nil
}

// addHosts keeps a vital's counts by host, where there are any.
func (t *tickBody) addHosts(vital string, hosts []judge.HostCount) {
	cells := make([][2]int64, len(hosts))
	requests := int64(0)
	for i, c := range hosts {
		cells[i] = [2]int64{c.Events, c.Requests}
		requests += c.Requests
	}
	if requests == 0 {
		return
	}
	if t.Hosts == nil {
		t.Hosts = map[string][][2]int64{}
	}
	t.Hosts[vital] = cells
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
