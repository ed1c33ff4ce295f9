package pg_test

import (
	"testing"

	"github.com/slipwayhq/slipway/internal/analytics"
	"github.com/slipwayhq/slipway/internal/analytics/analyticstest"
	"github.com/slipwayhq/slipway/internal/analytics/pg"
	"github.com/slipwayhq/slipway/internal/db/dbtest"
)

func TestConformance(t *testing.T) {
	analyticstest.Run(t, func(t *testing.T) analyticstest.Opener {
		url := dbtest.PostgresURL(t)
		return func(t *testing.T) analytics.Engine {
			e, err := pg.Open(t.Context(), pg.Options{URL: url, Secret: []byte("of the test")})
			if err != nil {
				t.Fatal(err)
			}
			return e
		}
	})
}
