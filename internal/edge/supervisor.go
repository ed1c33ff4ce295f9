package edge

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/slipwayhq/slipway/internal/edge/control"
)

// Times of the supervisor.
const (
	startTime    = 20 * time.Second // within which a started edge must answer on its socket
	endTime      = 20 * time.Second // within which a stopped edge must be gone
	restartFirst = 50 * time.Millisecond
	restartLast  = 5 * time.Second
	// settledAfter is how long an edge must live for the next restart to come at once again.
	settledAfter = 10 * time.Second
	// lookEvery is how often the supervisor looks for what has no signal: a first answer, an end.
	lookEvery = 10 * time.Millisecond
)

// Supervisor keeps an edge running as a process of its own, which outlives the supervisor: visitors never notice that the program that started it is
// restarted or upgraded.
//
//	look ──none runs──> start ──> watch ──it died──> back off ──> look
//	  └──one runs──same version, same arguments──> watch
//	               └─another────> start: the new one takes the listener over (package control) ──> watch
type Supervisor struct {
	// Dir is the edge's Options.Dir. Version must equal its Options.Version, or it is replaced.
	Dir, Version string
	// Exe with Args runs the edge; Env is added to what it gets of this process's environment, see passedOn (a credential belongs there: arguments are visible to everybody).
	Exe  string
	Args []string
	Env  []string
	// StopAtEnd ends the edge when Run ends (a terminal's ctrl-C). Otherwise it is left running, for the next supervisor to adopt.
	StopAtEnd bool
	Logger    *slog.Logger
	// Up is called, when set, each time an edge has begun to serve or was adopted.
	Up func(Status)

	// child is the running process, when this supervisor started it; gone is closed when it has ended.
	child *os.Process
	gone  chan struct{}
}

// Run supervises until ctx ends. Its error is of that end alone: an edge that does not start is tried again for ever.
func (s *Supervisor) Run(ctx context.Context) error {
	if s.Logger == nil {
		s.Logger = slog.New(slog.DiscardHandler)
	}
	failures := 0
	for ctx.Err() == nil {
		began := time.Now()
		err := s.once(ctx)
		if ctx.Err() != nil {
			break
		}
		if failures++; time.Since(began) > settledAfter {
			failures = 1
		}
		s.Logger.Error("the edge ended; starting it again", "error", err)
		pause(ctx, min(restartLast, restartFirst<<min(failures-1, 10)))
	}
	if s.StopAtEnd {
		return s.stop()
	}
	return nil
}

// once finds or starts an edge and watches it until it is gone.
func (s *Supervisor) once(ctx context.Context) error {
	status, err := Alive(s.Dir)
	if err != nil || status.Version != s.Version || !slices.Equal(status.Args, s.Args) || status.Draining {
		if status, err = s.start(ctx); err != nil {
			return err
		}
	}
	s.Logger.Info("the edge runs", "pid", status.PID, "version", status.Version, "address", status.Listen)
	if s.Up != nil {
		s.Up(status)
	}
	if err := control.Watch(ctx, s.Dir); err != nil {
		return err
	}
	return fmt.Errorf("edge process %d is gone; its output is in %s", status.PID, s.output())
}

func (s *Supervisor) output() string { return filepath.Join(s.Dir, "edge.log") }

// start runs a new edge and waits until it answers. It gets a session of its own, so that no terminal's signal reaches it, and a file to write to, so
// that it does not depend on a pipe of ours.
func (s *Supervisor) start(ctx context.Context) (Status, error) {
	if err := os.MkdirAll(s.Dir, 0o700); err != nil {
		return Status{}, fmt.Errorf("make the edge's folder: %w", err)
	}
	out, err := os.OpenFile(s.output(), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return Status{}, fmt.Errorf("open the edge's log: %w", err)
	}
	defer func() { _ = out.Close() }()
	cmd := exec.Command(s.Exe, s.Args...) //nolint:noctx // our own program; it must outlive ctx
	cmd.Env = environ(s.Env)
	cmd.Stdout, cmd.Stderr = out, out
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	if err := cmd.Start(); err != nil {
		return Status{}, fmt.Errorf("start the edge: %w", err)
	}
	gone := make(chan struct{})
	s.child, s.gone = cmd.Process, gone
	go func() { // ends with the process, which may outlive us: then nobody is left to wait for it
		defer close(gone)
		_ = cmd.Wait() // the exit is told by the end of Watch
	}()
	return s.answered(ctx, cmd.Process.Pid)
}

