package judge

import (
	"fmt"
	"math"

	"github.com/slipwayhq/slipway/internal/pure/stats"
	"github.com/slipwayhq/slipway/internal/pure/stats/units"
)

// maxCount is more requests than any edge sees in one tick; what is above it is a fault of the counter.
const maxCount = 1 << 40

// recentRequests is how many requests at risk are enough to know the share: events that come some ticks late then still meet a share
// with little noise, while a change in the mix is followed within seconds.
const recentRequests = 1000

// excludeRoom is how far the evidence for health may exceed its threshold, as ln: a thousand times. More would delay the moment when a harm
// that begins late undoes it; with less, chance alone would now and then undo the health of a good release.
const excludeRoom = 6.908

// NewState is the evidence before the first tick, as is the zero State. The policy must be valid.
func NewState(p Policy) State {
	s := State{Vitals: make([]VitalState, len(p.Vitals))}
	for i, v := range p.Vitals {
		s.Vitals[i] = VitalState{
			Name:    v.Name,
			Harm:    p.stake().Against(1 + p.Margin),
			Exclude: stats.NewExclusionTest(math.Max(p.RuleOutFor(v), 1+p.Margin)),
		}
		if p.Unit == ByHost && p.Fleet != nil && len(p.Fleet.Before[v.Name]) > 0 {
			test := units.New(1+p.Margin, p.stake())
			s.Vitals[i].Units = &test
		}
		switch {
		case v.Mean:
			s.Vitals[i].Units, s.Vitals[i].Mean = nil, &Mean{}
		case v.VisitorSteps > 0:
			s.Vitals[i].Visitors = &Visitors{Look: -1}
		case v.Clustered && s.Vitals[i].Units == nil:
			s.Vitals[i].Clustered = newClustered(s.Vitals[i].Harm, s.Vitals[i].Exclude)
		}
	}
	return s
}

// Fold adds a tick to the evidence. A tick with impossible counts changes nothing but State.Rejected (it is the factor 1), and the
// error says what was impossible: counts below 0 or absurdly large, a share outside [0, 1], a vital that the policy does not have, or
// more events on a release than requests at risk so far. The state must have been made for this policy.
func (s *State) Fold(p Policy, t Tick) error {
	s.begin(p)
	if err := s.check(p, t); err != nil {
		s.Rejected++
		return fmt.Errorf("tick of second %d: %w", t.Second, err)
	}
	if s.Ticks == 0 || t.Second < s.First {
		s.First = t.Second
	}
	if s.Ticks == 0 || t.Second > s.Last {
		s.Last = t.Second
	}
	s.Ticks++
	for i, v := range p.Vitals {
		if c, ok := s.Vitals[i].counted(v, t); ok {
			s.Vitals[i].keep(t.Hosts[v.Name])
			s.Vitals[i].fold(p, v, t.Share, c)
			if t.Traffic != nil {
				s.Vitals[i].see(t.Share, c)
			}
		}
	}
	s.split(p, t)
	return nil
}

// Counted is what a tick has of a vital, the hosts that are compared added up; nothing where it has none.
func (s *VitalState) Counted(v VitalSpec, t Tick) Count {
	c, _ := s.counted(v, t)
	return c
}

// counted is what a tick has of a vital: its count, or what the hosts of the two groups add up to.
func (s *VitalState) counted(v VitalSpec, t Tick) (c Count, ok bool) {
	hosts := t.Hosts[v.Name]
	if hosts == nil || s.Units == nil || len(s.Units.Phases) == 0 {
		c, ok = t.Counts[v.Name]
		return c, ok
	}
	l := s.Units.Phases[len(s.Units.Phases)-1].Layout
	for _, i := range canaries(v, l) {
		c.New, c.AtRiskNew = c.New+hosts[i].Events, c.AtRiskNew+hosts[i].Requests
	}
	for _, i := range others(v, l) {
		c.Old, c.AtRiskOld = c.Old+hosts[i].Events, c.AtRiskOld+hosts[i].Requests
	}
	return c, true
}

