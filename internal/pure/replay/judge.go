package replay

import (
	"fmt"
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

func (p *plan) judge() Result {
	s := judge.NewState(p.policy)
	r := Result{
		Alpha: p.policy.Alpha, Margin: p.policy.Margin, RuleOut: p.policy.RuleOut, SplitBy: string(p.policy.Unit), Before: p.before, Repeated: p.table.Repeated,
	}
	seconds := p.seconds()
	var healthy int64 // since when
	was := judge.Unknown
	for i, rows := range seconds {
		r.AtSecond = rows[0].Second
		if !p.fold(&s, rows) {
			r.LeftOut++
			continue
		}
		r.Judged++
		if judge.HasRegressed(p.policy, &s) || s.SplitIsWrong() {
			break
		}
		if i%(len(seconds)/looks+1) == 0 || i == len(seconds)-1 {
			if now := judge.Judge(p.policy, s).Outcome; now != was {
				was, healthy = now, r.AtSecond
			}
		}
	}
	v := judge.Judge(p.policy, s)
	if v.Outcome == judge.Healthy {
		r.AtSecond = healthy
	}
	p.fill(&r, v)
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

// fold adds a second, unless one of the releases is missing from it: a gap is no evidence.
func (p *plan) fold(s *judge.State, rows []Row) bool {
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
	if !counted[0] || !counted[1] {
		return false
	}
	tick.Share = float64(requests[1]) / math.Max(float64(requests[0]+requests[1]), 1)
	if !byHost && p.opts.Share > 0 {
		tick.Traffic = &judge.Traffic{New: requests[1], Old: requests[0]}
		tick.Share = p.opts.Share
	}
	if byHost && p.policy.Fleet != nil && (!slices.Equal(l.New, p.grouped.New) || !slices.Equal(l.Old, p.grouped.Old)) {
		if err := s.Group(p.policy, l); err != nil {
			return false
		}
		p.grouped = l
	}
	return s.Fold(p.policy, tick) == nil
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
func (p *plan) fill(r *Result, v judge.Verdict) {
	r.Verdict, r.Vitals, r.Split = v.Outcome, v.Vitals, v.Split
	best := 0
	for i, e := range v.Vitals {
		if b := v.Vitals[best]; e.Outcome == judge.Regressed && b.Outcome != judge.Regressed || (e.Outcome == judge.Regressed) == (b.Outcome == judge.Regressed) && e.Peak-e.Threshold > b.Peak-b.Threshold {
			best = i
		}
	}
	e := v.Vitals[best]
	r.Vital, r.EValue, r.Threshold = p.series[best].name, math.Pow(10, math.Min(e.Peak, most)), math.Pow(10, e.Threshold)
	r.Ratio, r.RatioLow, r.RatioHigh = e.RatioEstimate, e.RatioLow, e.RatioHigh
	for _, reason := range v.Reasons {
		if !slices.Contains(r.Reasons, reason.Text) {
			r.Reasons = append(r.Reasons, reason.Text)
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
}
