package e2e

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"
)

// adminToken is the first admin's in every server here.
const adminToken = "slt_e2e_0123456789abcdef0123456789abcdef"

// patience is how long a test waits for what has to come: long enough for a machine that does ten other things.
const patience = 4 * time.Minute

// TestMain builds the program once and puts it on PATH, so that the tests start it by its name as people do.
func TestMain(m *testing.M) {
	dir, err := os.MkdirTemp("", "slipway-e2e-")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	status := 1
	if err := build(dir); err != nil {
		fmt.Fprintln(os.Stderr, err)
	} else {
		status = m.Run()
	}
	if err := os.RemoveAll(dir); err != nil {
		fmt.Fprintln(os.Stderr, err)
		status = 1
	}
	os.Exit(status)
}

func build(dir string) error {
	cmd := exec.Command("go", "build", "-ldflags=-s -w", "-o", filepath.Join(dir, "slipway"), "../cmd/slipway")
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("build the program: %w\n%s", err, out)
	}
	return os.Setenv("PATH", dir+string(filepath.ListSeparator)+os.Getenv("PATH"))
}
