package trace

import (
	"context"
	"encoding/json"
	"fmt"
	"math"
	"slices"

	"github.com/slipwayhq/slipway/internal/db"
	"github.com/slipwayhq/slipway/internal/decide/rollout/before"
	"github.com/slipwayhq/slipway/internal/decide/rollout/machine"
	"github.com/slipwayhq/slipway/internal/event"
	"github.com/slipwayhq/slipway/internal/pure/judge"
	"github.com/slipwayhq/slipway/internal/pure/manifest"
	"github.com/slipwayhq/slipway/internal/pure/stats/units"
)

// Vital is one vital in one second, as drawn: what came in, and where the evidence stood after it.
type Vital struct {
	judge.Count
	LogE  float64 `json:"e"`
	Ratio float64 `json:"r"`
	Low   float64 `json:"lo"`
	High  float64 `json:"hi"`
	// MeanNew and MeanOld are what is drawn of a mean of hosts.
	MeanNew float64 `json:"mn,omitempty"`
	MeanOld float64 `json:"mo,omitempty"`
}

// Second is a kept second, of an edge or of what hosts measured in a slot. It makes it possible to judge again from the ticks alone.
type Second struct {
	Share       float64          `json:"share"`
	RequestsNew int64            `json:"requests_new"`
	RequestsOld int64            `json:"requests_old"`
	ErrorsNew   int64            `json:"errors_new"`
	ErrorsOld   int64            `json:"errors_old"`
	Counted     bool             `json:"counted"`
	Vitals      map[string]Vital `json:"vitals"`
	// Hosts are the counts by host, events and requests of each in the order of the policy's fleet, of the vitals with any; Layout says who was compared from then on.
	Hosts   map[string][][2]int64 `json:"hosts,omitempty"`
	Layout  *units.Layout         `json:"layout,omitempty"`
	Traffic *judge.Traffic        `json:"traffic,omitempty"`
	// Looks are those at means of hosts, Visitors is one at how often visitors erred.
	Looks    []machine.Look     `json:"looks,omitempty"`
	Visitors *judge.VisitorLook `json:"visitors,omitempty"`
}

// tick is the second in the judge's form again.
func (t Second) tick(second int64, policy judge.Policy) judge.Tick {
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
		if c, ok := t.Vitals[v.Name]; ok && t.Hosts == nil && v.VisitorSteps == 0 {
			tick.Counts[v.Name] = c.Count
		}
	}
	return tick
}

// Keep keeps a second, and what of seconds before was folded with it, in that order.
func Keep(ctx context.Context, tx *db.Tx, m *machine.Rollout, sec event.EdgeSecond, part int, folded []machine.Second) error {
	rs := sec.Routes[part]
	b := Second{Share: rs.Split.Share, Vitals: map[string]Vital{}}
	for _, c := range rs.Hosts {
		if c.Release == m.Release {
			b.RequestsNew, b.ErrorsNew = b.RequestsNew+c.Requests, b.ErrorsNew+c.Errors
		} else {
			b.RequestsOld, b.ErrorsOld = b.RequestsOld+c.Requests, b.ErrorsOld+c.Errors
		}
	}
	for i, f := range folded {
		t := Second{Share: f.Tick.Share, Vitals: map[string]Vital{}}
		if i == len(folded)-1 {
			t = b
		}
		t.Share, t.Counted, t.Layout, t.Traffic = f.Tick.Share, f.Counted() || f.Layout != nil, f.Layout, f.Tick.Traffic
		t.addVitals(m, f.Tick, false)
		t.addVisitors(m, f.Visitors)
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
func (t *Second) addVitals(m *machine.Rollout, tick judge.Tick, ofHosts bool) {
	for vital, hosts := range tick.Hosts {
		t.addHosts(vital, hosts)
	}
	for i, e := range judge.Judge(m.Judge, m.Evidence).Vitals {
		if measured(m, m.Judge.Vitals[i]) != ofHosts {
			continue
		}
		count := m.Evidence.Vitals[i].Counted(m.Judge.Vitals[i], tick)
		if m.Judge.Vitals[i].AlarmOnly && count == (judge.Count{}) {
			continue // most routes are quiet in most seconds
		}
		t.Vitals[e.Name] = Vital{Count: count, LogE: Round(e.EValue), Ratio: Round(e.RatioEstimate), Low: Round(e.RatioLow), High: Round(e.RatioHigh)}
	}
}

// measured tells whether a vital comes in the slots of what is measured, and not in the seconds of edges.
func measured(m *machine.Rollout, spec judge.VitalSpec) bool {
	return spec.Mean || spec.Clustered || slices.ContainsFunc(m.Policy.Vitals, func(v manifest.Vital) bool { return v.Event != "" && v.Name == spec.Name })
}

// addVisitors keeps a look at how often visitors erred, and where its evidence stands.
func (t *Second) addVisitors(m *machine.Rollout, look *judge.VisitorLook) {
	if look == nil {
		return
	}
	t.Visitors = look
	e := judge.Judge(m.Judge, m.Evidence).Vitals[m.Judge.LooksAtVisitors()]
	t.Vitals[e.Name] = Vital{Count: e.Count, LogE: Round(e.EValue), Ratio: Round(e.RatioEstimate), MeanNew: Round(e.RateNew), MeanOld: Round(e.RateOld)}
}

// store keeps the second; from, boot, number and part name it.
func (t *Second) store(ctx context.Context, tx *db.Tx, rollout, from, boot string, number int64, part int, second int64) error {
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
func (t *Second) addHosts(vital string, hosts []judge.HostCount) {
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

// each gives the kept seconds of a rollout, in order.
func each(ctx context.Context, q db.Querier, id string, fn func(second int64, t Second)) error {
	rows, err := q.Query(ctx, `SELECT second, body FROM rollout_ticks WHERE rollout = $1 ORDER BY second, edge, boot, number, part`, id)
	if err != nil {
		return fmt.Errorf("read the ticks of rollout %s: %w", id, err)
	}
	defer rows.Close()
	for rows.Next() {
		var second int64
		var body string
		var t Second
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

// hosts stands for the edge in the seconds of what hosts measured.
const hosts = "hosts"

// KeepSlot keeps what hosts measured in a slot, and what was looked at.
func KeepSlot(ctx context.Context, tx *db.Tx, m *machine.Rollout, slot int64, counted machine.Second, looks []machine.Look) error {
	t := Second{Share: m.Split.Share, Vitals: map[string]Vital{}, Counted: counted.Counted(), Looks: looks}
	t.addVitals(m, counted.Tick, true)
	for _, l := range looks {
		v := t.Vitals[l.Vital]
		v.MeanNew, v.MeanOld = meanOf(l.New), meanOf(l.Old)
		t.Vitals[l.Vital] = v
	}
	return t.store(ctx, tx, m.ID, hosts, "", slot, 0, slot*before.SlotSeconds)
}

// meanOf is the mean of what hosts measure now, 0 for none.
func meanOf(hosts []judge.HostValue) (mean float64) {
	for _, h := range hosts {
		mean += h.Now / float64(len(hosts))
	}
	return mean
}

// Round keeps four digits: enough to draw.
func Round(x float64) float64 { return math.Round(x*1e4) / 1e4 }
