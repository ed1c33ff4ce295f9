package machine

import (
	"fmt"
	"math"
	"slices"
	"time"

	"github.com/slipwayhq/slipway/internal/pure/judge"
	"github.com/slipwayhq/slipway/internal/pure/manifest"
)

// Power is what a step can see: how long a harm of the size to be ruled out takes to be seen on errors, and how long until it is ruled out, each in 9 of 10 cases and at
// the traffic of before the push. 0 where that cannot be told.
type Power struct{ Detect, Exclude time.Duration }

// PowerOf foretells what a policy sees of errors, with so much of the traffic on the new release.
func PowerOf(p judge.Policy, perSecond, errorRate, share float64) Power {
	at := slices.IndexFunc(p.Vitals, func(v judge.VitalSpec) bool { return v.Name == judge.Errors })
	if at < 0 {
		return Power{}
	}
	l := judge.Load{PerSecond: perSecond, Rate: errorRate, Share: share}
	span := func(seconds float64) time.Duration { return time.Duration(math.Ceil(seconds)) * time.Second }
	return Power{Detect: span(p.Detect(p.Vitals[at], l)), Exclude: span(p.Exclude(p.Vitals[at], l))}
}

// StepPower is what a step of the rollout can see.
func (m *Rollout) StepPower(step int) Power {
	if !m.Judged() {
		return Power{}
	}
	return PowerOf(m.Judge, m.PerSecond, m.ErrorRate, m.Steps[step].Share-m.Steps[step].HoldBack)
}

// powerWords say before the push what the first step can see.
func (m *Rollout) powerWords() string {
	p := m.StepPower(0)
	if m.PerSecond == 0 {
		return ""
	}
	harm := judge.HarmWords(float64(m.Policy.RuleOut))
	if p.Detect == 0 && (m.ErrorRate > 0 || !m.judges(judge.Errors)) {
		return "" // everyone is on it at once, or errors are not what decides
	}
	if p.Detect == 0 {
		return fmt.Sprintf("; at %s requests a second no error is usual, so that %s of errors cannot be told from chance", figure(m.PerSecond), harm)
	}
	text := fmt.Sprintf("; at %s requests a second and %.3g %% of %s, %s of errors will be seen in about %s (in 9 of 10 cases)",
		figure(m.PerSecond), 100*(m.Steps[0].Share-m.Steps[0].HoldBack), unitWords(m.Mode), harm, Span(p.Detect))
	if watch := m.Steps[0].Watch; p.Detect > watch && watch > 0 {
		text += fmt.Sprintf(", and the first watch is %s", Span(watch))
	}
	return text
}

func unitWords(mode manifest.Canary) string {
	if mode == manifest.CanaryHosts {
		return "hosts"
	}
	return string(mode)
}

// figure is a number of requests as people say it.
func figure(x float64) string {
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
