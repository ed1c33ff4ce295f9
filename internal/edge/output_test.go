package edge

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// Why an edge did not start is told with its end, so that nobody has to look for its log.
func TestTheEndOfAnEdgesOutput(t *testing.T) {
	path := filepath.Join(t.TempDir(), "edge.log")
	if got := lastLine(path); got != "" {
		t.Errorf("of no file: %q", got)
	}
	for text, want := range map[string]string{"": "", "one\n": "one", strings.Repeat("x", 1000) + "\nslipway: why\n": "slipway: why"} {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if got := lastLine(path); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}
