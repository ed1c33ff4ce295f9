package exposed_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"testing"
	"time"

	"github.com/slipwayhq/slipway/internal/db"
	"github.com/slipwayhq/slipway/internal/db/dbtest"
	"github.com/slipwayhq/slipway/internal/decide/flag"
	"github.com/slipwayhq/slipway/internal/decide/flag/ramp"
	"github.com/slipwayhq/slipway/internal/door/exposed"
	"github.com/slipwayhq/slipway/internal/pure/assign"
	"github.com/slipwayhq/slipway/internal/pure/capture"
	"github.com/slipwayhq/slipway/internal/pure/judge"
)

type world struct {
	*testing.T
	now     time.Time
	flags   *flag.Service
	ramps   *ramp.Service
	counter *exposed.Counter
	ramp    ramp.Ramp
}

func shop(t *testing.T, spec ramp.Spec) *world {
	w := &world{T: t, now: time.Date(2026, 11, 29, 12, 0, 0, 0, time.UTC)}
	now := func() time.Time { return w.now }
	d := dbtest.SQLite(t, db.Options{Now: now})
	w.flags = flag.New(d)
	w.ramps = ramp.New(d, w.flags, slog.New(slog.DiscardHandler))
	w.counter = exposed.New(w.ramps, now, slog.New(slog.DiscardHandler))
	if _, err := w.flags.Create(t.Context(), "person:ana", "", flag.Flag{App: "shop", Kind: flag.Rules, Name: "cart"}); err != nil {
		t.Fatal(err)
	}
	if len(spec.Vitals) == 0 {
		spec.Vitals = []ramp.Vital{{Event: "order_completed", Bad: judge.Drop}}
	}
	var err error
	if w.ramp, err = w.ramps.Start(t.Context(), "person:ana", "shop", "production", "cart", "", spec); err != nil {
		t.Fatal(err)
	}
	w.second()
	return w
}

// second has the counter tell, and ask what there is.
func (w *world) second() {
	w.Helper()
	if err := w.counter.Second(w.Context()); err != nil {
		w.Fatal(err)
	}
}

func (w *world) event(e capture.Event) {
	e.App, e.Environment = "shop", "production"
	if e.Time.IsZero() {
		e.Time = w.now
	}
	w.counter.Count([]capture.Event{e}, []bool{true})
}

func (w *world) exposure(user, variation string) {
	w.event(capture.Event{Kind: capture.Exposure, Name: w.ramp.Key(), User: user, Properties: json.RawMessage(`{"value":` + variation + `}`)})
}

func (w *world) order(e capture.Event) {
	e.Kind, e.Name = capture.Track, "order_completed"
	w.event(e)
}

// counted is what the ramp was told in all.
func (w *world) counted() (c judge.Count) {
	w.Helper()
	w.second()
	s, err := w.ramps.Show(w.Context(), "shop", w.ramp.ID)
	if err != nil {
		w.Fatal(err)
	}
	for _, slot := range s.Slots {
		n := slot.Counts["order_completed"]
		c = judge.Count{New: c.New + n.New, Old: c.Old + n.Old, AtRiskNew: c.AtRiskNew + n.AtRiskNew, AtRiskOld: c.AtRiskOld + n.AtRiskOld}
	}
	return c
}

func (w *world) want(what string, want judge.Count) {
	w.Helper()
	if got := w.counted(); got != want {
		w.Errorf("%s: %+v, not %+v", what, got, want)
	}
}

