package flag_test

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/slipwayhq/slipway/internal/db"
	"github.com/slipwayhq/slipway/internal/db/dbtest"
	"github.com/slipwayhq/slipway/internal/decide/flag"
	"github.com/slipwayhq/slipway/internal/fault"
	"github.com/slipwayhq/slipway/internal/pure/waffle"
)

func signedIn(user string) *waffle.Request { return &waffle.Request{User: user, Draw: 100} }

// clock is one that a test turns.
type clock struct{ now time.Time }

func (c *clock) Now() time.Time { return c.now }

func TestPlannedChanges(t *testing.T) {
	c := &clock{time.Date(2026, 10, 24, 12, 0, 0, 0, time.UTC)}
	dbtest.EachWith(t, db.Options{Now: c.Now}, func(t *testing.T, d *db.DB) {
		c.now = time.Date(2026, 10, 24, 12, 0, 0, 0, time.UTC)
		s := flag.New(d)
		f := create(t, s, flag.Flag{Name: "sale"})
		f = set(t, s, f, "production", flag.State{Default: json.RawMessage("true")})
		on := f.States["production"]
		on.On = true
		wish := func(wall, zone string) flag.Wish { return flag.Wish{State: on, Wall: wall, Zone: zone} }
		for says, w := range map[string]flag.Wish{
			"nobody has to approve it": wish("", ""),
			"is over":                  wish("2026-10-24T13:00", "Europe/Berlin"), // 11:00 UTC
			"no time zone":             wish("2026-10-25T13:00", "Europe/Berlim"),
			"no time;":                 wish("tomorrow", "Europe/Berlin"),
			"which zone":               wish("2026-10-25T13:00", ""),
			"clocks go forward":        wish("2027-03-28T02:30", "Europe/Berlin"),
			"nothing to plan":          {State: f.States["production"], Wall: "2026-10-25T13:00", Zone: "Europe/Berlin"},
		} {
			_, err := s.Plan(t.Context(), ana, "shop", f.ID, "production", w)
			refused(t, err, fault.CodeInvalid, says)
		}
		p, err := s.Plan(t.Context(), ana, "shop", f.ID, "production", wish("2026-10-25T09:00", "Europe/Berlin"))
		if err != nil || p.Status != "approved" || !p.Due.Equal(time.Date(2026, 10, 25, 8, 0, 0, 0, time.UTC)) || p.Words != "switched on" {
			t.Fatalf("%+v, %v", p, err) // the clocks went back in the night before
		}
		make := func() {
			t.Helper()
			if err := s.MakeDue(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
		c.now = time.Date(2026, 10, 25, 7, 59, 59, 0, time.UTC)
		if make(); value(t, s, "production", "sale", nil) != "false" {
			t.Error("it is made before its time")
		}
		// What else changes of the flag meanwhile does not matter, and is kept.
		now, _ := s.Find(t.Context(), "shop", "sale")
		other := now.States["production"]
		other.Off = json.RawMessage("null")
		set(t, s, now, "production", other)
		c.now = c.now.Add(time.Second)
		if make(); value(t, s, "production", "sale", nil) != "true" {
			t.Error("it is not made at its time")
		}
		now, _ = s.Find(t.Context(), "shop", "sale")
		history, _ := s.Changes(t.Context(), "shop", f.ID, "", 1)
		if got := now.States["production"]; !got.On || string(got.Off) != "null" || history[0].How != "planned" || history[0].By != ana {
			t.Errorf("%+v, %+v", got, history)
		}

		// Where somebody has made it meanwhile, it is done.
		off := now.States["production"]
		off.On = false
		p, err = s.Plan(t.Context(), ana, "shop", f.ID, "production", flag.Wish{State: off, Wall: "2026-10-26T09:00", Zone: "UTC"})
		if err != nil {
			t.Fatal(err)
		}
		now = set(t, s, now, "production", off)
		again := now.States["production"]
		again.Default = json.RawMessage("false")
		now = set(t, s, now, "production", again)
		c.now = time.Date(2026, 10, 27, 0, 0, 0, 0, time.UTC)
		make()
		if p, err = s.FindPlan(t.Context(), "shop", p.ID); err != nil || p.Status != "done" || p.Said != "it was so already" {
			t.Errorf("%+v, %v", p, err)
		}

		// Where what it changes was changed meanwhile, it is not made, and says so: to whoever looks for it, and in the history.
		again = now.States["production"]
		again.Default = json.RawMessage("true")
		p, err = s.Plan(t.Context(), ana, "shop", f.ID, "production", flag.Wish{State: again, Wall: "2026-10-28T09:00", Zone: "UTC"})
		if err != nil {
			t.Fatal(err)
		}
		again.Default = json.RawMessage("null")
		set(t, s, now, "production", again)
		c.now = time.Date(2026, 10, 28, 9, 0, 0, 0, time.UTC)
		make()
		open, err := s.Plans(t.Context(), "shop", f.ID, false)
		if err != nil || len(open) != 1 || open[0].ID != p.ID || open[0].Status != "failed" || !strings.Contains(open[0].Said, "default was changed meanwhile: it was false and is null") {
			t.Errorf("%+v, %v", open, err)
		}
		history, _ = s.Changes(t.Context(), "shop", f.ID, "", 1)
		if history[0].How != "plan_failed" || !strings.Contains(history[0].Words, "not made: default false → true; default was changed meanwhile") || history[0].By != ana {
			t.Errorf("%+v", history)
		}
		if marks, err := s.Marks(t.Context(), "shop", "", c.now, c.now.Add(time.Hour)); err != nil || len(marks) != 0 {
			t.Errorf("what was not made is no mark: %+v, %v", marks, err)
		}
		c.now = c.now.Add(8 * 24 * time.Hour)
		if open, err = s.Plans(t.Context(), "shop", f.ID, false); err != nil || len(open) != 0 {
			t.Errorf("a week later: %+v, %v", open, err)
		}
	})
}

func TestApprovals(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		s := flag.New(d)
		f := create(t, s, flag.Flag{Name: "sale"})
		f = set(t, s, f, "production", flag.State{On: true, Default: json.RawMessage("false")})
		if _, err := s.SetSettings(t.Context(), ana, "shop", "", flag.Settings{Approvals: []string{"production"}}); err != nil {
			t.Fatal(err)
		}
		to := f.States["production"]
		to.Default = json.RawMessage("true")
		_, err := s.SetState(t.Context(), ana, "shop", f.ID, "production", "", to)
		refused(t, err, fault.CodeConflict, "need an approval")
		set(t, s, f, "staging", flag.State{On: true}) // nobody has to look at that
		p, err := s.Plan(t.Context(), ana, "shop", f.ID, "production", flag.Wish{State: to, Reason: "they want it"})
		if err != nil || p.Status != "waiting" {
			t.Fatalf("%+v, %v", p, err)
		}
		_, err = s.Approve(t.Context(), ana, "shop", p.ID, p.Revision)
		refused(t, err, fault.CodeForbidden, "somebody else")

		// A plan for later is approved, then edited: it needs another approval.
		later := flag.Wish{State: to, Wall: "2999-01-01T00:00", Zone: "UTC"}
		if p, err = s.EditPlan(t.Context(), ana, "shop", p.ID, p.Revision, later); err != nil {
			t.Fatal(err)
		}
		if p, err = s.Approve(t.Context(), bo, "shop", p.ID, p.Revision); err != nil || p.Status != "approved" || p.DecidedBy != bo || value(t, s, "production", "sale", nil) != "false" {
			t.Fatalf("%+v, %v", p, err)
		}
		seen := p.Revision
		if p, err = s.EditPlan(t.Context(), bo, "shop", p.ID, p.Revision, flag.Wish{State: to}); err != nil || p.Status != "waiting" || p.DecidedBy != "" {
			t.Fatalf("%+v, %v", p, err)
		}
		_, err = s.Approve(t.Context(), ana, "shop", p.ID, seen)
		refused(t, err, fault.CodeConflict, "edited by somebody else")
		_, err = s.Approve(t.Context(), bo, "shop", p.ID, p.Revision)
		refused(t, err, fault.CodeForbidden, "somebody else")
		if p, err = s.Approve(t.Context(), ana, "shop", p.ID, p.Revision); err != nil || p.Status != "done" || value(t, s, "production", "sale", nil) != "true" {
			t.Errorf("%+v, %v", p, err)
		}
		_, err = s.Refuse(t.Context(), ana, "shop", p.ID, "", p.Revision)
		refused(t, err, fault.CodeConflict, "done already")

		// Off is for anybody, at once.
		f, _ = s.Find(t.Context(), "shop", "sale")
		off := f.States["production"]
		off.On = false
		if _, err := s.SetState(t.Context(), ana, "shop", f.ID, "production", "it is on fire", off); err != nil || value(t, s, "production", "sale", nil) != "false" {
			t.Error(err)
		}
	})
}

