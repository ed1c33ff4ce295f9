package host

import (
	"context"
	"fmt"
	"net"
	"sync"
	"time"

	"github.com/slipwayhq/slipway/internal/agent/proc"
	"github.com/slipwayhq/slipway/internal/wire"
)

// fate is why attend came back.
type fate int

const (
	exited    fate = iota // by itself, or ended because it did not get healthy
	portLost              // its port was somebody else's
	ordered               // stopped by end
	abandoned             // the agent ends
)

// attend looks after one running process until it is gone, or the agent is.
func (s *service) attend(ctx context.Context, p *proc.Process) fate {
	w := s.beginWatch()
	asking, cancel := context.WithCancel(ctx)
	answers := make(chan error, 1)
	var probes sync.WaitGroup
	defer probes.Wait()
	defer cancel()
	next := time.NewTimer(0)
	defer next.Stop()
	startBy := time.NewTimer(s.spec.StartTimeout)
	defer startBy.Stop()
	for {
		select {
		case <-ctx.Done():
			return s.leave(p)
		case <-s.stop:
			return s.terminate(ctx, p)
		case <-p.Done():
			return s.bury(p, w)
		case <-startBy.C:
			if w.everUp {
				continue
			}
			w.explain(asking, s.host)
			if s.terminate(ctx, p) == abandoned {
				return abandoned
			}
			s.failed("unhealthy", fmt.Sprintf("the process was not healthy within %v: %s", s.spec.StartTimeout, w.reason))
			return exited
		case <-next.C:
			probes.Go(func() { answers <- s.host.prober.probe(asking, w.addr, s.spec.Health) })
		case err := <-answers:
			next.Reset(s.take(p, w, err))
		}
	}
}

// watch is what attend knows of one process.
type watch struct {
	addr     string
	everUp   bool
	failures int
	pause    time.Duration
	reason   string // why it is not up yet
}

// explain adds to the reason what is often the case: a process that listens, but not where the edges will look.
func (w *watch) explain(ctx context.Context, h *Host) {
	_, port, err := net.SplitHostPort(w.addr)
	local := net.JoinHostPort("127.0.0.1", port)
	if err == nil && local != w.addr && h.prober.probe(ctx, local, "") == nil {
		w.reason += " (it listens on 127.0.0.1 only: let it listen on 0.0.0.0, so that the edges reach it)"
	}
}

func (s *service) beginWatch() *watch {
	s.host.mu.Lock()
	defer s.host.mu.Unlock()
	return &watch{addr: s.addr(), everUp: s.visible(), pause: probeFirst, reason: "it has not answered a single health check"}
}

// take notes one answer to a health check and gives the pause before the next.
func (s *service) take(p *proc.Process, w *watch, err error) time.Duration {
	h := s.host
	switch {
	case err != nil && !w.everUp:
		w.reason = err.Error()
		w.pause = min(w.pause*3/2, probeSlowest)
		return w.pause
	case err == nil:
		w.failures = 0
		s.isUp(p, w)
	default:
		if w.failures++; w.failures == probeFailures {
			h.update(func() {
				s.state, s.text, s.since = wire.ProcessUnhealthy, fmt.Sprintf("%d health checks failed in a row: %v", w.failures, err), h.o.Clock()
			})
		}
	}
	return h.o.HealthEvery
}

// isUp notes a process that answers, where that is news.
func (s *service) isUp(p *proc.Process, w *watch) {
	h := s.host
	w.everUp = true
	h.mu.Lock()
	news := s.state != wire.ProcessUp
	if news {
		s.state, s.code, s.fails, s.everUp, s.since = wire.ProcessUp, "", 0, true, h.o.Clock()
		h.changed()
	}
	s.everUp = true
	h.mu.Unlock()
	if !news {
		return
	}
	if err := s.keep(p); err != nil {
		h.o.Logger.Error("cannot note that a process is up", "process", s.key.String(), "error", err)
	}
}

// terminate stops the process, unless the agent ends first: the next agent will.
func (s *service) terminate(ctx context.Context, p *proc.Process) fate {
	p.Signal(s.spec.StopTimeout)
	if s.host.o.Tied {
		<-p.Done()
		return ordered
	}
	select {
	case <-p.Done():
		return ordered
	case <-ctx.Done():
		p.Detach()
		return abandoned
	}
}

// leave is what happens to a process when its agent ends.
func (s *service) leave(p *proc.Process) fate {
	if s.host.o.Tied {
		p.Stop(s.spec.StopTimeout)
	} else {
		p.Detach()
	}
	return abandoned
}

// bury notes a process that ended by itself.
func (s *service) bury(p *proc.Process, w *watch) fate {
	if w.everUp {
		s.failed("start", fmt.Sprintf("the process ended by itself: %v", p.Exit()))
		return exited
	}
	s.host.mu.Lock()
	port := s.port
	s.host.mu.Unlock()
	if !portFree(port) {
		return portLost
	}
	s.failed("start", fmt.Sprintf("the process ended before it was healthy: %v", p.Exit()))
	return exited
}