// keep adds the hosts' counts to those of the present phase.
func (s *VitalState) keep(hosts []HostCount) {
	if hosts == nil || len(s.Hosts) == 0 {
		return
	}
	sum := &s.Hosts[len(s.Hosts)-1]
	if *sum == nil {
		*sum = make([]HostCount, len(hosts))
	}
	for i, c := range hosts {
		(*sum)[i].Events += c.Events
		(*sum)[i].Requests += c.Requests
	}
}

// begin turns the zero State into one for the policy.
func (s *State) begin(p Policy) {
	if s.Vitals == nil {
		s.Vitals = NewState(p).Vitals
	}
}

func (s *State) check(p Policy, t Tick) error {
	if !(t.Share >= 0 && t.Share <= 1) {
		return fmt.Errorf("share %v is not between 0 and 1", t.Share)
	}
	if len(s.Vitals) != len(p.Vitals) {
		return fmt.Errorf("the evidence has %d vitals, the policy %d", len(s.Vitals), len(p.Vitals))
	}
	found := 0
	for i, v := range p.Vitals {
		if s.Vitals[i].Name != v.Name {
			return fmt.Errorf("the evidence is on vital %q, the policy on %q", s.Vitals[i].Name, v.Name)
		}
		if err := p.Fleet.possible(t.Hosts[v.Name]); err != nil {
			return fmt.Errorf("vital %q: %w", v.Name, err)
		}
		if _, named := t.Counts[v.Name]; named {
			if v.VisitorSteps > 0 {
				return fmt.Errorf("vital %q is no count", v.Name)
			}
			found++
		}
		c, ok := s.Vitals[i].counted(v, t)
		if !ok {
			continue
		}
		if err := c.possible(s.Vitals[i].Total); err != nil {
			return fmt.Errorf("vital %q: %w", v.Name, err)
		}
	}
	if found < len(t.Counts) {
		return fmt.Errorf("it counts %d vitals that the policy does not have", len(t.Counts)-found)
	}
	return t.Traffic.possible()
}

// possible checks the requests by which the split is checked.
func (t *Traffic) possible() error {
	if t == nil {
		return nil
	}
	for _, n := range append([]int64{t.New, t.Old}, t.Buckets...) {
		if n < 0 || n > maxCount {
			return fmt.Errorf("impossible count of requests %d", n)
		}
	}
	return nil
}

// possible checks the counts of hosts.
func (f *Fleet) possible(hosts []HostCount) error {
	if hosts == nil {
		return nil
	}
	if f == nil || len(hosts) != len(f.Hosts) {
		return fmt.Errorf("counts of %d hosts, and the fleet has others", len(hosts))
	}
	for i, c := range hosts {
		if min(c.Events, c.Requests) < 0 || max(c.Events, c.Requests) > maxCount {
			return fmt.Errorf("impossible counts %d of %d on host %s", c.Events, c.Requests, f.Hosts[i])
		}
	}
	return nil
}

// possible checks a count that comes on top of before.
func (c Count) possible(before Count) error {
	for _, n := range [...]int64{c.New, c.Old, c.AtRiskNew, c.AtRiskOld} {
		if n < 0 || n > maxCount {
			return fmt.Errorf("impossible count %d", n)
		}
	}
	sum := before.plus(c)
	if sum.New > sum.AtRiskNew {
		return fmt.Errorf("%d events on the new release of %d requests at risk", sum.New, sum.AtRiskNew)
	}
	if sum.Old > sum.AtRiskOld {
		return fmt.Errorf("%d events on the old release of %d requests at risk", sum.Old, sum.AtRiskOld)
	}
	return nil
}

func (c Count) plus(o Count) Count {
	return Count{
		New: c.New + o.New, Old: c.Old + o.Old,
		AtRiskNew: c.AtRiskNew + o.AtRiskNew, AtRiskOld: c.AtRiskOld + o.AtRiskOld,
	}
}

