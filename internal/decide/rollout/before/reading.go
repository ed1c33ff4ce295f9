package before

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/slipwayhq/slipway/internal/db"
	"github.com/slipwayhq/slipway/internal/pure/manifest"
	"github.com/slipwayhq/slipway/internal/pure/stats"
)

// readMinutes is how far back readings go.
const readMinutes = 60

// Reading is what a vital would have read over the last hour.
type Reading struct {
	Name  string `json:"name"`
	Found bool   `json:"found" doc:"Anything was measured, or a Prometheus has it now"`
	Text  string `json:"text" doc:"What it read, or what is missing, in words"`
	// Events of Of, as Rate; of a measurement of hosts Mean, in Unit.
	Events float64 `json:"events"`
	Of     float64 `json:"of"`
	Rate   float64 `json:"rate"`
	Mean   float64 `json:"mean,omitempty"`
	Unit   string  `json:"unit" enum:"share,cores,bytes,load,ms"`
	Hosts  int     `json:"hosts,omitempty" doc:"That measured it"`
	// Minutes are the rates, or means, by minute, the oldest first; null where nothing was measured.
	Minutes []*float64 `json:"minutes"`
}

// past is what was counted and measured in the last hour, by minute.
type past struct {
	requests, errors [readMinutes]float64
	latency          stats.Histogram
	slots            [readMinutes]Slot
	hosts            map[string]bool
}

// Read gives what vitals would have read over the last hour, of all releases of an environment.
func Read(ctx context.Context, q db.Querier, now time.Time, app, env string, vitals []manifest.Vital) ([]Reading, error) {
	p := past{hosts: map[string]bool{}}
	first := now.Unix()/60 - readMinutes + 1
	if err := p.edges(ctx, q, app, env, first); err != nil {
		return nil, err
	}
	slots, err := Slots(ctx, q, app, env, first*60/SlotSeconds, now.Unix()/SlotSeconds)
	if err != nil {
		return nil, err
	}
	for _, s := range slots {
		if at := s.Slot*SlotSeconds/60 - first; at >= 0 && at < readMinutes {
			p.slots[at].Merge(s.Measured)
			if s.Host != "" { // what counted may not say on which
				p.hosts[s.Host] = true
			}
		}
	}
	out := []Reading{}
	for _, v := range vitals {
		out = append(out, p.read(v))
	}
	return out, nil
}

// edges reads what edges counted.
func (p *past) edges(ctx context.Context, q db.Querier, app, env string, first int64) error {
	rows, err := q.Query(ctx, `SELECT minute, requests, errors, latency FROM rollout_minutes WHERE app = $1 AND env = $2 AND minute >= $3 AND minute < $4`, app, env, first, first+readMinutes)
	if err != nil {
		return fmt.Errorf("read what the edges of %s/%s counted: %w", app, env, err)
	}
	defer rows.Close()
	for rows.Next() {
		var minute int64
		var requests, errors float64
		var body string
		var h stats.Histogram
		if err := rows.Scan(&minute, &requests, &errors, &body); err != nil {
			return fmt.Errorf("read what the edges of %s/%s counted: %w", app, env, err)
		}
		if err := json.Unmarshal([]byte(body), &h); err != nil {
			return fmt.Errorf("read what the edges of %s/%s counted: %w", app, env, err)
		}
		p.requests[minute-first] += requests
		p.errors[minute-first] += errors
		p.latency.Merge(&h)
	}
	return rows.Err()
}

// read is one vital.
func (p *past) read(v manifest.Vital) Reading {
	r := Reading{Name: v.Name, Unit: "share"}
	switch {
	case v.Counter != "" || v.Prometheus != "" || v.Event != "":
		p.counter(&r, v)
	case v.OfHosts():
		p.measurement(&r, v.Name)
	case v.Name == manifest.VitalLatency:
		p.latencies(&r)
	default:
		r.count(func(minute int) (float64, float64) { return p.errors[minute], p.requests[minute] })
		if r.Text = fmt.Sprintf("%.0f of %.0f requests failed", r.Events, r.Of); !r.Found {
			r.Text = "no request came through an edge in the last hour"
		}
	}
	return r
}

// count fills in a rate.
func (r *Reading) count(at func(minute int) (events, of float64)) {
	for minute := range readMinutes {
		events, of := at(minute)
		r.Events, r.Of = r.Events+events, r.Of+of
		r.Minutes = append(r.Minutes, ratio(events, of))
	}
	if rate := ratio(r.Events, r.Of); rate != nil {
		r.Rate, r.Found = *rate, true
	}
}

func ratio(events, of float64) *float64 {
	if of <= 0 {
		return nil
	}
	rate := math.Round(1e6*events/of) / 1e6
	return &rate
}

func (p *past) counter(r *Reading, v manifest.Vital) {
	seen := map[string]float64{}
	for _, s := range p.slots {
		for name, n := range s.Counters {
			seen[name] += n
		}
	}
	events, per, _ := v.Counters()
	r.count(func(minute int) (float64, float64) {
		return p.slots[minute].Counters[events], p.slots[minute].Counters[per]
	})
	r.Hosts = len(p.hosts)
	switch {
	case v.Prometheus != "":
		r.Text = fmt.Sprintf("%.0f of %.0f", r.Events, r.Of)
		return
	case v.Event != "":
		if r.Found {
			r.Text = eventText(r, v)
		}
		return
	}
	for _, name := range []string{v.Counter, v.Per} {
		if seen[name] == 0 {
			r.Found, r.Text = false, missing(name, slices.Sorted(maps.Keys(seen)))
			return
		}
	}
	r.Text = fmt.Sprintf("%.0f %s of %.0f %s, on %d hosts", r.Events, v.Counter, r.Of, v.Per, r.Hosts)
	if r.Events > r.Of {
		r.Text += "; there are more of it than of what it is divided by: is it the right one?"
	}
}

