package judge

import (
	"cmp"
	"errors"
	"fmt"
	"math"

	"github.com/slipwayhq/slipway/internal/pure/stats"
)

// Unit says what was drawn at random when traffic was split, and so what may be counted.
type Unit string

// The three ways to split, as in the `canary:` key of the configuration.
const (
	// ByVisitor: a salted hash of the visitor decides. Each visitor counts once per vital, at the first bad request since the
	// switch. The test against harm uses Tick.Share and is exact whatever the visitors, hosts, retries and drift.
	ByVisitor Unit = "visitors"
	// ByRequest: each request is routed by a coin of its own. Every bad request counts. Uses Tick.Share too, exact too.
	ByRequest Unit = "requests"
	// ByHost: hosts were drawn. The share is the new release's part of the requests. With Policy.Fleet the hosts may differ, by a model of
	// them (package units). Without it the groups of hosts are taken to differ by less than Policy.Margin, which is why a margin of at least
	// DefaultHostMargin is advised.
	ByHost Unit = "hosts"
)

// DefaultHostMargin is the tolerated ratio above 1 for ByHost: with 100 hosts that differ by 20 %, a margin of 10 % left 9 % of false
// rollbacks at 2,000 requests a second, one of 20 % under 1 %.
const DefaultHostMargin = 0.20

// Direction says which change of a vital is harm.
type Direction string

const (
	// Rise is harm for errors and slow requests. The zero value of Direction means Rise.
	Rise Direction = "rise"
	// Drop is harm for orders or sign-ups: a ratio of 2 to rule out then is a halving.
	Drop Direction = "drop"
)

// Policy is all that a verdict depends on besides the counts. It is fixed before the first tick of a rollout; changing it during
// one voids the promise on false rollbacks.
type Policy struct {
	Unit Unit `json:"unit"`
	// Alpha bounds the probability that a rollout of a release that changes nothing is ever called regressed, in (0, 0.5].
	Alpha float64 `json:"alpha"`
	// RuleOut is the ratio of harm that must be excluded for "healthy", above 1 + Margin; 2 is a doubling.
	RuleOut float64 `json:"rule_out"`
	// ExcludeAlpha bounds the probability, per vital, that a release with a harm of RuleOut or more is called healthy. 0 means .05.
	ExcludeAlpha float64 `json:"exclude_alpha"`
	// Margin is the tolerated harm: the null is "ratio at most 1 + Margin".
	Margin float64     `json:"margin"`
	Vitals []VitalSpec `json:"vitals"`
	// Fleet is the window before of a split by host. With it the hosts may differ by what they showed there, beyond the margin.
	Fleet *Fleet `json:"fleet,omitempty"`
	// Stake is on what the tests of harm bet; without one it is stats.UsualStake. A policy that is kept has it, so that a later release of the program
	// goes on, and judges again, with the same bets.
	Stake *stats.Stake `json:"stake,omitempty"`
}

// VitalSpec is one thing that is counted on both releases.
type VitalSpec struct {
	Name string `json:"name"`
	// Label is what people read ("requests slower than 840 ms"); Name when empty.
	Label string `json:"label,omitempty"`
	// Weight is the part of Alpha that this vital may spend, in (0, 1]. All weights add up to at most 1.
	Weight float64 `json:"weight"`
	// Bad is the direction that is harm; Rise when empty.
	Bad Direction `json:"bad,omitempty"`
	// Of is what may be an event, in the words of people: "requests" when empty.
	Of string `json:"of,omitempty"`
	// Base is the fraction of requests that are events when nothing changes, where it is known beforehand (0.01 for what was slower
	// than the p99 before the push); 0 when unknown. It caps the ratio that can be ruled out: see RuleOutFor.
	Base float64 `json:"base,omitempty"`
	// Negligible is a fraction of requests below which a rise is no harm, 0 for none. A vital is also healthy when the new release's
	// fraction is shown to be under it: the only way to be healthy for an app that has no errors at all.
	Negligible float64 `json:"negligible,omitempty"`
	// AlarmOnly vitals may show harm and are not needed for health: a route with little traffic could never be shown to be healthy.
	AlarmOnly bool `json:"alarm_only,omitempty"`
	// Clustered vitals count events that come several at a time and cannot be told apart by visitor, such as a counter of the app's own. By host, Fleet.Clusters says it instead.
	Clustered bool `json:"clustered,omitempty"`
	// Mean vitals are no counts but what hosts measured, such as their cpu: see State.Measure. They need a split by host.
	Mean bool `json:"mean,omitempty"`
	// VisitorSteps, above 0, make the vital one of looks at how often each visitor errs, in so many steps: see State.LookAtVisitors. It needs a split by visitor, and is for the
	// alarm alone.
	VisitorSteps int `json:"visitor_steps,omitempty"`
}

