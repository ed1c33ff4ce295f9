package machine

import (
	"errors"
	"slices"
	"time"

	"github.com/slipwayhq/slipway/internal/event"
	"github.com/slipwayhq/slipway/internal/pure/judge"
	"github.com/slipwayhq/slipway/internal/pure/manifest"
	"github.com/slipwayhq/slipway/internal/pure/stats/units"
)

// Second is what one edge's second is worth as evidence. The zero value, without a vital, is none: what settles is left out, for example.
type Second struct {
	Tick judge.Tick
	// Layout is set where hosts were drawn and other ones are compared than before.
	Layout *units.Layout
	// Visitors is a look at how often visitors erred; such a second has no counts.
	Visitors *judge.VisitorLook
}

// Counted tells whether there is anything to compare.
func (s Second) Counted() bool { return len(s.Tick.Counts) > 0 || len(s.Tick.Hosts) > 0 }

// Fold takes one edge's second into totals and evidence. news are those of its failures that the release that serves never showed before the rollout. It gives what was
// folded, which may be of seconds before, and tells whether the verdict changed.
func (m *Rollout) Fold(rs event.RouteSecond, news []event.FailureCount, second int64, now time.Time) (folded []Second, changed bool, err error) {
	m.Totals.add(m, rs)
	m.warm(rs, second)
	if !m.Judged() || m.State == Promoting || m.State == Returning {
		return nil, false, nil
	}
	var errs []error
	switch s, err := m.lookAtVisitors(rs, second); {
	case err != nil:
		errs = append(errs, err)
	case s != nil:
		folded = append(folded, *s)
	}
	for _, s := range m.pair(m.read(rs, news, second)) {
		if s.Layout != nil {
			if err := m.Evidence.Group(m.Judge, *s.Layout); err != nil {
				errs = append(errs, err)
				continue
			}
		}
		if err := m.Evidence.Fold(m.Judge, s.Tick); err != nil {
			errs = append(errs, err)
			continue
		}
		folded = append(folded, s)
	}
	return folded, len(folded) > 0 && m.rejudge(now), errors.Join(errs...)
}

// rejudge says anew what the evidence means, and tells whether that changed.
func (m *Rollout) rejudge(now time.Time) (changed bool) {
	was := m.Verdict
	v := judge.Judge(m.Judge, m.Evidence)
	m.Verdict = v.Outcome
	if v.Outcome == judge.Regressed && was != judge.Regressed {
		m.RegressAt, m.Vital = now, worst(v)
	}
	return was != m.Verdict
}

// worst is the vital that is furthest beyond its threshold.
func worst(v judge.Verdict) string {
	name, most := "", 0.0
	for _, e := range v.Vitals {
		if over := e.Peak - e.Threshold; e.Outcome == judge.Regressed && (name == "" || over > most) {
			name, most = e.Name, over
		}
	}
	return name
}

// read puts an edge's second in the judge's form.
func (m *Rollout) read(rs event.RouteSecond, news []event.FailureCount, second int64) Second {
	cells := m.Counted(rs, second)
	if len(cells) == 0 {
		return Second{}
	}
	if m.Judge.Fleet != nil {
		return m.readHosts(rs, cells, news, second)
	}
	t := judge.Tick{Second: second, Share: rs.Split.Share, Counts: map[string]judge.Count{}}
	for _, c := range cells {
		m.count(t.Counts, c)
	}
	if len(t.Counts) == 0 {
		return Second{}
	}
	m.countAlarms(t.Counts, rs.Paths, news)
	t.Traffic = m.traffic(rs, cells)
	return Second{Tick: t}
}

// firsts tells whether a visitor counts once, at the first bad request: always, unless every request was drawn on its own.
func (m *Rollout) firsts() bool { return m.Judge.Unit != judge.ByRequest }

