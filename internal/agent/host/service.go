package host

import (
	"context"
	"errors"
	"fmt"
	"net"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/slipwayhq/slipway/internal/agent/client"
	"github.com/slipwayhq/slipway/internal/agent/proc"
	"github.com/slipwayhq/slipway/internal/artifact"
	"github.com/slipwayhq/slipway/internal/wire"
)

// Defaults and limits of processes.
const (
	startTime = 30 * time.Second
	stopTime  = 10 * time.Second
	// lingerTime is what the rest of a process's group gets once the command itself has ended.
	lingerTime = 5 * time.Second
	// steadyTime is how long a process must have been up for its next exit to count as the first one again.
	steadyTime = time.Minute
	// portTries is how often a process gets another port before that is called a failure.
	portTries = 5
	// failedStarts that ended before the process was ever healthy make the release fail; one alone may be bad luck.
	failedStarts = 2
	// tailSize in bytes is what is reported of the output.
	tailSize = 4 << 10
)

// service keeps one process of one release up, until it is ended. What changes is part of the host's state, under Host.mu.
type service struct {
	host *Host
	key  serviceKey
	spec wire.ProcessSpec
	stop chan struct{} // closed by end

	// Under Host.mu:
	phase      phase
	told       time.Time // when the server acknowledged the draining
	drainSince int64     // Host.changes that a report must contain for that
	state      string    // wire.Process…
	code       string    // of the release's failure that this process is to blame for
	text       string
	port, pid  int
	group      int // the process group, while pid is not 0
	statsd     int // port of the release's own socket for statsd, 0 without
	starts     int
	restarts   int
	fails      int // starts in a row that never got healthy
	everUp     bool
	since      time.Time
}

func (h *Host) newService(key serviceKey, spec wire.ProcessSpec) *service {
	if spec.StartTimeout <= 0 {
		spec.StartTimeout = startTime
	}
	if spec.StopTimeout <= 0 {
		spec.StopTimeout = stopTime
	}
	return &service{host: h, key: key, spec: spec, stop: make(chan struct{}), state: wire.ProcessStarting, since: h.o.Clock()}
}

// visible reports whether visitors may be sent to it. Under mu.
func (s *service) visible() bool {
	return s.state == wire.ProcessUp || s.state == wire.ProcessUnhealthy
}

// end has the process stopped. Under mu; at most once.
func (s *service) end() {
	s.phase = ending
	close(s.stop)
}

// run keeps the process up until it is ended or the agent ends. p is an adopted process or nil.
func (s *service) run(ctx context.Context, p *proc.Process) {
	end := abandoned
	defer func() { s.settle(end) }()
	var pause restartPause
	portsLost := 0
	for {
		up := time.Duration(0)
		if p == nil {
			var err error
			if p, err = s.launch(ctx); err != nil {
				s.failed(failureCode(err), err.Error())
			}
		}
		if p != nil {
			begun := s.host.o.Clock()
			end = s.attend(ctx, p)
			p = nil
			if end == ordered || end == abandoned || s.retired() {
				return
			}
			if end == portLost {
				s.host.update(func() { s.starts-- }) // it says nothing of the release
				if portsLost++; portsLost < portTries {
					continue
				}
				s.failed("port", fmt.Sprintf("%d ports in a row were taken by somebody else before the process could listen", portsLost))
			}
			up, portsLost = s.host.o.Clock().Sub(begun), 0
		}
		wait := pause.after(up)
		s.host.o.Logger.Info("a process is down and will be started again", "process", s.key.String(), "pause", wait)
		if end = s.rest(ctx, wait); end != exited {
			return
		}
	}
}

// restartPause is the pause before a process is started again: longer each time, unless it had run for steadyTime.
type restartPause struct{ client.Backoff }

func (p *restartPause) after(up time.Duration) time.Duration {
	p.Min, p.Max = 250*time.Millisecond, 30*time.Second
	if up >= steadyTime {
		p.Reset()
	}
	return p.Next()
}

// retired reports, for a process that has ended by itself, whether it was to be stopped anyway; then nothing starts it again.
func (s *service) retired() bool {
	s.host.mu.Lock()
	defer s.host.mu.Unlock()
	if s.phase == draining {
		s.phase = ending
	}
	return s.phase == ending
}

