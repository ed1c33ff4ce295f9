//go:build cgo

package track_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"testing"
	"time"

	"github.com/slipwayhq/slipway/internal/analytics"
	"github.com/slipwayhq/slipway/internal/db"
	"github.com/slipwayhq/slipway/internal/db/dbtest"
	"github.com/slipwayhq/slipway/internal/decide/track"
	"github.com/slipwayhq/slipway/internal/fault"
	"github.com/slipwayhq/slipway/internal/pure/capture"
)

// What the log has and the store has not yet is removed, too: it is waited for, and tells which ids are theirs.
func TestWhatIsUnderWayIsForgotten(t *testing.T) {
	d := dbtest.SQLite(t, db.Options{})
	s, e := track.New(d), engine(t)
	store, err := e.Store(t.Context(), "shop")
	if err != nil {
		t.Fatal(err)
	}
	now := time.Now().UTC()
	row := func(seq uint64, user, anonymous string) analytics.Row {
		return analytics.Row{Sequence: seq, Event: capture.Event{ID: fmt.Sprint(seq), Kind: capture.Track, Name: "a", User: user, Anonymous: anonymous, Time: now, Received: now}}
	}
	down := errors.New("the store is down")
	k := &track.Keeper{Sources: s, Engine: e, Logger: slog.New(slog.DiscardHandler), Every: 5 * time.Millisecond, Stored: func(context.Context) error { return down }}
	if err := s.Forget(t.Context(), "person:ana", "shop", "u1", track.Forgetting{}); err != nil {
		t.Fatal(err)
	}
	if _, err := k.Remove(t.Context(), "shop", "u1"); !errors.Is(err, down) {
		t.Fatal(err)
	}
	k.Stored = func(ctx context.Context) error {
		return store.Append(ctx, analytics.Batch{Through: 3, Rows: []analytics.Row{row(1, "", "a1"), row(2, "u1", "a1"), row(3, "u2", "")}})
	}
	dbtest.Run(t, k.Run) // nobody need ask again
	until(t, "they are gone", func() bool { return count(t, e, "shop", `SELECT user_id FROM events`) == "[[u2]]" })
	f, err := k.Remove(t.Context(), "shop", "u1")
	if err != nil || f.Removed == nil || *f.Removed != 2 || fmt.Sprint(f.Anonymous) != "[a1]" {
		t.Errorf("%+v, %v", f, err)
	}
	for who, want := range map[string]bool{"u1/": true, "/a1": true, "u2/a1": false, "u2/": false, "/u1": true} {
		var ev capture.Event
		for i := range who {
			if who[i] == '/' {
				ev.User, ev.Anonymous = who[:i], who[i+1:]
			}
		}
		if ev.Received = now.Add(-time.Hour); s.Leave("shop", &ev) != want {
			t.Errorf("%s, of before: %v", who, !want)
		}
		if ev.Received = time.Now().Add(time.Hour); s.Leave("shop", &ev) || s.Rules("shop").Drop(&ev) {
			t.Errorf("%s, of later, is left out", who)
		}
		if ev.Received = now.Add(-time.Hour); s.Leave("blog", &ev) {
			t.Errorf("%s of another app is left out", who)
		}
	}
	if err := s.Forget(t.Context(), "person:ana", "shop", "", track.Forgetting{}); !fault.Is(err, fault.CodeInvalid) {
		t.Error(err)
	}
}

// Who is suppressed stays so after a start, on PostgreSQL, too.
func TestSuppressionIsRemembered(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		s := track.New(d)
		if err := s.Forget(t.Context(), "person:ana", "shop", "u1", track.Forgetting{Suppress: true}); err != nil {
			t.Fatal(err)
		}
		again := track.New(d)
		if err := again.Load(t.Context()); err != nil {
			t.Fatal(err)
		}
		if r := again.Rules("shop"); !r.Drop(&capture.Event{User: "u1"}) || !r.DropRaw([]byte(`{"properties":{"distinct_id":"u1"}}`)) || r.Drop(&capture.Event{User: "u2"}) || r.DropRaw([]byte(`{"userId":"u2"}`)) {
			t.Error("not u1, or not u1 alone")
		}
		list, err := again.Suppressed(t.Context(), "shop")
		if err != nil || len(list) != 1 || list[0].Dropped != 2 || list[0].Removed != nil {
			t.Errorf("%+v, %v", list, err)
		}
		if err := again.Lift(t.Context(), "person:ana", "shop", "u1", ""); err != nil || again.Rules("shop").Drop(&capture.Event{User: "u1"}) {
			t.Errorf("%v, or still dropped", err)
		}
		if err := again.Lift(t.Context(), "person:ana", "shop", "u1", ""); !fault.Is(err, fault.CodeNotFound) {
			t.Errorf("lifted twice: %v", err)
		}
	})
}
