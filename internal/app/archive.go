package app

import (
	"cmp"
	"context"
	"os"
	"path/filepath"

	"github.com/slipwayhq/slipway/internal/analytics"
	"github.com/slipwayhq/slipway/internal/analytics/archive"
)

// archive opens where the days of events are kept that have ended; nil is nowhere. fed waits until all is stored that the log has.
func (a *App) archive(engine analytics.Engine, fed func(context.Context) error) (*archive.Archive, error) {
	if a.opts.Archive == archive.None {
		return nil, nil
	}
	place, err := archive.OpenPlace(cmp.Or(a.opts.Archive, filepath.Join(a.opts.Dir, "archive")), os.Getenv)
	if err != nil {
		return nil, err
	}
	return archive.New(archive.Options{Place: place, Engine: engine, Scratch: filepath.Join(a.opts.Dir, "events", "archiving"), Fed: fed, Now: a.opts.Now, Logger: a.logger("archive")}), nil
}
