package replay

import (
	"fmt"
	"iter"
	"math"
	"slices"

	"github.com/slipwayhq/slipway/internal/pure/judge"
	"github.com/slipwayhq/slipway/internal/pure/stats/units"
)

// Result is the verdict on a table.
type Result struct {
	Verdict judge.Outcome `json:"verdict" enum:"healthy,regressed,unknown,wrong_split"`
	// AtSecond is the second, as in the table, after which the verdict stood; for unknown the last one.
	AtSecond int64 `json:"at_second"`
	// EValue is that of Vital, the largest so far, at most 1e300: a release that changes nothing reaches Threshold with a probability of alpha at most, over all vitals.
	EValue    float64 `json:"e_value"`
	Threshold float64 `json:"threshold"`
	// Vital is the one that decided, or that came closest.
	Vital string `json:"vital"`
	// Ratio is the new release's rate of it over the old one's, with the ends of its interval (95 % a side, valid at all times); 0 where it is not known.
	Ratio     float64  `json:"ratio"`
	RatioLow  float64  `json:"ratio_low"`
	RatioHigh float64  `json:"ratio_high"`
	Reasons   []string `json:"reasons"`

	Alpha    float64 `json:"alpha"`
	Margin   float64 `json:"margin"`
	RuleOut  float64 `json:"rule_out"`
	SplitBy  string  `json:"split_by" enum:"hosts,requests"`
	Before   int64   `json:"seconds_before"`
	Judged   int64   `json:"seconds_judged"`
	LeftOut  int64   `json:"seconds_left_out"` // in which one of the releases was not counted
	Repeated int     `json:"rows_repeated"`

	Vitals []judge.VitalEvidence `json:"vitals"`
	Split  *judge.SplitEvidence  `json:"split,omitempty"`
}

// most is the largest e-value that is written.
const most = 300 // log10

// looks is how often it is asked whether the release is healthy; harm is looked for after each second.
const looks = 100

// Judge judges a table. An error is one of the options.
func Judge(t *Table, o Options) (Result, error) {
	if err := o.check(t); err != nil {
		return Result{}, err
	}
	p, err := planned(t, o)
	if err != nil {
		return Result{}, err
	}
	return p.judge(), nil
}

// Step is one tick of a rollout that is judged again.
type Step struct {
	Tick judge.Tick
	// Layout is set where other hosts are on the new release from now on, for a policy with a fleet.
	Layout *units.Layout
	// Gap: one of the releases was not counted, which is no evidence.
	Gap bool
	// Looks are those at means of hosts.
	Looks []Look
	// Visitors is a look at how often visitors erred, nil for none.
	Visitors *judge.VisitorLook
}

// Look is one look at a mean of hosts: see judge.State.Measure.
type Look struct {
	Vital string
	Phase int
	New   []judge.HostValue
	Old   []judge.HostValue
}

// Run judges steps in order, about n of them, and stops where harm or a wrong split shows.
func Run(p judge.Policy, steps iter.Seq[Step], n int) Result {
	r := Result{Alpha: p.Alpha, Margin: p.Margin, RuleOut: p.RuleOut, SplitBy: string(p.Unit)}
	s := judge.NewState(p)
	var healthy int64 // since when
	was, every := judge.Unknown, n/looks+1
	for step := range steps {
		r.AtSecond = step.Tick.Second
		for _, l := range step.Looks {
			if i := slices.IndexFunc(p.Vitals, func(v judge.VitalSpec) bool { return v.Name == l.Vital }); i >= 0 {
				_ = s.Measure(p, i, l.Phase, l.New, l.Old) // a look in vain is one in the rollout, too
			}
		}
		if step.Visitors != nil {
			_ = s.LookAtVisitors(p, *step.Visitors)
		}
		if step.Gap && (len(step.Looks) > 0 || step.Visitors != nil) {
			if judge.HasRegressed(p, &s) {
				break
			}
			continue
		}
		if step.Gap || !fold(p, &s, step) {
			r.LeftOut++
			continue
		}
		r.Judged++
		if judge.HasRegressed(p, &s) || s.SplitIsWrong() {
			break
		}
		if int(r.Judged)%every == 0 {
			if now := judge.Judge(p, s).Outcome; now != was {
				was, healthy = now, r.AtSecond
			}
		}
	}
	v := judge.Judge(p, s)
	if v.Outcome == judge.Healthy && was == judge.Healthy {
		r.AtSecond = healthy
	}
	r.fill(v)
	return r
}

// fold adds one step; what is impossible changes nothing.
func fold(p judge.Policy, s *judge.State, step Step) bool {
	if step.Layout != nil {
		if err := s.Group(p, *step.Layout); err != nil {
			return false
		}
	}
	return s.Fold(p, step.Tick) == nil
}

