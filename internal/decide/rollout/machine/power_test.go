package machine

import (
	"strings"
	"testing"
	"time"

	"github.com/slipwayhq/slipway/internal/decide/rollout/power"
	"github.com/slipwayhq/slipway/internal/pure/judge"
	"github.com/slipwayhq/slipway/internal/pure/manifest"
)

// Before the push it says what the first watch can see.
func TestWhatItCanSeeIsSaidBefore(t *testing.T) {
	w := newWorld(t, manifest.CanaryVisitors, "rel_1")
	m := w.m
	m.Alpha, m.Thresholds = "alpha is 0.01", []judge.Threshold{{}}
	if text := m.StartWords(); strings.Contains(text, "requests a second") || m.StepPower(0) != (power.Power{}) {
		t.Errorf("nothing was counted, and it says %q", text)
	}
	m.PerSecond = 40
	if text := m.StartWords(); !strings.HasSuffix(text, "; at 40 requests a second no error is usual, so that a doubling of errors cannot be told from chance") {
		t.Errorf("without an error it says %q", text)
	}
	m.ErrorRate = .01
	p := m.StepPower(0)
	if p.Detect <= 10*time.Second || p.Exclude <= p.Detect/4 || p.Detect >= 10*time.Minute {
		t.Errorf("%+v", p)
	}
	if text := m.StartWords(); !strings.Contains(text, "at 40 requests a second and 25 % of visitors, a doubling of errors will be seen in about "+power.Span(p.Detect)+" (in 9 of 10 cases), and the first watch is 30 s") {
		t.Errorf("it says %q", text)
	}
	m.PerSecond, m.Mode = 4000, manifest.CanaryHosts
	if text := m.StartWords(); !strings.Contains(text, "25 % of hosts") || strings.Contains(text, "first watch") {
		t.Errorf("it says %q", text)
	}
}