// fold adds a possible count. Two shares are at work. The test against harm uses the share by which the split was drawn, where one
// was drawn: then the promise on false rollbacks holds for any visitors. First events alone run out, though, where most visitors
// have one sooner or later, and would make any release look equal: so what is excluded, and the ratio shown, use the
// share of requests at risk, or the drawn one where that flatters the new release less (one healthy client with much
// traffic on the new release would hide its errors).
func (s *VitalState) fold(p Policy, v VitalSpec, share float64, c Count) {
	s.Total = s.Total.plus(c)
	s.reach(share)
	s.remember(share, c)
	n := c.New + c.Old
	if n == 0 {
		return
	}
	drawn, atRisk := share, s.atRiskShare(share)
	switch p.Unit {
	case ByHost:
		drawn = atRisk
	case ByRequest:
		atRisk = drawn
	case ByVisitor:
	}
	x := c.New
	if v.Bad == Drop {
		x, drawn, atRisk = c.Old, 1-drawn, 1-atRisk
	}
	s.Share = math.Min(atRisk, drawn)
	if s.Units != nil {
		if len(s.Units.Phases) > 0 && compares(atRisk) {
			f := p.Fleet.cluster(v.Name)
			s.Units.Fold(float64(x)/f, float64(n)/f, atRisk)
			s.weighHosts(p, v)
		}
		return
	}
	if s.Clustered != nil {
		s.Clustered.fold(x, n, share, drawn, s.Share, c.AtRiskNew+c.AtRiskOld)
		s.Peak = math.Max(s.Peak, s.LogE())
		if compares(s.Share) {
			s.Bounds.Fold(x, n, s.Share)
		}
		return
	}
	if compares(drawn) {
		s.Harm.Fold(x, n, drawn)
		s.Peak = math.Max(s.Peak, s.Harm.LogE())
	}
	if compares(s.Share) {
		s.Exclude.Fold(x, n, s.Share)
		s.Exclude.Cap(excludeRoom - math.Log(p.excludeAlpha()))
		s.Bounds.Fold(x, n, s.Share)
	}
}

// see adds events to what is known given the requests that each release got. fold has remembered them.
func (s *VitalState) see(share float64, c Count) {
	atRisk := s.atRiskShare(share)
	if c.New+c.Old == 0 || !compares(atRisk) {
		return
	}
	if s.Seen == nil {
		s.Seen = &stats.Bounds{}
	}
	s.Seen.Fold(c.New, c.New+c.Old, atRisk)
}

// weighHosts lets the evidence of unequal hosts count, less any one of them. Below what was reached before, and below the threshold, it changes nothing, and is not worked out.
func (s *VitalState) weighHosts(p Policy, v VitalSpec) {
	s.Suspect = ""
	logE, above := s.Units.LogEAbove(math.Min(s.Peak, p.Threshold(v)))
	if !above {
		return
	}
	e, suspect := s.robust(p, v, logE, p.Threshold(v))
	s.Peak = math.Max(s.Peak, e)
	if suspect >= 0 {
		s.Suspect = p.Fleet.Hosts[suspect]
	}
}

// reach notes a step to a larger share, from which on part of the reserve is bet: some harm shows only under more load.
func (s *VitalState) reach(share float64) {
	if s.Reach > 0 && share > s.Reach {
		s.Harm.Rebet()
	}
	s.Reach = math.Max(s.Reach, share)
}

// remember adds requests at risk to the recent ones, of which only so many are kept, and only under the same drawn share.
func (s *VitalState) remember(share float64, c Count) {
	if share != s.RecentShare {
		s.RecentNew, s.RecentOld, s.RecentShare = 0, 0, share
	}
	for s.RecentNew+s.RecentOld >= recentRequests {
		s.RecentNew, s.RecentOld = s.RecentNew>>1, s.RecentOld>>1
	}
	s.RecentNew += c.AtRiskNew
	s.RecentOld += c.AtRiskOld
}

// compares: with all traffic on one release there is nothing to compare.
func compares(share float64) bool { return share > 0 && share < 1 }

// atRiskShare is the new release's share of the recent requests at risk, or the drawn one where there are none.
func (s *VitalState) atRiskShare(drawn float64) float64 {
	if total := s.RecentNew + s.RecentOld; total > 0 {
		return float64(s.RecentNew) / float64(total)
	}
	return drawn
}
