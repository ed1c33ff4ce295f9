package judge

import (
	"math"

	"github.com/slipwayhq/slipway/internal/pure/stats"
)

// surely is the part of all cases in which a harm is seen within the time that is told.
const surely = 0.9

// Load is the traffic that a forecast is for.
type Load struct {
	PerSecond float64 // requests a second, both releases together
	Rate      float64 // the part of them that are events while nothing changes
	Share     float64 // the new release's part of the requests
}

// Detect forecasts after how many seconds of watching a harm of RuleOut on vital v is called regressed in 9 of 10 cases, the watch being fresh. 0: never, at any time that
// matters. Hosts that differ are not in it: they take longer where little was counted before.
func (p Policy) Detect(v VitalSpec, l Load) float64 {
	ratio, share := p.RuleOutFor(v), l.Share
	if v.Bad == Drop {
		share = 1 - share // the arm in which harm shows as more events
	}
	test := p.stake().Against(1 + p.Margin)
	return seconds(test.EventsWithin(share, ratio, p.Alpha*v.Weight, surely), l, ratio, share)
}

// Exclude forecasts after how many seconds a harm of RuleOut on vital v is ruled out in 9 of 10 cases, if nothing changed. 0 as in Detect.
func (p Policy) Exclude(v VitalSpec, l Load) float64 {
	share := l.Share
	if v.Bad == Drop {
		share = 1 - share
	}
	test := stats.NewExclusionTest(math.Max(p.RuleOutFor(v), 1+p.Margin))
	needed := seconds(test.EventsWithin(share, 1, p.excludeAlpha(), surely), l, 1, share)
	if v.Negligible > 0 && l.PerSecond*l.Share > 0 {
		onNew := stats.RequestsForRateBelow(0, 0, v.Negligible, l.Rate, p.excludeAlpha())
		if other := onNew / (l.PerSecond * l.Share); other < 1e7 && (needed == 0 || other < needed) {
			return other
		}
	}
	return needed
}

// seconds is how long so many events take, if those of the new release come ratio times as often.
func seconds(events float64, l Load, ratio, share float64) float64 {
	perSecond := l.PerSecond * l.Rate * (share*ratio + 1 - share)
	if s := events / perSecond; s < 1e7 {
		return s
	}
	return 0
}
