package demo

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/slipwayhq/slipway/internal/fault"
)

// pace is how fast the demo goes.
type pace struct {
	rollout string        // the manifest's section
	rps     float64       // requests a second, unless told otherwise
	errors  float64       // part of the shop's pages that fail whatever the release
	look    time.Duration // how often the evidence is told
}

// watched is the pace of the demo that people look at: about three minutes.
func watched() pace {
	return pace{look: 4 * time.Second, rps: 600, errors: 0.03, rollout: `# Watch times are those of a demo: with this many visitors seconds are enough. In earnest, give each step minutes.
rollout:
  canary: visitors                  # old and new side by side, split by visitor
  steps:
    - {share: 10%, watch: 15s}
    - {share: 50%, watch: 30s}
    - {share: 100%, watch: 15s, hold_back: 10%}
  settle: 3s                        # a process is warm this long after its start
  alpha: 0.001                      # fewer false alarms than by default: a demo shares its machine with whatever runs there
  unknown: wait                     # at the end of a watch that cannot tell: watch on
  vitals:
    - errors
    - latency
`}
}

// hurried is the pace of the demo that only reports.
func hurried() pace {
	return pace{look: 2 * time.Second, rps: 900, errors: 0.03, rollout: `# Watch times are scaled down to seconds, and visitors are many, so that the demo ends within a minute. In earnest, give each step minutes.
rollout:
  canary: visitors                  # old and new side by side, split by visitor
  steps:
    - {share: 50%, watch: 6s}
    - {share: 100%, watch: 1s, hold_back: 20%}
  settle: 3s
  alpha: 0.001                      # fewer false alarms than by default: a demo shares its machine with whatever runs there
  unknown: wait                     # at the end of a watch that cannot tell: watch on
  vitals:
    - errors
    - latency
`}
}

// set writes the pace into the shop's manifest, in the place of its own rollout section.
func (p pace) set(dir string) error {
	path := filepath.Join(dir, ".slipway.yaml")
	text, err := os.ReadFile(path)
	if err != nil {
		return fmt.Errorf("read the shop's manifest: %w", err)
	}
	before, rest, found := strings.Cut(string(text), "rollout:\n")
	_, after, more := strings.Cut(rest, "\n\n")
	if !found || !more {
		return fault.New(fault.CodeInternal, "the shop's manifest has no rollout section to replace")
	}
	if err := os.WriteFile(path, []byte(before+p.rollout+"\n"+after), 0o644); err != nil { //nolint:gosec // it is for the repository
		return fmt.Errorf("write the shop's manifest: %w", err)
	}
	return nil
}
