package app

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	_ "time/tzdata" // planned changes keep zones, also on a machine that has none

	"github.com/slipwayhq/slipway/internal/access"
	"github.com/slipwayhq/slipway/internal/act/deploy"
	"github.com/slipwayhq/slipway/internal/act/notify"
	"github.com/slipwayhq/slipway/internal/act/traffic"
	"github.com/slipwayhq/slipway/internal/blob"
	"github.com/slipwayhq/slipway/internal/db"
	"github.com/slipwayhq/slipway/internal/decide/build"
	"github.com/slipwayhq/slipway/internal/decide/catalog"
	"github.com/slipwayhq/slipway/internal/decide/flag"
	"github.com/slipwayhq/slipway/internal/decide/flag/ramp"
	"github.com/slipwayhq/slipway/internal/decide/fleet"
	"github.com/slipwayhq/slipway/internal/decide/limit"
	"github.com/slipwayhq/slipway/internal/decide/question"
	"github.com/slipwayhq/slipway/internal/decide/rollout"
	"github.com/slipwayhq/slipway/internal/decide/track"
	"github.com/slipwayhq/slipway/internal/door/agents"
	"github.com/slipwayhq/slipway/internal/door/api"
	"github.com/slipwayhq/slipway/internal/door/expose"
	"github.com/slipwayhq/slipway/internal/door/exposed"
	"github.com/slipwayhq/slipway/internal/door/git"
	"github.com/slipwayhq/slipway/internal/door/ingest"
	"github.com/slipwayhq/slipway/internal/door/scrape"
	"github.com/slipwayhq/slipway/internal/fault"
	"github.com/slipwayhq/slipway/internal/journal"
	"github.com/slipwayhq/slipway/internal/prometheus"
	"github.com/slipwayhq/slipway/internal/vault"
)

// App is a server that is open but does not run yet. Make it with New, then Run it, or Close it.
type App struct {
	opts Options
	log  *slog.Logger
	// First is what the first start has to tell, once.
	First access.Bootstrapped

	// Access is for who runs the server: the demo adds people by it.
	Access *access.Service
	Fleet  *fleet.Service

	listener net.Listener
	local    net.Listener // nil when the other one takes loopback connections
	http     *http.Server
	pin      string
	plans    *track.Reviewer  // foresees what a plan of events would break
	ramped   *exposed.Counter // counts for ramps of flags
	exposed  *expose.Exposures
	stages   []stage
	closers  []closer
}

