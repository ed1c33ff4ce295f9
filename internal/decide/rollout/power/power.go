// Package power foretells what a policy can see at the traffic that there is, and says times and numbers of requests as people do.
//
// It reads no log and emits nothing: package machine puts it in its reasons.
package power

import (
	"fmt"
	"math"
	"slices"
	"time"

	"github.com/slipwayhq/slipway/internal/pure/judge"
)

// Power is what a step can see: how long a harm of the size to be ruled out takes to be seen on errors, and how long until it is ruled out, each in 9 of 10 cases and at
// the traffic of before the push. 0 where that cannot be told.
type Power struct{ Detect, Exclude time.Duration }

// Of foretells what a policy sees of errors, with so much of the traffic on the new release.
func Of(p judge.Policy, perSecond, errorRate, share float64) Power {
	at := slices.IndexFunc(p.Vitals, func(v judge.VitalSpec) bool { return v.Name == judge.Errors })
	if at < 0 {
		return Power{}
	}
	l := judge.Load{PerSecond: perSecond, Rate: errorRate, Share: share}
	span := func(seconds float64) time.Duration { return time.Duration(math.Ceil(seconds)) * time.Second }
	return Power{Detect: span(p.Detect(p.Vitals[at], l)), Exclude: span(p.Exclude(p.Vitals[at], l))}
}

// Figure is a number of requests as people say it.
func Figure(x float64) string {
	if x >= 10 {
		return fmt.Sprintf("%.0f", x)
	}
	return fmt.Sprintf("%.2g", x)
}

// Span is a time as people say it, in one unit: "40 s", "4 min", "3 h", "12 d".
func Span(d time.Duration) string {
	switch {
	case d < 2*time.Minute:
		return fmt.Sprintf("%.0f s", d.Seconds())
	case d < 2*time.Hour:
		return fmt.Sprintf("%.0f min", d.Minutes())
	case d < 48*time.Hour:
		return fmt.Sprintf("%.0f h", d.Hours())
	}
	return fmt.Sprintf("%.0f d", d.Hours()/24)
}
