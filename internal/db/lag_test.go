package db_test

import (
	"context"
	"errors"
	"maps"
	"sync/atomic"
	"testing"
	"time"

	"github.com/slipwayhq/slipway/internal/db"
	"github.com/slipwayhq/slipway/internal/db/dbtest"
	"github.com/slipwayhq/slipway/internal/event"
)

// What a consumer does not want is no lag, handled or not; what it fails at is.
func TestLagIsWhatAConsumerStillHasToSee(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		j := dbtest.Journal(t, d)
		var fails atomic.Bool
		handle := func(context.Context, *db.Tx, event.Event) error {
			if fails.Load() {
				return errors.New("not now")
			}
			return nil
		}
		ctx, stop := context.WithCancel(t.Context())
		ended := make(chan error, 2)
		for _, c := range []db.Consumer{{Name: "wants", Types: []event.Type{"app.created"}, Handle: handle}, {Name: "wants-none", Types: []event.Type{"agent.joined"}, Handle: handle}} {
			go func() { ended <- d.Consume(ctx, j, c) }()
		}
		until := func(want map[string]int64) {
			t.Helper()
			var lags map[string]int64
			for end := time.Now().Add(30 * time.Second); time.Now().Before(end); time.Sleep(5 * time.Millisecond) {
				var err error
				if lags, err = d.Lags(t.Context()); err != nil {
					t.Fatal(err)
				}
				if maps.Equal(lags, want) {
					return
				}
			}
			t.Fatalf("the lags are %v, and never %v", lags, want)
		}
		until(map[string]int64{"wants": 0, "wants-none": 0})
		emitTogether(t, d, 3)
		until(map[string]int64{"wants": 0, "wants-none": 0})
		fails.Store(true)
		emitTogether(t, d, 2)
		until(map[string]int64{"wants": 2, "wants-none": 0})
		fails.Store(false)
		until(map[string]int64{"wants": 0, "wants-none": 0})
		stop()
		for range 2 {
			if err := <-ended; err != nil {
				t.Error(err)
			}
		}
		until(map[string]int64{})
	})
}

// Who waits for all to have heard does not wait for what comes later, nor returns before.
func TestSettle(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		j := dbtest.Journal(t, d)
		ctx, stop := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		began, release := make(chan int64, 10), make(chan struct{})
		go func() {
			ended <- d.Consume(ctx, j, db.Consumer{Name: "slow", Types: []event.Type{"app.created"}, Handle: func(ctx context.Context, _ *db.Tx, ev event.Event) error {
				began <- ev.Position
				select {
				case <-release:
				case <-ctx.Done():
				}
				return ctx.Err()
			}})
		}()
		emitTogether(t, d, 1)
		<-began
		early, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
		defer cancel()
		if err := d.Settle(early); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("it settled before all had heard: %v", err)
		}
		release <- struct{}{}
		if err := d.Settle(t.Context()); err != nil {
			t.Error(err)
		}
		stop()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
}
