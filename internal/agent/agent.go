package agent

import (
	"context"
	"errors"
	"path/filepath"
	"runtime"
	"slices"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/slipwayhq/slipway/internal/agent/client"
	"github.com/slipwayhq/slipway/internal/agent/host"
	"github.com/slipwayhq/slipway/internal/agent/proc"
	"github.com/slipwayhq/slipway/internal/agent/worker"
	"github.com/slipwayhq/slipway/internal/wire"
)

// role fulfils one role until ctx ends (nil) or the server refuses this agent for good.
type role func(ctx context.Context, o Options, c *client.Client) error

// roles is everything a machine can be.
func roles() map[string]role {
	return map[string]role{
		wire.RoleHost: runHost,
		wire.RoleWork: runWork,
	}
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
		Dir: filepath.Join(o.Dir, workDir), Hide: []string{filepath.Join(o.Dir, identityDir), filepath.Join(o.Dir, hostDir), filepath.Join(o.Dir, FrontDir)}, Client: c, Slots: o.Slots, Environ: o.Environ,
		Keeper: o.Keeper, Isolation: o.Isolation, Logger: o.Logger,
	})
}

func runHost(ctx context.Context, o Options, c *client.Client) error {
	h, err := host.New(host.Options{
		Dir: filepath.Join(o.Dir, hostDir), Client: c, Addr: o.Addr, Ports: o.Ports, Drain: o.Drain, Tied: o.Tied, Statsd: o.statsd(), StatsdTags: o.StatsdTags, Logger: o.Logger,
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