// maxFraction: a fraction of .5 cannot double. The ratio to rule out is capped where the fraction would pass this.
const maxFraction = 0.9

// RuleOutFor is the ratio that must be excluded for vital v: RuleOut, or 0.9/Base where that is smaller (a fraction of .5 can rise
// by at most 1.8).
func (p Policy) RuleOutFor(v VitalSpec) float64 {
	if v.Base > 0 && v.Bad != Drop {
		return math.Min(p.RuleOut, maxFraction/v.Base)
	}
	return p.RuleOut
}

// Threshold is the natural logarithm of the e-value at which vital v alone decides: ln(1/(Alpha·Weight)).
func (p Policy) Threshold(v VitalSpec) float64 { return -math.Log(p.Alpha * v.Weight) }

func (p Policy) stake() stats.Stake {
	if p.Stake == nil {
		return stats.UsualStake()
	}
	return *p.Stake
}

func (p Policy) excludeAlpha() float64 {
	if p.ExcludeAlpha == 0 {
		return 0.05
	}
	return p.ExcludeAlpha
}

func (v VitalSpec) of() string { return cmp.Or(v.Of, "requests") }

func (v VitalSpec) label() string {
	if v.Label != "" {
		return v.Label
	}
	return v.Name
}

// Validate reports everything that is wrong with the policy at once, each with what to do.
func (p Policy) Validate() error {
	var errs []error
	bad := func(format string, args ...any) { errs = append(errs, fmt.Errorf(format, args...)) }
	switch p.Unit {
	case ByVisitor, ByRequest, ByHost:
	default:
		bad("unit %q: write visitors, requests or hosts", p.Unit)
	}
	if !(p.Alpha > 0 && p.Alpha <= 0.5) {
		bad("alpha %v: must be above 0 and at most 0.5", p.Alpha)
	}
	if !(p.Margin >= 0 && p.Margin <= 1) {
		bad("margin %v: must be between 0 and 1", p.Margin)
	}
	if !(p.RuleOut > 1+p.Margin && p.RuleOut <= 10) {
		bad("rule_out %v: must be above 1 + margin and at most 10; 2 is a doubling", p.RuleOut)
	}
	if !(p.excludeAlpha() > 0 && p.excludeAlpha() <= 0.5) {
		bad("exclude_alpha %v: must be above 0 and at most 0.5", p.ExcludeAlpha)
	}
	errs = append(errs, p.validateVitals()...)
	errs = append(errs, p.Fleet.validate()...)
	if err := p.stake().Validate(); err != nil {
		errs = append(errs, err)
	}
	return errors.Join(errs...)
}

func (p Policy) validateVitals() []error {
	if len(p.Vitals) == 0 {
		return []error{errors.New("vitals: name at least one")}
	}
	var errs []error
	bad := func(format string, args ...any) { errs = append(errs, fmt.Errorf(format, args...)) }
	seen := map[string]bool{}
	total := 0.0
	for i, v := range p.Vitals {
		if v.Name == "" {
			bad("vital %d: needs a name", i+1)
		}
		if seen[v.Name] {
			bad("vital %q: named twice", v.Name)
		}
		seen[v.Name] = true
		if !(v.Weight > 0 && v.Weight <= 1) {
			bad("vital %q: weight %v must be above 0 and at most 1", v.Name, v.Weight)
		}
		total += v.Weight
		if v.Bad != "" && v.Bad != Rise && v.Bad != Drop {
			bad("vital %q: bad %q: write rise or drop", v.Name, v.Bad)
		}
		if !(v.Base >= 0 && v.Base < 1) {
			bad("vital %q: base %v must be a fraction below 1", v.Name, v.Base)
		}
		if !(v.Negligible >= 0 && v.Negligible < 1) {
			bad("vital %q: negligible %v must be a fraction below 1", v.Name, v.Negligible)
		}
		if v.Mean && (v.Clustered || p.Unit != ByHost) {
			bad("vital %q: a mean of hosts is for a split by hosts, and is no count", v.Name)
		}
		if v.VisitorSteps < 0 || v.VisitorSteps > 0 && (p.Unit != ByVisitor || v.Bad == Drop || v.Mean || v.Clustered || !v.AlarmOnly) {
			bad("vital %q: how often visitors err is for a split by visitors, for the alarm alone, and rises when it is bad", v.Name)
		}
		if v.Negligible > 0 && v.Bad == Drop {
			bad("vital %q: negligible is for vitals whose rise is bad", v.Name)
		}
	}
	if total > 1+1e-9 {
		bad("vitals: weights add up to %.3g; they may add up to 1", total)
	}
	return errs
}
