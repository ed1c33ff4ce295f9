package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/slipwayhq/slipway/internal/event"
	"github.com/slipwayhq/slipway/internal/wire"
)

// stage is all the processes of the benchmark.
type stage struct {
	dir       string
	plane     *plane
	processes []*exec.Cmd
	backends  []wire.Backend
	bare      map[string]target // by role
	edge      target
}

// target is a proxy under load.
type target struct {
	addr string
	pid  int
}

// build starts two backends (old and new), the bare proxies and the edge, and waits until all answer.
func build(ctx context.Context) (_ *stage, err error) {
	s := &stage{bare: map[string]target{}}
	defer func() {
		if err != nil {
			s.close()
		}
	}()
	if s.dir, err = os.MkdirTemp("", "slipway-bench-edge-"); err != nil {
		return nil, fmt.Errorf("make a folder: %w", err)
	}
	if s.plane, err = newPlane(); err != nil {
		return nil, err
	}
	for _, release := range []string{"old", "new"} {
		b, err := s.start(ctx, "backend")
		if err != nil {
			return nil, err
		}
		s.backends = append(s.backends, wire.Backend{Release: release, Host: "h1", Addr: b.addr})
	}
	s.plane.set(s.route(0.5, "trf_0"))
	for _, role := range []string{"tuned", "pooled", "stock"} {
		if s.bare[role], err = s.start(ctx, role, s.backends[0].Addr); err != nil {
			return nil, err
		}
	}
	if s.edge, err = s.start(ctx, "edge", s.plane.url, s.dir); err != nil {
		return nil, err
	}
	return s, s.plane.await(ctx, func(p *plane) bool { return p.applied == p.snap.Generation })
}

// route is a rollout at work: drawn by visitor, thresholds and all, as it costs most.
func (s *stage) route(share float64, traffic string) wire.Route {
	return wire.Route{App: "shop", Env: "production", Traffic: traffic, Rollout: "rol_1", Backends: s.backends,
		Split: event.Split{Mode: "visitors", Old: "old", New: "new", Share: share, Salt: "rol_1", Slow: []float64{20, 100, 500}}}
}

// start runs a process on a free port and waits until it accepts.
func (s *stage) start(ctx context.Context, role string, args ...string) (target, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return target{}, fmt.Errorf("find a port: %w", err)
	}
	addr := l.Addr().String()
	if err := l.Close(); err != nil {
		return target{}, fmt.Errorf("find a port: %w", err)
	}
	return s.startAt(ctx, role, addr, args...)
}

func (s *stage) startAt(ctx context.Context, role, addr string, args ...string) (target, error) {
	cmd := exec.Command(os.Args[0]) // this program itself; ended by close
	cmd.Env = append(os.Environ(), roleVariable+"="+strings.Join(append([]string{role, addr}, args...), "|"))
	cmd.Stderr = os.Stderr
	if err := cmd.Start(); err != nil {
		return target{}, fmt.Errorf("start %s: %w", role, err)
	}
	s.processes = append(s.processes, cmd)
	for ctx.Err() == nil {
		c, err := net.DialTimeout("tcp", addr, time.Second)
		if err == nil {
			return target{addr: addr, pid: cmd.Process.Pid}, c.Close()
		}
		time.Sleep(10 * time.Millisecond)
	}
	return target{}, ctx.Err()
}

func (s *stage) close() {
	for _, p := range s.processes {
		_ = p.Process.Signal(syscall.SIGTERM)
	}
	for _, p := range s.processes {
		_ = p.Wait()
	}
	if s.plane != nil {
		s.plane.close()
	}
	_ = os.RemoveAll(s.dir)
}

// cpu is the CPU time a process has used, from /proc (proc(5): fields 14 and 15 of stat, in ticks of 1/100 s).
func cpu(pid int) (time.Duration, error) {
	raw, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
	if err != nil {
		return 0, fmt.Errorf("read the CPU time of process %d: %w", pid, err)
	}
	_, rest, _ := strings.Cut(string(raw), ") ")
	fields := strings.Fields(rest)
	if len(fields) < 13 {
		return 0, fmt.Errorf("read the CPU time of process %d: %q", pid, raw)
	}
	user, err1 := strconv.ParseInt(fields[11], 10, 64)
	system, err2 := strconv.ParseInt(fields[12], 10, 64)
	return time.Duration(user+system) * 10 * time.Millisecond, errors.Join(err1, err2)
}
