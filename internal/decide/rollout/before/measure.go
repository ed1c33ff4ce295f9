package before

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/slipwayhq/slipway/internal/db"
	"github.com/slipwayhq/slipway/internal/event"
	"github.com/slipwayhq/slipway/internal/pure/stats"
)

const (
	// SlotSeconds is how long a slot is: what comes together within it counts as one cluster of events.
	SlotSeconds = 10
	// slotsKept is how long slots are kept: enough for the window before a push, and to see what a vital would have read in the last hour.
	slotsKept = 2 * 3600 / SlotSeconds
	// namesKept bounds the counters of a slot.
	namesKept = 500 // as many as an agent tells of
)

// Counter names a vital's counters among what hosts measure: what it counts, and what that is divided by. Late ones may be told of a while after.
type Counter struct {
	Events, Per string
	Late        bool
}

// Slot is what one host measured of one release in ten seconds. It is stored as JSON.
type Slot struct {
	// CPU (cores) and Memory (bytes) of the release's processes are sums over Uses seconds, Load (the host's) over Loads.
	Uses   int64   `json:"u,omitempty"`
	CPU    float64 `json:"cpu,omitempty"`
	Memory float64 `json:"mem,omitempty"`
	Loads  int64   `json:"l,omitempty"`
	Load   float64 `json:"load,omitempty"`
	// Counters are what the app's own counters grew by.
	Counters map[string]float64 `json:"c,omitempty"`
}

// Add adds a second. Counters are added if it is whole.
func (s *Slot) Add(r event.ReleaseSecond, host *event.HostUse, whole bool) {
	if r.Use != nil {
		s.Uses, s.CPU, s.Memory = s.Uses+1, s.CPU+r.Use.CPU, s.Memory+float64(r.Use.Memory)
	}
	if host != nil {
		s.Loads, s.Load = s.Loads+1, s.Load+host.Load1
	}
	if !whole {
		return
	}
	for _, m := range r.Metrics {
		if m.Kind == event.MetricCounter {
			s.count(m.Name, m.Sum)
		}
	}
}

// count adds to a counter. What is negative, or no number, or has no room, is left out.
func (s *Slot) count(name string, by float64) {
	if _, known := s.Counters[name]; !(by > 0 && by < 1e15) || !known && len(s.Counters) >= namesKept {
		return
	}
	if s.Counters == nil {
		s.Counters = map[string]float64{}
	}
	s.Counters[name] += by
}

// Merge adds another slot.
func (s *Slot) Merge(o Slot) {
	s.Uses, s.CPU, s.Memory = s.Uses+o.Uses, s.CPU+o.CPU, s.Memory+o.Memory
	s.Loads, s.Load = s.Loads+o.Loads, s.Load+o.Load
	for _, name := range slices.Sorted(maps.Keys(o.Counters)) {
		s.count(name, o.Counters[name])
	}
}

// Mean is the mean of a measurement of a host: cpu, memory or load; 0 where it is not known.
func (s Slot) Mean(vital string) float64 {
	switch {
	case vital == "load" && s.Loads > 0:
		return s.Load / float64(s.Loads)
	case vital == "cpu" && s.Uses > 0:
		return s.CPU / float64(s.Uses)
	case vital == "memory" && s.Uses > 0:
		return s.Memory / float64(s.Uses)
	}
	return 0
}

// HostSlot is a slot, of which release and host.
type HostSlot struct {
	Slot          int64 // Unix time divided by SlotSeconds
	Release, Host string
	Measured      Slot
}

