package judge

import (
	"slices"
	"strconv"
	"strings"

	"github.com/slipwayhq/slipway/internal/pure/stats"
)

// The built-in vitals, which the edge counts without any work from the app.
const (
	Errors     = "errors"
	LatencyP50 = "latency_p50"
	LatencyP90 = "latency_p90"
	LatencyP99 = "latency_p99"
	// NewErrors are errors of a kind that the release that serves has not shown before the push.
	NewErrors = "new_errors"
)

// routePrefix begins the names of vitals that are the errors on one route.
const routePrefix = "errors on "

// RouteErrors is the name of the vital of one route's errors.
func RouteErrors(route string) string { return routePrefix + route }

// RouteOf is the route that a vital is the errors of, empty where it is none.
func RouteOf(vital string) string {
	route, ok := strings.CutPrefix(vital, routePrefix)
	if !ok {
		return ""
	}
	return route
}

// negligibleErrors: an app that never fails cannot show that its errors did not double. Under one in a thousand is fine.
const negligibleErrors = 0.001

// Threshold is where a request starts to count as slow for one latency vital.
type Threshold struct {
	Vital    string  `json:"vital"`
	Quantile float64 `json:"quantile"`
	// Ms: a request is slow when it has taken at least this long, whether it has ended or not.
	Ms float64 `json:"ms"`
	// Base is the fraction of the requests before the push that were slow.
	Base float64 `json:"base"`
}

// Thresholds derives the latency vitals from the latencies before the push (the old release, all hosts; the longer the better, 30
// minutes are plenty). The thresholds need not be exact: they are fixed before the first tick and the same for both releases, so
// any value gives a valid test. Of quantiles with the same threshold the highest is kept. Without data there are none.
func Thresholds(before *stats.Histogram) []Threshold {
	quantiles := []Threshold{{Vital: LatencyP50, Quantile: 0.50}, {Vital: LatencyP90, Quantile: 0.90}, {Vital: LatencyP99, Quantile: 0.99}}
	var found []Threshold
	for _, t := range quantiles {
		ms, fraction, ok := before.Exceedance(t.Quantile)
		if !ok {
			continue
		}
		t.Ms, t.Base = ms, fraction
		if last := len(found) - 1; last >= 0 && found[last].Ms == ms {
			found = found[:last]
		}
		found = append(found, t)
	}
	return found
}

// milliseconds is a threshold as people read it: three digits, as many as there are before the point if those are more.
func milliseconds(ms float64) string {
	if ms >= 100 {
		return strconv.FormatFloat(ms, 'f', 0, 64)
	}
	return strconv.FormatFloat(ms, 'g', 3, 64)
}

// Standard is the policy of a rollout with the built-in vitals: errors, and latency beyond the given thresholds. Half of alpha is
// for errors, the rest for latency, the tail first; what a missing threshold leaves is shared out. A doubling is to be ruled out.
// A latency vital is healthy, too, when the new release meets the quantile that the threshold stands for, whatever the old one did.
// Hosts get their margin.
func Standard(unit Unit, alpha float64, thresholds []Threshold) Policy {
	stake := stats.UsualStake()
	p := Policy{Unit: unit, Alpha: alpha, RuleOut: 2, ExcludeAlpha: 0.05, Stake: &stake}
	if unit == ByHost {
		p.Margin = DefaultHostMargin
	}
	p.Vitals = []VitalSpec{{Name: Errors, Weight: 0.5, Negligible: negligibleErrors}}
	weights := map[string]float64{LatencyP50: 0.1, LatencyP90: 0.15, LatencyP99: 0.25}
	total := 0.5
	for _, t := range thresholds {
		label := "requests slower than " + milliseconds(t.Ms) + " ms"
		p.Vitals = append(p.Vitals, VitalSpec{Name: t.Vital, Label: label, Weight: weights[t.Vital], Base: t.Base, Negligible: 1 - t.Quantile})
		total += weights[t.Vital]
	}
	for i := range p.Vitals {
		p.Vitals[i].Weight /= total
	}
	return p
}

// The parts of what errors may spend that go to errors of a kind not seen before, and to the routes together.
const (
	newErrorsPart = 0.1
	routesPart    = 0.2
)

// AddAlarms splits the errors' weight with errors of a kind not seen before and with the routes' own errors: a route that breaks hides in the total, and an error that is new
// is louder than its number. Both are for the alarm alone.
func AddAlarms(p *Policy, routes []string) {
	at := slices.IndexFunc(p.Vitals, func(v VitalSpec) bool { return v.Name == Errors })
	if at < 0 {
		return
	}
	whole := p.Vitals[at].Weight
	p.Vitals[at].Weight -= whole * newErrorsPart
	p.Vitals = append(p.Vitals, VitalSpec{Name: NewErrors, Label: "errors of a kind not seen before", Weight: whole * newErrorsPart, AlarmOnly: true})
	if len(routes) == 0 {
		return
	}
	p.Vitals[at].Weight -= whole * routesPart
	for _, r := range routes {
		p.Vitals = append(p.Vitals, VitalSpec{Name: RouteErrors(r), Weight: whole * routesPart / float64(len(routes)), AlarmOnly: true})
	}
}
