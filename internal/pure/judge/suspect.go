package judge

import (
	"maps"
	"math"
	"slices"

	"gonum.org/v1/gonum/floats"

	"github.com/slipwayhq/slipway/internal/pure/stats/units"
)

// HostCount is one vital on one host: events among requests.
type HostCount struct {
	Events   int64 `json:"events"`
	Requests int64 `json:"requests"`
}

// sure is how much better "this host broke" has to explain the counts than "the release does harm" before the host is named, and how much better "it differs" than "it is as the others on the new
// release are": when harm begins to show, it shows first on some host, such as the one that was alone on the new release in the step before.
const sure = 20

// unusual is by how much, in ln of the rate, a host of the old release differed from the fleet before the push for a change of its own to be thought of: twice or half as much.
const unusual = math.Ln2

// bothWeight is what is bet on "the release does harm, and one host broke besides".
const bothWeight = 0.1

// A host may break on the day of a push: a full disk, a bad cable. It then errs as no window before could foretell, and what it shows says nothing about the
// release. So harm has to be the better explanation, by as much as it has to be better than chance. The e-value against "nothing changed, but one of the m hosts on the new release broke, any of
// them as likely" is
//
//	((1−w)·e + w/m·Σⱼ e₋ⱼ·Bⱼ) / (1/m·Σᵢ Bᵢ)
//
// where e is the one against "nothing changed", e₋ⱼ the same as if host j were not there, and Bⱼ how much better "j broke" explains the counts than "nothing changed"
// (units.LogAlone). What counts is the lesser of the two; of the sum above the line only the likeliest host's term is taken. With a single host on the new release the two cannot be told
// apart, and it is taken for harm.
//
// A host of the old release may get well at the same time: it erred much before, was mended in the minutes before the push, and what is compared with its window looks like harm of the new
// release. Those are asked in the same way whose habit in the window was unusual (by unusual, in ln of the rate, from what the fleet does): known before the push, so that whom is asked says nothing about what
// came after. Their terms are added to the sum below the line, with weights of their own.
//
// robust is the ln e-value that is left, and the host that takes it below threshold and surely broke, -1 for none.
func (s *VitalState) robust(p Policy, v VitalSpec, logE, threshold float64) (left float64, suspect int) {
	if logE < threshold || slices.ContainsFunc(s.Hosts, func(phase []HostCount) bool { return phase == nil }) {
		return logE, -1
	}
	known := s.known(p.Fleet)
	fresh := s.samples(v, p.Fleet.cluster(v.Name), canaries, nil)
	if len(fresh) < 2 {
		clear(fresh)
	}
	old := map[int][]units.Sample{}
	if odd := unusualHosts(known.mean); len(odd) > 0 {
		old = s.samples(v, p.Fleet.cluster(v.Name), others, known.mean)
		maps.DeleteFunc(old, func(host int, _ []units.Sample) bool { return !slices.Contains(odd, host) })
	}
	if len(fresh)+len(old) == 0 {
		return logE, -1
	}
	suspect, most, each, all := explain(known, fresh, old)
	left = math.Log(1-bothWeight) + logE
	if test, ok := s.without(p, v, suspect); ok {
		left = floats.LogSumExp([]float64{left, math.Log(bothWeight) + most + test.LogE()})
	}
	left = math.Min(left-all, logE)
	if _, canary := fresh[suspect]; !canary || left >= threshold || most < logE+math.Log(sure) || s.unlike(v, p, suspect)-each < math.Log(sure) {
		suspect = -1
	}
	return left, suspect
}

// negligible is how much less, in ln, than the largest a part of a sum is that changes none of its digits.
const negligible = 50

// suspicion is one host that may have broken.
type suspicion struct {
	host     int
	samples  []units.Sample
	each     float64 // ln of the number of hosts that are asked beside it
	explains float64 // ln of its part in the explanation; at first of the most that it can be
}

