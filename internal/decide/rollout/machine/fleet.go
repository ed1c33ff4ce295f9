package machine

import (
	"slices"
	"time"

	"github.com/slipwayhq/slipway/internal/decide/rollout/control"
	"github.com/slipwayhq/slipway/internal/event"
	"github.com/slipwayhq/slipway/internal/pure/judge"
	"github.com/slipwayhq/slipway/internal/pure/stats/units"
)

// Where hosts were drawn, the judge has each of them apart: what it counted before the push says how it differs from the others.

// maxPhases bounds how often the groups of hosts may change before who comes and goes is not followed any more.
const maxPhases = 12

// readHosts is read for hosts that were drawn. A cell of a host that ran another release than its group does (a request that began under the split before) is left out.
func (m *Rollout) readHosts(rs event.RouteSecond, cells []event.HostCount, news []event.FailureCount, second int64) Second {
	l, ok := m.layout(rs.Split, second)
	fleet := m.Judge.Fleet.Hosts
	at := make(map[string]int, len(fleet))
	for _, i := range l.New {
		at[m.Release+"\x00"+fleet[i]] = i
	}
	for _, i := range l.Old {
		at[m.From+"\x00"+fleet[i]] = i
	}
	share, pair := rs.Split.Share, m.coldPair(second)
	if pair != nil {
		share = l.Visitors // others share the requests than before: what is known of that begins anew
	}
	s := Second{Tick: judge.Tick{Second: second, Share: share, Hosts: map[string][]judge.HostCount{}}}
	for _, v := range m.Judge.Vitals {
		s.Tick.Hosts[v.Name] = make([]judge.HostCount, len(fleet))
	}
	add := func(vital, release, host string, events, requests int64) {
		if release == m.From && m.Controls.Holds(host, second, m.settleTime()) {
			m.Controls.Hold(second, host, vital, judge.HostCount{Events: events, Requests: requests})
			return
		}
		i, known := at[release+"\x00"+host]
		if hosts := s.Tick.Hosts[vital]; known && hosts != nil {
			hosts[i].Events, hosts[i].Requests = hosts[i].Events+events, hosts[i].Requests+requests
		}
	}
	for _, c := range cells {
		events, atRisk := m.events(c.Counts, -1)
		add(judge.Errors, c.Release, c.Host, events, atRisk)
		add(judge.NewErrors, c.Release, c.Host, 0, atRisk)
		for i, t := range m.Thresholds {
			events, atRisk := m.events(c.Counts, i)
			add(t.Vital, c.Release, c.Host, events, atRisk)
		}
	}
	for _, f := range news {
		add(judge.NewErrors, f.Release, f.Host, m.ofKind(f), 0)
	}
	m.addRoutes(rs, cells, add)
	if m.Controls.Prune(second); !ok {
		return Second{}
	}
	if pair != nil && sameSplit(rs.Split, m.Split) {
		m.addHeld(s, l)
	}
	s.Tick.Traffic = m.traffic(rs, cells)
	if last := m.lastLayout(); last == nil || !slices.Equal(last.New, l.New) || !slices.Equal(last.Old, l.Old) {
		s.Layout = &l
	}
	return s
}

// addHeld adds what controls did when they were as old as the canaries are now.
func (m *Rollout) addHeld(s Second, l units.Layout) {
	for _, i := range l.Old {
		for vital, c := range m.Controls.Take(m.Judge.Fleet.Hosts[i], s.Tick.Second) {
			if hosts := s.Tick.Hosts[vital]; hosts != nil {
				hosts[i] = c
			}
		}
	}
}

// addRoutes adds the routes' errors by host. The edges count requests by route or by host, not by both: a host is taken to have its part of each route's.
func (m *Rollout) addRoutes(rs event.RouteSecond, cells []event.HostCount, add func(vital, release, host string, events, requests int64)) {
	all := map[string]int64{} // by release, also of hosts that do not count now: the routes' requests are theirs, too
	for _, c := range rs.Hosts {
		all[c.Release] += c.AtRisk
	}
	failed := map[[3]string]int64{} // by route, host and release
	for _, f := range rs.Failures {
		failed[[3]string{f.Path, f.Host, f.Release}] += m.ofKind(f)
	}
	for _, p := range rs.Paths {
		vital := judge.RouteErrors(p.Path)
		if !m.judges(vital) || all[p.Release] == 0 {
			continue
		}
		for _, c := range cells {
			if c.Release == p.Release {
				events := failed[[3]string{p.Path, c.Host, c.Release}]
				part := float64(p.AtRisk) * float64(c.AtRisk) / float64(all[p.Release])
				add(vital, c.Release, c.Host, events, max(int64(part+.5), events))
			}
		}
	}
}