func TestAVisitorCountsOnceAfterAnExposure(t *testing.T) {
	w := shop(t, ramp.Spec{})
	w.order(capture.Event{User: "ana"})
	w.want("nobody was given anything", judge.Count{})
	w.exposure("ana", `"new"`)
	w.exposure("ana", `"new"`)
	w.exposure("ben", "0")
	w.want("two were", judge.Count{AtRiskNew: 1, AtRiskOld: 1})
	w.order(capture.Event{User: "ana"})
	w.order(capture.Event{User: "ana"})
	w.order(capture.Event{User: "ben", Time: w.now.Add(-time.Minute)})
	w.want("the first event after it counts", judge.Count{New: 1, AtRiskNew: 1, AtRiskOld: 1})
	w.now = w.now.Add(time.Second)
	w.order(capture.Event{User: "ben", Anonymous: "b"})
	w.order(capture.Event{User: "cem"})
	w.event(capture.Event{Kind: capture.Track, Name: "refund", User: "ben"})
	w.want("of each visitor who was given something", judge.Count{New: 1, Old: 1, AtRiskNew: 1, AtRiskOld: 1})
}

// A program that starts again asks who had theirs.
func TestAfterARestartNobodyCountsTwice(t *testing.T) {
	w := shop(t, ramp.Spec{})
	w.exposure("ana", `"new"`)
	w.order(capture.Event{User: "ana"})
	w.want("before", judge.Count{New: 1, AtRiskNew: 1})
	w.now = w.now.Add(time.Minute)
	w.counter = exposed.New(w.ramps, func() time.Time { return w.now }, slog.New(slog.DiscardHandler))
	fails := true
	w.counter.Past = func(_ context.Context, app, env string, events []string, since time.Time) ([]exposed.Had, error) {
		if fails {
			return nil, errors.New("the store is away")
		}
		if app != "shop" || env != "production" || fmt.Sprint(events) != "[order_completed]" || !since.Equal(w.ramp.StartedAt) {
			t.Errorf("asked for %s %s %v %v", app, env, events, since)
		}
		return []exposed.Had{{User: "ana", Event: "order_completed"}}, nil
	}
	if err := w.counter.Second(t.Context()); err == nil {
		t.Error("that the past cannot be asked for is not said")
	}
	w.exposure("ana", `"new"`)
	fails = false
	w.second()
	w.exposure("ana", `"new"`)
	w.order(capture.Event{User: "ana"})
	w.exposure("ben", `"old"`)
	w.order(capture.Event{User: "ben"})
	w.want("after", judge.Count{New: 1, Old: 1, AtRiskNew: 1, AtRiskOld: 1})
}

// Clients send several events at once, some time later: what counts is when they happened.
func TestAnExposureAndWhatCameOfItInOneBatch(t *testing.T) {
	w := shop(t, ramp.Spec{})
	w.now = w.now.Add(10 * time.Second)
	w.event(capture.Event{Kind: capture.Exposure, Name: w.ramp.Key(), User: "ana", Time: w.now.Add(-5 * time.Second), Properties: json.RawMessage(`{"value":"new"}`)})
	w.order(capture.Event{User: "ana", Time: w.now.Add(-6 * time.Second)})
	w.want("what happened before it", judge.Count{AtRiskNew: 1})
	w.order(capture.Event{User: "ana", Time: w.now.Add(-2 * time.Second)})
	w.want("what happened after it", judge.Count{New: 1, AtRiskNew: 1})
}

func TestOtherFormsOfAnExposure(t *testing.T) {
	w := shop(t, ramp.Spec{})
	key, other := w.ramp.Key(), w.ramp.ID+"/9"
	for i, e := range []capture.Event{
		{Name: "cart", Properties: json.RawMessage(`{"experiment":"` + key + `","variation":"new","value":true}`)},
		{Name: "cart", Properties: json.RawMessage(`{"experiment":"` + other + `","variation":"new","value":true}`)}, // by another state of the flag
		{Name: "cart", Properties: json.RawMessage(`{"value":true}`)},                                                // nobody knows by which
		{Name: other, Properties: json.RawMessage(`{"value":"new"}`)},
		{Name: key, Properties: json.RawMessage(`{"value":"third"}`)},
		{Name: key},
	} {
		e.Kind, e.User = capture.Exposure, fmt.Sprint("u", i)
		w.event(e)
	}
	w.want("only what names the key of the step", judge.Count{AtRiskNew: 1})
}