// passedOn names what the edge gets of its supervisor's environment, and nothing else: it speaks with everybody in the world, so the server's secrets must not be in it.
func passedOn() []string {
	return []string{
		"PATH", "HOME", "TMPDIR", "LANG", "TZ", // of the system
		"SSL_CERT_FILE", "SSL_CERT_DIR", "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "http_proxy", "https_proxy", "no_proxy", // to reach an authority, and believe it
		"GODEBUG", "GOGC", "GOMAXPROCS", "GOMEMLIMIT", "GOTRACEBACK", // how its own program runs
		"SLIPWAY_TRUSTED_PROXIES", "SLIPWAY_LOG_FORMAT", "SLIPWAY_LOG_LEVEL", // flags of the edge that the server has not, or both have
	}
}

func environ(added []string) []string {
	var env []string
	for _, name := range passedOn() {
		if value, ok := os.LookupEnv(name); ok {
			env = append(env, name+"="+value)
		}
	}
	return append(env, added...)
}

// answered waits until the process of this id answers on the socket.
func (s *Supervisor) answered(ctx context.Context, pid int) (Status, error) {
	ctx, cancel := context.WithTimeout(ctx, startTime)
	defer cancel()
	for {
		if status, err := Alive(s.Dir); err == nil && status.PID == pid {
			return status, nil
		}
		select {
		case <-s.gone:
			return Status{}, fmt.Errorf("the edge ended while it started; its output is in %s, and ends with: %s", s.output(), lastLine(s.output()))
		case <-ctx.Done():
			return Status{}, fmt.Errorf("wait for the edge to start: %w", ctx.Err())
		case <-time.After(lookEvery):
		}
	}
}

// lastLine gives the end of a file, "" where there is none.
func lastLine(path string) string {
	const most = 500
	f, err := os.Open(path)
	if err != nil {
		return ""
	}
	defer f.Close()
	if info, err := f.Stat(); err == nil && info.Size() > most {
		_, _ = f.Seek(-most, io.SeekEnd) // else it is read from the beginning
	}
	text, _ := io.ReadAll(io.LimitReader(f, most)) // what can be read
	lines := strings.Split(strings.TrimSpace(string(text)), "\n")
	return lines[len(lines)-1]
}

// stop ends the edge, by its socket, and by a signal when it does not listen.
func (s *Supervisor) stop() error {
	status, err := Alive(s.Dir)
	if err != nil {
		return s.kill() // one that is still starting
	}
	ctx, cancel := context.WithTimeout(context.Background(), endTime)
	defer cancel()
	ended := make(chan error, 1)
	go func() { ended <- control.Watch(ctx, s.Dir) }() // received below
	err = control.Stop(s.Dir)
	watching := <-ended
	if _, gone := Alive(s.Dir); err == nil && (watching == nil || gone != nil) {
		return s.reap(ctx)
	}
	process, finding := os.FindProcess(status.PID)
	if finding == nil {
		finding = process.Kill()
	}
	if finding != nil && !errors.Is(finding, os.ErrProcessDone) {
		return fmt.Errorf("end the edge: %w", errors.Join(err, finding))
	}
	return nil
}

// reap waits for a child of ours to leave the process table.
func (s *Supervisor) reap(ctx context.Context) error {
	if s.gone == nil {
		return nil
	}
	select {
	case <-s.gone:
		return nil
	case <-ctx.Done():
		return s.kill()
	}
}

// kill ends the child that was started last, if there is one.
func (s *Supervisor) kill() error {
	if s.child == nil {
		return nil
	}
	if err := s.child.Kill(); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return fmt.Errorf("end the edge: %w", err)
	}
	<-s.gone
	return nil
}
