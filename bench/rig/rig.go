package rig

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"syscall"
	"time"
)

// Rig is a folder and the processes started in it.
type Rig struct {
	Dir string
	// Exe is the program: what SLIPWAY_EXE names, or else built from the source.
	Exe    string
	procs  []*Process
	agents []*Process
}

// Main is the main function of a benchmark: it makes a rig, measures, and cleans up, after ctrl-C, too.
func Main(measure func(ctx context.Context, r *Rig) error) {
	if len(os.Args) == 2 && os.Args[1] == webCommand {
		fmt.Fprintln(os.Stderr, web())
		os.Exit(1)
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	r, err := New(ctx)
	if err == nil {
		err = errors.Join(measure(ctx, r), r.Close())
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// exeVariable names the program to measure.
const exeVariable = "SLIPWAY_EXE"

// New makes a folder, and builds the program into it unless SLIPWAY_EXE names one.
func New(ctx context.Context) (*Rig, error) {
	dir, err := os.MkdirTemp("", "slipway-bench-")
	if err != nil {
		return nil, fmt.Errorf("make a folder: %w", err)
	}
	r := &Rig{Dir: dir, Exe: filepath.Join(dir, "slipway")}
	if given := os.Getenv(exeVariable); given != "" {
		if r.Exe, err = filepath.Abs(given); err != nil {
			return nil, fmt.Errorf("find %s: %w", exeVariable, err)
		}
		return r, nil
	}
	build := exec.CommandContext(ctx, "go", "build", "-o", r.Exe, "github.com/slipwayhq/slipway/cmd/slipway")
	if out, err := build.CombinedOutput(); err != nil {
		return nil, errors.Join(fmt.Errorf("build the program: %w\n%s", err, out), os.RemoveAll(dir))
	}
	return r, nil
}

// Close ends what was started, last first, and removes the folder.
func (r *Rig) Close() error {
	for i := len(r.procs) - 1; i >= 0; i-- {
		r.procs[i].Stop()
	}
	if err := os.RemoveAll(r.Dir); err != nil {
		return fmt.Errorf("remove %s: %w", r.Dir, err)
	}
	return nil
}

// StopAgents ends all agents that were started so far.
func (r *Rig) StopAgents() {
	for _, p := range r.agents {
		p.Stop()
	}
	r.agents = nil
}

// Path is a path in the rig's folder.
func (r *Rig) Path(parts ...string) string {
	return filepath.Join(append([]string{r.Dir}, parts...)...)
}

// Folder makes a folder in the rig's folder.
func (r *Rig) Folder(parts ...string) (string, error) {
	dir := r.Path(parts...)
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return "", fmt.Errorf("make a folder: %w", err)
	}
	return dir, nil
}

// FreePort gives a port of loopback that nobody listens on.
func FreePort() (int, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return 0, fmt.Errorf("find a free port: %w", err)
	}
	defer l.Close()
	return l.Addr().(*net.TCPAddr).Port, nil
}

// patience is how long anything may take before a benchmark gives up.
const patience = 2 * time.Minute

// Until waits for a condition, looking every so often.
func Until(ctx context.Context, what string, every time.Duration, ok func() bool) error {
	tick := time.NewTicker(every)
	defer tick.Stop()
	late := time.NewTimer(patience)
	defer late.Stop()
	for !ok() {
		select {
		case <-tick.C:
		case <-late.C:
			return fmt.Errorf("not within %s: %s", patience, what)
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return nil
}
