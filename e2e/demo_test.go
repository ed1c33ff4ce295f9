package e2e

import (
	"bytes"
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"testing"
)

// summary is the last line of slipway demo --once --json.
type summary struct {
	Type string
	Good struct {
		Verdict, Outcome string
		Requests         int64
	}
	Bad struct {
		Verdict, Outcome, Vital string
		Seconds                 float64 `json:"seconds_to_detect"`
		Requests                int64   `json:"bad_requests"`
	}
	Requests int64
	Lost     *int64 `json:"lost_requests"`
	OK       bool
}

// tries is how often the demo may be run until both verdicts are right: on a machine that does much else, a release can look slow that is not. It says so then, by its status too.
const tries = 3

// TestDemoOnce checks what scripts rely on: one object a line, the summary last, and an exit status that tells whether both verdicts were right and nothing was lost.
func TestDemoOnce(t *testing.T) {
	for try := range tries {
		s, ok := demoOnce(t)
		if ok != s.OK {
			t.Fatalf("the exit status is not what the summary says: %+v", s)
		}
		if s.Requests == 0 || s.Lost == nil || *s.Lost != 0 {
			t.Fatalf("requests were lost: %+v", s)
		}
		if !ok {
			t.Logf("try %d: %+v", try+1, s)
			continue
		}
		if s.Good.Verdict != "healthy" || s.Good.Outcome != "promoted" || s.Good.Requests == 0 {
			t.Errorf("good: %+v", s.Good)
		}
		if s.Bad.Verdict != "regressed" || s.Bad.Outcome != "rolled_back" || s.Bad.Vital == "" || s.Bad.Seconds <= 0 || s.Bad.Requests == 0 {
			t.Errorf("bad: %+v", s.Bad)
		}
		return
	}
	t.Errorf("in %d tries, no demo went as it should", tries)
}

// demoOnce runs the demo to its end, and gives the summary and whether the exit status is 0.
func demoOnce(t *testing.T) (s summary, ok bool) {
	t.Helper()
	var said bytes.Buffer
	cmd := exec.CommandContext(t.Context(), "slipway", "demo", "--once", "--json", "--data", t.TempDir())
	cmd.Env, cmd.Stderr = os.Environ(), &said
	out, err := cmd.Output()
	t.Logf("the demo told:\n%s%s", out, &said)
	if exit := new(exec.ExitError); err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	lines := bytes.Split(bytes.TrimSpace(out), []byte("\n"))
	for i, line := range lines {
		var told struct{ Type string }
		if err := json.Unmarshal(line, &told); err != nil || (told.Type == "summary") != (i == len(lines)-1) || told.Type == "" {
			t.Fatalf("line %d of %d is %q (%v)", i+1, len(lines), told.Type, err)
		}
	}
	if err := json.Unmarshal(lines[len(lines)-1], &s); err != nil {
		t.Fatal(err)
	}
	return s, err == nil
}