// settle notes the end: a stopped process is forgotten on disk, one that goes on without us is not.
func (s *service) settle(end fate) {
	h := s.host
	if end == abandoned && !h.o.Tied {
		return
	}
	h.removeRecord(s.key)
	h.closeStatsd(s)
	h.update(func() {
		h.ports.release(s.port)
		s.phase, s.state, s.pid, s.port, s.since = stopped, wire.ProcessStopped, 0, 0, h.o.Clock()
	})
}

// rest waits out the back-off; exited means that it is time to start again.
func (s *service) rest(ctx context.Context, pause time.Duration) fate {
	timer := time.NewTimer(pause)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return abandoned
	case <-s.stop:
		return ordered
	case <-timer.C:
		return exited
	}
}

// launch starts the process on a free port, written down before it begins.
func (s *service) launch(ctx context.Context) (*proc.Process, error) {
	h := s.host
	log, err := h.openLog(s.key)
	if err != nil {
		return nil, err
	}
	defer log.Close()
	h.mu.Lock()
	held, wished := h.heldRelease(s.key.releaseKey)
	before, statsd := s.port, s.statsd
	h.mu.Unlock()
	if !wished {
		return nil, errors.New("the release is not wished for any more")
	}
	h.ports.release(before)
	port, err := h.ports.take(before)
	if err != nil {
		return nil, err
	}
	if statsd == 0 {
		statsd = h.openStatsd(ctx, s.key, 0)
	}
	env := append(slices.Clone(held.Environ),
		"SLIPWAY_APP="+s.key.App, "SLIPWAY_ENVIRONMENT="+s.key.Env, "SLIPWAY_RELEASE="+s.key.Release, "PORT="+strconv.Itoa(port))
	env = append(env, statsdEnviron(held.Environ, statsd)...)
	p, err := proc.Start(proc.Spec{
		Command: s.spec.Run, Dir: h.releasePath(s.key.releaseKey), Env: proc.Environ(env...), Output: log,
		Held: true, Tied: h.o.Tied, Linger: lingerTime,
	})
	if err == nil {
		h.update(func() {
			s.port, s.pid, s.group, s.statsd = port, p.ID().PID, p.ID().Group, statsd
			s.state, s.since = wire.ProcessStarting, h.o.Clock()
			s.starts++
			s.restarts = s.starts - 1
		})
		if err = s.keep(p); err == nil {
			err = p.Release()
		}
		if err != nil {
			p.Stop(0)
		}
	}
	if err != nil {
		h.ports.release(port)
		h.update(func() { s.port, s.statsd = 0, statsd })
		return nil, err
	}
	return p, nil
}

// keep writes the process down for the next agent.
func (s *service) keep(p *proc.Process) error {
	if s.host.o.Tied {
		return nil
	}
	s.host.mu.Lock()
	r := record{App: s.key.App, Env: s.key.Env, Release: s.key.Release, Process: s.key.Process, Start: s.key.Start, Ident: p.ID(), Spec: s.spec,
		Port: s.port, Statsd: s.statsd, State: s.state, Restarts: s.restarts, Since: s.since}
	s.host.mu.Unlock()
	return s.host.writeRecord(r)
}

// failed notes a start that could not be, or a process that ended.
func (s *service) failed(code, text string) {
	h := s.host
	tail, err := proc.TailOf(h.logPath(s.key), tailSize)
	if err != nil {
		h.o.Logger.Warn("cannot read the end of a process's log", "process", s.key.String(), "error", err)
	}
	if tail = strings.TrimSpace(tail); tail != "" {
		text += "\n" + tail
	}
	h.update(func() {
		s.fails++
		if !s.everUp && (s.fails >= failedStarts || code != "start") {
			s.code = code
		}
		s.state, s.text, s.pid, s.since = wire.ProcessCrashed, text, 0, h.o.Clock()
	})
}

func failureCode(err error) string {
	switch {
	case errors.Is(err, errNoPort):
		return "port"
	case errors.Is(err, syscall.ENOSPC):
		return string(artifact.CodeDisk)
	default:
		return codeOf(err, "start")
	}
}

func (s *service) addr() string {
	return net.JoinHostPort(s.host.o.Addr, strconv.Itoa(s.port))
}