func TestWhoWasGivenBothCountsNoMore(t *testing.T) {
	w := shop(t, ramp.Spec{})
	w.event(capture.Event{Kind: capture.Exposure, Name: w.ramp.Key(), Anonymous: "a1", Properties: json.RawMessage(`{"value":"old"}`)})
	w.event(capture.Event{Kind: capture.Exposure, Name: w.ramp.Key(), Anonymous: "a1", User: "ana", Properties: json.RawMessage(`{"value":"new"}`)})
	w.order(capture.Event{User: "ana"})
	w.order(capture.Event{Anonymous: "a1"})
	w.want("before and after signing in", judge.Count{AtRiskOld: 1})
	// Two known apart turn out to be one, by their event.
	w.exposure("x", `"old"`)
	w.exposure("y", `"new"`)
	w.order(capture.Event{Anonymous: "x", User: "y"})
	w.want("two who are one", judge.Count{AtRiskOld: 2, AtRiskNew: 1})
}

func TestStepsAreApart(t *testing.T) {
	w := shop(t, ramp.Spec{Steps: []ramp.Step{{Share: 0.1, Watch: 1}, {Share: 0.5, Watch: 60}}})
	w.exposure("ana", `"old"`)
	w.order(capture.Event{User: "ana"})
	w.exposure("ben", `"old"`)
	w.second()
	first := w.ramp
	w.now = w.now.Add(2 * time.Second)
	if err := w.ramps.Look(t.Context()); err != nil {
		t.Fatal(err)
	}
	w.second()
	s, _ := w.ramps.Show(t.Context(), "shop", w.ramp.ID)
	if w.ramp = s.Ramp; w.ramp.Key() == first.Key() {
		t.Fatalf("%+v", w.ramp)
	}
	w.order(capture.Event{User: "ben"}) // not exposed in this step
	w.exposure("ana", `"new"`)          // had hers in the step before
	w.order(capture.Event{User: "ana"})
	w.exposure("ben", `"new"`)
	w.order(capture.Event{User: "ben"})
	w.want("ana counts in the first step, ben in the second", judge.Count{Old: 1, New: 1, AtRiskOld: 2, AtRiskNew: 1})
}

// The flag itself says who is given what; visitors who do as before are no reason to go back, and those who order half as often are.
func TestAgainstTheFlagItself(t *testing.T) {
	for name, one := range map[string]struct {
		factor int // of who is given the new value, one in so many orders less
		want   ramp.State
	}{"harmless": {1, ramp.Watching}, "half the orders": {2, ramp.Returned}} {
		t.Run(name, func(t *testing.T) {
			w := shop(t, ramp.Spec{Alarms: 0.0002, Steps: []ramp.Step{{Share: 0.5, Watch: 3600}}}) // who is given what is drawn anew each time the test runs
			set, err := w.flags.Set(t.Context(), "shop", "production")
			if err != nil {
				t.Fatal(err)
			}
			var s ramp.Shown
			for i := range 6000 {
				user := fmt.Sprint("user-", i)
				trail := &assign.Trail{}
				given := set.Server.Flags.Eval("cart", &assign.Visitor{Attributes: map[string]any{"id": user}}, trail)
				if len(trail.Exposures) != 1 || trail.Exposures[0].Experiment.Key != w.ramp.Key() {
					t.Fatalf("%+v", trail)
				}
				w.exposure(user, `"`+trail.Exposures[0].Key()+`"`)
				w.now = w.now.Add(10 * time.Millisecond)
				if i%5 == 0 && (!given.On || i%(5*one.factor) == 0) {
					w.order(capture.Event{User: user})
				}
				if i%100 == 99 {
					w.second()
					if err := w.ramps.Look(t.Context()); err != nil {
						t.Fatal(err)
					}
				}
			}
			if s, err = w.ramps.Show(t.Context(), "shop", w.ramp.ID); err != nil || s.State != one.want {
				t.Errorf("%s: %v, %v", s.State, s.Reasons, err)
			}
		})
	}
}
