package rollout_test

import (
	"strings"
	"testing"
	"time"

	"github.com/slipwayhq/slipway/internal/decide/rollout"
	"github.com/slipwayhq/slipway/internal/decide/rollout/trace"
	"github.com/slipwayhq/slipway/internal/event"
	"github.com/slipwayhq/slipway/internal/pure/judge"
	"github.com/slipwayhq/slipway/internal/pure/manifest"
	"github.com/slipwayhq/slipway/internal/pure/stats/repeats"
)

// again plays a rollout to its end: both releases fail for 4 % of new visitors each second, and 100 visitors have erred on each side since the split was in force, with so many errors more on the
// new release.
func (w *world) again(number int, more int64) rollout.View {
	w.t.Helper()
	w.release(func(_ *event.ReleaseCreated, m *manifest.Manifest) {
		m.Rollout.Steps = []manifest.Step{{Share: .5, Watch: manifest.Every(60 * time.Second)}}
	})
	traffic, since := "", int64(0)
	for range 300 {
		v := w.nth(number)
		if v.State.Ended() {
			return v
		}
		w.clock.pass(time.Second)
		sec := w.counted(.04, .04)
		rs := &sec.Routes[0]
		if rs.Traffic != traffic {
			traffic, since = rs.Traffic, sec.Second+8
		}
		if at := sec.Second + 1; rs.Split.New != "" && at > since {
			cell := func(errors int64) [][5]int64 {
				return [][5]int64{{int64(repeats.Age(at - since)), int64(repeats.Bucket(errors)), int64(repeats.Bucket(40)), 0, 100}}
			}
			rs.Erred = map[string][][5]int64{rs.Split.New: cell(more), rs.Split.Old: cell(1)}
		}
		w.feed(sec)
	}
	w.t.Fatalf("rollout #%d does not end", number)
	return rollout.View{}
}

// Visitors who fail again and again on the new release take it back though no more of them fail; the same verdict is found again in what was stored. Where they do not, nothing happens.
func TestVisitorsWhoErrAgainTakeAReleaseBack(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		w.join("us1", "us2")
		w.ship(1, 0, "promoted")
		if v := w.again(2, 1); v.Outcome != "promoted" {
			t.Fatalf("a good release is %s: %v", v.Outcome, v.Reasons)
		}
		v := w.again(3, 16)
		if v.Outcome != "rolled_back" || v.Vital != judge.VisitorErrors {
			t.Fatalf("%s for %q: %v", v.Outcome, v.Vital, v.Reasons)
		}
		found := false
		for _, vital := range v.Vitals {
			if vital.Name == judge.VisitorErrors {
				found = true
				if vital.Unit != "errors" || vital.State != "regressed" || vital.New.AtRisk != 100 || vital.New.Rate < 16 || vital.Old.Rate != 2 || !strings.Contains(vital.Text, "of 200 visitors with errors 100 are on the new release (100 expected)") {
					t.Errorf("the vital is %+v", vital)
				}
			}
		}
		if !found {
			t.Error("the vital is not shown")
		}
		again, err := w.Judge(t.Context(), app, v.ID, trace.Again{})
		if err != nil || again.Verdict != judge.Regressed || again.Vital != judge.VisitorErrors {
			t.Errorf("judged again: %+v, %v", again, err)
		}
		series, err := w.SeriesOf(t.Context(), app, v.ID, judge.VisitorErrors)
		if err != nil {
			t.Fatal(err)
		}
		told := false
		for i, rate := range series.NewRate {
			told = told || rate != nil && *rate > 16 && series.Log10E[i] > series.Log10Threshold
		}
		if !told {
			t.Errorf("its series does not show it: %+v", series)
		}
	})
}