// explain is which host on its own explains the counts best and by how much (most, less each), and how well all of them do together. Most hosts explain next to nothing beside the
// best: for those it is enough to know that.
func explain(known *habits, groups ...map[int][]units.Sample) (suspect int, most, each, all float64) {
	var hosts []suspicion
	best := 0
	for _, group := range groups {
		for _, host := range slices.Sorted(maps.Keys(group)) {
			h := suspicion{host: host, samples: group[host], each: math.Log(float64(len(group)))}
			h.explains = units.LogAloneAtMost(h.samples, known.mean[host], known.variance[host]) - h.each
			hosts = append(hosts, h)
			if h.explains > hosts[best].explains {
				best = len(hosts) - 1
			}
		}
	}
	explains := func(h suspicion) float64 {
		return units.LogAlone(h.samples, known.mean[h.host], known.variance[h.host]) - h.each
	}
	hosts[best].explains = explains(hosts[best])
	floor := hosts[best].explains - negligible
	suspect, most = -1, math.Inf(-1)
	parts := make([]float64, len(hosts))
	for i, h := range hosts {
		if i != best && h.explains >= floor {
			h.explains = explains(h)
		}
		if parts[i] = h.explains; h.explains > most {
			suspect, most, each = h.host, h.explains, h.each
		}
	}
	return suspect, most, each, floats.LogSumExp(parts)
}

// habits are what is known of the hosts from the window before: how much they differ, and by what each one does; and of the visitors, where these stay with a host.
type habits struct {
	window         *units.Window
	visitors       *units.Spread
	mean, variance []float64
}

// known is that of this vital. It stays the same through a rollout and is worked out once.
func (s *VitalState) known(f *Fleet) *habits {
	if s.habits == nil {
		before := f.divided(s.Name, f.Before[s.Name])
		h := &habits{window: units.NewWindowAfter(f.History[s.Name], before)}
		h.mean, h.variance = h.window.Deviations()
		if b := f.Visitors[s.Name]; len(b) > 0 {
			visitors := units.Learn(units.Spread{}, f.divided(s.Name, b))
			h.visitors = &visitors
		}
		s.habits = h
	}
	return s.habits
}

// without is the test as if one host had not been there, and whether anything is left of it.
func (s *VitalState) without(p Policy, v VitalSpec, host int) (units.Test, bool) {
	test := units.New(1+p.Margin, p.stake())
	for k, phase := range s.Units.Phases {
		l := units.Layout{New: keepOut(phase.Layout.New, host), Old: keepOut(phase.Layout.Old, host), Visitors: phase.Layout.Visitors}
		if len(l.New) == 0 || len(l.Old) == 0 {
			continue
		}
		s.known(p.Fleet).beginWithin(&test, l)
		x, fresh := sumOf(s.Hosts[k], l.New)
		y, old := sumOf(s.Hosts[k], l.Old)
		f := p.Fleet.cluster(v.Name)
		test.Fold(x/f, (x+y)/f, fresh/math.Max(fresh+old, 1))
	}
	return test, len(test.Phases) > 0
}

// Forget takes a host out of the evidence and of what is shown, as if it had taken no part: one that broke says nothing about the release. What it counted cannot call harm any more, and peaks
// stay: forgetting can undo nothing that was shown.
func (s *State) Forget(p Policy, host string) {
	if p.Fleet == nil {
		return
	}
	at := slices.Index(p.Fleet.Hosts, host)
	for i, v := range p.Vitals {
		vital := &s.Vitals[i]
		if at < 0 || vital.Units == nil || slices.ContainsFunc(vital.Hosts, func(phase []HostCount) bool { return phase == nil }) {
			continue
		}
		test, _ := vital.without(p, v, at)
		vital.Hosts = vital.keptWithout(at)
		vital.Units, vital.Suspect = &test, ""
		vital.Total = vital.added(v)
	}
	s.Split = nil // other hosts: their parts of the requests are looked at anew
}

// added is what the hosts that are compared add up to, in all phases.
func (s *VitalState) added(v VitalSpec) (sum Count) {
	for k, phase := range s.Units.Phases {
		for _, i := range canaries(v, phase.Layout) {
			sum.New, sum.AtRiskNew = sum.New+s.Hosts[k][i].Events, sum.AtRiskNew+s.Hosts[k][i].Requests
		}
		for _, i := range others(v, phase.Layout) {
			sum.Old, sum.AtRiskOld = sum.Old+s.Hosts[k][i].Events, sum.AtRiskOld+s.Hosts[k][i].Requests
		}
	}
	return sum
}

