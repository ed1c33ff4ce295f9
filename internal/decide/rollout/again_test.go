package rollout_test

import (
	"math"
	"testing"

	"github.com/slipwayhq/slipway/internal/decide/rollout/trace"
	"github.com/slipwayhq/slipway/internal/fault"
	"github.com/slipwayhq/slipway/internal/pure/judge"
)

func TestARolloutIsJudgedAgain(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		w.join("us1", "us2")
		w.ship(1, 0, "promoted")
		w.ship(2, .02, "promoted")
		w.ship(3, .4, "rolled_back")
		bad, good := w.nth(3), w.nth(2)

		same, err := w.Judge(t.Context(), app, bad.ID, trace.Again{})
		if err != nil || same.Verdict != judge.Regressed || same.Vital != bad.Vital || same.Alpha != bad.Alpha || same.EValue < same.Threshold || same.Judged == 0 {
			t.Errorf("with the same settings: %+v (%v)", same, err)
		}
		for _, v := range bad.Vitals { // it stops where the harm shows, as the rollout did
			if v.Name == same.Vital && math.Abs(math.Log10(same.EValue)-v.Log10E) > 1 {
				t.Errorf("evidence of 10^%.2f, in the rollout 10^%.2f", math.Log10(same.EValue), v.Log10E)
			}
		}
		margin := 1.0
		for name, with := range map[string]trace.Again{"a small alpha": {Alpha: 1e-200}, "a wide margin": {Margin: &margin, RuleOut: 10, Alpha: 1e-100}} {
			if r, err := w.Judge(t.Context(), app, bad.ID, with); err != nil || r.Verdict == judge.Regressed {
				t.Errorf("%s: %+v (%v)", name, r, err)
			}
		}
		if r, err := w.Judge(t.Context(), app, good.ID, trace.Again{}); err != nil || string(r.Verdict) != good.Verdict {
			t.Errorf("the good one was %s and is %+v (%v)", good.Verdict, r, err)
		}
		if _, err := w.Judge(t.Context(), app, bad.ID, trace.Again{RuleOut: 0.5}); !fault.Is(err, fault.CodeInvalid) {
			t.Errorf("an impossible setting: %v", err)
		}
		if _, err := w.Judge(t.Context(), app, w.nth(1).ID, trace.Again{}); !fault.Is(err, fault.CodeConflict) {
			t.Errorf("a first release: %v", err)
		}
		if _, err := w.Judge(t.Context(), "other", bad.ID, trace.Again{}); !fault.Is(err, fault.CodeNotFound) {
			t.Errorf("of another app: %v", err)
		}
	})
}
