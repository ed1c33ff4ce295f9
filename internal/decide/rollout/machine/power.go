package machine

import (
	"fmt"

	"github.com/slipwayhq/slipway/internal/decide/rollout/power"
	"github.com/slipwayhq/slipway/internal/pure/judge"
	"github.com/slipwayhq/slipway/internal/pure/manifest"
)

// StepPower is what a step of the rollout can see.
func (m *Rollout) StepPower(step int) power.Power {
	if !m.Judged() {
		return power.Power{}
	}
	return power.Of(m.Judge, m.PerSecond, m.ErrorRate, m.Steps[step].Share-m.Steps[step].HoldBack)
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
		return fmt.Sprintf("; at %s requests a second no error is usual, so that %s of errors cannot be told from chance", power.Figure(m.PerSecond), harm)
	}
	text := fmt.Sprintf("; at %s requests a second and %.3g %% of %s, %s of errors will be seen in about %s (in 9 of 10 cases)",
		power.Figure(m.PerSecond), 100*(m.Steps[0].Share-m.Steps[0].HoldBack), unitWords(m.Mode), harm, power.Span(p.Detect))
	if watch := m.Steps[0].Watch; p.Detect > watch && watch > 0 {
		text += fmt.Sprintf(", and the first watch is %s", power.Span(watch))
	}
	return text
}

func unitWords(mode manifest.Canary) string {
	if mode == manifest.CanaryHosts {
		return "hosts"
	}
	return string(mode)
}