func (p *plan) judge() Result {
	seconds := p.seconds()
	r := Run(p.policy, func(yield func(Step) bool) {
		for _, rows := range seconds {
			if !yield(p.step(rows)) {
				return
			}
		}
	}, len(seconds))
	r.Before, r.Repeated = p.before, p.table.Repeated
	for _, s := range p.series {
		if s.spec.Name == r.Vital {
			r.Vital = s.name
			break
		}
	}
	if p.start == never {
		r.Reasons = []string{"no row is of the release new: there is nothing to judge"}
		if n := len(p.table.Rows); n > 0 {
			r.AtSecond = p.table.Rows[n-1].Second
		}
	} else if r.Judged == 0 {
		r.Reasons = []string{fmt.Sprintf("there is no second in which both releases were counted (the new one begins at %d): before and after is no comparison", p.start)}
	}
	return r
}

// seconds are the rows of the rollout, second by second.
func (p *plan) seconds() (found [][]Row) {
	rows := p.table.Rows
	from, _ := slices.BinarySearchFunc(rows, p.start, func(r Row, start int64) int { return int(min(max(r.Second-start, -1), 1)) })
	rows = rows[from:]
	for len(rows) > 0 {
		n := 1
		for n < len(rows) && rows[n].Second == rows[0].Second {
			n++
		}
		found, rows = append(found, rows[:n]), rows[n:]
	}
	return found
}

// step is what the hosts that take part counted in a second.
func (p *plan) step(rows []Row) Step {
	second := rows[0].Second
	l := p.layout(second)
	groups := [2]map[int]bool{member(l.Old), member(l.New)}
	byHost := p.policy.Unit == judge.ByHost
	var counted [2]bool
	var requests [2]int64
	tick := judge.Tick{Second: second, Counts: map[string]judge.Count{}, Hosts: map[string][]judge.HostCount{}}
	for _, series := range p.series {
		var c judge.Count
		hosts := make([]judge.HostCount, len(p.table.Hosts))
		for _, r := range rows {
			x, n, ok := series.take(r)
			side := 0
			if r.New {
				side = 1
			}
			if !ok || byHost && !groups[side][r.Host] {
				continue // of a host that has not settled, or what it still does on the old release
			}
			counted[side] = true
			hosts[r.Host].Events += x
			hosts[r.Host].Requests += n
			if r.New {
				c.New, c.AtRiskNew = c.New+x, c.AtRiskNew+n
			} else {
				c.Old, c.AtRiskOld = c.Old+x, c.AtRiskOld+n
			}
		}
		if series.name == judge.Errors {
			requests = [2]int64{c.AtRiskOld, c.AtRiskNew}
		}
		if p.policy.Fleet != nil && p.policy.Fleet.Before[series.spec.Name] != nil {
			tick.Hosts[series.spec.Name] = hosts
		} else {
			tick.Counts[series.spec.Name] = c
		}
	}
	step := Step{Tick: tick, Gap: !counted[0] || !counted[1]}
	step.Tick.Share = float64(requests[1]) / math.Max(float64(requests[0]+requests[1]), 1)
	if !byHost && p.opts.Share > 0 {
		step.Tick.Traffic = &judge.Traffic{New: requests[1], Old: requests[0]}
		step.Tick.Share = p.opts.Share
	}
	if byHost && p.policy.Fleet != nil && !step.Gap && (!slices.Equal(l.New, p.grouped.New) || !slices.Equal(l.Old, p.grouped.Old)) {
		step.Layout, p.grouped = &l, l
	}
	return step
}

// layout says who is on which release: hosts that have settled on the new one, and those that have not got it yet.
func (p *plan) layout(second int64) (l units.Layout) {
	for host, first := range p.first {
		switch {
		case second < first:
			l.Old = append(l.Old, host)
		case second-first >= p.opts.Settle:
			l.New = append(l.New, host)
		}
	}
	return l
}

func member(hosts []int) map[int]bool {
	m := make(map[int]bool, len(hosts))
	for _, h := range hosts {
		m[h] = true
	}
	return m
}

// fill puts the verdict into the result.
func (r *Result) fill(v judge.Verdict) {
	r.Verdict, r.Vitals, r.Split = v.Outcome, v.Vitals, v.Split
	best := v.Vitals[0]
	for _, e := range v.Vitals[1:] {
		worse, equal := e.Outcome == judge.Regressed && best.Outcome != judge.Regressed, (e.Outcome == judge.Regressed) == (best.Outcome == judge.Regressed)
		if worse || equal && e.Peak-e.Threshold > best.Peak-best.Threshold {
			best = e
		}
	}
	r.Vital, r.EValue, r.Threshold = best.Name, math.Pow(10, math.Min(best.Peak, most)), math.Pow(10, best.Threshold)
	r.Ratio, r.RatioLow, r.RatioHigh = best.RatioEstimate, best.RatioLow, best.RatioHigh
	r.Reasons = []string{}
	for _, reason := range v.Reasons {
		if !slices.Contains(r.Reasons, reason.Text) {
			r.Reasons = append(r.Reasons, reason.Text)
		}
	}
}
