package expose_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"testing"
	"time"

	"github.com/slipwayhq/slipway/internal/db"
	"github.com/slipwayhq/slipway/internal/db/dbtest"
	"github.com/slipwayhq/slipway/internal/decide/track"
	"github.com/slipwayhq/slipway/internal/door/expose"
	"github.com/slipwayhq/slipway/internal/door/ingest"
	"github.com/slipwayhq/slipway/internal/journal"
	"github.com/slipwayhq/slipway/internal/pure/capture"
	"github.com/slipwayhq/slipway/internal/seen"
)

func shown(user, value string) expose.Exposure {
	return expose.Exposure{Shown: capture.Shown{App: "shop", Environment: "production", User: user, Flag: "cart", Value: value}, Release: "rel_1"}
}

func quiet() *slog.Logger { return slog.New(slog.DiscardHandler) }

// run has exposures written by keep, until stop, which waits for what is left.
func run(t *testing.T, now func() time.Time, keep func(context.Context, string, string, []byte) error) (x *expose.Exposures, stop func()) {
	t.Helper()
	x = expose.New(keep, now, quiet())
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- x.Run(ctx) }()
	return x, func() {
		t.Helper()
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	}
}

// logged are the events that the log has.
func logged(t *testing.T, j *journal.Journal) (events []capture.Event) {
	t.Helper()
	_, last, err := j.EventsHeld(t.Context())
	if err != nil || last == 0 {
		t.Fatal("the log has nothing", err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	err = j.ReadEvents(ctx, 0, 1000, func(batch []journal.Telemetry) error {
		for _, m := range batch {
			e, err := capture.ReadEvent(m.Data)
			if err != nil {
				return err
			}
			if events = append(events, e); m.Sequence == last {
				cancel()
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return events
}

// Each exposure is in the log once a day, whatever is asked, by how many at once, and how often the server starts.
func TestOncePerVisitorFlagValueAndDay(t *testing.T) {
	d := dbtest.SQLite(t, db.Options{})
	log := dbtest.Journal(t, d)
	ids, err := seen.Open(t.TempDir(), time.Now, quiet())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = ids.Close() })
	door := ingest.NewEvents(log, track.New(d), ids, time.Now, quiet())
	day := time.Now().UTC().Truncate(24 * time.Hour)
	today := func() time.Time { return day.Add(-12 * time.Hour) }
	for range 3 { // starts
		x, stop := run(t, today, door.Told)
		var all sync.WaitGroup
		for range 8 {
			all.Go(func() {
				for u := range 700 { // more than are written at once
					x.Record(shown(fmt.Sprint("u", u), "true"))
				}
				x.Record(shown("u1", "false"))
				x.Record(expose.Exposure{Shown: capture.Shown{App: "shop", Environment: "production", Flag: "cart", Value: "true"}}) // nobody
				x.Record(expose.Exposure{Shown: capture.Shown{App: "shop", Environment: "staging", Anonymous: "u1", Flag: "cart", Value: `"b"`}})
			})
		}
		all.Wait()
		stop()
		if n := x.Dropped(); n != 0 {
			t.Errorf("%d are dropped", n)
		}
	}
	yesterday := today
	x, stop := run(t, func() time.Time { return yesterday().Add(-24 * time.Hour) }, door.Told)
	x.Record(shown("u1", "true"))
	stop()

	events := logged(t, log)
	if len(events) != 703 {
		t.Fatalf("%d events", len(events))
	}
	for _, e := range events {
		if e.Kind != capture.Exposure || e.Name != "cart" || e.Source != "flags" || e.Environment == "production" && (e.Release != "rel_1" || e.User == "" || !e.Time.Equal(today()) && !e.Time.Equal(today().Add(-24*time.Hour))) {
			t.Errorf("%+v", e)
		}
		if e.Environment == "staging" && (e.Anonymous != "u1" || string(e.Properties) != `{"value":"b"}`) {
			t.Errorf("%+v", e)
		}
	}
}

// Who asks never waits for the log. What it does not take is counted, and told with the visitor's next question.
func TestTheLogIsBehind(t *testing.T) {
	behind, writes := make(chan struct{}), make(chan struct{}, 1)
	x, stop := run(t, time.Now, func(context.Context, string, string, []byte) error {
		select {
		case writes <- struct{}{}:
		default:
		}
		<-behind
		return errors.New("the log is full")
	})
	x.Record(shown("first", "true"))
	<-writes // it hangs from here on
	for u := range expose.MostQueued + 10 {
		x.Record(shown(fmt.Sprint("u", u), "true"))
	}
	if n := x.Dropped(); n != 10 {
		t.Errorf("%d are dropped", n)
	}
	close(behind)
	stop()
	if n := x.Dropped(); n != expose.MostQueued+11 {
		t.Errorf("%d are dropped, of %d that were asked for", n, expose.MostQueued+11)
	}
	if n := x.Remembered(); n != 0 {
		t.Errorf("%d are taken for told", n)
	}
}

// What is remembered is bounded; what is asked for often stays.
func TestMemoryIsBounded(t *testing.T) {
	var mu sync.Mutex
	told := map[string]int{}
	x, stop := run(t, time.Now, func(_ context.Context, _, _ string, body []byte) error {
		mu.Lock()
		defer mu.Unlock()
		var in struct{ Events []struct{ User string } }
		if err := json.Unmarshal(body, &in); err != nil {
			return err
		}
		for _, e := range in.Events {
			told[e.User]++
		}
		return nil
	})
	x.Half(100)
	for u := range 1000 {
		x.Record(shown("often", "true"))
		x.Record(shown(fmt.Sprint("u", u), "true"))
		if n := x.Remembered(); n > 200 {
			t.Fatalf("%d are remembered", n)
		}
	}
	stop()
	if told["often"] != 1 || len(told) != 1001 || told["u0"] != 1 {
		t.Errorf("often %d times, %d visitors", told["often"], len(told))
	}
}
