package ramp_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/slipwayhq/slipway/internal/decide/flag"
	"github.com/slipwayhq/slipway/internal/decide/flag/ramp"
	"github.com/slipwayhq/slipway/internal/fault"
	"github.com/slipwayhq/slipway/internal/pure/assign"
)

// in counts who of a thousand visitors of a country is given true.
func (w *world) in(country string) (n int) {
	w.Helper()
	set, err := w.flags.Set(w.Context(), "shop", "production")
	if err != nil {
		w.Fatal(err)
	}
	for i := range 1000 {
		if set.Server.Flags.Eval("cart", &assign.Visitor{Attributes: map[string]any{"id": fmt.Sprint("u", i), "country": country, "language": strings.ToLower(country)}}, nil).On {
			n++
		}
	}
	return n
}

// What was prepared while the flag was off is whom the ramp is among, and what it ends with.
func TestARampAmongThoseWhomTheFlagMeans(t *testing.T) {
	yes := true
	for name, one := range map[string]struct {
		was        flag.State
		dk, no, se int // of a hundred
	}{
		"rules":                {flag.State{Rules: json.RawMessage(`[{"condition":{"country":"DK"},"force":true},{"id":"two","condition":{"country":"NO"},"force":true}]`)}, 100, 100, 0},
		"all but some":         {flag.State{Default: json.RawMessage("true"), Rules: json.RawMessage(`[{"condition":{"country":"SE"},"force":false}]`)}, 100, 100, 0},
		"some but some":        {flag.State{Rules: json.RawMessage(`[{"condition":{"country":"SE"},"force":false},{"condition":{"country":{"$in":["SE","DK"]}},"force":true}]`)}, 100, 0, 0},
		"the rest":             {flag.State{Rules: json.RawMessage(`[{"condition":{"country":"SE"},"force":false},{"force":true},{"condition":{"country":"DK"},"force":false}]`)}, 100, 100, 0},
		"an audience":          {flag.State{Audience: &flag.Audience{Languages: []string{"dk"}, Groups: []string{"beta"}}}, 100, 0, 0},
		"everyone":             {flag.State{Audience: &flag.Audience{Everyone: &yes}}, 100, 100, 100},
		"nothing was prepared": {flag.State{}, 100, 100, 100},
	} {
		each(t, func(w *world) {
			w.set(ana, one.was)
			prepared := w.state()
			begin := func() ramp.Ramp { return w.start(ramp.Spec{Steps: []ramp.Step{{Share: 0.5, Watch: 60}}}) }
			r := begin()
			for country, hundred := range map[string]int{"DK": one.dk, "NO": one.no, "SE": one.se} {
				if n := w.in(country); n < hundred*4 || n > hundred*6 {
					w.Errorf("%s: %d of 1000 in %s in a ramp at a half", name, n, country)
				}
			}
			if _, err := w.ramps.Command(w.Context(), ana, "shop", r.ID, "return", ""); err != nil {
				w.Fatal(err)
			}
			if got := w.state(); got.On || string(got.Rules) != string(prepared.Rules) || fmt.Sprint(got.Audience) != fmt.Sprint(prepared.Audience) && got.Audience == nil {
				w.Errorf("%s: what was prepared is gone: %+v", name, got)
			}
			r = begin()
			w.take(r, 100, 100, 20, 20)
			if s := w.look(time.Minute); s.State != ramp.Promoted {
				w.Fatalf("%s: %+v", name, s.Ramp)
			}
			got := w.state()
			if w.in("DK") != 10*one.dk || w.in("NO") != 10*one.no || w.in("SE") != 10*one.se || !got.On {
				w.Errorf("%s: it ends with %d, %d and %d of 1000: %+v", name, w.in("DK"), w.in("NO"), w.in("SE"), got)
			}
			if len(one.was.Rules) > 0 && string(got.Rules) != string(prepared.Rules) || one.was.Audience != nil && got.Audience == nil {
				w.Errorf("%s: it ends with other rules than were prepared: %+v", name, got)
			}
		})
	}
}

// Whom a condition cannot say is not guessed.
func TestWhatARampCannotBeAmong(t *testing.T) {
	each(t, func(w *world) {
		rules := func(s string) flag.State { return flag.State{Rules: json.RawMessage(s)} }
		for says, one := range map[string]struct {
			was  flag.State
			spec ramp.Spec
		}{
			"rule 1 of cart has coverage":   {rules(`[{"condition":{"country":"DK"},"force":true,"coverage":0.1}]`), ramp.Spec{}},
			"rule 2 of cart has variations": {rules(`[{"condition":{"country":"DK"},"force":true},{"variations":[false,true],"key":"x"}]`), ramp.Spec{}},
			"to nobody":                     {flag.State{Audience: &flag.Audience{Testing: true}}, ramp.Spec{}},
			"has coverage, and":             {flag.State{Audience: &flag.Audience{Percent: 10}}, ramp.Spec{}},
			"leave the condition out":       {rules(`[{"condition":{"country":"DK"},"force":true}]`), ramp.Spec{Condition: json.RawMessage(`{"vip":true}`)}},
			"on for its audience":           {flag.State{On: true, Audience: &flag.Audience{Staff: true}}, ramp.Spec{}},
		} {
			one.was.Revision = w.state().Revision
			w.set(ana, one.was)
			one.spec.Vitals = []ramp.Vital{{Event: "order_completed"}}
			_, err := w.ramps.Start(w.Context(), ana, "shop", "production", "cart", "", one.spec)
			if !fault.Is(err, fault.CodeConflict) || !strings.Contains(fault.Message(err), says) {
				w.Errorf("%s: %v", says, err)
			}
		}
		if _, err := w.flags.Create(w.Context(), ana, "", flag.Flag{App: "shop", Kind: flag.Rules, Name: "colour", About: flag.About{Type: "string"}}); err != nil {
			w.Fatal(err)
		}
		vitals := []ramp.Vital{{Event: "order_completed"}}
		if _, err := w.ramps.Start(w.Context(), ana, "shop", "production", "colour", "", ramp.Spec{Vitals: vitals}); !fault.Is(err, fault.CodeInvalid) || !strings.Contains(fault.Message(err), `--value '"blue"'`) {
			w.Error(err)
		}
		if _, err := w.ramps.Start(w.Context(), ana, "shop", "production", "colour", "", ramp.Spec{Vitals: vitals, Value: json.RawMessage(`"blue"`)}); err != nil {
			w.Error(err)
		}
	})
}
