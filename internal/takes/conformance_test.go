package takes_test

import (
	"log/slog"
	"testing"

	"github.com/slipwayhq/slipway/internal/journal"
	"github.com/slipwayhq/slipway/internal/pure/rate"
	"github.com/slipwayhq/slipway/internal/takes"
	"github.com/slipwayhq/slipway/internal/takes/takestest"
)

func TestConformance(t *testing.T) {
	takestest.Run(t, func(t *testing.T, clock *takestest.Clock) takes.Store {
		log, err := journal.Open(t.Context(), journal.Options{Dir: t.TempDir(), Logger: slog.New(slog.DiscardHandler)})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(log.Close)
		running(t, log.Run)
		m, err := takes.OpenMemory(t.Context(), takes.Options{Dir: t.TempDir(), Journal: log, Find: func(a, b, c string) *rate.Defined { return nil }, Now: clock.Now, Logger: slog.New(slog.DiscardHandler)})
		if err != nil {
			t.Fatal(err)
		}
		running(t, m.Run)
		return m
	})
}
