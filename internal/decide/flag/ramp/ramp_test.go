package ramp_test

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/slipwayhq/slipway/internal/db"
	"github.com/slipwayhq/slipway/internal/db/dbtest"
	"github.com/slipwayhq/slipway/internal/decide/flag"
	"github.com/slipwayhq/slipway/internal/decide/flag/ramp"
	"github.com/slipwayhq/slipway/internal/fault"
	"github.com/slipwayhq/slipway/internal/pure/assign"
	"github.com/slipwayhq/slipway/internal/pure/judge"
)

const ana = "person:ana"

// world is a shop with a flag whose ramp is watched by orders.
type world struct {
	*testing.T
	now   time.Time
	flags *flag.Service
	ramps *ramp.Service
	flag  flag.Flag
}

func each(t *testing.T, fn func(w *world)) {
	w := &world{}
	dbtest.EachWith(t, db.Options{Now: func() time.Time { return w.now }}, func(t *testing.T, d *db.DB) {
		w.T, w.now, w.flags = t, time.Date(2026, 11, 29, 12, 0, 0, 0, time.UTC), flag.New(d)
		w.ramps = ramp.New(d, w.flags, slog.New(slog.DiscardHandler))
		var err error
		if w.flag, err = w.flags.Create(t.Context(), ana, "", flag.Flag{App: "shop", Kind: flag.Rules, Name: "cart"}); err != nil {
			t.Fatal(err)
		}
		fn(w)
	})
}

func (w *world) start(spec ramp.Spec) ramp.Ramp {
	w.Helper()
	w.now = w.now.Add(time.Second) // ids are sorted by their time
	if len(spec.Vitals) == 0 {
		spec.Vitals = []ramp.Vital{{Event: "order_completed", Bad: judge.Drop}}
	}
	r, err := w.ramps.Start(w.Context(), ana, "shop", "production", "cart", "", spec)
	if err != nil {
		w.Fatal(err)
	}
	return r
}

// look passes time, and lets the ramps look.
func (w *world) look(after time.Duration) ramp.Shown {
	w.Helper()
	w.now = w.now.Add(after)
	if err := w.ramps.Look(w.Context()); err != nil {
		w.Fatal(err)
	}
	all, err := w.ramps.Ramps(w.Context(), "shop", "", true)
	if err != nil || len(all) == 0 {
		w.Fatalf("%v, %v", all, err)
	}
	s, err := w.ramps.Show(w.Context(), "shop", all[0].ID)
	if err != nil {
		w.Fatal(err)
	}
	return s
}

// take tells of visitors: so many were given each value, and so many of them ordered.
func (w *world) take(r ramp.Ramp, fresh, old, ordersNew, ordersOld int64) {
	w.Helper()
	err := w.ramps.Take(w.Context(), r.ID, r.Step, judge.Tick{Second: w.now.Unix(), Counts: map[string]judge.Count{"order_completed": {New: ordersNew, Old: ordersOld, AtRiskNew: fresh, AtRiskOld: old}}})
	if err != nil {
		w.Fatal(err)
	}
}

// given counts who of a thousand visitors is given true.
func (w *world) given() (n int) {
	w.Helper()
	for i := range 1000 {
		if w.one(i) {
			n++
		}
	}
	return n
}

func (w *world) one(i int) bool {
	set, err := w.flags.Set(w.Context(), "shop", "production")
	if err != nil {
		w.Fatal(err)
	}
	return set.Server.Flags.Eval("cart", &assign.Visitor{Attributes: map[string]any{"id": fmt.Sprint("u", i)}}, nil).On
}