// layout says which hosts are compared in a second of a split; ok is false while there are none on one of the sides. While some hosts of a step settle, those that had
// settled before are compared on; a second of a split that is not the present one changes nothing.
func (m *Rollout) layout(s event.Split, second int64) (l units.Layout, ok bool) {
	last := m.lastLayout()
	if last != nil && (!sameSplit(s, m.Split) || len(m.phases()) >= maxPhases) {
		return *last, true
	}
	fresh, part, pair := set(s.NewHosts), set(m.Hosts), m.coldPair(second)
	if pair != nil && (m.coldPair(max(second, m.Evidence.Last)) == nil || time.Unix(second, 0).Before(m.SplitSince)) {
		return l, false // it comes late, and others are compared by now; or it is not whole
	}
	settling := false
	l.Visitors = s.Share
	for i, h := range m.Judge.Fleet.Hosts {
		switch {
		case !part[h], pair != nil && !pair[h]:
		case !fresh[h]:
			if pair != nil || !m.Controls.Cold(h, time.Unix(second, 0), m.settleTime()) {
				l.Old = append(l.Old, i)
			}
		case pair == nil && (m.UpSince[h].IsZero() || m.unsettled(h, second)):
			settling = true
		default:
			l.New = append(l.New, i)
		}
	}
	if settling {
		l.New = slices.DeleteFunc(l.New, func(i int) bool { return last == nil || !slices.Contains(last.New, i) })
	}
	if pair != nil {
		l.Visitors = control.Visitors(float64(len(l.New))/float64(len(m.Hosts)), float64(len(l.Old))/float64(len(m.Hosts)))
	}
	return l, len(l.New) > 0 && len(l.Old) > 0
}

// lastLayout is the one that is compared so far, nil before the first.
func (m *Rollout) lastLayout() *units.Layout {
	if phases := m.phases(); len(phases) > 0 {
		return &phases[len(phases)-1].Layout
	}
	return nil
}

// phases are those of the hosts' groups; all vitals that compare hosts have the same.
func (m *Rollout) phases() []units.Phase {
	for _, v := range m.Evidence.Vitals {
		if v.Units != nil {
			return v.Units.Phases
		}
	}
	return nil
}

func set(list []string) map[string]bool {
	out := make(map[string]bool, len(list))
	for _, x := range list {
		out[x] = true
	}
	return out
}

// brokenCanary names a host on the new release that alone makes it look bad, where another host could take its place; empty when there is none.
func (m *Rollout) brokenCanary() string {
	if m.Judge.Fleet == nil || m.State != Watching {
		return ""
	}
	started := m.StartedHosts()
	spare := slices.ContainsFunc(m.Hosts[started:], func(h string) bool { return !slices.Contains(m.Lost, h) })
	for _, v := range m.Evidence.Vitals {
		if v.Suspect != "" && spare && slices.Contains(m.Hosts[:started], v.Suspect) && m.lacks([]string{v.Suspect}) == "" {
			return v.Suspect
		}
	}
	return ""
}

// forgetBroken takes out of the evidence the hosts that are left out since they broke, and gives these.
func (m *Rollout) forgetBroken(hosts []string) (broken []string) {
	for _, h := range hosts {
		for _, v := range m.Evidence.Vitals {
			if v.Suspect == h && m.Judge.Fleet != nil {
				m.Evidence.Forget(m.Judge, h)
				broken = append(broken, h)
				break
			}
		}
	}
	return broken
}

// Learnt is what is known now of how much hosts differ, by vital: the next rollout's history. It is nil where no host was compared.
func (m *Rollout) Learnt() map[string]units.Spread {
	if m.Judge.Fleet == nil {
		return nil
	}
	learnt := m.Judge.Fleet.Learnt()
	for _, v := range m.Judge.Vitals {
		if v.AlarmOnly {
			delete(learnt, v.Name) // the next ones learn from all errors again
		}
	}
	return learnt
}
