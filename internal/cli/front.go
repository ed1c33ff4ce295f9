package cli

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/slipwayhq/slipway/internal/agent"
	"github.com/slipwayhq/slipway/internal/agent/client"
	"github.com/slipwayhq/slipway/internal/edge"
	"github.com/slipwayhq/slipway/internal/fault"
	"github.com/slipwayhq/slipway/internal/wire"
)

// checkFront says what is wrong with the flags of the front, all mistakes at once.
func (c *agentCmd) checkFront() error {
	_, err := networks("front-trusted-proxies", c.Trusted)
	if c.Front == "" {
		return err
	}
	if _, _, wrong := net.SplitHostPort(c.Front); wrong != nil {
		err = errors.Join(err, fault.Invalid("--front %q is not an address; write it like 0.0.0.0:8080", c.Front).At("front"))
	}
	if !slices.Contains(c.Roles, wire.RoleHost) {
		err = errors.Join(err, fault.Invalid("--front needs the role host, as there is nothing to send visitors to without it; add it to --roles, or leave --front away").At("front"))
	}
	return err
}

// frontJoins says what is missing where the front has to join and cannot. An edge is a member of its own, and joins once.
func (c *agentCmd) frontJoins(token string) error {
	if c.Front == "" || token != "" || c.frontJoined() {
		return nil
	}
	return fault.Invalid("the front has not joined yet; start the agent once with --join and a token of: slipway join-token --roles host,edge").At("front")
}

func (c *agentCmd) frontJoined() bool {
	_, _, err := client.Known(filepath.Join(c.Data, agent.FrontDir))
	return err == nil
}

// front keeps the front of this host running: an edge of its own process, which goes on serving while the agent restarts, as the processes behind it do. One that an earlier agent left is ended
// where there is to be none any more.
func (c *agentCmd) front(ctx context.Context, o agent.Options) error {
	dir := filepath.Join(c.Data, agent.FrontDir)
	if c.Front == "" {
		return stopEdge(dir)
	}
	if !joined(ctx, c.Data) {
		return nil
	}
	exe, err := os.Executable()
	if err != nil {
		return fmt.Errorf("find this program, to run the front: %w", err)
	}
	s := edge.Supervisor{Dir: dir, Version: o.Version, Exe: exe, StopAtEnd: c.Tied, Logger: o.Logger.With("part", "front"),
		Args: []string{"edge", "--data", dir, "--listen", c.Front, "--beside", c.Data, "--name", c.frontName()}}
	if len(c.Trusted) > 0 {
		s.Args = append(s.Args, "--trusted-proxies", strings.Join(c.Trusted, ","))
	}
	if c.Tied {
		s.Args = append(s.Args, "--tied")
	}
	if !c.frontJoined() {
		s.Env = append(s.Env, joinVariable+"="+o.JoinToken)
	}
	return s.Run(ctx)
}

// frontName is the front's name in the installation.
func (c *agentCmd) frontName() string {
	name := c.Name
	if name == "" {
		name, _ = os.Hostname() // the agent has one, or would not have joined
	}
	return name + "-front"
}

// joined waits until the agent of a folder has joined; false when ctx ended first.
func joined(ctx context.Context, data string) bool {
	const every = 100 * time.Millisecond
	tick := time.NewTicker(every)
	defer tick.Stop()
	for {
		if _, _, err := agent.Known(data); err == nil {
			return true
		}
		select {
		case <-ctx.Done():
			return false
		case <-tick.C:
		}
	}
}