func TestARampGoesToAll(t *testing.T) {
	each(t, func(w *world) {
		r := w.start(ramp.Spec{Steps: []ramp.Step{{Share: 0.1, Watch: 60}, {Share: 0.5, Watch: 60}}})
		if n := w.given(); n < 60 || n > 140 {
			w.Errorf("%d of 1000 are in a tenth", n)
		}
		before := map[int]bool{}
		for i := range 1000 {
			before[i] = w.one(i)
		}
		if s := w.look(59 * time.Second); s.State != ramp.Watching || s.Step != 0 {
			w.Errorf("before its time: %+v", s.Ramp)
		}
		w.take(r, 20, 200, 5, 50)
		s := w.look(time.Second) // it cannot be told, and goes on
		if s.Step != 1 || s.Share != 0.5 || s.Key() != r.ID+"/2" {
			w.Fatalf("%+v", s.Ramp)
		}
		if n := w.given(); n < 430 || n > 570 {
			w.Errorf("%d of 1000 are in a half", n)
		}
		for i, had := range before {
			if had && !w.one(i) {
				w.Errorf("visitor %d lost the value as its share grew", i)
			}
		}
		if s = w.look(60 * time.Second); s.State != ramp.Promoted || s.EndedAt.IsZero() || w.given() != 1000 {
			w.Errorf("%+v, given to %d", s.Ramp, w.given())
		}
		f, _ := w.flags.Find(w.Context(), "shop", "cart")
		history, _ := w.flags.Changes(w.Context(), "shop", f.ID, "", 10)
		if len(history) != 4 || history[0].How != "ramped" || history[0].By != "system:ramp" || history[2].By != ana {
			w.Errorf("%+v", history)
		}
		if len(s.Moves) != 3 || s.Moves[0].Move != "started" || s.Moves[1].Move != "watching" || s.Moves[2].Move != "promoted" {
			w.Errorf("%+v", s.Moves)
		}
	})
}

func TestWorseVisitorsBringItBack(t *testing.T) {
	each(t, func(w *world) {
		f, err := w.flags.SetState(w.Context(), ana, "shop", "cart", "production", "", flag.State{On: true, Default: json.RawMessage("false"), Rules: json.RawMessage(`[{"condition":{"id":"u7"},"force":true}]`)})
		if err != nil {
			w.Fatal(err)
		}
		r := w.start(ramp.Spec{Steps: []ramp.Step{{Share: 0.5, Watch: 3600}}})
		if !w.one(7) {
			w.Error("a rule behind the ramp's counts no more")
		}
		w.take(r, 1000, 1000, 200, 205)
		if s := w.look(time.Second); s.State != ramp.Watching {
			w.Fatalf("as good as before, and %s: %v", s.State, s.Reasons)
		}
		w.take(r, 1000, 1000, 60, 205)
		s := w.look(time.Second)
		if s.State != ramp.Returned || len(s.Reasons) == 0 || !strings.Contains(s.Reasons[0], "order_completed") || strings.Contains(fmt.Sprint(s.Reasons, s.Verdict), "release") {
			w.Fatalf("%s: %v", s.State, s.Reasons)
		}
		now, _ := w.flags.Find(w.Context(), "shop", f.ID)
		if got := now.States["production"]; !got.On || string(got.Rules) != `[{"condition":{"id":"u7"},"force":true}]` {
			w.Errorf("the flag is not what it was: %+v", got)
		}
		w.take(r, 1000, 1000, 60, 205) // too late: it changes nothing, and is no error
		if len(s.Slots) != 1 || s.Slots[0].Counts["order_completed"].Old != 410 {
			w.Errorf("%+v", s.Slots)
		}
	})
}

func TestOffBeforeIsOffAfter(t *testing.T) {
	each(t, func(w *world) {
		r := w.start(ramp.Spec{})
		if _, err := w.ramps.Command(w.Context(), ana, "shop", r.ID, "return", "not today"); err != nil {
			w.Fatal(err)
		}
		f, _ := w.flags.Find(w.Context(), "shop", "cart")
		if got := f.States["production"]; got.On || len(got.Rules) != 0 || len(got.Default) != 0 {
			w.Errorf("%+v", got)
		}
		_, err := w.ramps.Command(w.Context(), ana, "shop", r.ID, "next", "")
		if !fault.Is(err, fault.CodeConflict) {
			w.Error(err)
		}
	})
}

