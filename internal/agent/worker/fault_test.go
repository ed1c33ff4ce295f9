package worker_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/slipwayhq/slipway/internal/agent/client"
	"github.com/slipwayhq/slipway/internal/agent/proc"
	"github.com/slipwayhq/slipway/internal/agent/worker"
	"github.com/slipwayhq/slipway/internal/decide/build"
	"github.com/slipwayhq/slipway/internal/pure/manifest"
	"github.com/slipwayhq/slipway/internal/wire"
)

// TestMain is also the worker that is killed: this program runs one when it is told to.
func TestMain(m *testing.M) {
	if len(os.Args) > 1 && os.Args[1] == proc.KeeperCommand {
		os.Exit(proc.KeeperMain())
	}
	dir := os.Getenv("TEST_WORKER_DIR")
	if dir == "" {
		os.Exit(m.Run())
	}
	o := options(dir)
	c, err := client.New(client.Options{Server: os.Getenv("TEST_WORKER_SERVER"), Dir: o.Hide[0], Version: "test"})
	if err == nil {
		o.Client, o.GitURL = c, func(string) string { return os.Getenv("TEST_WORKER_REPO") }
		err = worker.Run(context.Background(), o)
	}
	fmt.Fprintln(os.Stderr, err)
	os.Exit(1)
}

// process starts a worker as a program of its own.
func (w *world) process(name string) *exec.Cmd {
	w.t.Helper()
	dir := w.t.TempDir()
	w.join(name, options(dir).Hide[0], w.url)
	cmd := exec.Command("/proc/self/exe") // its file may lie in a folder that this user cannot enter
	cmd.Env = append(os.Environ(), "TEST_WORKER_DIR="+dir, "TEST_WORKER_SERVER="+w.url, "TEST_WORKER_REPO="+w.repo)
	cmd.Stderr = os.Stderr
	if err := cmd.Start(); err != nil {
		w.t.Fatal(err)
	}
	w.t.Cleanup(func() {
		_ = cmd.Process.Kill() // it may be dead already
		_ = cmd.Wait()
	})
	return cmd
}

// expire lets all silent leases be taken back.
func (w *world) expire() {
	w.t.Helper()
	w.wait("a lease to be taken back", func() bool {
		w.ahead.Add(int64(wire.LostAfter + time.Second))
		if err := w.Expire(w.t.Context()); err != nil {
			w.t.Fatal(err)
		}
		b, _ := w.nth(1)
		for _, l := range b.Leases {
			if l.State == "lost" {
				return true
			}
		}
		return false
	})
}

// pids reads the process ids that a command wrote down, once there are n.
func (w *world) pids(path string, n int) []int {
	w.t.Helper()
	var out []int
	w.wait("the command to begin", func() bool {
		text, _ := os.ReadFile(path) // not there yet
		out = nil
		for _, field := range strings.Fields(string(text)) {
			if pid, err := strconv.Atoi(field); err == nil {
				out = append(out, pid)
			}
		}
		return len(out) >= n && strings.HasSuffix(string(text), "\n")
	})
	return out
}

func (w *world) gone(pids []int) {
	w.t.Helper()
	for _, pid := range pids {
		w.wait(fmt.Sprintf("process %d to end", pid), func() bool {
			state, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
			return err != nil || strings.Contains(string(state), ") Z ") || errors.Is(syscall.Kill(pid, 0), syscall.ESRCH)
		})
	}
}

// sleeper is a suite whose command never ends by itself the first time, and has a child and a grandchild.
func sleeper(mark string) manifest.Test {
	return suite("", fmt.Sprintf(`test -e %[1]s && exit 0; sh -c 'sleep 3600 & echo $! >> %[1]s; wait' & echo $! $$ >> %[1]s; trap "" TERM; wait; sleep 3600`, mark))
}

func TestWorkerKilledMidLease(t *testing.T) {
	w := newWorld(t)
	mark := filepath.Join(t.TempDir(), "mark")
	first := w.process("w1")
	w.push(manifestOf("", sleeper(mark)))
	pids := w.pids(mark, 3)
	if err := first.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	w.gone(pids)
	w.worker("w2")
	w.expire()
	b := w.passed(1)
	if b.Done != 1 || b.Units[0].Attempts != 2 {
		t.Errorf("build: %+v", b)
	}
}

func TestWorkerCutOffAndLate(t *testing.T) {
	w := newWorld(t)
	var cut atomic.Bool
	url := w.serve(&cut)
	mark := filepath.Join(t.TempDir(), "mark")
	w.worker("w1", func(o *worker.Options) {
		o.Dir = t.TempDir()
		o.Client = w.join("w1-far", o.Dir, url)
	})
	// The first run prints a lot while it is cut off, waits to be let go, and fails; the second passes.
	w.push(manifestOf("", suite("", fmt.Sprintf(`test -e %[1]s && exit 0; echo $$ > %[1]s; while ! test -e %[1]s.go; do sleep 0.01; done; seq 1 100000; touch %[1]s.over; exit 1`, mark))))
	w.pids(mark, 1)
	cut.Store(true)
	if err := os.WriteFile(mark+".go", nil, 0o600); err != nil {
		t.Fatal(err)
	}
	w.wait("the command to end although its output goes nowhere", func() bool {
		_, err := os.Stat(mark + ".over")
		return err == nil
	})
	w.expire()
	w.worker("w2")
	if b := w.passed(1); b.Done != 1 {
		t.Errorf("build: %+v", b)
	}
	cut.Store(false) // the late result is refused now, and the worker goes on
	w.push(manifestOf("", suite("", "true")))
	w.passed(2)
	b, _ := w.nth(1)
	if b.State != build.Passed || b.Failed != 0 {
		t.Errorf("the late result counted: %+v", b)
	}
}

