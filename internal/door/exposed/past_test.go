package exposed_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/slipwayhq/slipway/internal/analytics"
	"github.com/slipwayhq/slipway/internal/analytics/duck"
	"github.com/slipwayhq/slipway/internal/analytics/pg"
	"github.com/slipwayhq/slipway/internal/db/dbtest"
	"github.com/slipwayhq/slipway/internal/door/exposed"
	"github.com/slipwayhq/slipway/internal/pure/capture"
)

// Both stores tell who did what since a time, in an environment, by any of their ids.
func TestWhoHadTheirs(t *testing.T) {
	now := time.Now().UTC().Truncate(time.Microsecond)
	for name, open := range map[string]func() (analytics.Engine, error){
		"duck": func() (analytics.Engine, error) {
			return duck.Open(duck.Options{Dir: t.TempDir(), Memory: 128, Threads: 1})
		},
		"postgres": func() (analytics.Engine, error) {
			return pg.Open(t.Context(), pg.Options{URL: dbtest.PostgresURL(t), Secret: []byte("of the test")})
		},
	} {
		t.Run(name, func(t *testing.T) {
			engine, err := open()
			if err != nil {
				t.Fatal(err)
			}
			defer func() { _ = engine.Close() }()
			store, err := engine.Store(t.Context(), "shop")
			if err != nil {
				t.Fatal(err)
			}
			b := analytics.Batch{}
			for i, e := range []capture.Event{
				{Kind: capture.Track, Name: "order", User: "ana", Anonymous: "a1"},
				{Kind: capture.Track, Name: "order", User: "ana", Anonymous: "a1"},
				{Kind: capture.Track, Name: "order", Anonymous: "b1"},
				{Kind: capture.Page, Name: "order", User: "cem"},
				{Kind: capture.Track, Name: "refund", User: "dan"},
				{Kind: capture.Track, Name: "order", User: "eva", Environment: "staging"},
				{Kind: capture.Track, Name: "order", User: "old", Received: now.Add(-time.Hour)},
			} {
				e.ID, e.App, e.Source, e.Time = fmt.Sprint("e", i), "shop", "web", now
				if e.Environment == "" {
					e.Environment = "production"
				}
				if e.Received.IsZero() {
					e.Received = now
				}
				b.Rows = append(b.Rows, analytics.Row{Sequence: uint64(i) + 1, Event: e})
			}
			if b.Through = uint64(len(b.Rows)); store.Append(t.Context(), b) != nil {
				t.Fatal("the events are not stored")
			}
			had, err := exposed.PastOf(engine)(t.Context(), "shop", "production", []string{"order", "page"}, now.Add(-time.Minute))
			slices.SortFunc(had, func(a, b exposed.Had) int {
				return slices.Compare([]string{a.Event, a.User}, []string{b.Event, b.User})
			})
			if err != nil || fmt.Sprint(had) != "[{ b1 order} {ana a1 order} {cem  page}]" {
				t.Errorf("%v, %v", had, err)
			}
		})
	}
}