// New opens and wires everything, in the order of the picture, from the bottom up. What it opened is closed when it fails.
func New(ctx context.Context, opts Options) (_ *App, err error) {
	o, err := opts.withDefaults()
	if err != nil {
		return nil, err
	}
	a := &App{opts: o, log: o.Logger}
	defer func() {
		if err != nil {
			err = errors.Join(err, a.Close())
		}
	}()
	if err := a.lock(); err != nil {
		return nil, err
	}

	// The floor: store, log, secrets, blobs.
	store, err := db.Open(ctx, db.Options{Path: filepath.Join(o.Dir, "state.db"), URL: o.Database, Now: o.Now, Logger: a.logger("store")})
	if err != nil {
		return nil, err
	}
	a.onClose("store", store.Close)
	log, err := journal.Open(ctx, journal.Options{Dir: filepath.Join(o.Dir, "log"), URL: o.NATS, Logger: a.logger("log")})
	if err != nil {
		return nil, err
	}
	a.onClose("log", func() error { log.Close(); return nil })
	keys, err := vault.OpenKeyring(filepath.Join(o.Dir, "key"), o.SecretKey)
	if err != nil {
		return nil, err
	}
	blobs, err := blob.Open(filepath.Join(o.Dir, "blobs"))
	if err != nil {
		return nil, err
	}
	safe := vault.New(keys)
	a.stage("heap", tuneHeap)
	a.stage("log", log.Run, func(ctx context.Context) error { return store.Pump(ctx, log) })

	if err := a.listen(ctx); err != nil {
		return nil, err
	}

	// Act and decide: slices that know one another by events only.
	a.Access = access.New(store, a.logger("access"))
	deploys := deploy.New(store, log, safe, a.logger("deploy"))
	traffics := traffic.New(store, log, a.logger("traffic"))
	notices := notify.New(store, log, a.URL(), a.logger("notify"))
	a.Fleet = fleet.New(store, a.logger("fleet"))
	builds := build.New(store, log, blobs, build.Options{LogAge: o.LogAge, Logger: a.logger("build")})
	apps := catalog.New(store, safe)
	rollouts := rollout.New(store, log, a.logger("rollout"))
	sources := track.New(store)
	a.plans = &track.Reviewer{Sources: sources, Uses: []track.UsesOf{sources.Vitals}} // what comes to count events is one more of these
	a.stage("act", deploys.Run, traffics.Run, notices.Run)
	a.stage("decide", a.Fleet.Run, builds.Run, rollouts.Run,
		func(ctx context.Context) error { return apps.Run(ctx, log) },
		func(ctx context.Context) error { return sources.Run(ctx, log) },
		func(ctx context.Context) error { return sources.Follow(ctx, log) },
		catalog.Janitor{Catalog: apps, Blobs: blobs, Held: deploys.Held, Logger: a.logger("janitor")}.Run,
	)

	// Doors.
	server, err := api.New(api.Options{
		DB: store, Journal: log, Access: a.Access, Catalog: apps, Keys: keys, UI: o.UI, Logger: a.logger("api"),
		Version: o.Version, URL: a.URL(), EdgeURL: a.edgeURL(), Demo: o.Demo, Gauges: append(gauges(a.Fleet, builds, rollouts), a.unrecorded()),
	})
	if err != nil {
		return nil, err
	}
	agentDoor := &agents.Door{Fleet: a.Fleet, Deploy: deploys, Traffic: traffics, Logger: a.logger("agents")}
	repos, err := git.New(git.Options{
		DB: store, Access: a.Access, Dir: filepath.Join(o.Dir, "git"), URL: a.URL(), HookExe: o.Exe, Logger: a.logger("git"),
		AgentAuth: a.agentCredential, Follow: follower{builds: builds, rollouts: rollouts, log: log, url: a.URL()}.follow, ReviewPlan: a.plans.Pushed,
	})
	if err != nil {
		return nil, err
	}
	a.onClose("git", repos.Close)
	server.Mux().Handle("/git/", repos)
	server.MountBuilds(builds)
	server.MountRollouts(rollouts)
	server.MountLine(builds, rollouts)
	server.MountAgents(a.Fleet, deploys, builds, func() api.Join { return api.Join{URL: a.URL(), Pin: a.joinPin()} })
	server.MountNotices(notices)
	agentDoor.Mount(server.Mux())
	agents.Work{Build: builds, Blobs: blobs, Agent: agentDoor.Roles, Logger: a.logger("work")}.Mount(server.Mux())
	kept := flag.New(store)
	kept.Logger = a.logger("flags")
	if err := kept.Open(ctx); err != nil {
		return nil, err
	}
	ramps := ramp.New(store, kept, a.logger("ramps"))
	a.ramped = exposed.New(ramps, o.Now, a.logger("ramps"))
	if err := a.events(ctx, server, sources, question.New(store), rollouts, log, keys); err != nil {
		return nil, err
	}
	a.flags(server, kept, ramps, repos, log)
	if err := a.limits(ctx, server, limit.New(store, log, a.logger("limits")), kept, log); err != nil {
		return nil, err
	}
	ingest.Seconds{Journal: log, Agent: agentDoor.Roles, Logger: a.logger("ingest")}.Mount(server.Mux())
	a.http = newServer(server.Handler(), a.logger("http"))
	ticks := func(ctx context.Context) error {
		for t, ok := rollouts.NextTick(ctx); ok; t, ok = rollouts.NextTick(ctx) {
			server.Tick(api.Tick{App: t.App, Rollout: t.Rollout, Second: t.Second})
		}
		return nil
	}
	scraper, err := a.scraper(rollouts, log)
	if err != nil {
		return nil, err
	}
	a.stage("doors", server.Run, ticks, repos.Run, scraper, a.serve, a.edge)

	// Last, behind everything that can fail: the first admin's token is made once, and is lost when nobody comes to print it.
	if a.First, err = a.Access.Bootstrap(ctx, o.AdminToken); err != nil {
		return nil, err
	}
	return a, nil
}

