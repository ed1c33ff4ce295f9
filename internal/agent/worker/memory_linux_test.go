package worker_test

import (
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/slipwayhq/slipway/internal/pure/manifest"
)

// TestOutputIsNotKeptInMemory lets commands print far more than a worker may use, and looks how much it has used at most. A worker with nothing to do uses some 30 MB.
func TestOutputIsNotKeptInMemory(t *testing.T) {
	const most, mostOfList = 100 << 20, 256 << 20 // a list is kept, up to a limit
	event := `{"Action":"output","Package":"unit","Test":"TestX","Output":"` + strings.Repeat("x", 4000) + `\n"}`
	run := `{"Action":"run","Package":"unit","Test":"TestX"}`
	failed := `{"Action":"fail","Package":"unit","Test":"TestX","Elapsed":1}
{"Action":"fail","Package":"unit","Elapsed":1}`
	lines := "yes 'this is a line of some length, as a noisy test prints it over and over again, ten of them a kilobyte' | head -c %d"
	for name, c := range map[string]struct {
		format manifest.Format
		list   string
		run    string
	}{
		"1 GB of lines":                             {manifest.FormatExit, "echo unit", fmt.Sprintf(lines, 1<<30)},
		"1 GB in one line":                          {manifest.FormatExit, "echo unit", fmt.Sprintf("head -c %d /dev/zero", 1<<30)},
		"go test, one line":                         {manifest.FormatGoTest, "echo unit", fmt.Sprintf("head -c %d /dev/zero | tr '\\0' x", 256<<20)},
		"go test, no JSON":                          {manifest.FormatGoTest, "echo unit", fmt.Sprintf(lines, 256<<20)},
		"go test, one failed test":                  {manifest.FormatGoTest, "echo unit", "cat run; yes \"$(cat event)\" | head -n 30000; cat failed; exit 1"},
		"JUnit on standard output":                  {manifest.FormatJUnit, "echo unit", fmt.Sprintf("echo '<testsuite><testcase name=\"unit\"><failure>'; "+lines+"; echo '</failure></testcase></testsuite>'; exit 1", 128<<20)},
		"a list":                                    {manifest.FormatExit, fmt.Sprintf(lines, 512<<20), "true"},
		"a list that says it all on standard error": {manifest.FormatExit, fmt.Sprintf(lines+" >&2; echo unit", 512<<20), "true"},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			cmd := w.process("w1")
			w.write(map[string]string{"event": event + "\n", "run": run + "\n", "failed": failed + "\n"})
			s := suite(c.list, c.run)
			s.Format, s.Timeout = c.format, manifest.Every(5*time.Minute)
			w.push(manifestOf("", s))
			b := w.ended(1)
			status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", cmd.Process.Pid))
			if err != nil {
				t.Fatal(err)
			}
			_, rest, _ := strings.Cut(string(status), "VmHWM:")
			var peak int
			if _, err := fmt.Sscanf(rest, "%d kB", &peak); err != nil {
				t.Fatalf("%v in %s", err, status)
			}
			t.Logf("%s: the build is %s, the worker used %d MB at most: %v", name, b.State, peak>>10, b.Reasons)
			limit := most
			if name == "a list" {
				limit = mostOfList
			}
			if peak > limit>>10 {
				t.Errorf("the worker used %d MB, which is more than %d", peak>>10, limit>>20)
			}
		})
	}
}
