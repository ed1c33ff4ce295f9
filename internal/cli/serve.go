package cli

import (
	"errors"
	"path/filepath"
	"time"

	"github.com/slipwayhq/slipway/internal/app"
	"github.com/slipwayhq/slipway/internal/cli/optionsfile"
	"github.com/slipwayhq/slipway/internal/edge"
	"github.com/slipwayhq/slipway/ui"
)

type serveCmd struct {
	logging
	optionsfile.Flag
	Data               string        `help:"Folder for everything." default:"slipway-data" type:"path" env:"SLIPWAY_DATA"`
	Listen             string        `help:"Address for people, agents and git; TLS off loopback." default:"127.0.0.1:7070" env:"SLIPWAY_LISTEN"`
	EdgeListen         string        `help:"Address for the apps' visitors; \"none\" when the edge runs elsewhere." default:"127.0.0.1:7080" env:"SLIPWAY_EDGE_LISTEN"`
	EdgeTLSListen      string        `help:"Address for the apps' visitors by TLS; --edge-listen then sends everybody there. Default with --acme: :443." env:"SLIPWAY_EDGE_TLS_LISTEN"`
	EdgeTLSCert        string        `help:"Certificate file for the apps' visitors; read again when it changes." type:"path" env:"SLIPWAY_EDGE_TLS_CERT"`
	EdgeTLSKey         string        `help:"Key file of that certificate." type:"path" env:"SLIPWAY_EDGE_TLS_KEY"`
	ACME               bool          `name:"acme" help:"Get certificates for the environments' domains from Let's Encrypt, or --acme-ca; port 80 must reach --edge-listen." env:"SLIPWAY_ACME"`
	ACMEEmail          string        `name:"acme-email" help:"Where the authority writes to when something is wrong; implies --acme." env:"SLIPWAY_ACME_EMAIL"`
	ACMECA             string        `name:"acme-ca" help:"Directory of another certificate authority: its URL; implies --acme." env:"SLIPWAY_ACME_CA"`
	EdgeTrustedProxies []string      `help:"Networks of proxies before the edge, whose X-Forwarded-* is believed." env:"SLIPWAY_TRUSTED_PROXIES"`
	URL                string        `help:"How others reach this server, where that is not its address." env:"SLIPWAY_PUBLIC_URL"`
	AdminToken         string        `help:"A token of the first admin, 16 characters at least. Without it one is made and printed at the first start." env:"SLIPWAY_ADMIN_TOKEN"`
	Database           string        `help:"postgres://… instead of SQLite in the data folder." env:"SLIPWAY_DATABASE"`
	Analytics          string        `help:"postgres://… for users' events, instead of DuckDB in the data folder." env:"SLIPWAY_ANALYTICS"`
	Archive            string        `help:"Folder, or s3://bucket/prefix, that keeps each day of users' events as Parquet when it has ended; \"none\" keeps none. Default: archive in the data folder." env:"SLIPWAY_ARCHIVE"`
	NATS               string        `name:"nats" help:"nats://… of a cluster instead of a log in the data folder." env:"SLIPWAY_NATS"`
	SecretKey          string        `help:"Key that seals secrets, instead of the file in the data folder: 32 bytes as 64 hex digits." env:"SLIPWAY_SECRET_KEY"`
	TLSCert            string        `name:"tls-cert" help:"Certificate file; without it the server makes its own." type:"path" env:"SLIPWAY_TLS_CERT"`
	TLSKey             string        `name:"tls-key" help:"Key file of the certificate." type:"path" env:"SLIPWAY_TLS_KEY"`
	Prometheus         string        `help:"URL of the Prometheus that vitals by a query are asked from." env:"SLIPWAY_PROMETHEUS"`
	PrometheusToken    string        `help:"Bearer token, if it wants one." env:"SLIPWAY_PROMETHEUS_TOKEN"`
	LimitStore         string        `help:"redis://… that counts what is taken of limits, for several servers; without it this server's memory does." env:"SLIPWAY_LIMIT_STORE"`
	LimitKeys          int           `help:"How many groups of limits are counted in memory at once." default:"10000000" env:"SLIPWAY_LIMIT_KEYS"`
	LimitListen        string        `help:"Address where Envoy asks for limits by gRPC, such as 127.0.0.1:8081; without it nowhere." env:"SLIPWAY_LIMIT_LISTEN"`
	LogAge             time.Duration `help:"How long logs of builds are kept." default:"720h" env:"SLIPWAY_LOG_AGE"`
}

func (c *serveCmd) Run(p *program) error {
	trusted, err := networks("edge-trusted-proxies", c.EdgeTrustedProxies)
	o := app.Options{
		Dir: c.Data, Listen: c.Listen, EdgeListen: c.EdgeListen, URL: c.URL, AdminToken: c.AdminToken, Database: c.Database, Analytics: c.Analytics, Archive: c.Archive, NATS: c.NATS,
		EdgeTLSListen: c.EdgeTLSListen, EdgeCertFile: c.EdgeTLSCert, EdgeKeyFile: c.EdgeTLSKey, ACME: c.ACME, ACMEEmail: c.ACMEEmail, ACMECA: c.ACMECA,
		SecretKey: c.SecretKey, CertFile: c.TLSCert, KeyFile: c.TLSKey, LogAge: c.LogAge, TrustedProxies: trusted, EdgeArgs: c.args(),
		LimitStore: c.LimitStore, LimitKeys: c.LimitKeys, LimitListen: c.LimitListen,
		Prometheus: c.Prometheus, PrometheusToken: c.PrometheusToken,
		Version: programVersion(), UI: ui.Files(), Logger: c.logger(p.stderr),
	}
	if err := p.file.With(errors.Join(err, o.Check())); err != nil {
		return err
	}
	a, err := app.New(p.ctx, o)
	if err != nil {
		return err
	}
	c.greet(p, a)
	err = a.Run(p.ctx)
	return errors.Join(err, c.leave(p))
}

// greet says where to go. What is shown at the first start is never shown again.
func (c *serveCmd) greet(p *program, a *app.App) {
	p.say("Slipway serves at %s", a.URL())
	if a.First.Token != "" {
		p.say("The first admin's token, shown this once:\n\n    %s\n", a.First.Token)
	}
	if link := a.LoginURL(); link != "" {
		p.say("Sign in with this link, which works once:\n\n    %s\n", link)
		p.say("Next: slipway login %-24s keeps the token, for slipway and for git", a.URL())
		p.say("      slipway join-token --roles work,host   makes the command that other machines join by")
		p.say("      slipway init                           in a repository, then git push")
	}
}

// leave ends the edge on ctrl-C. Any other end is for a restart, of which visitors must notice nothing.
func (c *serveCmd) leave(p *program) error {
	if c.EdgeListen == "none" {
		return nil
	}
	dir := filepath.Join(c.Data, "edge")
	if interrupted(p.ctx) {
		return stopEdge(dir)
	}
	if status, err := edge.Alive(dir); err == nil {
		p.say("The edge goes on serving visitors at %s (process %d); the next slipway serve takes it over. To end it: slipway edge stop --data %s", status.Listen, status.PID, c.Data)
	}
	return nil
}