func TestUnknownAtTheEndOfAStep(t *testing.T) {
	each(t, func(w *world) {
		r := w.start(ramp.Spec{Unknown: "hold", Steps: []ramp.Step{{Share: 0.5, Watch: 60}}})
		if s := w.look(time.Minute); s.State != ramp.Held || s.Share != 0.5 {
			w.Fatalf("%+v", s.Ramp)
		}
		// Held, it comes back all the same.
		w.take(r, 1000, 1000, 60, 205)
		if s := w.look(time.Second); s.State != ramp.Returned {
			w.Fatalf("%+v", s.Ramp)
		}
		r = w.start(ramp.Spec{Unknown: "wait", Steps: []ramp.Step{{Share: 0.5, Watch: 60}}})
		if s := w.look(10 * time.Minute); s.State != ramp.Watching {
			w.Fatalf("%+v", s.Ramp)
		}
		w.take(r, 20000, 20000, 4000, 4000)
		if s := w.look(time.Second); s.State != ramp.Promoted {
			w.Errorf("healthy at last, and %s: %v", s.State, s.Verdict.Reasons)
		}
	})
}

func TestPauseStopsTheClock(t *testing.T) {
	each(t, func(w *world) {
		r := w.start(ramp.Spec{Steps: []ramp.Step{{Share: 0.5, Watch: 60}}})
		command := func(c string) {
			w.Helper()
			if _, err := w.ramps.Command(w.Context(), ana, "shop", r.ID, c, ""); err != nil {
				w.Fatal(err)
			}
		}
		w.take(r, 20, 20, 5, 5)
		command("pause")
		if s := w.look(time.Hour); s.State != ramp.Paused {
			w.Fatalf("%+v", s.Ramp)
		}
		command("resume")
		if s := w.look(59 * time.Second); s.State != ramp.Watching {
			w.Fatalf("%+v", s.Ramp)
		}
		if s := w.look(time.Second); s.State != ramp.Promoted {
			w.Fatalf("%+v", s.Ramp)
		}
	})
}

// What is behind the ramp's rule is anybody's.
func TestRulesBehindTheRampsAreAnybodys(t *testing.T) {
	each(t, func(w *world) {
		w.start(ramp.Spec{})
		state := w.state()
		state.Rules = json.RawMessage(strings.TrimSuffix(string(state.Rules), "]") + `,{"condition":{"a":1},"force":true}]`)
		w.set("person:bo", state)
		if s := w.look(time.Second); s.State != ramp.Watching {
			w.Errorf("%+v", s.Ramp)
		}
	})
}

func TestWhatIsNoRamp(t *testing.T) {
	each(t, func(w *world) {
		vital := []ramp.Vital{{Event: "order_completed"}}
		for says, spec := range map[string]ramp.Spec{
			"name an event": {},
			"shares grow":   {Vitals: vital, Steps: []ramp.Step{{0.5, 60}, {0.1, 60}}},
			"below 1":       {Vitals: vital, Steps: []ramp.Step{{1, 60}}},
			"for a second":  {Vitals: vital, Steps: []ramp.Step{{0.1, 0}}},
			"no other has":  {Vitals: []ramp.Vital{{Event: "a"}, {Event: "a"}}},
			"ratio above 1": {Vitals: vital, RuleOut: 0.5},
			"must be a":     {Vitals: vital, Value: json.RawMessage(`"yes"`)},
			"no operator":   {Vitals: vital, Condition: json.RawMessage(`{"a":{"$im":1}}`)},
		} {
			_, err := w.ramps.Start(w.Context(), ana, "shop", "production", "cart", "", spec)
			if !fault.Is(err, fault.CodeInvalid) || !strings.Contains(fault.Message(err), says) {
				w.Errorf("%s: %v", says, err)
			}
		}
		if f, _ := w.flags.Find(w.Context(), "shop", "cart"); len(f.States) != 0 {
			w.Errorf("what was refused changed the flag: %+v", f.States)
		}
		w.start(ramp.Spec{})
		_, err := w.ramps.Start(w.Context(), ana, "shop", "production", "cart", "", ramp.Spec{Vitals: vital})
		if !fault.Is(err, fault.CodeConflict) || !strings.Contains(fault.Message(err), "already") {
			w.Errorf("a second ramp: %v", err)
		}
	})
}

