package rollout

import (
	"cmp"
	"math"
	"slices"

	"github.com/slipwayhq/slipway/internal/decide/rollout/machine"
	"github.com/slipwayhq/slipway/internal/decide/rollout/trace"
	"github.com/slipwayhq/slipway/internal/pure/judge"
	"github.com/slipwayhq/slipway/internal/pure/manifest"
)

// ArmView is one release's side of a vital.
type ArmView struct {
	Events int64   `json:"events"`
	AtRisk int64   `json:"at_risk"`
	Rate   float64 `json:"rate"`
}

// VitalView is the evidence on one vital.
type VitalView struct {
	Name           string  `json:"name"`
	Label          string  `json:"label"`
	State          string  `json:"state" enum:"regressed,healthy,unknown"`
	Log10E         float64 `json:"log10_e"`
	Log10Threshold float64 `json:"log10_threshold"`
	Ratio          float64 `json:"ratio"`
	RatioLow       float64 `json:"ratio_low"`
	RatioHigh      float64 `json:"ratio_high"`
	RuleOut        float64 `json:"rule_out"`
	Weight         float64 `json:"weight"`
	New            ArmView `json:"new"`
	Old            ArmView `json:"old"`
	Missing        int64   `json:"missing_requests"`
	NeededS        float64 `json:"needed_s" doc:"While it cannot tell: how much longer, at the traffic of this watch, until the harm is ruled out if there is none; 0 where no time would do"`
	DetectS        float64 `json:"detect_s" doc:"While it cannot tell: how long a harm that begins now would take to be seen; 0 where no time would do"`
	Unit           string  `json:"unit" enum:"share,cores,bytes,load,errors" doc:"Of the rates of its series: the share of what was at risk, what hosts measure on average, or the errors of each visitor with errors"`
	Bad            string  `json:"bad" enum:"rise,drop" doc:"Which change of its rate is harm"`
	Of             string  `json:"of" enum:"requests,events" doc:"What its rate is a share of: requests, or events of visitors; of a measurement of hosts, and of counters, it says nothing"`
	AlarmOnly      bool    `json:"alarm_only" doc:"It may call harm, and is not needed for healthy: a route, or errors of a kind not seen before"`
	Suspect        string  `json:"suspect,omitempty" doc:"The host that alone makes the new release look bad"`
	Text           string  `json:"text"`
}

// SplitView says whether the releases get the traffic that they were meant to.
type SplitView struct {
	Wrong    bool    `json:"wrong"`
	Share    float64 `json:"share" doc:"The new release's part of all requests so far"`
	Intended float64 `json:"intended" doc:"What it was meant to be"`
}

const (
	// alarmsShown is how many of the vitals that are for the alarm alone are shown, besides those that call it.
	alarmsShown = 5
	// alarmShows is the log10 of the evidence from which on one of them is worth a line.
	alarmShows = 0.5
)

// addVitals shows the evidence on each vital.
func (v *View) addVitals(m *machine.Rollout) {
	verdict := judge.Judge(m.Judge, m.Evidence)
	if s := verdict.Split; s != nil {
		v.Split = &SplitView{Wrong: s.Wrong, Share: trace.Round(s.Share), Intended: trace.Round(s.Intended)}
	}
	var alarms []VitalView
	for i, e := range verdict.Vitals {
		view := VitalView{
			Name: e.Name, Label: e.Label, State: string(e.Outcome), Log10E: trace.Round(e.EValue), Log10Threshold: trace.Round(e.Threshold),
			Ratio: trace.Round(e.RatioEstimate), RatioLow: trace.Round(e.RatioLow), RatioHigh: trace.Round(e.RatioHigh), RuleOut: e.RuleOut, Weight: trace.Round(m.Judge.Vitals[i].Weight),
			New: ArmView{Events: e.New, AtRisk: e.AtRiskNew, Rate: e.RateNew}, Old: ArmView{Events: e.Old, AtRisk: e.AtRiskOld, Rate: e.RateOld},
			Missing: e.Needed.Requests, Text: m.NamedText(e.Text), AlarmOnly: m.Judge.Vitals[i].AlarmOnly, Suspect: m.NamedText(e.Suspect),
			Unit: unitOf(m.Judge.Vitals[i]), Bad: string(cmp.Or(m.Judge.Vitals[i].Bad, judge.Rise)), Of: cmp.Or(m.Judge.Vitals[i].Of, "requests"),
		}
		view.NeededS, view.DetectS = longer(m, e, e.Needed), longer(m, e, e.ToDetect)
		switch {
		case !view.AlarmOnly:
			v.Vitals = append(v.Vitals, view)
		case view.Suspect != "" || e.Peak >= alarmShows || e.Name == judge.NewErrors && e.New > 0:
			alarms = append(alarms, view)
		}
	}
	// The loudest first; those that call harm, or that a host is to blame for, are never cut off.
	slices.SortStableFunc(alarms, func(a, b VitalView) int {
		return cmp.Or(loud(b)-loud(a), cmp.Compare(b.Log10E-b.Log10Threshold, a.Log10E-a.Log10Threshold))
	})
	for i, a := range alarms {
		if i < alarmsShown || loud(a) > 0 {
			v.Vitals = append(v.Vitals, a)
		}
	}
	if (verdict.Outcome == judge.Unknown || verdict.Outcome == judge.WrongSplit) && len(verdict.Reasons) > 0 {
		v.Missing = m.NamedText(verdict.Reasons[0].Text)
	}
}

// unitOf is what a vital is measured in.
func unitOf(v judge.VitalSpec) string {
	switch {
	case v.VisitorSteps > 0:
		return "errors"
	case !v.Mean:
		return "share"
	}
	return map[string]string{manifest.VitalCPU: "cores", manifest.VitalMemory: "bytes", manifest.VitalLoad: "load"}[v.Name]
}

// longer is how many seconds so many requests take at the pace of the watch so far.
func longer(m *machine.Rollout, e judge.VitalEvidence, n judge.Needed) float64 {
	seconds, requests := m.Evidence.Last-m.Evidence.First+1, e.AtRiskNew+e.AtRiskOld
	if requests == 0 || m.State.Ended() {
		return 0
	}
	return math.Round(float64(n.Requests) * float64(seconds) / float64(requests))
}

func loud(v VitalView) int {
	if v.State == string(judge.Regressed) || v.Suspect != "" {
		return 1
	}
	return 0
}

// errorRatio is the estimate for errors, 0 when not known.
func errorRatio(vitals []VitalView) float64 {
	if len(vitals) == 0 || vitals[0].Name != judge.Errors {
		return 0
	}
	return vitals[0].Ratio
}
