package track_test

import (
	"context"
	"testing"

	"github.com/slipwayhq/slipway/internal/db"
	"github.com/slipwayhq/slipway/internal/db/dbtest"
	"github.com/slipwayhq/slipway/internal/decide/track"
	"github.com/slipwayhq/slipway/internal/fault"
	"github.com/slipwayhq/slipway/internal/pure/capture"
)

func needs(name, property string) track.PlannedEvent {
	return track.PlannedEvent{Name: name, Schema: map[string]any{"required": []any{property}}}
}

func TestPlans(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		s := track.New(d)
		set := func(p track.Plan) (track.Plan, error) {
			return s.SetPlan(t.Context(), "person:ana", "shop", "", p)
		}
		first, err := set(track.Plan{Mode: track.Reject, Events: []track.PlannedEvent{needs("a", "n")}})
		if err != nil || first.Revision != 1 || first.Events[0].Kind != capture.Track {
			t.Fatalf("%+v, %v", first, err)
		}
		if _, err := set(track.Plan{Mode: track.Warn}); !fault.Is(err, fault.CodeConflict) {
			t.Errorf("a second change of what was: %v", err)
		}
		again := track.New(d)
		if err := again.Load(t.Context()); err != nil {
			t.Fatal(err)
		}
		check := func(kind capture.Kind, name string) bool {
			f, reject := again.Rules("shop").Check(&capture.Event{Kind: kind, Name: name})
			return f != nil && reject
		}
		if !check(capture.Track, "a") || !check(capture.Track, "b") || check(capture.Page, "a") || len(again.Faults("shop")) != 2 || len(again.Faults("blog")) != 0 {
			t.Errorf("%+v", again.Faults("shop"))
		}
		if _, err := set(track.Plan{Mode: track.Observe, AdditionalEvents: true, Events: first.Events, Revision: 1}); err != nil {
			t.Fatal(err)
		}
		if f, _ := s.Rules("shop").Check(&capture.Event{Kind: capture.Track, Name: "a"}); f != nil {
			t.Errorf("nothing is checked, and %+v found", f)
		}
		if got, err := s.Plan(t.Context(), "shop"); err != nil || !got.AdditionalEvents || len(got.Events) != 1 || got.Revision != 2 {
			t.Errorf("%+v, %v", got, err)
		}
	})
}

func TestPlansFollowTheLog(t *testing.T) {
	d := dbtest.SQLite(t, db.Options{})
	j := dbtest.Journal(t, d)
	here, there := track.New(d), track.New(d)
	old := create(t, here, "shop", "web")
	dbtest.Run(t, func(ctx context.Context) error { return there.Run(ctx, j) })
	until(t, "it follows", func() bool { _, ok := there.Source(old.Key); return ok })
	if _, err := here.SetPlan(t.Context(), "person:ana", "shop", "", track.Plan{Mode: track.Reject}); err != nil {
		t.Fatal(err)
	}
	until(t, "it knows the plan", func() bool {
		f, _ := there.Rules("shop").Check(&capture.Event{Kind: capture.Track, Name: "a"})
		return f != nil
	})
	if err := here.Forget(t.Context(), "person:ana", "shop", "u1", track.Forgetting{Suppress: true}); err != nil {
		t.Fatal(err)
	}
	until(t, "it knows who is suppressed", func() bool { return there.Rules("shop").Drop(&capture.Event{User: "u1"}) })
	if err := here.Lift(t.Context(), "person:ana", "shop", "u1", ""); err != nil {
		t.Fatal(err)
	}
	until(t, "it knows who no longer is", func() bool { return !there.Rules("shop").Drop(&capture.Event{User: "u1"}) })
}

func TestFaultsAreToldApartUpToALimit(t *testing.T) {
	d := dbtest.SQLite(t, db.Options{})
	s := track.New(d)
	if _, err := s.SetPlan(t.Context(), "person:ana", "shop", "", track.Plan{Mode: track.Warn}); err != nil {
		t.Fatal(err)
	}
	for i := range 1100 {
		if _, reject := s.Rules("shop").Check(&capture.Event{Kind: capture.Track, Name: string(rune('一' + i))}); reject {
			t.Fatal("it only warns")
		}
	}
	if all := s.Faults("shop"); len(all) != 1001 || all[0].Name != track.More || all[0].Count != 100 {
		t.Errorf("%d, the first %+v", len(all), all[0])
	}
}

// A schema that leads to itself is refused, or ends: it does not take the server with it.
func TestASchemaThatLeadsToItself(t *testing.T) {
	s := track.New(dbtest.SQLite(t, db.Options{}))
	_, err := s.SetPlan(t.Context(), "person:ana", "shop", "", track.Plan{Mode: track.Reject, Events: []track.PlannedEvent{{Name: "a", Schema: map[string]any{"$ref": "#"}}}})
	if err != nil {
		t.Fatalf("refused: %v", err)
	}
	if f, _ := s.Rules("shop").Check(&capture.Event{Kind: capture.Track, Name: "a"}); f == nil {
		t.Error("it found nothing")
	}
}