// AddHost adds a host's second to the slots of the releases that run there.
func AddHost(ctx context.Context, tx *db.Tx, h event.HostSecond) error {
	slot := h.Second / SlotSeconds
	// Where one release lost something in this second, the counters of none of the app's are taken: it would read as a drop of the one, and a rise of the other.
	lost := map[[2]string]bool{}
	for _, r := range h.Releases {
		lost[[2]string{r.App, r.Env}] = lost[[2]string{r.App, r.Env}] || r.Lost > 0
	}
	for _, r := range h.Releases {
		var body string
		var s Slot
		err := tx.QueryRow(ctx, `SELECT body FROM rollout_measures WHERE app = $1 AND env = $2 AND release = $3 AND slot = $4 AND host = $5`,
			r.App, r.Env, r.Release, slot, h.Agent).Scan(&body)
		switch {
		case errors.Is(err, sql.ErrNoRows):
			if _, err := tx.Exec(ctx, `DELETE FROM rollout_measures WHERE app = $1 AND env = $2 AND slot < $3`, r.App, r.Env, slot-slotsKept); err != nil {
				return fmt.Errorf("drop what the hosts of %s/%s measured long ago: %w", r.App, r.Env, err)
			}
		case err != nil:
			return fmt.Errorf("read what the hosts of %s/%s measured: %w", r.App, r.Env, err)
		default:
			if err := json.Unmarshal([]byte(body), &s); err != nil {
				return fmt.Errorf("read what the hosts of %s/%s measured: %w", r.App, r.Env, err)
			}
		}
		s.Add(r, h.Host, !lost[[2]string{r.App, r.Env}])
		next, err := json.Marshal(s)
		if err != nil {
			return fmt.Errorf("encode what the hosts of %s/%s measured: %w", r.App, r.Env, err)
		}
		_, err = tx.Exec(ctx, `INSERT INTO rollout_measures (app, env, release, slot, host, body) VALUES ($1, $2, $3, $4, $5, $6)
			ON CONFLICT (app, env, release, slot, host) DO UPDATE SET body = excluded.body`, r.App, r.Env, r.Release, slot, h.Agent, string(next))
		if err != nil {
			return fmt.Errorf("store what the hosts of %s/%s measured: %w", r.App, r.Env, err)
		}
	}
	return nil
}

// Slots gives the slots from one to another, both included, of all releases of an environment, in order of their time.
func Slots(ctx context.Context, q db.Querier, app, env string, from, to int64) ([]HostSlot, error) {
	rows, err := q.Query(ctx, `SELECT slot, release, host, body FROM rollout_measures WHERE app = $1 AND env = $2 AND slot >= $3 AND slot <= $4 ORDER BY slot, host, release`,
		app, env, from, to)
	if err != nil {
		return nil, fmt.Errorf("read what the hosts of %s/%s measured: %w", app, env, err)
	}
	defer rows.Close()
	var out []HostSlot
	for rows.Next() {
		var h HostSlot
		var body string
		if err := rows.Scan(&h.Slot, &h.Release, &h.Host, &body); err != nil {
			return nil, fmt.Errorf("read what the hosts of %s/%s measured: %w", app, env, err)
		}
		if err := json.Unmarshal([]byte(body), &h.Measured); err != nil {
			return nil, fmt.Errorf("read what the hosts of %s/%s measured: %w", app, env, err)
		}
		out = append(out, h)
	}
	return out, rows.Err()
}

// Measured is what hosts measured in the window before a push, of the release that serves.
type Measured struct {
	Hosts map[string]*Slot
	// slots are the sums over all hosts, in order of time.
	slots []Slot
	last  int64
}

// LoadMeasured reads the last half hour.
func LoadMeasured(ctx context.Context, q db.Querier, now time.Time, app, env, release string) (*Measured, error) {
	m := &Measured{Hosts: map[string]*Slot{}}
	slots, err := Slots(ctx, q, app, env, now.Add(-baseline).Unix()/SlotSeconds, now.Unix()/SlotSeconds)
	for _, s := range slots {
		if s.Release == release {
			m.add(s)
		}
	}
	return m, err
}

func (m *Measured) add(s HostSlot) {
	if m.Hosts[s.Host] == nil {
		m.Hosts[s.Host] = &Slot{}
	}
	m.Hosts[s.Host].Merge(s.Measured)
	if len(m.slots) == 0 || s.Slot != m.last {
		m.slots, m.last = append(m.slots, Slot{}), s.Slot
	}
	m.slots[len(m.slots)-1].Merge(s.Measured)
}

// cluster is how many of a counter's events come together, by how the slots differ; at least 1.
func (m *Measured) cluster(c Counter) float64 {
	var events []int64
	var of []float64
	for _, s := range m.slots {
		events, of = append(events, int64(s.Counters[c.Events]+.5)), append(of, max(s.Counters[c.Per], s.Counters[c.Events]))
	}
	d, err := stats.DispersionOf(events, of)
	if err != nil {
		return 1
	}
	return d.Clusters()
}
