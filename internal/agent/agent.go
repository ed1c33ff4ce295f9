package agent

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/slipwayhq/slipway/internal/agent/client"
	"github.com/slipwayhq/slipway/internal/agent/host"
	"github.com/slipwayhq/slipway/internal/agent/proc"
	"github.com/slipwayhq/slipway/internal/agent/worker"
	"github.com/slipwayhq/slipway/internal/wire"
)

// Options of an agent.
type Options struct {
	// Server is the base address; empty for an agent that joined before.
	Server string
	// JoinToken is needed for the first start.
	JoinToken string
	// Name of this machine in the installation; default its host name.
	Name string
	// Roles of this machine; default all that this program knows.
	Roles []string
	// Labels say what is special about this machine.
	Labels map[string]string
	// Dir keeps the identity, mirrors, artifacts and releases; default ./slipway-agent. A worker's commands see of it what their lease needs.
	Dir string
	// Addr is where edges reach this host's processes, without a port; default 127.0.0.1.
	Addr string
	// Ports is the range of ports given to processes; default 20000 to 29999.
	Ports [2]int
	// Drain is how long a process that is to stop is left alone once the server knows; default 3 s.
	Drain time.Duration
	// Tied ends the host's processes with the agent; otherwise they go on and the next agent adopts them.
	Tied bool
	// Slots is how many leases a worker does at once; default 1.
	Slots int
	// Environ is added to what a worker's commands get, as NAME=value: a GOCACHE that several workers of one machine share, say.
	Environ []string
	// Keeper is the command line of a keeper of this program, which keeps a worker's commands apart from it; see worker.Options.
	Keeper []string
	// Isolation of a worker's commands; empty means proc.Auto.
	Isolation proc.Isolation
	// Version of this program.
	Version string
	Logger  *slog.Logger
}

// role fulfils one role until ctx ends (nil) or the server refuses this agent for good.
type role func(ctx context.Context, o Options, c *client.Client) error

// roles is everything a machine can be.
func roles() map[string]role {
	return map[string]role{
		wire.RoleHost: runHost,
		wire.RoleWork: runWork,
	}
}

func (o Options) withDefaults() (Options, error) {
	if o.Name == "" {
		name, err := os.Hostname()
		if err != nil {
			return o, fmt.Errorf("this machine has no host name: give one with --name: %w", err)
		}
		o.Name = name
	}
	known := slices.Sorted(maps.Keys(roles()))
	if len(o.Roles) == 0 {
		o.Roles = known
	}
	for _, role := range o.Roles {
		if !slices.Contains(known, role) {
			return o, fmt.Errorf("%q is no role of an agent: choose from %s", role, strings.Join(known, ", "))
		}
	}
	if o.Dir == "" {
		o.Dir = "slipway-agent"
	}
	if o.Addr == "" {
		o.Addr = "127.0.0.1"
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	return o, nil
}

// Run joins and fulfils the roles until ctx ends (nil) or going on makes no sense (an error that says what to do).
func Run(ctx context.Context, o Options) (err error) {
	if o, err = o.withDefaults(); err != nil {
		return err
	}
	unlock, err := lockFolder(o.Dir)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, unlock()) }()
	proc.KeepRights()
	if err := moveIdentity(o.Dir); err != nil {
		return err
	}
	c, err := client.New(client.Options{Server: o.Server, Token: o.JoinToken, Dir: filepath.Join(o.Dir, identityDir), Version: o.Version, Logger: o.Logger})
	if err != nil {
		return err
	}
	defer c.Close()
	id, err := c.Join(ctx, wire.JoinRequest{Name: o.Name, Roles: o.Roles, Labels: o.Labels, Addr: o.Addr, CPUs: runtime.NumCPU()})
	if err != nil {
		if ctx.Err() != nil {
			return nil
		}
		return err
	}
	o.Logger.Info("joined", "agent", id, "name", o.Name, "roles", o.Roles)
	g, ctx := errgroup.WithContext(ctx)
	if !slices.Contains(o.Roles, wire.RoleHost) {
		g.Go(func() error { return beat(ctx, c) })
	}
	for name, run := range roles() {
		if slices.Contains(o.Roles, name) {
			g.Go(func() error { return run(ctx, o, c) })
		}
	}
	return g.Wait()
}

func runWork(ctx context.Context, o Options, c *client.Client) error {
	return worker.Run(ctx, worker.Options{
		Dir: filepath.Join(o.Dir, workDir), Hide: []string{filepath.Join(o.Dir, identityDir), filepath.Join(o.Dir, hostDir)}, Client: c, Slots: o.Slots, Environ: o.Environ,
		Keeper: o.Keeper, Isolation: o.Isolation, Logger: o.Logger,
	})
}

func runHost(ctx context.Context, o Options, c *client.Client) error {
	h, err := host.New(host.Options{
		Dir: filepath.Join(o.Dir, hostDir), Client: c, Addr: o.Addr, Ports: o.Ports, Drain: o.Drain, Tied: o.Tied, Logger: o.Logger,
	})
	if err != nil {
		return err
	}
	return h.Run(ctx)
}

// beat says that an agent without a host role lives.
func beat(ctx context.Context, c *client.Client) error {
	tick := time.NewTicker(wire.BeatEvery)
	defer tick.Stop()
	for {
		// Once is enough: the next one says the same.
		if err := c.Beat(ctx, wire.Beat{}); errors.Is(err, client.ErrRemoved) || errors.Is(err, client.ErrTooOld) {
			return err
		}
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
	}
}
