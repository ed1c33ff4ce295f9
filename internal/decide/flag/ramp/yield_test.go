package ramp_test

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/slipwayhq/slipway/internal/decide/flag"
	"github.com/slipwayhq/slipway/internal/decide/flag/ramp"
	"github.com/slipwayhq/slipway/internal/fault"
)

const bo = "person:bo"

// state is what the flag is in production now.
func (w *world) state() flag.State {
	w.Helper()
	f, err := w.flags.Find(w.Context(), "shop", "cart")
	if err != nil {
		w.Fatal(err)
	}
	return f.States["production"]
}

func (w *world) set(actor string, to flag.State) {
	w.Helper()
	w.now = w.now.Add(time.Second)
	if _, err := w.flags.SetState(w.Context(), actor, "shop", "cart", "production", "", to); err != nil {
		w.Fatal(err)
	}
}

// switched sets nothing but the switch.
func (w *world) switched(on bool) {
	w.Helper()
	to := w.state()
	to.On = on
	w.set(bo, to)
}

// ended checks that a ramp is overtaken, by whom, and that nothing of it is left.
func (w *world) ended(says string) {
	w.Helper()
	s := w.look(0)
	last := s.Moves[len(s.Moves)-1]
	if s.State != ramp.Overtaken || !strings.Contains(s.Reasons[0], says) || last.Move != "overtaken" || last.By != bo {
		w.Errorf("not ended by %q: %+v, %+v", says, s.Ramp, last)
	}
	if strings.Contains(string(w.state().Rules), "ramp-rmp_") {
		w.Errorf("the ramp's rule is left: %s", w.state().Rules)
	}
}

func TestTheKillSwitchTakesTheRampAlong(t *testing.T) {
	each(t, func(w *world) {
		w.set(ana, flag.State{On: true, Default: json.RawMessage("false"), Rules: json.RawMessage(`[{"condition":{"id":"u7"},"force":true}]`)})
		w.start(ramp.Spec{Steps: []ramp.Step{{Share: 0.5, Watch: 3600}}})
		w.switched(false)
		w.ended("switched off by bo")
		history, _ := w.flags.Changes(w.Context(), "shop", w.flag.ID, "", 10)
		if !strings.Contains(history[0].Words, "switched off") || !strings.Contains(history[0].Words, "the ramp rmp_") || history[0].By != bo {
			w.Errorf("%+v", history[0])
		}
		w.switched(true)
		if got := w.state(); string(got.Rules) != `[{"condition":{"id":"u7"},"force":true}]` || w.given() != 1 {
			w.Errorf("on again, it is not what it was before the ramp: %+v, given to %d", got, w.given())
		}
		// A flag that was off is on for all when somebody switches it on after the ramp was ended by switching off.
		w.set(ana, flag.State{Revision: w.state().Revision})
		w.start(ramp.Spec{Steps: []ramp.Step{{Share: 0.5, Watch: 3600}}})
		w.switched(false)
		w.ended("switched off by bo")
		w.switched(true)
		if w.given() != 1000 {
			w.Errorf("given to %d", w.given())
		}
	})
}

// Switching off never waits for an approval, a ramp or not.
func TestTheKillSwitchNeedsNoApproval(t *testing.T) {
	each(t, func(w *world) {
		w.set(ana, flag.State{On: true, Default: json.RawMessage("false"), Rules: json.RawMessage(`[{"condition":{"id":"u7"},"force":true}]`)})
		w.start(ramp.Spec{})
		s, err := w.flags.Settings(w.Context(), "shop")
		if err != nil {
			w.Fatal(err)
		}
		s.Approvals = []string{"production"}
		if _, err := w.flags.SetSettings(w.Context(), ana, "shop", "", s); err != nil {
			w.Fatal(err)
		}
		w.switched(false)
		w.ended("switched off by bo")
	})
}

func TestArchivingEndsTheRamp(t *testing.T) {
	each(t, func(w *world) {
		w.start(ramp.Spec{Steps: []ramp.Step{{Share: 0.5, Watch: 3600}}})
		f, _ := w.flags.Find(w.Context(), "shop", "cart")
		w.now = w.now.Add(time.Second)
		f, err := w.flags.Archive(w.Context(), bo, "shop", f.ID, "", f.Revision)
		if err != nil {
			w.Fatal(err)
		}
		w.ended("out of use by bo")
		history, _ := w.flags.Changes(w.Context(), "shop", f.ID, "", 10)
		if history[0].Words != "taken out of use" || history[1].How != "archived" || !strings.Contains(history[1].Words, "ends") || !history[0].At.After(history[1].At) {
			w.Errorf("%+v", history[:2])
		}
		if _, err := w.flags.BringBack(w.Context(), bo, "shop", f.ID, "", f.Revision); err != nil {
			w.Fatal(err)
		}
		if w.state().On || w.given() != 0 {
			w.Errorf("back, it is on for %d: %+v", w.given(), w.state())
		}
	})
}

