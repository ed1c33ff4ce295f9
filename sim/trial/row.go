package trial

import (
	"fmt"
	"io"
	"math"
	"slices"

	"github.com/slipwayhq/slipway/sim/canary"
	"github.com/slipwayhq/slipway/sim/world"
)

// Row is what one judge did in one scenario. Fractions are of the runs.
type Row struct {
	Scenario   string  `json:"scenario"`
	Judge      string  `json:"judge"`
	Alpha      float64 `json:"alpha"`
	Runs       int     `json:"runs"`
	Seed       uint64  `json:"seed"`
	RolledBack float64 `json:"rolled_back"`
	// Missed is the fraction with harm that was neither rolled back nor held.
	Missed float64 `json:"missed"`
	// From the harm's beginning, of those rolled back; null without any.
	MedianMin *float64 `json:"median_min"`
	P90Min    *float64 `json:"p90_min"`
	// ExcessBad is the mean expected number of requests that harm made bad until the rollback, or to the end.
	ExcessBad float64 `json:"excess_bad"`
	Unknown   float64 `json:"unknown"` // of the verdicts at the end
	Healthy   float64 `json:"healthy"`
	Held      float64 `json:"held"` // refused to judge
	// Twin is the scenario with the same world and no harm.
	Twin string `json:"twin"`
	// Every is how often the judge looked, in seconds.
	Every int `json:"every_s"`
	// Calibrated: the threshold was chosen so that Alpha is the rate of false rollbacks in the twin.
	Calibrated bool `json:"calibrated"`
}

// Bound is alpha plus three standard errors.
func (r *Row) Bound() float64 { return r.Alpha + 3*math.Sqrt(r.Alpha*(1-r.Alpha)/float64(r.Runs)) }

// heading is a row before its results are known.
func (p *Plan) heading(s *world.Scenario, at int) Row {
	return Row{Scenario: s.Name, Judge: p.maker(at).Name, Alpha: p.alpha(at), Runs: p.Runs, Seed: p.Seed, Twin: s.Twin, Every: p.every(at), Calibrated: p.Calibrated}
}

func (p *Plan) row(s *world.Scenario, at int, runs []outcome) Row {
	r := p.heading(s, at)
	part := 1 / float64(len(runs))
	var minutes []float64
	for i := range runs {
		o := &runs[i]
		r.ExcessBad += o.excess * part
		switch {
		case o.action == canary.RollBack:
			r.RolledBack += part
			minutes = append(minutes, float64(max(0, o.second-s.Harm.From))/60)
			continue
		case o.action == canary.Hold:
			r.Held += part
			continue
		case o.verdict == canary.Unknown:
			r.Unknown += part
		case o.verdict == canary.Healthy:
			r.Healthy += part
		}
		if !s.Harmless() {
			r.Missed += part
		}
	}
	slices.Sort(minutes)
	if n := len(minutes); n > 0 {
		r.MedianMin, r.P90Min = &minutes[n/2], &minutes[n*9/10]
	}
	r.round()
	return r
}

// round keeps the digits that mean something, so that equal results print alike.
func (r *Row) round() {
	for _, x := range []*float64{&r.RolledBack, &r.Missed, &r.Unknown, &r.Healthy, &r.Held} {
		*x = math.Round(*x*1e9) / 1e9
	}
	r.ExcessBad = math.Round(r.ExcessBad*1e4) / 1e4
	for _, x := range []**float64{&r.MedianMin, &r.P90Min} {
		if *x != nil {
			rounded := math.Round(**x*1e4) / 1e4
			*x = &rounded
		}
	}
}

// Markdown prints rows as a table.
type Markdown struct {
	Out     io.Writer
	started bool
}

// Row prints one.
func (m *Markdown) Row(r Row) error {
	if !m.started {
		m.started = true
		if _, err := fmt.Fprint(m.Out, "| scenario | judge | alpha | runs | rolled back % | missed % | median min | p90 min | excess bad | unknown % | held % |\n"+
			"|---|---|---|---|---|---|---|---|---|---|---|\n"); err != nil {
			return err
		}
	}
	minutes := func(x *float64) string {
		if x == nil {
			return ""
		}
		return fmt.Sprintf("%.1f", *x)
	}
	_, err := fmt.Fprintf(m.Out, "| %s | %s | %g | %d | %.2f | %.2f | %s | %s | %.1f | %.1f | %.1f |\n", r.Scenario, r.Judge, r.Alpha, r.Runs,
		100*r.RolledBack, 100*r.Missed, minutes(r.MedianMin), minutes(r.P90Min), r.ExcessBad, 100*r.Unknown, 100*r.Held)
	return err
}
