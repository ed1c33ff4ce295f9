package cli

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"runtime"
	"time"

	"github.com/slipwayhq/slipway/internal/agent"
	"github.com/slipwayhq/slipway/internal/agent/client"
	"github.com/slipwayhq/slipway/internal/cli/optionsfile"
	"github.com/slipwayhq/slipway/internal/edge"
	"github.com/slipwayhq/slipway/internal/edge/certs"
	"github.com/slipwayhq/slipway/internal/edge/control"
	"github.com/slipwayhq/slipway/internal/fault"
	"github.com/slipwayhq/slipway/internal/wire"
)

type edgeVerb struct {
	Run  edgeCmd     `cmd:"" default:"withargs" help:"Run an edge. On another machine than the server's it joins by a token first."`
	Stop edgeStopCmd `cmd:"" help:"End the edge that a server left running."`
}

type edgeCmd struct {
	logging
	optionsfile.Flag
	tied
	joining
	Data           string   `help:"Folder of this edge." aliases:"dir" default:"slipway-edge" type:"path" env:"SLIPWAY_DATA"`
	Listen         string   `help:"Address for visitors." default:"127.0.0.1:7080" env:"SLIPWAY_EDGE_LISTEN"`
	Server         string   `help:"Address of the server; known already after the first join." env:"SLIPWAY_URL"`
	Name           string   `help:"Name of this edge; default: the host name." env:"SLIPWAY_NAME"`
	TLSCert        string   `name:"tls-cert" help:"Certificate file for visitors; read again when it changes." type:"path" env:"SLIPWAY_EDGE_TLS_CERT"`
	TLSKey         string   `name:"tls-key" help:"Key file of the certificate." type:"path" env:"SLIPWAY_EDGE_TLS_KEY"`
	ACME           bool     `name:"acme" help:"Get certificates for the environments' domains from Let's Encrypt, or --acme-ca; port 80 must reach --listen." env:"SLIPWAY_ACME"`
	ACMEEmail      string   `name:"acme-email" help:"Where the authority writes to when something is wrong; implies --acme." env:"SLIPWAY_ACME_EMAIL"`
	ACMECA         string   `name:"acme-ca" help:"Directory of another certificate authority: its URL; implies --acme." env:"SLIPWAY_ACME_CA"`
	TLSListen      string   `name:"tls-listen" help:"Address for visitors by TLS; --listen then sends everybody there. Default with --acme: :443." env:"SLIPWAY_EDGE_TLS_LISTEN"`
	Beside         string   `help:"Data folder of an agent with the role host on this machine: visitors are sent to its processes alone, as a front behind a load balancer." type:"path" placeholder:"DIR" env:"SLIPWAY_BESIDE"`
	TrustedProxies []string `help:"Networks of proxies before the edge, whose X-Forwarded-* is believed." env:"SLIPWAY_TRUSTED_PROXIES"`
	ID             string   `help:"Id that the server gave to its own edge." hidden:""`
	Credential     string   `help:"Credential of the server's own edge." hidden:"" env:"SLIPWAY_EDGE_CREDENTIAL"`
}

func (c *edgeCmd) Run(p *program) error {
	o := edge.Options{
		ID: c.ID, Listen: c.Listen, Server: c.Server, Credential: c.Credential, Dir: c.Data, Version: programVersion(), Logger: c.logger(p.stderr),
	}
	if err := p.file.With(errors.Join(c.network(&o), c.beside(&o))); err != nil {
		return err
	}
	ctx, stop := c.bind(p.ctx)
	defer stop()
	if c.ID == "" {
		joined, err := c.join(ctx, &o)
		if err != nil {
			return err
		}
		defer joined.Close()
	}
	e, err := edge.New(o)
	if err != nil {
		return err
	}
	return e.Run(ctx)
}