func TestTimeoutEndsTheWholeGroup(t *testing.T) {
	w := newWorld(t)
	mark := filepath.Join(t.TempDir(), "mark")
	w.worker("w1")
	hangs := sleeper(mark)
	hangs.Timeout = manifest.Every(time.Second)
	w.push(manifestOf("", hangs))
	pids := w.pids(mark, 3)
	b := w.ended(1)
	w.gone(pids)
	if b.State != build.Failed || b.Units[0].Status != "error" || !strings.Contains(b.Units[0].Output, "it took longer than 1s") {
		t.Errorf("build: %s, %+v", b.State, b.Units)
	}
}

func TestCancelEndsTheWholeGroup(t *testing.T) {
	w := newWorld(t)
	mark := filepath.Join(t.TempDir(), "mark")
	w.worker("w1")
	w.push(manifestOf("", sleeper(mark)))
	pids := w.pids(mark, 3)
	b, _ := w.nth(1)
	if err := w.Cancel(t.Context(), "person:ana", "shop", b.ID, "changed my mind"); err != nil {
		t.Fatal(err)
	}
	w.gone(pids)
	w.push(manifestOf("", suite("", "true")))
	w.passed(2)
}

func TestStoppedWorkerGivesItsLeaseBack(t *testing.T) {
	w := newWorld(t)
	mark := filepath.Join(t.TempDir(), "mark")
	stop := w.worker("w1")
	w.push(manifestOf("", sleeper(mark)))
	pids := w.pids(mark, 3)
	stop()
	w.gone(pids)
	w.worker("w2")
	b := w.passed(1)
	if got := b.Leases[0]; got.State != "lost" || got.Reason != "The worker was stopped." {
		t.Errorf("lease: %+v", got)
	}
}

func TestEndlessOutputIsCapped(t *testing.T) {
	w := newWorld(t)
	w.worker("w1", func(o *worker.Options) { o.LogCap = 1 << 20 })
	w.push(manifestOf("", suite("", "echo the beginning; head -c 50000000 /dev/zero | tr '\\0' 'x'; echo; echo the end")))
	b := w.passed(1)
	l := leaseOf(b, wire.LeaseTest)
	text := w.log(b.ID, l.ID)
	if len(text) > 1<<20+200 || !strings.Contains(text, "the beginning") || !strings.HasSuffix(text, "\nthe end\n") || !strings.Contains(text, "bytes are left out here") {
		t.Errorf("log of %d bytes ends in %q", len(text), text[max(0, len(text)-100):])
	}
	if l.LogSize != int64(len(text)) {
		t.Errorf("log size %d, text %d", l.LogSize, len(text))
	}
}

func TestBinaryOutput(t *testing.T) {
	w := newWorld(t)
	w.worker("w1")
	w.push(manifestOf("", suite("", "printf 'a\\0b\\377\\376\\033[31mred\\r\\n'; head -c 100000 /dev/urandom; exit 1")))
	b := w.ended(1)
	if b.State != build.Failed || !utf8.ValidString(b.Units[0].Output) || strings.Contains(b.Units[0].Output, "\x00") {
		t.Errorf("build: %s, %q", b.State, b.Units[0].Output)
	}
	if text := w.log(b.ID, b.Units[0].Lease); !strings.Contains(text, "a\x00b\xff\xfe\x1b[31mred\r\n") || len(text) < 100_000 {
		t.Errorf("the log is not what was printed: %d bytes", len(text))
	}
}

func TestCommitThatCannotBeFetched(t *testing.T) {
	w := newWorld(t)
	w.worker("w1")
	m := manifestOf("", suite("", "true"))
	w.push(m)
	w.passed(1)
	w.git("commit", "--quiet", "--allow-empty", "-m", "gone")
	sha := w.git("rev-parse", "HEAD")
	w.git("reset", "--quiet", "--hard", "HEAD~1")
	w.git("reflog", "expire", "--expire=now", "--all")
	w.git("gc", "--quiet", "--prune=now")
	w.pushed(sha, m)
	b := w.ended(2)
	if b.State != build.Failed || !strings.Contains(b.Units[0].Output, "fetch commit "+sha[:12]) {
		t.Errorf("build: %s, %+v", b.State, b.Units)
	}
}

// The commits after the first are fetched as differences.
func TestFetchBringsTheDifferenceOnly(t *testing.T) {
	w := newWorld(t)
	dir := ""
	w.worker("w1", func(o *worker.Options) { dir, o.GitURL = o.Dir, nil })
	random := rand.NewChaCha8([32]byte{})
	big := make([]byte, 1<<20)
	_, _ = random.Read(big) // never fails
	w.write(map[string]string{"big": string(big)})
	m := manifestOf("", suite("", "test -f big"))
	w.push(m)
	w.passed(1)
	size := func() (sum int64) {
		packs, _ := filepath.Glob(filepath.Join(dir, "mirrors", "shop.git", "objects", "*", "*")) // the pattern is right
		for _, p := range packs {
			if info, err := os.Stat(p); err == nil {
				sum += info.Size()
			}
		}
		return sum
	}
	before := size()
	w.write(map[string]string{"small": "changed"})
	w.push(m)
	w.passed(2)
	if grown := size() - before; before < 1<<20 || grown > before/2 {
		t.Errorf("the second fetch brought %d bytes, the first %d", grown, before)
	}
}
