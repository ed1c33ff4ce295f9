package judge

import (
	"errors"
	"fmt"
	"math"

	"github.com/slipwayhq/slipway/internal/pure/stats"
	"github.com/slipwayhq/slipway/internal/pure/stats/means"
)

// HostValue is what one host measured on average, such as its cpu: now, since its group began, and before the push.
type HostValue struct{ Now, Before float64 }

// Mean is the evidence on a mean of hosts. The hosts are the units, and the same ones at each look, so that the e-values of the looks are no process together; they are added
// up with weights that were fixed beforehand (stats.Looks).
type Mean struct {
	Harm    Looks `json:"harm"`
	Exclude Looks `json:"exclude"`
	// Phase and Look count the changes of the groups, and the looks since the last one.
	Phase int `json:"phase"`
	Look  int `json:"look"`
	// Of the last look: the ratio of new to old, with the ends of its interval at the level of that look, and the hosts on each side.
	Ratio float64 `json:"ratio"`
	Low   float64 `json:"low"`
	High  float64 `json:"high"`
	New   int     `json:"new"`
	Old   int     `json:"old"`
	// NowNew and NowOld are the geometric means of what the two sides measure.
	NowNew float64 `json:"now_new"`
	NowOld float64 `json:"now_old"`
}

// Looks is stats.Looks, as evidence.
type Looks struct{ stats.Looks }

// least keeps the logarithm finite where nothing speaks for harm.
const least = 1e-3

func (l Looks) logE() float64 { return math.Log(math.Max(l.Sum, least)) }

// errFewHosts is returned by Measure where a side has too few hosts.
var errFewHosts = errors.New("at least two hosts on each side")

// Measure takes a look at vital number i, a Mean: fresh and old are the hosts on each release. phase counts the changes of the groups from 0. When one looks must be fixed beforehand, such
// as at 30, 60, 120 … seconds. What is compared are logarithms, with what the same host measured before as a covariate (analysis of covariance: exact for normal
// logarithms of equal variance). Look k of phase j weighs 2^−(j+1)/((k+1)(k+2)), which adds up to 1. Hosts with a value that is not above 0 are left out. With fewer than two hosts on a side the look is spent in vain, and the error says so.
func (s *State) Measure(p Policy, i, phase int, fresh, old []HostValue) error {
	s.begin(p)
	v, spec := &s.Vitals[i], p.Vitals[i]
	m := v.Mean
	if m == nil || phase < m.Phase {
		return fmt.Errorf("vital %q: no mean, or phase %d after %d", spec.Name, phase, m.Phase)
	}
	if phase > m.Phase {
		m.Phase, m.Look = phase, 0
	}
	weight := math.Exp2(-float64(phase+1)) / float64((m.Look+1)*(m.Look+2))
	m.Look++
	arms, err := moments(fresh, old)
	if err != nil {
		return fmt.Errorf("vital %q: %w", spec.Name, err)
	}
	effect, err := means.Covariance(arms[1], arms[0])
	if err != nil {
		return fmt.Errorf("vital %q: %w", spec.Name, err)
	}
	if spec.Bad == Drop {
		effect.Estimate = -effect.Estimate
	}
	rho, err := means.Rho(0.1, float64(effect.N))
	if err != nil {
		return fmt.Errorf("vital %q: %w", spec.Name, err)
	}
	margin, ruleOut := math.Log1p(p.Margin), math.Log(p.RuleOutFor(spec))
	if err := m.Harm.Add(above(effect, margin, rho), weight); err != nil {
		return fmt.Errorf("vital %q: %w", spec.Name, err)
	}
	effect.Estimate = -effect.Estimate
	if err := m.Exclude.Add(above(effect, -ruleOut, rho), weight); err != nil {
		return fmt.Errorf("vital %q: %w", spec.Name, err)
	}
	effect.Estimate = -effect.Estimate
	m.describe(spec, effect, rho, p.excludeAlpha()*weight)
	m.New, m.Old = int(arms[0].N), int(arms[1].N)
	m.NowNew, m.NowOld = math.Exp(arms[0].Mean[0]), math.Exp(arms[1].Mean[0])
	v.Peak = math.Max(v.Peak, m.Harm.logE())
	return nil
}

// above is the ln e-value against "at most null": the two-sided one of the t statistic, on its upper half.
func above(e means.Effect, null, rho float64) float64 {
	if e.Estimate <= null {
		return math.Inf(-1)
	}
	return math.Ln2 + e.LogET(null, rho)
}

// describe keeps the ratio and its ends, at level alpha a side.
func (m *Mean) describe(v VitalSpec, e means.Effect, rho, alpha float64) {
	low, high := e.IntervalT(2*alpha, rho)
	ratio := func(log float64) float64 {
		if math.IsInf(log, 0) || math.Abs(log) > 20 {
			return 0
		}
		return math.Exp(log)
	}
	m.Ratio, m.Low, m.High = ratio(e.Estimate), ratio(low), ratio(high)
	if v.Bad == Drop {
		m.Ratio, m.Low, m.High = inverse(m.Ratio), inverse(m.High), inverse(m.Low)
	}
}

// moments are the logarithms of the two groups.
func moments(groups ...[]HostValue) (arms [2]means.Moments, err error) {
	for k, group := range groups {
		for _, h := range group {
			if h.Now > 0 && h.Before > 0 {
				if err := arms[k].Add(math.Log(h.Now), math.Log(h.Before)); err != nil {
					return arms, err
				}
			}
		}
		if arms[k].N < 2 {
			return arms, errFewHosts
		}
	}
	return arms, nil
}
