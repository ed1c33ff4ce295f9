package host

import (
	"context"
	"net"
	"slices"
	"strconv"
	"strings"

	"github.com/slipwayhq/slipway/internal/agent/proc"
	"github.com/slipwayhq/slipway/internal/agent/sink"
)

// loopback is where releases' own sockets are.
const loopback = "127.0.0.1"

// listen opens the common socket for statsd, where there is to be one.
func (h *Host) listen(ctx context.Context) {
	if h.sink == nil {
		return
	}
	if err := h.sink.Listen(ctx); err != nil {
		h.o.Logger.Warn("apps cannot send statsd to this agent; it goes on without, and tries again. Where another program has the port, that one gets what apps send, as before: "+
			"give the agent another port (--statsd 127.0.0.1:0 takes any, which releases started from then on are told of), or none (--statsd off)", "error", err)
	}
}

// openStatsd gives a release's process a socket of its own, at the port that it was told of before if there is one; 0 where it gets none. While another program has the common port, none
// is given: the process would be told to send here what went there.
func (h *Host) openStatsd(ctx context.Context, key serviceKey, before int) (port int) {
	if h.sink == nil || before == 0 && !h.sink.Addr().IsValid() {
		return 0
	}
	port, err := h.udp.take(before)
	if err == nil && before != 0 && port != before {
		h.udp.release(port)
		h.o.Logger.Warn("the port that a process sends statsd to is taken by another program: what it sends is lost until it is started again", "process", key.String(), "port", before)
		return 0
	}
	if err == nil {
		if err = h.sink.Open(ctx, releaseOf(key), port); err == nil {
			return port
		}
		h.udp.release(port)
	}
	h.o.Logger.Warn("a process gets no port of its own for statsd", "process", key.String(), "error", err)
	return 0
}

// closeStatsd closes the socket of a process that is over.
func (h *Host) closeStatsd(s *service) {
	h.mu.Lock()
	port := s.statsd
	s.statsd = 0
	h.mu.Unlock()
	if port == 0 {
		return
	}
	h.sink.Close(port)
	h.udp.release(port)
}

func releaseOf(key serviceKey) sink.Release {
	return sink.Release{App: key.App, Env: key.Env, ID: key.Release}
}

// statsdEnviron tells a process where to send statsd, by the variables that clients read. Whoever has set one of a family means another sink: then that family is left alone.
func statsdEnviron(given []string, port int) (env []string) {
	if port == 0 {
		return nil
	}
	set := func(names ...string) bool {
		return slices.ContainsFunc(given, func(entry string) bool {
			name, _, _ := strings.Cut(entry, "=")
			return slices.Contains(names, name)
		})
	}
	at := strconv.Itoa(port)
	if !set("DD_AGENT_HOST", "DD_DOGSTATSD_HOST", "DD_DOGSTATSD_PORT", "DD_DOGSTATSD_URL", "DD_DOGSTATSD_SOCKET") {
		env = append(env, "DD_AGENT_HOST="+loopback, "DD_DOGSTATSD_PORT="+at)
	}
	if !set("STATSD_HOST", "STATSD_PORT", "STATSD_ADDR") {
		env = append(env, "STATSD_HOST="+loopback, "STATSD_PORT="+at, "STATSD_ADDR="+net.JoinHostPort(loopback, at))
	}
	return env
}

// live is a process that runs.
type live struct {
	key   serviceKey
	ident proc.Ident
}

// living gives the processes that run, in no order.
func (h *Host) living() (list []live) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for key, s := range h.services {
		if s.pid != 0 && s.phase != stopped {
			list = append(list, live{key, proc.Ident{PID: s.pid, Group: s.group}})
		}
	}
	return list
}

// usage tells what each of them uses; nil where the system does not tell.
func usage(list []live) []proc.Usage {
	ids := make([]proc.Ident, len(list))
	for i, l := range list {
		ids[i] = l.ident
	}
	return proc.Use(ids)
}

// sockets tells whose the sockets of the releases' processes are.
func (h *Host) sockets() map[uint64]sink.Release {
	found := map[uint64]sink.Release{}
	list := h.living()
	for i, u := range usage(list) {
		for _, pid := range u.PIDs {
			for _, inode := range proc.Sockets(pid) {
				found[inode] = releaseOf(list[i].key)
			}
		}
	}
	return found
}