func TestTheRampsRuleIsTheRamps(t *testing.T) {
	each(t, func(w *world) {
		r := w.start(ramp.Spec{Steps: []ramp.Step{{Share: 0.5, Watch: 3600}}})
		during := w.state()
		changed := during
		changed.Rules = json.RawMessage(strings.Replace(string(during.Rules), `{"`, `{"condition":{"country":"DE"},"`, 1))
		_, err := w.flags.SetState(w.Context(), bo, "shop", "cart", "production", "", changed)
		if !fault.Is(err, fault.CodeConflict) || !strings.Contains(fault.Message(err), "slipway flag ramp return "+r.ID) {
			w.Errorf("a changed rule of a ramp: %v", err)
		}
		if s := w.look(time.Second); s.State != ramp.Watching {
			w.Errorf("what was refused ended the ramp: %+v", s.Ramp)
		}
		taken := during
		taken.Rules = nil
		w.set(bo, taken)
		w.ended("rule was taken out by bo")
		// Nobody brings it back when it is over: not by hand, nor by the history.
		back := w.state()
		back.Rules = during.Rules
		if _, err = w.flags.SetState(w.Context(), bo, "shop", "cart", "production", "", back); !fault.Is(err, fault.CodeConflict) || !strings.Contains(fault.Message(err), "is over") {
			w.Errorf("the rule of a ramp that is over: %v", err)
		}
		history, _ := w.flags.Changes(w.Context(), "shop", w.flag.ID, "", 10)
		if _, err = w.flags.Restore(w.Context(), bo, "shop", w.flag.ID, history[1].ID, ""); !fault.Is(err, fault.CodeConflict) || !strings.Contains(fault.Message(err), "is over") {
			w.Errorf("restored: %v", err)
		}
	})
}

// A list that was written beside a ramp leaves it alone; one that says something else ends it, and says so.
func TestListsAndRamps(t *testing.T) {
	each(t, func(w *world) {
		r := w.start(ramp.Spec{Steps: []ramp.Step{{Share: 0.5, Watch: 3600}}})
		all, _ := w.flags.Flags(w.Context(), "shop", false)
		under, err := w.ramps.Under(w.Context(), "shop", all)
		if err != nil || len(under) != 1 || under[0].Ramp != r.ID || under[0].Beneath.On || len(under[0].Beneath.Rules) > 0 {
			w.Fatalf("%+v, %v", under, err)
		}
		list := []flag.Flag{{Name: "cart", About: all[0].About, States: map[string]flag.State{"production": under[0].Beneath}}}
		steps, err := w.flags.Apply(w.Context(), bo, "shop", "", list, false, false)
		if err != nil || len(steps) != 0 || w.look(0).State != ramp.Watching {
			w.Errorf("%+v, %v: %s", steps, err, w.look(0).State)
		}
		list[0].States = map[string]flag.State{"production": {On: true}}
		steps, err = w.flags.Apply(w.Context(), bo, "shop", "", list, false, true)
		if err != nil || len(steps) != 1 || steps[0].Words != "switched on; the ramp "+r.ID+" ends" || w.look(0).State != ramp.Watching {
			w.Errorf("tried: %+v, %v", steps, err)
		}
		w.now = w.now.Add(time.Second)
		if _, err = w.flags.Apply(w.Context(), bo, "shop", "", list, false, false); err != nil {
			w.Fatal(err)
		}
		w.ended("rule was taken out")
		r = w.start(ramp.Spec{})
		w.now = w.now.Add(time.Second)
		if steps, err = w.flags.Apply(w.Context(), bo, "shop", "", nil, true, false); err != nil || !strings.Contains(steps[0].Words, "the ramp "+r.ID+" ends") {
			w.Errorf("archived: %+v, %v", steps, err)
		}
		w.ended("out of use")
	})
}

// Where nothing was counted, nobody has looked.
func TestNothingCountedIsHeld(t *testing.T) {
	each(t, func(w *world) {
		spec := ramp.Spec{Steps: []ramp.Step{{Share: 0.5, Watch: 60}}}
		r := w.start(spec)
		if s := w.look(time.Minute); s.State != ramp.Held || !strings.Contains(s.Reasons[0], "nothing was counted: nobody told of a visitor") {
			w.Errorf("%s: %v", s.State, s.Reasons)
		}
		if _, err := w.ramps.Command(w.Context(), ana, "shop", r.ID, "resume", ""); err != nil {
			w.Fatal(err)
		}
		w.take(r, 100, 100, 0, 0)
		if s := w.look(time.Minute); s.State != ramp.Held || !strings.Contains(s.Reasons[0], "no order_completed of any visitor") {
			w.Errorf("%s: %v", s.State, s.Reasons)
		}
		if _, err := w.ramps.Command(w.Context(), ana, "shop", r.ID, "next", ""); err != nil {
			w.Fatal(err)
		}
		if s := w.look(0); s.State != ramp.Promoted || w.given() != 1000 {
			w.Errorf("whoever says so goes on: %s", s.State)
		}
	})
}
