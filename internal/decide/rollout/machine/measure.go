package machine

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/slipwayhq/slipway/internal/decide/rollout/before"
	"github.com/slipwayhq/slipway/internal/pure/judge"
	"github.com/slipwayhq/slipway/internal/pure/manifest"
)

// Besides what edges count there is what hosts measure themselves: counters that the app sends by statsd, and what the release's processes use. It comes in slots of ten
// seconds, a while after they are over.

// slotGrace is how long after its end a slot is taken to be whole.
const slotGrace = 5 * time.Second

// scrapeLag is how old may be what a Prometheus has: what it tells of the first minute of a split may be of the one before.
const scrapeLag = time.Minute

// firstLook is after how many slots hosts are looked at first in a comparison; then after twice as many, and so on.
const firstLook = 3

// Used is what is kept of hosts' measurements.
type Used struct {
	// Slot is the last that was taken.
	Slot int64 `json:"slot"`
	// Before are the means of each host before the push, by vital and host.
	Before map[string]map[string]float64 `json:"before,omitempty"`
	// Phase counts the groups that were compared, Sides names the present ones, Slots counts those since, and Hosts sums up what each measured in them.
	Phase int                    `json:"phase"`
	Sides string                 `json:"sides,omitempty"`
	Slots int                    `json:"slots"`
	Hosts map[string]before.Slot `json:"hosts,omitempty"`
	// Late is what came of a Prometheus in this minute.
	Late Late `json:"late"`
}

// Late adds up a minute of counters that are told of late, and in lumps: a Prometheus has grown once from each process in a minute, if it asks them that often, but not in each ten
// seconds. Folded by slots the lumps of one release would look like harm until those of the other came.
type Late struct {
	// From is the slot that it began with, 0 for none; a minute counts only whole, and while the same hosts are compared.
	From   int64                        `json:"from,omitempty"`
	Sides  string                       `json:"sides,omitempty"`
	Counts map[string]judge.Count       `json:"counts,omitempty"`
	Hosts  map[string][]judge.HostCount `json:"hosts,omitempty"`
}

// Look is one look at a mean of hosts.
type Look struct {
	Vital string
	Phase int
	New   []judge.HostValue
	Old   []judge.HostValue
}

// Measures tells whether the policy asks for anything that hosts measure.
func (m *Rollout) Measures() bool {
	return len(m.counters()) > 0 || slices.ContainsFunc(m.Policy.Vitals, manifest.Vital.OfHosts)
}

// PrepareUsed notes what hosts measured before, where any of it is judged.
func (m *Rollout) PrepareUsed(w *before.Window) {
	m.Used = nil
	for _, v := range m.Judge.Vitals {
		if _, counted := m.counters()[v.Name]; m.Used == nil && (v.Mean || counted) {
			m.Used = &Used{}
		}
		if !v.Mean || w.Measured == nil {
			continue
		}
		values := map[string]float64{}
		for h, s := range w.Measured.Hosts {
			values[h] = s.Mean(v.Name)
		}
		if m.Used.Before == nil {
			m.Used.Before = map[string]map[string]float64{}
		}
		m.Used.Before[v.Name] = values
	}
}

// counters are the vitals that are counters of the app's own, with their names among what hosts measure.
func (m *Rollout) counters() map[string]before.Counter {
	out := map[string]before.Counter{}
	for _, v := range m.Policy.Vitals {
		if events, per, ok := v.Counters(); ok {
			out[v.Name] = before.Counter{Events: events, Per: per, Late: v.Prometheus != ""}
		}
	}
	return out
}