// events are the bad ones of a cell and the requests that could have been, for errors or for the latency threshold of this index.
func (m *Rollout) events(c event.Counts, threshold int) (events, atRisk int64) {
	switch first := m.firsts(); {
	case threshold < 0 && first:
		return c.FirstErrors, c.AtRisk
	case threshold < 0:
		return c.Errors, c.Requests
	case first:
		return c.FirstSlow[threshold], c.AtRiskSlow[threshold]
	}
	return c.Slow[threshold], c.Requests
}

// count adds one host's cell to the tick.
func (m *Rollout) count(counts map[string]judge.Count, c event.HostCount) {
	if m.judges(judge.Errors) {
		m.put(counts, judge.Errors, c.Release, func() (int64, int64) { return m.events(c.Counts, -1) })
	}
	for i, t := range m.Thresholds {
		m.put(counts, t.Vital, c.Release, func() (int64, int64) { return m.events(c.Counts, i) })
	}
}

// put adds to one vital, on the side of the release. What is of neither counts nowhere.
func (m *Rollout) put(counts map[string]judge.Count, vital, release string, of func() (events, atRisk int64)) {
	k := counts[vital]
	events, atRisk := of()
	switch release {
	case m.Release:
		k.New, k.AtRiskNew = k.New+events, k.AtRiskNew+atRisk
	case m.From:
		k.Old, k.AtRiskOld = k.Old+events, k.AtRiskOld+atRisk
	default:
		return
	}
	counts[vital] = k
}

// countAlarms adds what is for the alarm alone: the routes' errors, and those of a kind not seen before.
func (m *Rollout) countAlarms(counts map[string]judge.Count, paths []event.PathCount, news []event.FailureCount) {
	for _, p := range paths {
		if m.judges(judge.RouteErrors(p.Path)) {
			m.put(counts, judge.RouteErrors(p.Path), p.Release, func() (int64, int64) { return m.onPath(p) })
		}
	}
	if !m.judges(judge.NewErrors) {
		return
	}
	k := counts[judge.Errors]
	k.New, k.Old = 0, 0
	counts[judge.NewErrors] = k
	for _, f := range news {
		m.put(counts, judge.NewErrors, f.Release, func() (int64, int64) { return m.ofKind(f), 0 })
	}
}

// onPath are the bad requests on a route, and those that could have been. A route that was too quiet to be told of by name when its requests came may be told of when they
// fail: what failed was there to fail.
func (m *Rollout) onPath(p event.PathCount) (events, atRisk int64) {
	if m.firsts() {
		return p.FirstErrors, max(p.AtRisk, p.FirstErrors)
	}
	return p.Errors, max(p.Requests, p.Errors)
}

func (m *Rollout) ofKind(f event.FailureCount) int64 {
	if m.firsts() {
		return f.FirstErrors
	}
	return f.Errors
}

// judges tells whether the policy has a vital.
func (m *Rollout) judges(vital string) bool {
	return slices.ContainsFunc(m.Judge.Vitals, func(v judge.VitalSpec) bool { return v.Name == vital })
}

// traffic is what the split itself is checked by. By host there is none: hosts come and go, edges notice that sooner than we do, and what is sent to hosts is compared with what
// these got anyway.
func (m *Rollout) traffic(rs event.RouteSecond, cells []event.HostCount) *judge.Traffic {
	t := &judge.Traffic{}
	if m.Mode == manifest.CanaryHosts {
		return t
	}
	for _, c := range cells {
		switch c.Release {
		case m.Release:
			t.New += c.Requests
		case m.From:
			t.Old += c.Requests
		}
	}
	if m.Mode == manifest.CanaryRequests {
		return t
	}
	t.Buckets = make([]int64, event.Buckets)
	for _, b := range rs.Buckets {
		if b.Release == m.From && b.Bucket >= 0 && b.Bucket < len(t.Buckets) {
			t.Buckets[b.Bucket] += b.Requests
		}
	}
	return t
}
