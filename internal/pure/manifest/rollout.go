package manifest

import "slices"

// Rollout is the policy by which a release is shipped and judged.
type Rollout struct {
	// Canary says what is split between the old and the new release.
	Canary Canary `json:"canary"`
	// Steps in order: shares rise strictly, the last share is 100 %.
	Steps []Step `json:"steps"`
	// Settle is how long a host's numbers are left out, from when its new process was up or got its first visitors, whichever was later.
	// Learned stands for what earlier rollouts took.
	Settle Duration `json:"settle"`
	// RestartControls has as many hosts that stay on the old release start it anew as hosts get the new one, so that both sides are equally
	// cold, and are compared while they settle. Only where Canary is CanaryHosts.
	RestartControls bool `json:"restart_controls,omitempty"`
	// FalseAlarms is how many rollbacks without cause are accepted. Zero if
	// Alpha is set.
	FalseAlarms Rate `json:"false_alarms,omitzero"`
	// Alpha is the probability, in (0, 0.5], that a release which is no worse
	// is rolled back. Zero if FalseAlarms is set.
	Alpha float64 `json:"alpha,omitempty"`
	// RuleOut is the harm that a healthy release must not have, as a ratio
	// above 1: 2 excludes a doubling of errors.
	RuleOut Ratio `json:"rule_out"`
	// Unknown is what happens at the end of a watch that cannot tell.
	Unknown Unknown `json:"unknown"`
	// Vitals are what is compared, in the order of the file. Never empty.
	Vitals []Vital `json:"vitals"`
}

// Canary is what a share is a share of.
type Canary string

// The ways to split. CanaryAuto is the default: visitors up to AutoHosts
// hosts, hosts above.
const (
	CanaryAuto     Canary = "auto"
	CanaryVisitors Canary = "visitors" // both releases on all hosts, split by visitor
	CanaryHosts    Canary = "hosts"    // the new release on some hosts
	CanaryRequests Canary = "requests" // split request by request: stateless apps only
)

// AutoHosts is the largest number of hosts for which CanaryAuto is by visitors.
const AutoHosts = 10

// For resolves CanaryAuto for an environment with that many hosts.
func (c Canary) For(hosts int) Canary {
	switch {
	case c != CanaryAuto && c != "":
		return c
	case hosts <= AutoHosts:
		return CanaryVisitors
	default:
		return CanaryHosts
	}
}

// Step is one stage of a rollout.
type Step struct {
	// Share of visitors, hosts or requests on the new release, in (0, 1].
	Share Share `json:"share"`
	// Watch is how long the step is compared before the next one.
	Watch Duration `json:"watch"`
	// HoldBack is the share that stays on the old release although Share is
	// 100 %, in [0, 0.5]: without it there is nothing left to compare with.
	HoldBack Share `json:"hold_back,omitempty"`
}

// Reach is the share that really is on the new release during the step.
func (s Step) Reach() float64 { return float64(s.Share) - float64(s.HoldBack) }

// Unknown is the answer to a watch that ended without a verdict.
type Unknown string

// What can be done about an unknown verdict.
const (
	UnknownPromote Unknown = "promote" // go on, if nothing crashed, and say so
	UnknownWait    Unknown = "wait"    // watch on until there is a verdict
	UnknownHold    Unknown = "hold"    // stop here until a person decides
)

// Vital is one thing that is compared between the releases.
type Vital struct {
	// Name is that of a built-in vital, or the event's or the counter's name.
	Name string
	// Event is the user event that is counted, each visitor once; empty for other vitals. "page" and "screen" are those of any name.
	Event string
	// Counter is a statsd counter of the app's own; empty for other vitals.
	Counter string
	// Prometheus is a query for counters by release; empty for other vitals.
	Prometheus string
	// Per is the event, the counter or the query by which it is divided. Empty, for an event, is all that visitors do.
	Per string
	// Bad is the direction that is harm.
	Bad Direction
	// Weight, above 0, is the vital's part of the false-alarm budget relative
	// to the other vitals. Built-in vitals have 1.
	Weight float64
}

// The vitals that need no work from the app.
const (
	VitalErrors  = "errors"
	VitalLatency = "latency"
	VitalCPU     = "cpu"    // cores that the release's processes use, host by host
	VitalMemory  = "memory" // bytes that they hold
	VitalLoad    = "load"   // the host's load average
)

// Direction is a direction of change.
type Direction string

// The directions an event can go wrong in.
const (
	Drop Direction = "drop"
	Rise Direction = "rise"
)

// OfHosts reports whether hosts are compared by the vital: it can be judged only where the split is by hosts.
func (v Vital) OfHosts() bool {
	return v.Event == "" && v.Counter == "" && v.Prometheus == "" && (v.Name == VitalCPU || v.Name == VitalMemory || v.Name == VitalLoad)
}

// Counters are the names under which what the vital counts, and what that is
// divided by, are kept among what hosts measure; ok is false for other vitals.
func (v Vital) Counters() (events, per string, ok bool) {
	switch {
	case v.Counter != "":
		return v.Counter, v.Per, true
	case v.Prometheus != "":
		return "prometheus/" + v.Name, "prometheus/" + v.Name + "/per", true
	case v.Event != "":
		of := "event/" + v.Event // by what it is divided tells until when visitors count: each is a count of its own
		if v.Per != "" {
			of += " per " + v.Per
		}
		return of, of + "/per", true
	}
	return "", "", false
}

// Weights returns the part of the false-alarm budget of each judged vital, by
// name. The parts are above 0 and sum to 1; the map is empty if none is judged.
// Vitals of hosts have a part only where the split is by hosts.
func (r Rollout) Weights(mode Canary) map[string]float64 {
	judged := slices.DeleteFunc(slices.Clone(r.Vitals), func(v Vital) bool { return v.OfHosts() && mode != CanaryHosts })
	total := 0.0
	for _, v := range judged {
		total += v.Weight
	}
	parts := make(map[string]float64)
	for _, v := range judged {
		parts[v.Name] = v.Weight / total
	}
	return parts
}

// maxAlpha is the largest error a rollout may have, however few there are.
const maxAlpha = 0.05

// AlphaPerRollout returns the probability of a false rollback that one rollout
// may have when there are perDay rollouts a day: Alpha if it was given, else
// the accepted false alarms a day over the rollouts a day, at most 0.05. If
// perDay is not above 0, one rollout a day is assumed.
func (r Rollout) AlphaPerRollout(perDay float64) float64 {
	if r.Alpha > 0 {
		return r.Alpha
	}
	if !(perDay > 0) {
		perDay = 1
	}
	return min(maxAlpha, r.FalseAlarms.PerDay()/perDay)
}