// SlotsDue gives the slots that are whole and were not taken; ok is false while there is none, or nothing to compare.
func (m *Rollout) SlotsDue(now time.Time) (from, to int64, ok bool) {
	if m.Used == nil || !m.Judged() || m.Split.New != m.Release || !m.InForce || m.SplitSince.IsZero() || m.State == Promoting || m.State == Returning || m.State.Ended() {
		return 0, 0, false
	}
	const slot = before.SlotSeconds
	from = max(m.Used.Slot+1, (m.SplitSince.Unix()+slot-1)/slot)
	to = now.Add(-slotGrace).Unix()/slot - 1
	return from, to, from <= to
}

// Measure takes a slot of what hosts measured into the evidence. It gives what was counted and looked at, and tells whether the verdict changed. Slots come in order; one that
// was taken, or in which not all has settled, changes nothing.
func (m *Rollout) Measure(slot int64, hosts []before.HostSlot, now time.Time) (s Second, looks []Look, changed bool, err error) {
	if m.Used == nil || slot <= m.Used.Slot {
		return s, nil, false, nil
	}
	m.Used.Slot = slot
	second := slot * before.SlotSeconds
	fresh, old, ok := m.sides(second)
	if !ok {
		return s, nil, false, nil
	}
	hosts = slices.DeleteFunc(slices.Clone(hosts), func(h before.HostSlot) bool {
		if h.Host == "" { // what counted does not say on which host
			return h.Release != m.Release && h.Release != m.From
		}
		return h.Release == m.Release && !fresh[h.Host] || h.Release == m.From && !old[h.Host] || h.Release != m.Release && h.Release != m.From
	})
	if s = m.readCounters(slot, hosts); s.Counted() {
		if err := m.Evidence.Fold(m.Judge, s.Tick); err != nil {
			return s, nil, false, err
		}
	}
	if m.Mode == manifest.CanaryHosts {
		looks = m.look(hosts, fresh, old)
	}
	return s, looks, m.rejudge(now), nil
}

// sides are the hosts on which the new release is compared, and those with the old one. Nothing is compared while anything settles.
func (m *Rollout) sides(second int64) (fresh, old map[string]bool, ok bool) {
	fresh, old = map[string]bool{}, map[string]bool{}
	byHost := m.Mode == manifest.CanaryHosts
	started := set(m.newHosts())
	for _, h := range m.Hosts {
		if m.UpSince[h].IsZero() && slices.Contains(m.Lost, h) {
			continue // it serves nobody
		}
		if started[h] && (m.UpSince[h].IsZero() || m.unsettled(h, second)) || m.Controls.Cold(h, time.Unix(second, 0), m.settleTime()) {
			return nil, nil, false
		}
		fresh[h], old[h] = started[h], !started[h] || !byHost
	}
	return fresh, old, true
}

// readCounters puts the app's counters in the judge's form.
func (m *Rollout) readCounters(slot int64, hosts []before.HostSlot) Second {
	second := slot * before.SlotSeconds
	t := judge.Tick{Second: second, Share: m.Split.Share, Counts: map[string]judge.Count{}, Hosts: map[string][]judge.HostCount{}}
	late := m.late(slot)
	for vital, c := range m.counters() {
		if !m.judges(vital) {
			continue
		}
		to := &t
		if c.Late {
			to = late
		}
		if to != nil {
			m.addCounter(to, vital, c, hosts)
		}
	}
	const minute = 60 / before.SlotSeconds
	if late != nil && slot%minute == minute-1 { // it is over
		for vital, c := range late.Counts {
			t.Counts[vital] = c
		}
		for vital, h := range late.Hosts {
			t.Hosts[vital] = h
		}
		m.Used.Late = Late{}
	}
	if m.Mode == manifest.CanaryHosts {
		t.Traffic = &judge.Traffic{} // as in traffic
	}
	if len(t.Hosts) == 0 {
		t.Hosts = nil
	}
	return Second{Tick: t}
}