// keptWithout are the hosts' counts of the phases that are left without one host; phases that differ by it alone become one, as in without.
func (s *VitalState) keptWithout(host int) (kept [][]HostCount) {
	var last units.Layout
	for k, phase := range s.Units.Phases {
		l := units.Layout{New: keepOut(phase.Layout.New, host), Old: keepOut(phase.Layout.Old, host), Visitors: phase.Layout.Visitors}
		if len(l.New) == 0 || len(l.Old) == 0 {
			continue
		}
		if len(kept) == 0 || !slices.Equal(l.New, last.New) || !slices.Equal(l.Old, last.Old) || l.Visitors != last.Visitors {
			kept = append(kept, make([]HostCount, len(s.Hosts[k])))
		}
		last = l
		for _, i := range slices.Concat(l.New, l.Old) {
			kept[len(kept)-1][i].Events += s.Hosts[k][i].Events
			kept[len(kept)-1][i].Requests += s.Hosts[k][i].Requests
		}
	}
	return kept
}

// keepOut is a group without one host.
func keepOut(group []int, host int) []int {
	return slices.DeleteFunc(slices.Clone(group), func(i int) bool { return i == host })
}

// sumOf adds up the counts of some hosts.
func sumOf(counts []HostCount, hosts []int) (events, requests float64) {
	for _, i := range hosts {
		events, requests = events+float64(counts[i].Events), requests+float64(counts[i].Requests)
	}
	return events, requests
}

// unlike is how much better "this host broke" explains what it did beside its fellows on the new release than "it is one of them". Where it was alone there it says nothing.
func (s *VitalState) unlike(v VitalSpec, p Policy, host int) float64 {
	cluster, known := p.Fleet.cluster(v.Name), s.known(p.Fleet)
	var samples []units.Sample
	for k, phase := range s.Units.Phases {
		fellows := canaries(v, phase.Layout)
		if !slices.Contains(fellows, host) {
			continue
		}
		events, requests := sumOf(s.Hosts[k], fellows)
		c := s.Hosts[k][host]
		samples = append(samples, units.Sample{Events: float64(c.Events) / cluster, All: events / cluster, Share: float64(c.Requests) / math.Max(requests, 1)})
	}
	return units.LogAlone(samples, known.mean[host], known.variance[host])
}

// unusualHosts are those whose mean, of the ln of the rate, is far from the fleet's median.
func unusualHosts(mean []float64) (odd []int) {
	sorted := slices.Sorted(slices.Values(mean))
	if len(sorted) == 0 {
		return nil
	}
	middle := (sorted[(len(sorted)-1)/2] + sorted[len(sorted)/2]) / 2
	for host, m := range mean {
		if math.Abs(m-middle) >= unusual {
			odd = append(odd, host)
		}
	}
	return odd
}

// samples are what each host of a group did, phase by phase, beside all that was compared then. With the hosts' means, of the ln of the rate, a host's share is of the events that are to be expected of all; else it is of the requests, which is
// the same where hosts are much alike.
func (s *VitalState) samples(v VitalSpec, cluster float64, group func(VitalSpec, units.Layout) []int, mean []float64) map[int][]units.Sample {
	found := map[int][]units.Sample{}
	for k, phase := range s.Units.Phases {
		var events, expected float64
		weight := func(i int) float64 {
			if mean == nil {
				return float64(s.Hosts[k][i].Requests)
			}
			return float64(s.Hosts[k][i].Requests) * math.Exp(mean[i])
		}
		for _, i := range slices.Concat(phase.Layout.New, phase.Layout.Old) {
			events, expected = events+float64(s.Hosts[k][i].Events), expected+weight(i)
		}
		for _, i := range group(v, phase.Layout) {
			own := float64(s.Hosts[k][i].Requests) // without its mean, which the test adds
			found[i] = append(found[i], units.Sample{Events: float64(s.Hosts[k][i].Events) / cluster, All: events / cluster, Share: own / math.Max(expected-weight(i)+own, 1e-9)})
		}
	}
	return found
}

// canaries are the hosts on the new release in a phase; for Drop the groups of the test are the other way round.
func canaries(v VitalSpec, l units.Layout) []int {
	if v.Bad == Drop {
		return l.Old
	}
	return l.New
}
