package flag_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/slipwayhq/slipway/internal/db"
	"github.com/slipwayhq/slipway/internal/db/dbtest"
	"github.com/slipwayhq/slipway/internal/decide/flag"
	"github.com/slipwayhq/slipway/internal/fault"
)

func said(steps []flag.Step) string {
	out := []string{}
	for _, s := range steps {
		out = append(out, strings.TrimSpace(fmt.Sprintf("%s %s %s: %s", s.Do, s.Flag, s.Environment, s.Words)))
	}
	return strings.Join(out, "; ")
}

func TestApplyingAList(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		s := flag.New(d)
		old := create(t, s, flag.Flag{Name: "old"})
		kept := create(t, s, flag.Flag{Name: "kept"})
		kept = set(t, s, kept, "production", flag.State{On: true})
		needs := flag.State{On: true, Default: json.RawMessage("false"), Rules: json.RawMessage(`[{"parentConditions": [{"id": "second", "condition": {"value": true}}], "force": true}]`)}
		list := []flag.Flag{
			{Name: "first", States: map[string]flag.State{"production": needs}}, // it leans on one that comes behind it
			{Name: "second", About: flag.About{Owner: "ana"}, States: map[string]flag.State{"production": {On: true}, "staging": {}}},
			{Name: "kept", States: map[string]flag.State{"production": {On: true}}},
		}
		const want = "create first : flag created; change first production: default null → false, switched on, rules 0 → 1; create second : flag created; change second production: switched on; archive old : taken out of use"
		dry, err := s.Apply(t.Context(), ana, "shop", "", slices.Clone(list), true, true)
		if err != nil || said(dry) != want {
			t.Errorf("%s, %v", said(dry), err)
		}
		if all, _ := s.Flags(t.Context(), "shop", false); len(all) != 2 {
			t.Errorf("only told, and yet there are %d flags", len(all))
		}
		did, err := s.Apply(t.Context(), ana, "shop", "", slices.Clone(list), true, false)
		if err != nil || said(did) != said(dry) {
			t.Errorf("%s, %v", said(did), err)
		}
		if got := value(t, s, "production", "first", nil); got != "true" {
			t.Errorf("first is %s", got)
		}
		// In another order of members it is the same.
		list[0].States["production"] = flag.State{On: true, Default: json.RawMessage("false"), Rules: json.RawMessage(`[{"force": true, "parentConditions": [{"condition": {"value": true}, "id": "second"}]}]`)}
		if again, err := s.Apply(t.Context(), ana, "shop", "", slices.Clone(list), true, false); err != nil || len(again) != 0 {
			t.Errorf("applied twice: %s, %v", said(again), err)
		}
		old, _ = s.Find(t.Context(), "shop", old.ID)
		now, _ := s.Find(t.Context(), "shop", "kept")
		if old.ArchivedAt.IsZero() || now.States["production"].Revision != kept.States["production"].Revision {
			t.Errorf("%+v, %+v", old, now)
		}

		// All or none, and the answer says which one is wrong.
		bad := append(slices.Clone(list), flag.Flag{Name: "third", States: map[string]flag.State{"production": {On: true, Default: json.RawMessage(`"x"`)}}})
		bad[0].Owner = "bo"
		_, err = s.Apply(t.Context(), ana, "shop", "", bad, false, false)
		refused(t, err, fault.CodeInvalid, "third: default must be a boolean")
		circle := []flag.Flag{{Name: "second", About: flag.About{Owner: "ana"}, States: map[string]flag.State{"production": {On: true, Rules: json.RawMessage(`[{"parentConditions": [{"id": "first", "condition": {"value": true}}], "force": true}]`)}}}}
		_, err = s.Apply(t.Context(), ana, "shop", "", circle, false, false)
		refused(t, err, fault.CodeInvalid, "must come before itself")
		_, err = s.Apply(t.Context(), ana, "shop", "", []flag.Flag{{Name: "x"}, {Name: "x"}}, false, false)
		refused(t, err, fault.CodeInvalid, "two flags")
		if first, _ := s.Find(t.Context(), "shop", "first"); first.Owner != "" {
			t.Error("half of a list was applied")
		}
		if back, err := s.Apply(t.Context(), ana, "shop", "", []flag.Flag{{Name: "old"}}, false, false); err != nil || said(back) != "bring_back old : brought back into use" {
			t.Errorf("%s, %v", said(back), err)
		}
		_, err = s.Apply(t.Context(), ana, "shop", "", []flag.Flag{{Name: "kept", About: flag.About{Type: "number"}}}, false, false)
		if err != nil { // on for all it has no value of its own
			t.Error(err)
		}
		_, err = s.Apply(t.Context(), ana, "shop", "", []flag.Flag{{Name: "first", About: flag.About{Type: "number"}}}, false, false)
		refused(t, err, fault.CodeConflict, "not of type number in production")
		if _, err := s.SetSettings(t.Context(), ana, "shop", "", flag.Settings{Approvals: []string{"production"}}); err != nil {
			t.Fatal(err)
		}
		_, err = s.Apply(t.Context(), ana, "shop", "", []flag.Flag{{Name: "old", States: map[string]flag.State{"production": {On: true}}}}, false, false)
		refused(t, err, fault.CodeConflict, "approval")
	})
}