// Back is what was, whatever it was; who changed something meanwhile keeps it.
func TestTheWayBack(t *testing.T) {
	each(t, func(w *world) {
		yes := true
		for name, was := range map[string]flag.State{
			"off, with rules":       {Default: json.RawMessage("false"), Rules: json.RawMessage(`[{"condition":{"vip":true},"force":true}]`)},
			"off, with an audience": {Audience: &flag.Audience{Users: []string{"u1"}, Everyone: &yes}},
			"on for all":            {On: true},
			"on, with a default":    {On: true, Default: json.RawMessage("false")},
		} {
			now, _ := w.flags.Find(w.Context(), "shop", "cart")
			was.Revision = now.States["production"].Revision
			now, err := w.flags.SetState(w.Context(), ana, "shop", "cart", "production", "", was)
			if err != nil {
				w.Fatal(err)
			}
			before, given := now.States["production"], w.given()
			r := w.start(ramp.Spec{Value: json.RawMessage(fmt.Sprint(!was.On)), Steps: []ramp.Step{{Share: 0.01, Watch: 60}}})
			if n := w.given(); n < given-40 || n > given+40 {
				w.Errorf("%s: %d are on with a hundredth given the other value, %d before", name, n, given)
			}
			if _, err := w.ramps.Command(w.Context(), ana, "shop", r.ID, "return", ""); err != nil {
				w.Fatal(err)
			}
			now, _ = w.flags.Find(w.Context(), "shop", "cart")
			after := now.States["production"]
			if after.On != before.On || string(after.Default) != string(before.Default) || string(after.Rules) != string(before.Rules) || fmt.Sprint(after.Audience != nil) != fmt.Sprint(before.Audience != nil) || w.given() != given {
				w.Errorf("%s: %+v, not %+v", name, after, before)
			}
		}
		now, _ := w.flags.Find(w.Context(), "shop", "cart")
		off := flag.State{Rules: json.RawMessage(`[{"condition":{"vip":true},"force":true}]`), Revision: now.States["production"].Revision}
		if _, err := w.flags.SetState(w.Context(), ana, "shop", "cart", "production", "", off); err != nil {
			w.Fatal(err)
		}
		r := w.start(ramp.Spec{})
		now, _ = w.flags.Find(w.Context(), "shop", "cart")
		more := now.States["production"]
		more.Rules = json.RawMessage(strings.TrimSuffix(string(more.Rules), "]") + `,{"condition":{"a":1},"force":true}]`)
		if _, err := w.flags.SetState(w.Context(), "person:bo", "shop", "cart", "production", "", more); err != nil {
			w.Fatal(err)
		}
		if _, err := w.ramps.Command(w.Context(), ana, "shop", r.ID, "return", ""); err != nil {
			w.Fatal(err)
		}
		now, _ = w.flags.Find(w.Context(), "shop", "cart")
		if got := now.States["production"]; !got.On || string(got.Rules) != `[{"condition":{"a":1},"force":true}]` {
			w.Errorf("what bo added is gone: %+v", got)
		}
	})
}

// Where only those who were given the new value are told of, nothing is judged.
func TestOneArmAloneIsHeld(t *testing.T) {
	each(t, func(w *world) {
		r := w.start(ramp.Spec{Steps: []ramp.Step{{Share: 0.1, Watch: 3600}}, Vitals: []ramp.Vital{{Event: "error", Bad: judge.Rise}}})
		for i := range 20 {
			w.now = w.now.Add(time.Second)
			err := w.ramps.Take(w.Context(), r.ID, 0, judge.Tick{Second: w.now.Unix(), Counts: map[string]judge.Count{"error": {AtRiskNew: 20}}, Traffic: &judge.Traffic{New: 20, Buckets: make([]int64, 64)}})
			if err != nil {
				w.Fatalf("tick %d: %v", i, err)
			}
		}
		if s := w.look(time.Second); s.State != ramp.Held || !strings.Contains(strings.Join(s.Reasons, " "), "tell of both values") {
			w.Errorf("%s: %v", s.State, s.Reasons)
		}
	})
}