// scraper asks the Prometheus that there is, if any.
func (a *App) scraper(rollouts *rollout.Service, log *journal.Journal) (func(context.Context) error, error) {
	if a.opts.Prometheus == "" {
		return func(context.Context) error { return nil }, nil
	}
	client, err := prometheus.New(a.opts.Prometheus, prometheus.Options{Token: a.opts.PrometheusToken})
	if err != nil {
		return nil, fault.Invalid("--prometheus: %s", err).At("prometheus")
	}
	a.onClose("prometheus", func() error { client.Close(); return nil })
	s := &scrape.Scraper{Client: client, Rollouts: rollouts, Journal: log, Logger: a.logger("scrape")}
	rollouts.Probe = s.Probe
	return s.Run, nil
}

// agentCredential lets agents clone.
func (a *App) agentCredential(ctx context.Context, credential string) (string, bool) {
	agent, err := a.Fleet.Authenticate(ctx, credential)
	return agent.ID, err == nil
}

// lock makes the data folder its owner's alone, and keeps a second server out of it.
func (a *App) lock() error {
	dir := a.opts.Dir
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return fault.Invalid("the data folder %s cannot be made; choose another --data", dir).Because(err)
	}
	if err := keepPrivate(dir); err != nil {
		a.log.Warn("others on this machine may be able to look into the data folder", "folder", dir, "error", err)
	}
	unlock, err := lockFile(filepath.Join(dir, "lock"))
	if errors.Is(err, syscall.EWOULDBLOCK) {
		return fault.Conflict("another slipway uses the data folder %s; stop it first, or choose another --data", dir)
	}
	if err != nil {
		return fault.Invalid("the data folder %s cannot be used; make it this user's, or choose another --data", dir).Because(err)
	}
	a.onClose("lock", unlock)
	return nil
}

// listen opens the port. Off loopback the certificate is what agents pin.
func (a *App) listen(ctx context.Context) error {
	cert, pin, err := certificate(a.opts)
	if err != nil {
		return err
	}
	var lc net.ListenConfig
	l, err := lc.Listen(ctx, "tcp", a.opts.Listen)
	if err != nil {
		return fault.Conflict("cannot listen on %s; choose another --listen", a.opts.Listen).Because(err)
	}
	a.pin, a.listener = pin, newSniffer(l, cert)
	a.onClose("listener", func() error { return closed(a.listener.Close()) })
	if tcp, ok := l.Addr().(*net.TCPAddr); !ok || tcp.IP.IsLoopback() || tcp.IP.IsUnspecified() {
		return nil
	}
	if a.local, err = lc.Listen(ctx, "tcp", "127.0.0.1:0"); err != nil {
		return fmt.Errorf("listen on loopback for the edge: %w", err)
	}
	a.onClose("loopback listener", func() error { return closed(a.local.Close()) })
	return nil
}

// closed takes closing twice for closing.
func closed(err error) error {
	if errors.Is(err, net.ErrClosed) {
		return nil
	}
	return err
}

// Addr is where the server listens.
func (a *App) Addr() string { return a.listener.Addr().String() }

// URL is how others reach the server.
func (a *App) URL() string {
	if a.opts.URL != "" {
		return strings.TrimRight(a.opts.URL, "/")
	}
	host, port, err := net.SplitHostPort(a.Addr())
	if err != nil {
		return "http://" + a.Addr()
	}
	ip := net.ParseIP(host)
	switch {
	case ip.IsLoopback():
		return "http://" + a.Addr()
	case ip.IsUnspecified():
		if name, err := os.Hostname(); err == nil {
			host = name
		}
	}
	return "https://" + net.JoinHostPort(host, port)
}

// joinPin is what a join token says about the server's key: nothing on loopback, where there is no TLS.
func (a *App) joinPin() string {
	if strings.HasPrefix(a.URL(), "https://") {
		return a.pin
	}
	return ""
}

func (a *App) logger(part string) *slog.Logger { return a.log.With("part", part) }

// LoginURL is the link that signs the first admin in, empty but at the first start.
func (a *App) LoginURL() string {
	if a.First.Code == "" {
		return ""
	}
	return fmt.Sprintf("%s/login?token=%s", a.URL(), a.First.Code)
}
