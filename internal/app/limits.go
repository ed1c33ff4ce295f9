package app

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"path/filepath"

	"github.com/slipwayhq/slipway/internal/decide/flag"
	"github.com/slipwayhq/slipway/internal/decide/limit"
	"github.com/slipwayhq/slipway/internal/door/api"
	"github.com/slipwayhq/slipway/internal/door/check"
	"github.com/slipwayhq/slipway/internal/door/envoy"
	"github.com/slipwayhq/slipway/internal/door/limits"
	"github.com/slipwayhq/slipway/internal/fault"
	"github.com/slipwayhq/slipway/internal/journal"
	"github.com/slipwayhq/slipway/internal/pure/envoylimit"
	"github.com/slipwayhq/slipway/internal/takes"
	"github.com/slipwayhq/slipway/internal/takes/redis"
)

// limits opens what limits are kept, counted and asked by.
func (a *App) limits(ctx context.Context, server *api.Server, kept *limit.Service, flags *flag.Service, log *journal.Journal) error {
	if err := kept.Load(ctx, ""); err != nil { // what was taken is read back by the limits that there are
		return err
	}
	a.stage("limits", kept.Run, kept.Keep) // before what counts, so that it ends behind it, and keeps the last counts
	store, err := a.takes(ctx, kept, log)
	if err != nil {
		return err
	}
	caller := func(key string) (check.Caller, bool) {
		k, ok := flags.Key(key)
		return check.Caller{App: k.App, Env: k.Environment, Name: k.Name}, ok && k.Kind == "server"
	}
	(&limits.Door{API: server, Limits: kept, Store: store, Now: a.opts.Now}).Mount()
	(&check.Door{Limits: kept, Store: store, Key: caller, Now: a.opts.Now, Logger: a.logger("limits")}).Mount(server.Clients())
	filters := &envoy.Door{
		Key: func(key string) (app, env string, ok bool) { c, ok := caller(key); return c.App, c.Env, ok },
		Configs: func(_ context.Context, app, env, domain string) *envoylimit.Config {
			return kept.Config(app, env, domain)
		},
		Store: store, Now: a.opts.Now, Logger: a.logger("limits"),
	}
	filters.Mount(server.Clients())
	return a.listenForEnvoy(ctx, filters)
}

// takes opens what counts what is taken: this server's memory, or a Redis that servers share.
func (a *App) takes(ctx context.Context, kept *limit.Service, log *journal.Journal) (takes.Store, error) {
	if a.opts.LimitStore == "" {
		now := a.opts.Now
		if a.opts.machine {
			now = nil // of which it has a cheaper way
		}
		m, err := takes.OpenMemory(ctx, takes.Options{
			Dir: filepath.Join(a.opts.Dir, "limits"), Journal: log, Find: kept.Find, Watch: kept.Fold, MaxKeys: a.opts.LimitKeys, Now: now, Logger: a.logger("limits"),
		})
		if err != nil {
			return nil, err
		}
		a.stage("takes", m.Run)
		return m, nil
	}
	s, err := redis.Open(redis.Options{URL: a.opts.LimitStore, Logger: a.logger("limits")})
	if err != nil {
		return nil, err
	}
	r := &takes.Recorder{Store: s, Journal: log, Watch: kept.Fold, Now: a.opts.Now, Logger: a.logger("limits")}
	a.stage("takes", s.Run, r.Run)
	return r, nil
}

// listenForEnvoy opens the port that Envoy's filters ask at, if there is one. Off loopback it speaks TLS with the server's certificate.
func (a *App) listenForEnvoy(ctx context.Context, door *envoy.Door) error {
	if a.opts.LimitListen == "" {
		return nil
	}
	var lc net.ListenConfig
	l, err := lc.Listen(ctx, "tcp", a.opts.LimitListen)
	if err != nil {
		return fault.Conflict("cannot listen on %s; choose another --limit-listen", a.opts.LimitListen).Because(err)
	}
	if tcp, ok := l.Addr().(*net.TCPAddr); !ok || !tcp.IP.IsLoopback() {
		cert, _, err := certificate(a.opts)
		if err != nil {
			return errors.Join(err, l.Close())
		}
		door.TLS = &tls.Config{Certificates: []tls.Certificate{cert}, MinVersion: tls.VersionTLS12}
	}
	a.onClose("limits' listener", func() error { return closed(l.Close()) })
	a.stage("limits for Envoy", func(ctx context.Context) error { return door.Serve(ctx, l) })
	return nil
}