// eventText says what was counted of a user event.
func eventText(r *Reading, v manifest.Vital) string {
	text := fmt.Sprintf("%.0f %s of %.0f %s, each visitor until the first", r.Events, v.Event, r.Of, cmp.Or(v.Per, "events of any kind"))
	if r.Events > r.Of {
		text += "; there are more of it than of what it is divided by: is it the right one?"
	}
	if v.Per == "" && r.Events > 0 && r.Events >= r.Of {
		text += "; visitors send nothing else: send what they see, too (page), or nobody is shown to be healthy"
	}
	return text
}

// Say adds what is known of a user event besides, and whether it could count.
func (r *Reading) Say(text string, ok bool) {
	r.Found = r.Found || ok
	if r.Text = strings.TrimPrefix(r.Text+"; "+text, "; "); text == "" {
		r.Text = strings.TrimSuffix(r.Text, "; ")
	}
}

// missing says that a counter did not come, and which did.
func missing(name string, seen []string) string {
	if len(seen) == 0 {
		return fmt.Sprintf("no counter %q came in the last hour, and no other one: does the app send statsd to the port of its agent (8125, or $STATSD_PORT)?", name)
	}
	const most = 8
	text := strings.Join(seen[:min(len(seen), most)], ", ")
	if len(seen) > most {
		text += fmt.Sprintf(" and %d more", len(seen)-most)
	}
	return fmt.Sprintf("no counter %q came in the last hour; those that came: %s", name, text)
}

// measurement is what hosts use, on average.
func (p *past) measurement(r *Reading, name string) {
	r.Unit = map[string]string{manifest.VitalCPU: "cores", manifest.VitalMemory: "bytes", manifest.VitalLoad: "load"}[name]
	var all Slot
	for _, s := range p.slots {
		all.Merge(s)
		var mean *float64
		if m := s.Mean(name); m > 0 {
			mean = &m
		}
		r.Minutes = append(r.Minutes, mean)
	}
	r.Mean, r.Hosts = all.Mean(name), len(p.hosts)
	if r.Found = r.Mean > 0; !r.Found {
		r.Text = "no host measured it in the last hour: hosts of an older version do not"
		return
	}
	unit := map[string]string{"cores": " cores", "bytes": " bytes"}[r.Unit]
	r.Text = fmt.Sprintf("%.3g%s on average, on %d hosts; it is judged where the split is by hosts", r.Mean, unit, r.Hosts)
}

func (p *past) latencies(r *Reading) {
	r.Unit, r.Of = "ms", float64(p.latency.Total())
	r.Minutes = []*float64{}
	if r.Found = r.Of > 0; !r.Found {
		r.Text = "no request came through an edge in the last hour"
		return
	}
	r.Mean = p.latency.Quantile(.5)
	r.Text = fmt.Sprintf("of %.0f requests half took up to %.3g ms, 90 %% up to %.3g ms, 99 %% up to %.3g ms", r.Of, r.Mean, p.latency.Quantile(.9), p.latency.Quantile(.99))
	if r.Of < baselineRequests {
		r.Text += fmt.Sprintf("; fewer than %d in the half hour before a push are too few to judge it", baselineRequests)
	}
}

// Since is how requests fare since everyone has a release, beside how they fared before its push. It compares nothing: whatever else changed meanwhile is in it.
type Since struct {
	Before Fared `json:"before" doc:"Of the release before, in the half hour before the push"`
	After  Fared `json:"after" doc:"Of this release, in the first half hour in which everyone had it"`
}

// Fared counts requests and those that failed.
type Fared struct {
	Requests int64 `json:"requests"`
	Errors   int64 `json:"errors"`
}

// LoadSince reads it; nil where one of the two is not there, or not any more: minutes are kept for a day.
func LoadSince(ctx context.Context, q db.Querier, app, env, from, release string, started, ended time.Time) (*Since, error) {
	var s Since
	for _, part := range []struct {
		to      *Fared
		release string
		since   time.Time
	}{{&s.Before, from, started.Add(-baseline)}, {&s.After, release, ended.Add(time.Minute)}} {
		first := part.since.Unix() / 60
		err := q.QueryRow(ctx, `SELECT COALESCE(SUM(requests), 0), COALESCE(SUM(errors), 0) FROM rollout_minutes WHERE app = $1 AND env = $2 AND release = $3 AND minute >= $4 AND minute < $5`,
			app, env, part.release, first, first+int64(baseline/time.Minute)).Scan(&part.to.Requests, &part.to.Errors)
		if err != nil {
			return nil, fmt.Errorf("read how requests fared in %s/%s: %w", app, env, err)
		}
	}
	if s.Before.Requests == 0 || s.After.Requests == 0 {
		return nil, nil
	}
	return &s, nil
}
