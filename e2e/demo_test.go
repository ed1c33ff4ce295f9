package e2e

import (
	"bytes"
	"encoding/json"
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

// TestDemoOnce checks what scripts rely on: one object a line, the summary last, and an exit status that tells whether both verdicts were right and nothing was lost.
func TestDemoOnce(t *testing.T) {
	var said bytes.Buffer
	cmd := exec.CommandContext(t.Context(), "slipway", "demo", "--once", "--json", "--data", t.TempDir())
	cmd.Env, cmd.Stderr = os.Environ(), &said
	out, err := cmd.Output()
	t.Logf("the demo told:\n%s", out)
	if err != nil {
		t.Fatalf("the demo ended with %v\n%s", err, &said)
	}
	lines := bytes.Split(bytes.TrimSpace(out), []byte("\n"))
	for i, line := range lines {
		var told struct{ Type string }
		if err := json.Unmarshal(line, &told); err != nil || (told.Type == "summary") != (i == len(lines)-1) || told.Type == "" {
			t.Errorf("line %d of %d is %q (%v)", i+1, len(lines), told.Type, err)
		}
	}
	var s summary
	if err := json.Unmarshal(lines[len(lines)-1], &s); err != nil {
		t.Fatal(err)
	}
	if s.Good.Verdict != "healthy" || s.Good.Outcome != "promoted" || s.Good.Requests == 0 {
		t.Errorf("good: %+v", s.Good)
	}
	if s.Bad.Verdict != "regressed" || s.Bad.Outcome != "rolled_back" || s.Bad.Vital == "" || s.Bad.Seconds <= 0 || s.Bad.Requests == 0 {
		t.Errorf("bad: %+v", s.Bad)
	}
	if s.Requests == 0 || s.Lost == nil || *s.Lost != 0 || !s.OK {
		t.Errorf("summary: %s", lines[len(lines)-1])
	}
}
