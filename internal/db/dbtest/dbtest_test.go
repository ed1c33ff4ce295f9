package dbtest_test

import (
	"context"
	"testing"

	"github.com/slipwayhq/slipway/internal/db"
	"github.com/slipwayhq/slipway/internal/db/dbtest"
	"github.com/slipwayhq/slipway/internal/event"
)

func TestEachStoreIsEmptyAndPumpsToItsLog(t *testing.T) {
	for range 2 {
		dbtest.Each(t, func(t *testing.T, d *db.DB) {
			j := dbtest.Journal(t, d)
			want := dbtest.Emit(t, d, event.Meta{App: "shop", Actor: "person:ana"}, event.AppCreated{Name: "shop"})
			ctx, cancel := context.WithCancel(t.Context())
			var got []event.Event
			if err := j.ReadState(ctx, 0, func(ev event.Event) error {
				got = append(got, ev)
				cancel()
				return nil
			}); err != nil {
				t.Fatal(err)
			}
			if len(got) != 1 || got[0].ID != want.ID || got[0].Position != 1 {
				t.Fatalf("got %+v, want the one event at position 1", got)
			}
		})
	}
}
