package judge

import (
	"math"
	"slices"

	"github.com/slipwayhq/slipway/internal/pure/stats"
	"github.com/slipwayhq/slipway/internal/pure/stats/units"
)

// Traffic is all requests of a tick, whether at risk or not, by the release that the draw chose: what the check of the split looks at.
type Traffic struct {
	New int64 `json:"new"`
	Old int64 `json:"old"`
	// Buckets are the requests of the old release by bucket of visitors (a hash of its own), where visitors were drawn: how even they are tells how many requests come
	// together. Buckets that none of them fall into are left out.
	Buckets []int64 `json:"buckets,omitempty"`
}

const (
	// splitAlpha bounds the probability that the split of a rollout is called wrong though it is right; by host, of each group of hosts. A hold in vain costs
	// somebody's attention, so it is rare.
	splitAlpha = 0.001
	// splitMargin is how far the odds may be off before that matters: failing requests are sent again, slow ones less often.
	splitMargin = 0.25
	// fewClusters: with fewer requests that came on their own the estimate of how they come together says too little.
	fewClusters = 100
	// slack is more than rounding adds to a ln e-value.
	slack = 1e-6
)

// SplitState is the evidence on "the new release gets the share of the traffic that it was meant to". A sample ratio mismatch means that visitors
// were lost or sent astray on the way, so that the two sides cannot be compared: counts by the drawn share then mean nothing.
type SplitState struct {
	New int64 `json:"new"`
	Old int64 `json:"old"`
	// Expected is how many requests of New there should have been.
	Expected float64 `json:"expected"`
	// More and Less test whether it gets more, or less, than it should.
	More stats.Clustered `json:"more"`
	Less stats.Clustered `json:"less"`
	// Cells are the requests by bucket of visitors or by host: how they differ says how many requests come together.
	Cells []int64 `json:"cells,omitempty"`
	// Peak is the largest ln e-value so far.
	Peak float64 `json:"peak"`
}

func newSplit() *SplitState {
	return &SplitState{
		More: stats.NewClustered(stats.NewHarmTest(1 + splitMargin)), Less: stats.NewClustered(stats.NewHarmTest(1 + splitMargin)),
	}
}

// wrong: the split is shown to be off by more than the margin.
func (s *SplitState) wrong() bool { return s != nil && s.Peak >= -math.Log(splitAlpha) }

// SplitIsWrong is Judge's answer to that question alone: the releases do not get the traffic that they were meant to.
func (s *State) SplitIsWrong() bool { return s.Split.wrong() }

// weigh puts the check in numbers.
func (s *SplitState) weigh() *SplitEvidence {
	if s == nil || s.New+s.Old == 0 {
		return nil
	}
	all := float64(s.New + s.Old)
	return &SplitEvidence{Wrong: s.wrong(), Share: float64(s.New) / all, Intended: s.Expected / all, EValue: log10(s.Peak), Threshold: log10(-math.Log(splitAlpha))}
}

// fold adds requests that were meant to be split by share; factor is the number of requests that come together, given the cells.
func (s *SplitState) fold(fresh, old int64, share float64, factor func() float64) {
	if !compares(share) || fresh+old == 0 {
		return
	}
	s.New, s.Old, s.Expected = s.New+fresh, s.Old+old, s.Expected+float64(fresh+old)*share
	s.More.Fold(fresh, fresh+old, share)
	s.Less.Fold(old, fresh+old, 1-share)
	// Divided by a factor f, an e-value is a sum of stakes times e^(l/f), convex in 1/f: it is at most the larger of those at 1/f = 0, where it is 1, and at f = 1. How
	// the requests come together need not be asked where neither would be a new peak.
	if math.Max(0, math.Max(s.More.LogE(1), s.Less.LogE(1)))-math.Ln2 <= s.Peak-slack {
		return
	}
	f := factor()
	if !(float64(s.New+s.Old) >= fewClusters*f) {
		return
	}
	s.Peak = math.Max(s.Peak, math.Max(s.More.LogE(f), s.Less.LogE(f))-math.Ln2)
}

// split folds a tick into the check of the split.
func (s *State) split(p Policy, t Tick) {
	switch {
	case p.Unit == ByHost && t.Traffic == nil:
		s.splitHosts(p, t)
	case t.Traffic == nil:
	case p.Unit == ByRequest:
		s.checked().fold(t.Traffic.New, t.Traffic.Old, t.Share, func() float64 { return 1 })
	default:
		s.checked()
		for len(s.Split.Cells) < len(t.Traffic.Buckets) {
			s.Split.Cells = append(s.Split.Cells, 0)
		}
		for b, n := range t.Traffic.Buckets {
			s.Split.Cells[b] += n
		}
		s.Split.fold(t.Traffic.New, t.Traffic.Old, t.Share, func() float64 {
			d, err := stats.DispersionOf(slices.DeleteFunc(slices.Clone(s.Split.Cells), func(n int64) bool { return n == 0 }), nil)
			if err != nil {
				return math.Inf(1)
			}
			return d.Cautious()
		})
	}
}

// checked is the evidence on the split, begun if need be.
func (s *State) checked() *SplitState {
	if s.Split == nil {
		s.Split = newSplit()
	}
	return s.Split
}

// splitHosts compares the hosts' part of the requests with the one they had before the push. How much hosts' parts change by themselves is seen within the groups.
func (s *State) splitHosts(p Policy, t Tick) {
	if len(p.Vitals) == 0 || s.Vitals[0].Units == nil || len(s.Vitals[0].Units.Phases) == 0 {
		return
	}
	v := p.Vitals[0]
	hosts, before := t.Hosts[v.Name], p.Fleet.Before[v.Name]
	phases := s.Vitals[0].Units.Phases
	l := phases[len(phases)-1].Layout
	if hosts == nil {
		return
	}
	fresh, old := canaries(v, l), others(v, l)
	if len(s.checked().Cells) == 0 {
		s.Split.Cells = make([]int64, len(hosts))
	}
	part := func(group []int) (now int64, then float64) {
		for _, i := range group {
			s.Split.Cells[i] += hosts[i].Requests
			now, then = now+hosts[i].Requests, then+float64(before[i].Requests)
		}
		return now, then
	}
	nowNew, thenNew := part(fresh)
	nowOld, thenOld := part(old)
	s.Split.fold(nowNew, nowOld, thenNew/math.Max(thenNew+thenOld, 1), func() float64 {
		larger := old
		if len(fresh) > len(old) {
			larger = fresh
		}
		return scatter(s.Split.Cells, before, larger)
	})
}

// scatter is how many requests come together, judged by how the hosts of one group differ from what they had before.
func scatter(cells []int64, before []units.Unit, group []int) float64 {
	counts, exposure := make([]int64, 0, len(group)), make([]float64, 0, len(group))
	for _, i := range group {
		if before[i].Requests > 0 {
			counts, exposure = append(counts, cells[i]), append(exposure, float64(before[i].Requests))
		}
	}
	d, err := stats.DispersionOf(counts, exposure)
	if err != nil {
		return math.Inf(1)
	}
	return d.Cautious()
}

// others are the hosts on the old release in a phase.
func others(v VitalSpec, l units.Layout) []int {
	if v.Bad == Drop {
		return l.New
	}
	return l.Old
}
