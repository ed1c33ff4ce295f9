package catalog

import (
	"context"
	"log/slog"
	"time"

	"github.com/slipwayhq/slipway/internal/blob"
)

// sweepEvery is how often artifacts are looked through.
const sweepEvery = time.Hour

// Janitor sweeps artifacts, as one server's singleton, until ctx ends. Held gives the ids of the releases that hosts hold.
type Janitor struct {
	Catalog *Service
	Blobs   *blob.Store
	Held    func(context.Context) (map[string]bool, error)
	Logger  *slog.Logger
	// Keep is how many good releases of each environment can be rolled back to; 0 means Kept.
	Keep int
	// Every is how often it sweeps; 0 means hourly.
	Every time.Duration
}

// Run sweeps at once, and then every now and then.
func (j Janitor) Run(ctx context.Context) error {
	every := j.Every
	if every == 0 {
		every = sweepEvery
	}
	return j.Catalog.db.Single(ctx, "catalog/janitor", func(ctx context.Context) error {
		tick := time.NewTicker(every)
		defer tick.Stop()
		for {
			if err := j.sweep(ctx); err != nil && ctx.Err() == nil {
				j.Logger.Error("artifacts not swept", "error", err)
			}
			select {
			case <-tick.C:
			case <-ctx.Done():
				return nil
			}
		}
	})
}

func (j Janitor) sweep(ctx context.Context) error {
	held, err := j.Held(ctx)
	if err != nil {
		return err
	}
	dropped, err := j.Catalog.Sweep(ctx, j.Blobs, held, j.Keep)
	for _, d := range dropped {
		j.Logger.Info("artifact dropped", "artifact", d.Artifact, "bytes", d.Size, "reason", d.Reason)
	}
	return err
}
