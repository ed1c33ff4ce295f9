package app

import (
	"context"
	"path/filepath"

	"github.com/slipwayhq/slipway/internal/decide/flag"
	"github.com/slipwayhq/slipway/internal/decide/limit"
	"github.com/slipwayhq/slipway/internal/door/api"
	"github.com/slipwayhq/slipway/internal/door/check"
	"github.com/slipwayhq/slipway/internal/door/limits"
	"github.com/slipwayhq/slipway/internal/journal"
	"github.com/slipwayhq/slipway/internal/takes"
)

// limits opens what limits are kept, counted and asked by.
func (a *App) limits(ctx context.Context, server *api.Server, kept *limit.Service, flags *flag.Service, log *journal.Journal) error {
	if err := kept.Load(ctx, ""); err != nil { // what was taken is read back by the limits that there are
		return err
	}
	store, err := takes.OpenMemory(ctx, takes.Options{
		Dir: filepath.Join(a.opts.Dir, "limits"), Journal: log, Find: kept.Find, Watch: kept.Fold, MaxKeys: a.opts.LimitKeys, Now: a.opts.Now, Logger: a.logger("limits"),
	})
	if err != nil {
		return err
	}
	caller := func(key string) (check.Caller, bool) {
		k, ok := flags.Key(key)
		return check.Caller{App: k.App, Env: k.Environment, Name: k.Name}, ok && k.Kind == "server"
	}
	(&limits.Door{API: server, Limits: kept, Store: store, Now: a.opts.Now}).Mount()
	(&check.Door{Limits: kept, Store: store, Key: caller, Now: a.opts.Now, Logger: a.logger("limits")}).Mount(server.Clients())
	a.stage("limits", kept.Run, kept.Keep, store.Run)
	return nil
}
