package vitals

import (
	"bytes"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/slipwayhq/slipway/internal/db"
	"github.com/slipwayhq/slipway/internal/db/dbtest"
	"github.com/slipwayhq/slipway/internal/decide/rollout"
	"github.com/slipwayhq/slipway/internal/pure/capture"
)

// tally is how many orders counted, or did not for a reason.
func (s *site) tally(why reason) int64 {
	s.t.Helper()
	vitals := s.counter.vitals[place{"shop", "production"}]
	if len(vitals) != 1 {
		s.t.Fatalf("%d vitals", len(vitals))
	}
	return vitals[0].tally[why]
}

// order sends orders of so many new visitors, and lets the counter's second pass.
func (s *site) order(n int) {
	s.t.Helper()
	var sent []map[string]any
	for range n {
		s.visitors++
		sent = append(sent, map[string]any{"name": "order_completed", "user": fmt.Sprint("o", s.visitors), "release": "rel_1"})
	}
	s.post(sent)
	if err := s.counter.second(s.t.Context()); err != nil {
		s.t.Fatal(err)
	}
}

// What failed an hour ago and is repaired now was done an hour ago: it says nothing of the release that serves now.
func TestWhatIsRepairedWasDoneLongAgo(t *testing.T) {
	s := newSite(t, inDuck)
	s.ship(1)
	s.order(1)
	had, late := s.tally(counted), s.tally(long)
	source, err := s.sources.Sources(t.Context(), "shop")
	if err != nil || len(source) != 1 {
		t.Fatal(source, err)
	}
	for i, ago := range []time.Duration{time.Hour, time.Second} {
		f := capture.Failed{App: "shop", Environment: "production", Source: source[0].ID, Received: s.now().Add(-ago)}
		item := fmt.Appendf(nil, `{"name":"order_completed","user":"r%d","release":"rel_1"}`, i)
		if _, err := s.door.Replay(t.Context(), f, fmt.Sprint("again", i), item, true); err != nil {
			t.Fatal(err)
		}
	}
	s.order(0)
	if now := s.tally(counted) - had; now != 1 { // the one of a second ago
		t.Errorf("%d counted", now)
	}
	if now := s.tally(long) - late; now != 1 {
		t.Errorf("%d happened long ago", now)
	}
}

// While the store cannot tell what is wanted, what was wanted before is counted, and the log says so once.
func TestSecondsAreCountedWhileNothingCanBeAsked(t *testing.T) {
	s := newSite(t, inDuck)
	s.ship(1)
	s.order(1)
	had, told := s.tally(counted), s.counter.numbers[""]
	gone := dbtest.SQLite(t, db.Options{})
	if err := gone.Close(); err != nil {
		t.Fatal(err)
	}
	var said bytes.Buffer
	up, log := s.counter.Rollouts, s.counter.Logger
	s.counter.Rollouts, s.counter.Logger = rollout.New(gone, s.j, log), slog.New(slog.NewTextHandler(&said, nil))
	for range 2 * askEvery {
		s.order(2)
	}
	if now := s.tally(counted) - had; now != 4*askEvery {
		t.Errorf("%d counted", now)
	}
	if now := s.counter.numbers[""] - told; now != 2*askEvery {
		t.Errorf("%d seconds told", now)
	}
	if n := strings.Count(said.String(), "cannot be asked"); n != 1 {
		t.Errorf("said %d times: %s", n, said.String())
	}
	s.counter.Rollouts = up
	s.order(1)
	if s.counter.unasked {
		t.Error("it is not asked again at once")
	}
}