func TestStale(t *testing.T) {
	now := time.Date(2026, 11, 29, 0, 0, 0, 0, time.UTC)
	yes := true
	of := func(kind flag.Kind, s flag.State) *flag.Flag {
		s.ChangedAt = now.Add(-31 * 24 * time.Hour)
		return &flag.Flag{Kind: kind, Name: "f", About: flag.About{Type: "boolean"}, States: map[string]flag.State{"production": s}}
	}
	for _, one := range []struct {
		f     *flag.Flag
		value string // "": it is not stale
	}{
		{of(flag.Rules, flag.State{On: true}), "true"},
		{of(flag.Rules, flag.State{}), "false"},
		{of(flag.Rules, flag.State{On: true, Rules: json.RawMessage(`[{"force": true}]`)}), "true"},
		{of(flag.Rules, flag.State{On: true, Rules: json.RawMessage(`[{"force": true, "coverage": 1}]`)}), "true"},
		{of(flag.Rules, flag.State{On: true, Rules: json.RawMessage(`[{"force": true, "coverage": 0.5}]`)}), ""},
		{of(flag.Rules, flag.State{On: true, Rules: json.RawMessage(`[{"force": true, "condition": {"a": 1}}]`)}), ""},
		{of(flag.Rules, flag.State{On: true, Rules: json.RawMessage(`[{"variations": [true, false]}]`)}), ""},
		{of(flag.Rules, flag.State{On: true, Audience: &flag.Audience{Everyone: &yes}}), "true"},
		{of(flag.Rules, flag.State{On: true, Audience: &flag.Audience{Percent: 10}}), ""},
		{of(flag.Rules, flag.State{On: true, Audience: &flag.Audience{}}), "false"},
		{of(flag.Switch, flag.State{On: true}), "true"},
		{of(flag.Sample, flag.State{On: true, Percent: 100}), ""},
	} {
		got := one.f.Stale("production", flag.Settings{}, now)
		if one.value == "" && got != "" || one.value != "" && !strings.Contains(got, "everybody has had "+one.value+" for 31 days") {
			t.Errorf("%s %+v: %q", one.f.Kind, one.f.States["production"], got)
		}
	}
	f := of(flag.Switch, flag.State{On: true})
	for name, gone := range map[string]string{
		"a longer time for all":   f.Stale("production", flag.Settings{StaleDays: 40}, now),
		"another environment":     f.Stale("staging", flag.Settings{}, now),
		"before the time is over": f.Stale("production", flag.Settings{}, now.Add(-2*24*time.Hour)),
	} {
		if gone != "" {
			t.Errorf("%s: %q", name, gone)
		}
	}
	f.Permanent = true
	if f.Stale("production", flag.Settings{}, now) != "" {
		t.Error("a permanent flag is stale")
	}
	f.Permanent, f.StaleDays = false, 7
	if f.Stale("production", flag.Settings{StaleDays: 365}, now) == "" {
		t.Error("the flag's own time does not count")
	}
}

func TestNeeds(t *testing.T) {
	state := flag.State{Rules: json.RawMessage(`[{"parentConditions": [{"id": "b", "condition": {"value": true}}], "condition": {"$and": [{"id": {"$inGroup": "beta"}}, {"$not": {"$savedGroup": {"id": "staff"}}}]}, "force": true}]`)}
	needs := flag.NeedsOf([]flag.Flag{{ID: "1", Name: "a", States: map[string]flag.State{"production": state}}, {ID: "2", Name: "b"}})
	if a, b := needs["1"], needs["2"]; !slices.Equal(a.Flags, []string{"b"}) || !slices.Equal(a.Groups, []string{"beta", "staff"}) || !slices.Equal(b.By, []string{"a"}) {
		t.Errorf("%+v", needs)
	}
}
