package machine

import (
	"strings"
	"testing"
	"time"
)

// Only who is heard of and has answered counts as having it: a host that is lost has not.
func TestHostsThatHaveItAreCounted(t *testing.T) {
	m := &Rollout{State: Staging, Hosts: []string{"a", "b", "c"}, Waiting: map[string]bool{"b": true}, Lost: []string{"c"}}
	if got := m.Sentence(time.Time{}, 0); got != "1 of 3 hosts hold the new release" {
		t.Errorf("it says %q", got)
	}
	m.Waiting["c"] = true
	if got := m.Sentence(time.Time{}, 0); got != "1 of 3 hosts hold the new release" {
		t.Errorf("it says %q", got)
	}
	m.Back, m.BackTo = true, 4
	if got := m.Sentence(time.Time{}, 0); got != "1 of 3 hosts hold release #4" {
		t.Errorf("it says %q", got)
	}
}

func TestRatiosAreWrittenOut(t *testing.T) {
	m := &Rollout{State: Watching, From: "rel_1", Steps: []Step{{Share: .1}}, Mode: "visitors"}
	for ratio, want := range map[float64]string{0.94: "errors 0.9 times", 125.4: "errors 125 times"} {
		if got := m.Sentence(time.Time{}, ratio); !strings.Contains(got, want) {
			t.Errorf("it says %q, want %q", got, want)
		}
	}
}
