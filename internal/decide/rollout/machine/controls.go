package machine

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/slipwayhq/slipway/internal/event"
	"github.com/slipwayhq/slipway/internal/pure/manifest"
)

// Where the policy restarts controls, hosts that stay on the old release start it anew once the canaries of a step are up, and before visitors are sent there (package control). What settles is then
// compared with what settles, and with nothing else.

// phasesAStep is how many groups of hosts a step with controls compares: those without them while they start, the cold ones, and all.
const phasesAStep = 3

// decideControls is what comes once the canaries are up: controls start the old release anew, where they should, and then visitors are sent to the canaries.
func (m *Rollout) decideControls(now time.Time) (Move, bool) {
	others := slices.DeleteFunc(slices.Clone(m.Hosts[m.StartedHosts():]), func(h string) bool { return slices.Contains(m.Lost, h) })
	if hosts := m.Controls.Choose(others, m.coldCanaries()); len(hosts) > 0 {
		mv := m.To(Starting, Because("controls_restart", map[string]float64{"hosts": float64(len(hosts))},
			"%s of the old release %s it anew (%s): the new one is cold, and is compared with what is as cold", hostCount(len(hosts)), verb(len(hosts), "starts", "start"), strings.Join(hosts, ", ")))
		mv.Restart = hosts
		return mv, true
	}
	mv := m.To(Shifting, Because("up", nil, "the new release is up and healthy on %s", hostCount(m.StartedHosts())))
	late := m.Controls.Pending(others)
	over := now.Sub(m.Since) >= m.startTime()
	if slices.ContainsFunc(late, func(h string) bool { return m.Failed[h].Code == "" }) && !over {
		return Move{}, false
	}
	if len(late) > 0 {
		told := make([]string, len(late))
		for i, h := range late {
			told[i] = fmt.Sprintf("%s (%s)", h, m.said(h))
		}
		mv.Reasons = append(mv.Reasons, Because("controls_late", map[string]float64{"hosts": float64(len(late))},
			"%s could not start the old release anew, and %s compared once the rest has settled: %s", hostCount(len(late)), verb(len(late), "is", "are"), strings.Join(told, ", ")))
		mv.GiveUp = late
	}
	return mv, true
}

// controlsSentence says that controls start anew; empty while none does.
func (m *Rollout) controlsSentence() string {
	var asked []string
	for _, h := range m.Hosts[m.StartedHosts():] {
		if k := m.Controls.By[h]; k.Start != 0 && k.Compared.IsZero() && !k.GivenUp {
			asked = append(asked, h)
		}
	}
	late := len(m.Controls.Pending(asked))
	if late == 0 {
		return ""
	}
	return fmt.Sprintf("The old release starts anew, to be compared with the new one while both are cold: %d of %d hosts are ready", len(asked)-late, len(asked))
}

// coldCanaries counts those beside which controls should start anew: they are up, and no visitor has been sent to them.
func (m *Rollout) coldCanaries() int {
	if !m.Policy.RestartControls || m.Mode != manifest.CanaryHosts || !m.Judged() || m.Judge.Fleet == nil || len(m.phases())+phasesAStep > maxPhases {
		return 0
	}
	n := 0
	for _, h := range m.Hosts[:m.StartedHosts()] {
		if _, visited := m.VisitorsSince[h]; !visited && !m.UpSince[h].IsZero() && !slices.Contains(m.Lost, h) {
			n++
		}
	}
	return n
}

// coldPair gives the hosts that are compared while they settle: canaries, and controls that are as cold. It is nil while there are none on one of the sides.
func (m *Rollout) coldPair(second int64) map[string]bool {
	pair, at, fresh := map[string]bool{}, time.Unix(second, 0), 0
	if len(m.Controls.By) == 0 || m.Split.New != m.Release {
		return nil
	}
	for _, h := range m.Split.NewHosts {
		if _, visited := m.VisitorsSince[h]; visited && !m.UpSince[h].IsZero() && m.unsettled(h, second) {
			pair[h] = true
			fresh++
		}
	}
	for _, h := range m.Hosts {
		if !slices.Contains(m.Split.NewHosts, h) && m.Controls.Partner(h, at, m.settleTime()) {
			pair[h] = true
		}
	}
	if fresh == 0 || len(pair) == fresh {
		return nil
	}
	return pair
}

// Overhear takes a second of before any split, in which controls may be cold already.
func (m *Rollout) Overhear(rs event.RouteSecond, news []event.FailureCount, second int64) {
	m.read(rs, news, second)
}

// counts tells whether a cell is evidence where hosts were drawn.
func (m *Rollout) counts(c event.HostCount, pair map[string]bool, second int64) bool {
	switch {
	case slices.Contains(m.LeftOut, c.Host) || m.unheard(c):
		return false
	case c.Release == m.From && m.Controls.Holds(c.Host, second, m.settleTime()):
		return true
	case pair != nil:
		return pair[c.Host]
	case c.Release == m.From && !slices.Contains(m.newHosts(), c.Host):
		return !m.Controls.Cold(c.Host, time.Unix(second, 0), m.settleTime()) // whatever waits for visitors beside it
	}
	return !m.unsettled(c.Host, second)
}

func verb(n int, one, many string) string {
	if n == 1 {
		return one
	}
	return many
}
