package machine

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/slipwayhq/slipway/internal/event"
	"github.com/slipwayhq/slipway/internal/pure/manifest"
)

// Hosts have stageTime to fetch a release and startTime to bring it up. Then the rollout goes on without those that have not, as long as enough are left, or it goes
// back with what they said: it never waits for ever.

func (m *Rollout) decideStaging(now time.Time) (Move, bool) {
	late := m.waiting()
	over := now.Sub(m.Since) >= stageTime
	if len(late) > 0 && !over {
		return Move{}, false
	}
	out := late
	if m.Mode == manifest.CanaryHosts && !m.First() {
		out = append(slices.Clone(late), m.lost()...) // nobody is to be compared with a host that is not there
	}
	if why := m.lacks(out); why != "" {
		if !over {
			return Move{}, false // a host that is lost may come back
		}
		return m.To(Returning, append([]event.Reason{m.because("not_staged", late, why)}, m.whatTheySaid(late)...)...), true
	}
	ready := len(m.Hosts) - len(late) - len(m.lost())
	mv := m.To(Starting, Because("staged", map[string]float64{"hosts": float64(ready)}, "%s the new release", holds(ready)))
	if len(late) > 0 {
		mv.Reasons = append([]event.Reason{m.because("staged_partly", late, "they are left out")}, mv.Reasons...)
	}
	mv.LeaveOut = out
	return mv, true
}

func (m *Rollout) decideStarting(now time.Time) (Move, bool) {
	if lost := m.lostCanary(); lost != "" {
		return m.To(Starting, Because("redrawn", nil, "host %s is lost; another one was drawn in its place", lost)), true
	}
	if next := m.unasked(); next != "" {
		return m.To(Starting, Because("redrawn", nil, "host %s takes the place of one that was taken out", next)), true
	}
	late := m.waiting()
	if len(late) == 0 && m.answered(m.StartedHosts()) {
		return m.decideControls(now)
	}
	if now.Sub(m.Since) < m.startTime() {
		return Move{}, false
	}
	if why := m.lacks(late); why != "" {
		return m.To(Returning, append([]event.Reason{m.because("not_up", late, why)}, m.whatTheySaid(late)...)...), true
	}
	mv := m.To(Shifting, m.because("up_partly", late, "they are left out"))
	if m.Mode == manifest.CanaryHosts && !m.First() {
		mv = m.To(Starting, m.because("replaced", late, "they are left out, and others take their place"))
	}
	mv.LeaveOut = late
	return mv, true
}

// startTime is how long hosts may take to bring the release up.
func (m *Rollout) startTime() time.Duration {
	if m.UpWithin == 0 {
		return defaultUpWithin + startGrace
	}
	return m.UpWithin + startGrace
}

// lacks says what is missing without these hosts; empty when the others will do. More than half of the hosts must not be unfit, since the rest had to serve everybody; and
// split by hosts, one has to be left to compare with.
func (m *Rollout) lacks(without []string) string {
	left, unfit := 0, len(m.Unfit)
	for _, h := range m.Hosts {
		switch {
		case slices.Contains(m.Lost, h):
		case slices.Contains(without, h):
			unfit++
		default:
			left++
		}
	}
	switch {
	case left == 0 && unfit == 0:
		return "no host that takes part is heard of: " + strings.Join(m.Hosts, ", ")
	case left == 0:
		return "no other host is left"
	case left < unfit:
		return fmt.Sprintf("%d of %d hosts are too few to go on with", left, left+unfit)
	case m.Mode == manifest.CanaryHosts && m.Judged() && left < 2:
		return "one host alone cannot be split by hosts"
	}
	return ""
}

// because says which hosts did not do what was asked in the time that they had, with what each said, and what follows.
func (m *Rollout) because(code string, late []string, then string) event.Reason {
	if len(late) == 0 {
		return Because(code, nil, "%s", then)
	}
	what, span := "fetch the release", stageTime
	if m.State == Starting {
		what, span = "bring the release up", m.startTime()
	}
	var told []string
	for _, h := range late {
		told = append(told, fmt.Sprintf("%s (%s)", h, m.said(h)))
	}
	return Because(code, map[string]float64{"hosts": float64(len(late)), "seconds": span.Seconds()},
		"%s could not %s in %s: %s; %s", hostCount(len(late)), what, span, strings.Join(told, ", "), then)
}

// said is what a host said of its failure, in short.
func (m *Rollout) said(host string) string {
	if f := m.Failed[host]; f.Code != "" {
		said, _, _ := strings.Cut(f.Text, "\n")
		return said
	}
	return "it did not answer"
}

// whatTheySaid gives what hosts said of their failures, whole.
func (m *Rollout) whatTheySaid(hosts []string) []event.Reason {
	var out []event.Reason
	for _, h := range hosts {
		if f := m.Failed[h]; f.Code != "" {
			out = append(out, Because("host_"+f.Code, nil, "host %s: %s", h, f.Text))
		}
	}
	return out
}

// Why a host is left out, for the page; a host that failed has words of its own.
const (
	OutJoined = "it joined during the rollout"
	outLost   = "nothing was heard of it"
	outBroken = "it alone made the new release look bad"
)

// doWithout leaves out the hosts of a move, of which some broke. Those that are lost may be well.
func (m *Rollout) doWithout(hosts, broken []string) {
	for _, h := range hosts {
		why := m.said(h)
		switch {
		case slices.Contains(m.Lost, h):
			why = outLost
		case slices.Contains(broken, h):
			why = outBroken
		}
		if why != outLost {
			m.Unfit = append(m.Unfit, h)
		}
		if f := m.Failed[h]; f.Code != "" && !f.blames() {
			delete(m.Crashes, h) // a process that the host could not start says nothing of the release
		}
		m.LeaveOut(why, h)
	}
}

// waiting lists the hosts that have not answered, without those that are lost, and without controls: these are ready before the process that makes way is gone.
func (m *Rollout) waiting() []string {
	var out []string
	started := m.Hosts[:m.StartedHosts()]
	for _, h := range sortedKeys(m.Waiting) {
		control := m.Controls.Start(h) != 0 && !slices.Contains(started, h)
		if !slices.Contains(m.Lost, h) && slices.Contains(m.Hosts, h) && !control {
			out = append(out, h)
		}
	}
	return out
}

// lost lists the hosts that take part and are not heard of.
func (m *Rollout) lost() []string {
	return slices.DeleteFunc(slices.Clone(m.Hosts), func(h string) bool { return !slices.Contains(m.Lost, h) })
}

// holds is a count of hosts with its verb.
func holds(n int) string {
	if n == 1 {
		return "1 host holds"
	}
	return fmt.Sprintf("%d hosts hold", n)
}
