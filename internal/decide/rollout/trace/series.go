package trace

import (
	"context"
	"math"

	"github.com/slipwayhq/slipway/internal/db"
	"github.com/slipwayhq/slipway/internal/decide/rollout/machine"
	"github.com/slipwayhq/slipway/internal/pure/judge"
)

// Mark is a named moment on the time axis.
type Mark struct {
	Second int64  `json:"second"`
	Text   string `json:"text" doc:"In words, with who did it" example:"step 2"`
	Kind   string `json:"kind" doc:"The state that the rollout came into; left_out where it went on without a host that broke"`
}

// Series is one vital over time, one entry a second; rates are events per request at risk in that second. A second without a request at risk (nobody came, or nothing
// counted yet) has no rate: it is null, not 0.
type Series struct {
	Vital          string     `json:"vital"`
	Log10Threshold float64    `json:"log10_threshold"`
	Seconds        []int64    `json:"seconds"`
	NewRate        []*float64 `json:"new_rate" doc:"Null in a second without a request at risk"`
	OldRate        []*float64 `json:"old_rate" doc:"Null in a second without a request at risk"`
	AtRiskNew      []int64    `json:"at_risk_new" doc:"How many requests the rate is of: its weight in a mean"`
	AtRiskOld      []int64    `json:"at_risk_old"`
	Log10E         []float64  `json:"log10_e"`
	Ratio          []float64  `json:"ratio"`
	Low            []float64  `json:"low"`
	High           []float64  `json:"high"`
	RequestsNew    []int64    `json:"requests_new"`
	RequestsOld    []int64    `json:"requests_old"`
	Marks          []Mark     `json:"marks"`
}

// Of is a vital of a rollout over time, without marks.
func Of(ctx context.Context, q db.Querier, m *machine.Rollout, vital string) (Series, error) {
	out := Series{Vital: vital, Seconds: []int64{}, Marks: []Mark{}}
	for _, v := range m.Judge.Vitals {
		if v.Name == vital {
			out.Log10Threshold = Round(m.Judge.Threshold(v) / math.Ln10)
		}
	}
	var sum judge.Count
	err := each(ctx, q, m.ID, func(second int64, t Second) {
		if n := len(out.Seconds); n == 0 || out.Seconds[n-1] != second {
			sum = judge.Count{}
			out.grow(second)
		}
		out.requests(t)
		v, ok := t.Vitals[vital]
		if !ok {
			return // it was quiet, or this is not where it is counted
		}
		sum.New, sum.Old = sum.New+v.New, sum.Old+v.Old
		sum.AtRiskNew, sum.AtRiskOld = sum.AtRiskNew+v.AtRiskNew, sum.AtRiskOld+v.AtRiskOld
		out.set(v, sum)
	})
	return out, err
}

func (o *Series) grow(second int64) {
	o.Seconds = append(o.Seconds, second)
	o.NewRate, o.OldRate = append(o.NewRate, nil), append(o.OldRate, nil)
	o.AtRiskNew, o.AtRiskOld = append(o.AtRiskNew, 0), append(o.AtRiskOld, 0)
	// Where evidence stands it stays until something is counted.
	for _, f := range []*[]float64{&o.Log10E, &o.Ratio, &o.Low, &o.High} {
		last := 0.0
		if n := len(*f); n > 0 {
			last = (*f)[n-1]
		}
		*f = append(*f, last)
	}
	o.RequestsNew, o.RequestsOld = append(o.RequestsNew, 0), append(o.RequestsOld, 0)
}

func (o *Series) requests(t Second) {
	i := len(o.Seconds) - 1
	o.RequestsNew[i] += t.RequestsNew
	o.RequestsOld[i] += t.RequestsOld
}

func (o *Series) set(v Vital, sum judge.Count) {
	i := len(o.Seconds) - 1
	o.NewRate[i], o.OldRate[i] = rate(sum.New, sum.AtRiskNew), rate(sum.Old, sum.AtRiskOld)
	if v.MeanNew > 0 && v.MeanOld > 0 { // what hosts measured, in the unit of the vital
		o.NewRate[i], o.OldRate[i] = &v.MeanNew, &v.MeanOld
	}
	o.AtRiskNew[i], o.AtRiskOld[i] = sum.AtRiskNew, sum.AtRiskOld
	o.Log10E[i], o.Ratio[i], o.Low[i], o.High[i] = v.LogE, v.Ratio, v.Low, v.High
}

// rate is nil where nothing was at risk: there is no rate of nothing.
func rate(events, atRisk int64) *float64 {
	if atRisk == 0 {
		return nil
	}
	r := Round(float64(events) / float64(atRisk))
	return &r
}
