package machine

import (
	"encoding/json"
	"slices"
	"time"

	"github.com/slipwayhq/slipway/internal/decide/rollout/route"
	"github.com/slipwayhq/slipway/internal/event"
	"github.com/slipwayhq/slipway/internal/pure/judge"
	"github.com/slipwayhq/slipway/internal/pure/manifest"
	"github.com/slipwayhq/slipway/internal/wire"
)

// Enter makes the move: the machine is in the new state afterwards, at now.
func (m *Rollout) Enter(mv Move, now time.Time) {
	from := m.State
	if mv.Step != m.Step {
		m.Current().Ended = now
		m.Step = mv.Step
	}
	m.State, m.Since, m.Reasons = mv.To, now, mv.Reasons
	m.doWithout(mv.LeaveOut, m.forgetBroken(mv.LeaveOut))
	m.Controls.Ask(mv.Restart, m.Number)
	m.Controls.GiveUp(mv.GiveUp...)
	switch mv.To {
	case Queued:
		m.beginAnew()
	case Starting:
		// Hosts that are heard of come first; among them the draw stays as it was.
		slices.SortStableFunc(m.Hosts, func(a, b string) int {
			return boolOrder(slices.Contains(m.Lost, a)) - boolOrder(slices.Contains(m.Lost, b))
		})
		m.Current().Started = now
	case Watching:
		m.watch(from, now)
	case Paused:
		m.Before = from
	case Held:
		m.SplitTold = m.SplitTold || m.Verdict == judge.WrongSplit
	case Promoting:
		// Split by hosts, few may run the release yet: all are asked to first, and everyone is sent there only then.
		m.Everyone = from == Promoting || m.Mode != manifest.CanaryHosts && m.answered(len(m.Hosts))
		if from != Promoting {
			m.Why = mv.Reasons
		}
	case Returning:
		m.Why = mv.Reasons
		if m.RegressAt.IsZero() {
			m.RegressAt = now
		}
	case Promoted, RolledBack, Superseded:
		m.end(now)
	}
}

// beginAnew forgets how far the rollout got and on which hosts. What was counted and judged so far stays: evidence restarts nowhere.
func (m *Rollout) beginAnew() {
	m.Step, m.Steps, m.Before = 0, nil, ""
	m.Started, m.Looked = time.Time{}, time.Time{}
	m.Hosts, m.LeftOut, m.WhyOut, m.Unfit, m.Lost = nil, nil, nil, nil, nil
	m.Asked, m.Waiting, m.Failed = nil, nil, nil
	m.UpSince, m.VisitorsSince, m.Controls.By = nil, nil, nil
}

// watch starts the clock of a watch, or another round of it.
func (m *Rollout) watch(from State, now time.Time) {
	s := m.Current()
	if from == Settling {
		s.Settled = now
	}
	if from != Paused {
		s.Until = now.Add(s.Watch)
	}
	if !m.Judged() {
		s.Until = now
	}
}

func (m *Rollout) end(now time.Time) {
	m.EndedAt = now
	m.Outcome = string(m.State)
	if len(m.Steps) > 0 && m.Current().Ended.IsZero() && !m.Current().Started.IsZero() {
		m.Current().Ended = now
	}
}

// LeaveOut takes hosts out of the comparison, and notes why. They keep the old release until the promotion.
func (m *Rollout) LeaveOut(why string, hosts ...string) {
	if m.WhyOut == nil {
		m.WhyOut = map[string]string{}
	}
	for _, h := range hosts {
		m.WhyOut[h] = why
		m.Hosts = slices.DeleteFunc(m.Hosts, func(x string) bool { return x == h })
		if !slices.Contains(m.LeftOut, h) {
			m.LeftOut = append(m.LeftOut, h)
		}
		delete(m.Waiting, h)
	}
}

// Drop forgets a host that belongs to the environment no more.
func (m *Rollout) Drop(host string) {
	same := func(x string) bool { return x == host }
	m.Hosts = slices.DeleteFunc(m.Hosts, same)
	m.LeftOut = slices.DeleteFunc(m.LeftOut, same)
	m.Unfit = slices.DeleteFunc(m.Unfit, same)
	m.Lost = slices.DeleteFunc(m.Lost, same)
	delete(m.WhyOut, host)
	delete(m.Waiting, host)
	delete(m.Failed, host)
	delete(m.Asked, host)
	delete(m.UpSince, host)
	delete(m.VisitorsSince, host)
	m.Controls.Drop(host)
}

