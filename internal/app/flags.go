package app

import (
	"context"

	"github.com/slipwayhq/slipway/internal/decide/flag"
	"github.com/slipwayhq/slipway/internal/journal"
)

// flags opens what flags are kept and asked by.
func (a *App) flags(kept *flag.Service, log *journal.Journal) {
	a.stage("flags", func(ctx context.Context) error { return kept.Run(ctx, log) }, kept.Keep)
}
