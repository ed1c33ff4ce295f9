package cli

import (
	"errors"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/slipwayhq/slipway/internal/agent"
	"github.com/slipwayhq/slipway/internal/agent/proc"
	"github.com/slipwayhq/slipway/internal/cli/optionsfile"
	"github.com/slipwayhq/slipway/internal/fault"
)

type agentCmd struct {
	logging
	optionsfile.Flag
	tied
	joining
	Server  string            `help:"Address of the server; known already after the first join." env:"SLIPWAY_URL"`
	Roles   []string          `help:"What this machine does: work, host, or both." default:"work,host" env:"SLIPWAY_ROLES"`
	Name    string            `help:"Name of this machine; default: its host name." env:"SLIPWAY_NAME"`
	Addr    string            `help:"Address at which edges reach this host's processes, without a port." default:"127.0.0.1" env:"SLIPWAY_ADDR"`
	Data    string            `help:"Folder for identity, caches and releases." default:"slipway-agent" type:"path" env:"SLIPWAY_DATA"`
	Labels  map[string]string `help:"What is special about this machine, as name=value,…; environments choose hosts by it." mapsep:"," env:"SLIPWAY_LABELS"`
	Ports   string            `help:"Range of ports for processes." default:"20000-29999" env:"SLIPWAY_PORTS"`
	Front   string            `help:"Address at which this host answers visitors itself, as a front behind a load balancer of your own; the join token must allow the role edge." placeholder:"ADDR" env:"SLIPWAY_FRONT"`
	Trusted []string          `name:"front-trusted-proxies" help:"Networks of that load balancer, whose X-Forwarded-* is believed." env:"SLIPWAY_TRUSTED_PROXIES"`
	Statsd  string            `help:"Address at which apps send statsd or DogStatsD (UDP); off takes none." default:"127.0.0.1:8125" env:"SLIPWAY_STATSD"`
	Kept    []string          `name:"statsd-tags" help:"Tags by whose values a metric is told apart; the others are left out." default:"status,status_code" env:"SLIPWAY_STATSD_TAGS"`
	Slots   int               `help:"How many leases a worker does at once." default:"1" env:"SLIPWAY_SLOTS"`
	Environ []string          `help:"NAME=value that a worker's commands get, such as a GOCACHE shared by workers of one machine." sep:"none" env:"SLIPWAY_ENVIRON"`
	Isolate string            `name:"isolation" help:"How a worker keeps test commands apart from itself: namespaces, processes (they can read its credentials), or auto, which is namespaces where the kernel allows them." default:"auto" env:"SLIPWAY_ISOLATION"`
	Drain   time.Duration     `help:"How long a process that is to stop is left alone first." default:"3s" env:"SLIPWAY_DRAIN"`
}

func (c *agentCmd) Run(p *program) error {
	ports, wrongPorts := portRange(c.Ports)
	isolation, err := proc.ParseIsolation(c.Isolate)
	if err != nil {
		err = fault.Invalid("--isolation: %v", err).At("isolation")
	}
	if c.Slots == 0 { // the option's zero value is its default, the flag's is not
		err = errors.Join(err, fault.Invalid("--slots 0 is too few; a worker does one lease at once, or more").At("slots"))
	}
	o := agent.Options{
		Server: c.Server, Name: c.Name, Roles: c.Roles, Labels: c.Labels, Dir: c.Data, Addr: c.Addr, Ports: ports, Drain: c.Drain,
		Statsd: c.Statsd, StatsdTags: c.Kept,
		Slots: c.Slots, Environ: c.Environ, Keeper: proc.KeeperProgram(), Isolation: isolation, Tied: c.Tied, Version: programVersion(), Logger: c.logger(p.stderr),
	}
	if err := p.file.With(errors.Join(wrongPorts, err, c.checkFront(), o.Check())); err != nil {
		return err
	}
	if o.JoinToken, err = c.token(); err != nil {
		return err
	}
	if err := c.frontJoins(o.JoinToken); err != nil {
		return err
	}
	ctx, stop := c.bind(p.ctx)
	defer stop()
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() error { return agent.Run(ctx, o) })
	g.Go(func() error { return c.front(ctx, o) })
	return g.Wait()
}

// portRange reads a range of ports; whether there can be such ports is not its business.
func portRange(text string) (ports [2]int, err error) {
	from, to, ok := strings.Cut(text, "-")
	var wrong [2]error
	ports[0], wrong[0] = strconv.Atoi(from)
	ports[1], wrong[1] = strconv.Atoi(to)
	if !ok || wrong != [2]error{} {
		return [2]int{}, fault.Invalid("--ports %q is not a range; write it like 20000-29999", text).At("ports")
	}
	return ports, nil
}
