// Package before is what is known of an environment before a push: what each host, each bucket of visitors and each route counted while one release served alone. It
// is what the judge compares hosts with, and what routes are learned from. It keeps that in tables of its own; all that is reckoned from them is pure.
//
//	edge's seconds ──Add──> Minute (kept in SQL) ──Merge──> Window ──Routes, Fleet──> the judge's policy
//
// It reads no log and emits nothing itself: package rollout hears for it, and calls it in its transactions.
package before

import (
	"cmp"
	"slices"

	"github.com/slipwayhq/slipway/internal/event"
	"github.com/slipwayhq/slipway/internal/pure/stats"
)

// maxPaths bounds the route patterns of a minute.
const maxPaths = 200

// Cell counts requests and those that failed.
type Cell struct {
	Requests int64 `json:"n"`
	Errors   int64 `json:"e,omitempty"`
}

func (c *Cell) add(requests, errors int64) {
	c.Requests, c.Errors = c.Requests+requests, c.Errors+errors
}

// Host is what one host counted.
type Host struct {
	Cell
	Latency stats.Histogram `json:"l"`
}

// Minute is what the release that served alone was counted by in one minute. It is stored as JSON.
type Minute struct {
	// First and Last are the Unix times of its first and last second with a request.
	First int64            `json:"first,omitempty"`
	Last  int64            `json:"last,omitempty"`
	Hosts map[string]*Host `json:"hosts,omitempty"`
	// Buckets are those of visitors, event.Buckets of them.
	Buckets []Cell           `json:"buckets,omitempty"`
	Paths   map[string]*Cell `json:"paths,omitempty"`
}

// Add adds an edge's second, which began at this Unix time. One with another release under watch says nothing of hosts that differ, and is left out: false.
func (m *Minute) Add(rs event.RouteSecond, second int64) bool {
	if rs.Split.New != "" || rs.Split.Old == "" {
		return false
	}
	if m.First == 0 || second < m.First {
		m.First = second
	}
	m.Last = max(m.Last, second)
	release := rs.Split.Old
	for _, c := range rs.Hosts {
		if c.Release == release && c.Host != "" {
			m.host(c.Host).add(c.Requests, c.Errors)
		}
	}
	for host, data := range rs.HostLatency {
		m.host(host).merge(data)
	}
	if m.Buckets == nil {
		m.Buckets = make([]Cell, event.Buckets)
	}
	for _, b := range rs.Buckets {
		if b.Release == release && b.Bucket >= 0 && b.Bucket < len(m.Buckets) {
			m.Buckets[b.Bucket].add(b.Requests, b.Errors)
		}
	}
	for _, p := range rs.Paths {
		if p.Release == release {
			m.path(p.Path).add(p.Requests, p.Errors)
		}
	}
	return true
}

func (m *Minute) host(id string) *Host {
	if m.Hosts == nil {
		m.Hosts = map[string]*Host{}
	}
	if m.Hosts[id] == nil {
		m.Hosts[id] = &Host{}
	}
	return m.Hosts[id]
}

// path is a pattern's cell; those that there is no room for count nowhere.
func (m *Minute) path(pattern string) *Cell {
	if m.Paths == nil {
		m.Paths = map[string]*Cell{}
	}
	c := m.Paths[pattern]
	if c == nil {
		c = &Cell{}
		if len(m.Paths) < maxPaths {
			m.Paths[pattern] = c
		}
	}
	return c
}

// merge adds a histogram; an edge of another version may count in buckets that this one does not have: then it is left out.
func (h *Host) merge(data event.HistogramData) {
	sum := h.Latency
	for i := range min(len(data.Index), len(data.Count)) {
		if err := sum.AddBucket(data.Index[i], data.Count[i]); err != nil {
			return
		}
	}
	h.Latency = sum
}

// Window is all minutes of before the push together.
type Window struct {
	Hosts map[string]*Host
	Paths map[string]*Cell
	// Buckets are the sums; bursts the cells of bucket and minute, with what each should have had of its minute's errors.
	Buckets []Cell
	// Measured is what the hosts measured themselves; nil where nothing was read.
	Measured *Measured
	bursts   []int64
	fair     []float64
	seconds  int64
}

// Merge adds a minute.
func (w *Window) Merge(m *Minute) {
	if w.Hosts == nil {
		w.Hosts, w.Paths, w.Buckets = map[string]*Host{}, map[string]*Cell{}, make([]Cell, event.Buckets)
	}
	for id, h := range m.Hosts {
		if w.Hosts[id] == nil {
			w.Hosts[id] = &Host{}
		}
		w.Hosts[id].add(h.Requests, h.Errors)
		w.Hosts[id].Latency.Merge(&h.Latency)
	}
	for pattern, c := range m.Paths {
		if w.Paths[pattern] == nil {
			w.Paths[pattern] = &Cell{}
		}
		w.Paths[pattern].add(c.Requests, c.Errors)
	}
	if m.First > 0 {
		w.seconds += m.Last - m.First + 1
	}
	var all Cell
	for i, c := range m.Buckets[:min(len(m.Buckets), len(w.Buckets))] {
		w.Buckets[i].add(c.Requests, c.Errors)
		all.add(c.Requests, c.Errors)
	}
	if all.Requests == 0 || all.Errors == 0 {
		return
	}
	for _, c := range m.Buckets[:min(len(m.Buckets), len(w.Buckets))] {
		if c.Requests > 0 {
			w.bursts = append(w.bursts, c.Errors)
			w.fair = append(w.fair, float64(c.Requests)*float64(all.Errors)/float64(all.Requests))
		}
	}
}

// Requests is how many there were.
func (w *Window) Requests() (n int64) {
	for _, h := range w.Hosts {
		n += h.Requests
	}
	return n
}

// Rates are the requests a second, and the part of them that failed; 0 where nothing was counted.
func (w *Window) Rates() (perSecond, errors float64) {
	n, bad := w.Requests(), int64(0)
	for _, h := range w.Hosts {
		bad += h.Errors
	}
	if n == 0 || w.seconds == 0 {
		return 0, 0
	}
	return float64(n) / float64(w.seconds), float64(bad) / float64(n)
}

// Routes are the busiest route patterns, at most so many, the busiest first. One route alone is no part of anything.
func (w *Window) Routes(most int, other string) []string {
	routes := make([]string, 0, len(w.Paths))
	for pattern := range w.Paths {
		if pattern != other {
			routes = append(routes, pattern)
		}
	}
	if len(routes) < 2 {
		return nil
	}
	slices.SortFunc(routes, func(a, b string) int {
		return cmp.Or(cmp.Compare(w.Paths[b].Requests, w.Paths[a].Requests), cmp.Compare(a, b))
	})
	return routes[:min(len(routes), most)]
}