// network reads what concerns connections, all mistakes at once.
func (c *edgeCmd) network(o *edge.Options) error {
	var err error
	o.TrustedProxies, err = networks("trusted-proxies", c.TrustedProxies)
	o.CertFile, o.KeyFile, o.TLSListen = c.TLSCert, c.TLSKey, c.TLSListen
	if c.ACME || c.ACMEEmail != "" || c.ACMECA != "" {
		o.ACME = &certs.ACME{Email: c.ACMEEmail, Directory: c.ACMECA}
	}
	if c.Name != "" {
		err = errors.Join(err, agent.CheckName(c.Name))
	}
	return errors.Join(err, o.Check())
}

// beside makes the edge the front of an agent's host, and takes the server's address from there where no other is given.
func (c *edgeCmd) beside(o *edge.Options) error {
	if c.Beside == "" {
		return nil
	}
	host, server, err := agent.Known(c.Beside)
	if err != nil {
		return fault.Invalid("--beside: %v; name the folder that the agent has as --data, and start the agent first", err).At("beside")
	}
	if o.Host = host; c.Server == "" {
		c.Server = server
	}
	return nil
}

// networks reads what a flag says about proxies, all mistakes at once.
func networks(flag string, texts []string) (ns []netip.Prefix, err error) {
	for _, text := range texts {
		n, wrong := netip.ParsePrefix(text)
		if wrong != nil {
			err = errors.Join(err, fault.Invalid("--%s: %q is not a network; write it like 10.0.0.0/8", flag, text).At(flag))
		}
		ns = append(ns, n)
	}
	return ns, err
}

// join makes this machine an edge of the server; where it is one already, nothing is asked.
func (c *edgeCmd) join(ctx context.Context, o *edge.Options) (*client.Client, error) {
	token, err := c.token()
	if err != nil {
		return nil, err
	}
	name := c.Name
	if name == "" {
		host, err := os.Hostname()
		if err != nil {
			return nil, fmt.Errorf("this machine has no host name; give one with --name: %w", err)
		}
		name = host + "-edge"
	}
	joined, err := client.New(client.Options{Server: c.Server, Token: token, Dir: c.Data, Version: o.Version, Logger: o.Logger})
	if err != nil {
		return nil, err
	}
	host, _, err := net.SplitHostPort(c.Listen)
	if err != nil {
		return nil, err // it was looked at before
	}
	o.ID, err = joined.Join(ctx, wire.JoinRequest{Name: name, Roles: []string{wire.RoleEdge}, Addr: host, CPUs: runtime.NumCPU()})
	if err != nil {
		joined.Close()
		return nil, err
	}
	o.Credential, o.Server = joined.Credential(), joined.Server()
	o.Transport = joined.Transport()
	return joined, nil
}

type edgeStopCmd struct {
	Data string `help:"Folder of the server, or of the edge." default:"slipway-data" type:"path" env:"SLIPWAY_DATA"`
}

func (c *edgeStopCmd) Run(p *program) error {
	dir := filepath.Join(c.Data, "edge")
	if _, err := edge.Alive(dir); err != nil {
		dir = c.Data
	}
	status, err := edge.Alive(dir)
	if err != nil {
		return fault.NotFound("no edge runs from %s; name its folder with --data", c.Data)
	}
	if err := stopEdge(dir); err != nil {
		return err
	}
	p.say("The edge at %s has ended.", status.Listen)
	return nil
}

// stopTime is how long an edge may take to end: its requests have ten seconds.
const stopTime = 20 * time.Second

// stopEdge tells the edge of a folder to end and waits until it is gone. Where none runs, nothing is to be done.
func stopEdge(dir string) error {
	if _, err := edge.Alive(dir); err != nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.Background(), stopTime)
	defer cancel()
	gone := make(chan error, 1)
	go func() { gone <- control.Watch(ctx, dir) }() // received below
	err := control.Stop(dir)
	if watching := <-gone; err == nil && watching != nil {
		err = watching
	}
	if _, still := edge.Alive(dir); err != nil && still == nil {
		return fmt.Errorf("end the edge in %s: %w", dir, err)
	}
	return nil
}