// late is where the counters of a Prometheus are added up, nil where this minute does not count.
func (m *Rollout) late(slot int64) *judge.Tick {
	const minute = 60 / before.SlotSeconds
	u := &m.Used.Late
	sides := ""
	if l := m.lastLayout(); l != nil {
		sides = fmt.Sprint(l.New, l.Old)
	}
	if slot%minute == 0 && !time.Unix(slot*before.SlotSeconds, 0).Before(m.SplitSince.Add(scrapeLag)) {
		*u = Late{From: slot, Sides: sides, Counts: map[string]judge.Count{}, Hosts: map[string][]judge.HostCount{}}
	}
	if u.From == 0 || u.From/minute != slot/minute || u.Sides != sides {
		*u = Late{}
		return nil
	}
	if u.Counts == nil {
		u.Counts = map[string]judge.Count{}
	}
	if u.Hosts == nil {
		u.Hosts = map[string][]judge.HostCount{}
	}
	return &judge.Tick{Counts: u.Counts, Hosts: u.Hosts}
}

// addCounter adds what hosts counted of one vital in a slot.
func (m *Rollout) addCounter(to *judge.Tick, vital string, c before.Counter, hosts []before.HostSlot) {
	l, fleet := m.lastLayout(), m.fleetHosts()
	if fleet != nil && l == nil {
		return
	}
	for _, h := range hosts {
		events := int64(h.Measured.Counters[c.Events] + .5)
		atRisk := max(int64(h.Measured.Counters[c.Per]+.5), events)
		if fleet == nil {
			m.put(to.Counts, vital, h.Release, func() (int64, int64) { return events, atRisk })
			continue
		}
		i := slices.Index(fleet, h.Host)
		if i < 0 || atRisk == 0 || (h.Release != m.Release || !slices.Contains(l.New, i)) && (h.Release != m.From || !slices.Contains(l.Old, i)) {
			continue
		}
		if to.Hosts[vital] == nil {
			to.Hosts[vital] = make([]judge.HostCount, len(fleet))
		}
		to.Hosts[vital][i].Events += events
		to.Hosts[vital][i].Requests += atRisk
	}
}

func (m *Rollout) fleetHosts() []string {
	if m.Judge.Fleet == nil {
		return nil
	}
	return m.Judge.Fleet.Hosts
}

// look sums up what hosts used, and looks at the means when it is time.
func (m *Rollout) look(hosts []before.HostSlot, fresh, old map[string]bool) (looks []Look) {
	u := m.Used
	if sides := strings.Join(on(fresh), ",") + "/" + strings.Join(on(old), ","); sides != u.Sides {
		if u.Sides != "" {
			u.Phase++
		}
		u.Sides, u.Slots, u.Hosts = sides, 0, map[string]before.Slot{}
	}
	if u.Hosts == nil {
		u.Hosts = map[string]before.Slot{} // an empty one is not stored
	}
	for _, h := range hosts {
		sum := u.Hosts[h.Host]
		measured := h.Measured
		measured.Counters = nil
		sum.Merge(measured)
		u.Hosts[h.Host] = sum
	}
	u.Slots++
	if u.Slots%firstLook != 0 || u.Slots/firstLook&(u.Slots/firstLook-1) != 0 {
		return nil
	}
	for i, v := range m.Judge.Vitals {
		if !v.Mean {
			continue
		}
		l := Look{Vital: v.Name, Phase: u.Phase}
		for _, h := range sortedKeys(u.Hosts) {
			value := judge.HostValue{Now: u.Hosts[h].Mean(v.Name), Before: u.Before[v.Name][h]}
			if fresh[h] {
				l.New = append(l.New, value)
			} else if old[h] {
				l.Old = append(l.Old, value)
			}
		}
		looks = append(looks, l)
		// A look at too few hosts is spent in vain, and says so itself.
		_ = m.Evidence.Measure(m.Judge, i, l.Phase, l.New, l.Old)
	}
	return looks
}

// on lists what is true, in order.
func on(of map[string]bool) []string {
	return slices.DeleteFunc(sortedKeys(of), func(k string) bool { return !of[k] })
}