// Requests gives what has to be asked of hosts and edges for the machine to be true, and notes that it was asked. newID names each request.
func (m *Rollout) Requests(newID func(prefix string) string) (deploys []event.DeployRequested, traffic *event.TrafficRequested) {
	groups := map[string]*event.DeployRequested{}
	id := ""
	wishes := m.wishHosts()
	for _, h := range sortedKeys(wishes) {
		w := wishes[h]
		key := w.key()
		if m.Asked[h].Wish == key {
			continue
		}
		if id == "" {
			id = newID("dep")
		}
		if groups[key] == nil {
			groups[key] = &event.DeployRequested{Deploy: id, Rollout: m.ID, Hold: w.hold, Run: w.run, Starts: w.starts, Current: w.current}
		}
		groups[key].Hosts = append(groups[key].Hosts, h)
		m.ask(h, Ask{Deploy: id, Wish: key})
	}
	for _, key := range sortedKeys(groups) {
		deploys = append(deploys, *groups[key])
	}
	if s := m.WishSplit(); !sameSplit(s, m.Split) {
		m.Traffic, m.Split, m.InForce = newID("trf"), s, false
		m.forgetVisitors()
		traffic = &event.TrafficRequested{Traffic: m.Traffic, Rollout: m.ID, Split: s}
	}
	return deploys, traffic
}

func (m *Rollout) ask(host string, a Ask) {
	if m.Asked == nil {
		m.Asked = map[string]Ask{}
	}
	if m.Waiting == nil {
		m.Waiting = map[string]bool{}
	}
	m.Asked[host] = a
	m.Waiting[host] = true
	delete(m.Failed, host)
}

func (w hostWish) key() string {
	wish := []any{w.hold, w.run, w.current}
	if w.starts != nil {
		wish = append(wish, w.starts)
	}
	data, err := json.Marshal(wish)
	if err != nil {
		return "" // strings always encode
	}
	return string(data)
}

func sameSplit(a, b event.Split) bool {
	return a.Mode == b.Mode && a.Old == b.Old && a.New == b.New && a.Share == b.Share && a.Salt == b.Salt &&
		slices.Equal(a.NewHosts, b.NewHosts) && slices.Equal(a.LeftOut, b.LeftOut) && slices.Equal(a.Slow, b.Slow)
}

// applied notes that a host does what was asked.
func (m *Rollout) applied(a event.DeployApplied) {
	if m.Asked[a.Host].Deploy != a.Deploy {
		return // an answer to an older request
	}
	delete(m.Waiting, a.Host)
	delete(m.Failed, a.Host)
	m.Controls.GiveUp(a.Host) // if it did not start anew, its agent cannot
}

// failed notes that a host cannot.
func (m *Rollout) failed(f event.DeployFailed) {
	if m.Asked[f.Host].Deploy != f.Deploy {
		return
	}
	if m.Failed == nil {
		m.Failed = map[string]Failure{}
	}
	m.Failed[f.Host] = Failure{Release: f.Release, Code: f.Code, Text: f.Text}
}

// process notes what became of the new release's process on a host.
func (m *Rollout) process(p event.ProcessChanged, at time.Time) {
	if p.Release == m.From && p.State == wire.ProcessUp {
		m.Controls.Heard(p.Host, p.Start, at)
	}
	if p.Release != m.Release {
		return
	}
	switch {
	case p.State == wire.ProcessStopped:
		delete(m.UpSince, p.Host) // the next one starts cold
	case p.State == wire.ProcessUp && m.UpSince[p.Host].IsZero():
		// What starts again after a crash does not settle anew: its slowness is the release's own doing.
		if m.UpSince == nil {
			m.UpSince = map[string]time.Time{}
		}
		m.UpSince[p.Host] = at
	}
	deaths := p.Restarts
	if p.State == wire.ProcessCrashed {
		deaths++
	}
	if deaths > m.Crashes[p.Host].Restarts {
		if m.Crashes == nil {
			m.Crashes = map[string]Crash{}
		}
		m.Crashes[p.Host] = Crash{Restarts: deaths, Text: p.Text}
	}
}

// SetLost notes whether a host is heard of.
func (m *Rollout) SetLost(host string, lost bool) {
	m.Lost = slices.DeleteFunc(m.Lost, func(x string) bool { return x == host })
	if lost {
		m.Lost = append(m.Lost, host)
	}
}

// add counts what is shown, settled or not.
func (t *Totals) add(m *Rollout, rs event.RouteSecond) {
	if t.Paths == nil {
		t.Paths = map[string]route.Total{}
	}
	if t.Hosts == nil {
		t.Hosts = map[string]route.Total{}
	}
	for _, c := range rs.Hosts {
		h := t.Hosts[c.Host]
		h.Add(c.Release == m.Release, c.Requests, c.Errors)
		t.Hosts[c.Host] = h
		if c.Release == m.Release {
			t.RequestsNew, t.ErrorsNew = t.RequestsNew+c.Requests, t.ErrorsNew+c.Errors
		} else {
			t.RequestsOld, t.ErrorsOld = t.RequestsOld+c.Requests, t.ErrorsOld+c.Errors
		}
	}
	for _, c := range rs.Paths {
		p, known := t.Paths[c.Path]
		if !known && len(t.Paths) >= maxPaths {
			continue
		}
		p.Add(c.Release == m.Release, c.Requests, c.Errors)
		t.Paths[c.Path] = p
	}
}

// maxPaths bounds the route patterns that are kept; the edge folds ids, so that an app has far fewer.
const maxPaths = 100

func boolOrder(b bool) int {
	if b {
		return 1
	}
	return 0
}