// Who needs an approval needs one, whichever way he goes.
func TestNoWayAroundApprovals(t *testing.T) {
	c := &clock{time.Date(2026, 10, 24, 12, 0, 0, 0, time.UTC)}
	d := dbtest.SQLite(t, db.Options{Now: c.Now})
	s := flag.New(d)
	if _, err := s.SetGroup(t.Context(), ana, "shop", "", flag.Group{ID: "beta", Definition: json.RawMessage(`["u1"]`)}); err != nil {
		t.Fatal(err)
	}
	f := create(t, s, flag.Flag{Name: "sale", About: flag.About{Type: "json"}, States: map[string]flag.State{"production": {On: true, Default: json.RawMessage("false"), Rules: json.RawMessage(`[{"condition":{"id":{"$inGroup":"beta"}},"force":true}]`)}}})
	later := f.States["production"]
	later.Default = json.RawMessage("true")
	p, err := s.Plan(t.Context(), ana, "shop", f.ID, "production", flag.Wish{State: later, Wall: "2026-10-25T09:00", Zone: "UTC"})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.SetSettings(t.Context(), ana, "shop", "", flag.Settings{Approvals: []string{"production"}}); err != nil {
		t.Fatal(err)
	}
	_, err = s.SetAbout(t.Context(), ana, "shop", f.ID, "", f.Revision, flag.About{Type: "boolean"})
	refused(t, err, fault.CodeConflict, "approval")
	_, err = s.SetAbout(t.Context(), ana, "shop", f.ID, "", f.Revision, flag.About{Type: "json", Server: true})
	refused(t, err, fault.CodeConflict, "approval")
	_, err = s.SetGroup(t.Context(), ana, "shop", "", flag.Group{ID: "beta", Definition: json.RawMessage(`["u1","everybody"]`), Revision: 1})
	refused(t, err, fault.CodeConflict, "decides by the group beta in production")
	_, err = s.Apply(t.Context(), ana, "shop", "", []flag.Flag{{Name: "sale", About: flag.About{Type: "boolean"}}}, false, false)
	refused(t, err, fault.CodeConflict, "approval")
	_, err = s.Create(t.Context(), ana, "", flag.Flag{App: "shop", Kind: flag.Rules, Name: "other", States: map[string]flag.State{"production": {On: true}}})
	refused(t, err, fault.CodeConflict, "approval")
	c.now = time.Date(2026, 10, 25, 9, 0, 0, 0, time.UTC)
	if err := s.MakeDue(t.Context()); err != nil {
		t.Fatal(err)
	}
	if p, err = s.FindPlan(t.Context(), "shop", p.ID); err != nil || p.Status != "waiting" || value(t, s, "production", "sale", nil) != "false" {
		t.Errorf("%+v, %v", p, err)
	}
	if p, err = s.Approve(t.Context(), bo, "shop", p.ID, p.Revision); err != nil || p.Status != "done" || value(t, s, "production", "sale", nil) != "true" {
		t.Errorf("%+v, %v", p, err)
	}
	if f, err = s.Archive(t.Context(), ana, "shop", f.ID, "", f.Revision); err != nil {
		t.Fatal(err)
	}
	_, err = s.BringBack(t.Context(), ana, "shop", f.ID, "", f.Revision)
	refused(t, err, fault.CodeConflict, "approval")
	_, err = s.Apply(t.Context(), ana, "shop", "", []flag.Flag{{Name: "sale", About: flag.About{Type: "json"}}}, false, false)
	refused(t, err, fault.CodeConflict, "approval")
}

// A plan in a zone that nobody knows any more waits; it is not made at once.
func TestAPlanWithoutATimeIsNotMade(t *testing.T) {
	d := dbtest.SQLite(t, db.Options{})
	s := flag.New(d)
	f := create(t, s, flag.Flag{Name: "sale"})
	p, err := s.Plan(t.Context(), ana, "shop", f.ID, "production", flag.Wish{State: flag.State{On: true}, Wall: "2999-01-01T00:00", Zone: "Europe/Berlin"})
	if err != nil {
		t.Fatal(err)
	}
	err = d.Tx(t.Context(), func(tx *db.Tx) error {
		_, err := tx.Exec(t.Context(), `UPDATE flag_plans SET zone = 'Europe/Atlantis'`)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := s.MakeDue(t.Context()); err != nil {
		t.Fatal(err)
	}
	if p, err = s.FindPlan(t.Context(), "shop", p.ID); err != nil || p.Status != "approved" || !strings.Contains(p.Said, "Atlantis") || value(t, s, "production", "sale", nil) != "false" {
		t.Errorf("%+v, %v", p, err)
	}
}
