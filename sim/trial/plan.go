package trial

import (
	"fmt"
	"io"
	"math"
	"slices"
	"sync"
	"time"

	"github.com/slipwayhq/slipway/sim/canary"
	"github.com/slipwayhq/slipway/sim/world"
)

// Plan is what is played.
type Plan struct {
	Scenarios []world.Scenario // to be played
	All       []world.Scenario // among which twins are looked up
	Makers    []canary.Maker
	Runs      int
	Workers   int
	Seed      uint64
	// Alphas are the levels at which each judge plays, all on the same streams.
	Alphas []float64
	// Cadence makes all judges look every so many seconds; 0 leaves each its own.
	Cadence int
	// Calibrated gives all judges thresholds with which they roll back the fraction alpha of the runs without harm.
	Calibrated bool
	// Kept has the rows of earlier, which are not played again, and gets those of now; without it all are played.
	Kept     *Kept
	Progress io.Writer
}

// Run plays everything and hands out the rows of a scenario as soon as they are known.
func (p *Plan) Run(each func(Row) error) error {
	crews := p.crews()
	thresholds := map[string][]float64{} // by twin, by judge
	for i := range p.Scenarios {
		s, begun := &p.Scenarios[i], time.Now()
		rows, err := p.rows(crews, s, thresholds)
		if err != nil {
			return err
		}
		for _, r := range rows {
			if err := each(r); err != nil {
				return err
			}
		}
		if _, err := fmt.Fprintf(p.Progress, "%d of %d: %s, %.1f s\n", i+1, len(p.Scenarios), s.Name, time.Since(begun).Seconds()); err != nil {
			return err
		}
	}
	return nil
}

// rows are those of a scenario, kept or played.
func (p *Plan) rows(crews [][]canary.Judge, s *world.Scenario, thresholds map[string][]float64) ([]Row, error) {
	if p.Kept != nil {
		if rows, ok := p.Kept.of(p, s); ok {
			return rows, nil
		}
	}
	var limits []float64
	if p.Calibrated {
		if thresholds[s.Twin] == nil {
			twin := slices.IndexFunc(p.All, func(o world.Scenario) bool { return o.Name == s.Twin })
			thresholds[s.Twin] = p.calibrate(p.play(crews, &p.All[twin], nil, true))
		}
		limits = thresholds[s.Twin]
	}
	var rows []Row
	for at, runs := range p.play(crews, s, limits, false) {
		rows = append(rows, p.row(s, at, runs))
	}
	if p.Kept == nil {
		return rows, nil
	}
	return rows, p.Kept.add(rows)
}

// maker and alpha are those of a place in a crew: each judge sits there once for each alpha.
func (p *Plan) maker(at int) canary.Maker { return p.Makers[at/len(p.Alphas)] }
func (p *Plan) alpha(at int) float64      { return p.Alphas[at%len(p.Alphas)] }

// every is how often a judge looks.
func (p *Plan) every(at int) int {
	if p.Cadence > 0 {
		return p.Cadence
	}
	return p.maker(at).Every
}

// crews are the judges of each worker.
func (p *Plan) crews() [][]canary.Judge {
	crews := make([][]canary.Judge, p.Workers)
	for w := range crews {
		for at := range len(p.Makers) * len(p.Alphas) {
			crews[w] = append(crews[w], p.seated(crews[w], at))
		}
	}
	return crews
}

// seated is the judge for a place: one who answers for all alphas sits there as often.
func (p *Plan) seated(crew []canary.Judge, at int) canary.Judge {
	switch first := at - at%len(p.Alphas); {
	case !p.maker(at).EValue:
		return p.maker(at).New(p.alpha(at))
	case at > first:
		return crew[first]
	default:
		return p.maker(at).New(slices.Max(p.Alphas))
	}
}

// outcome is how one run ended for one judge.
type outcome struct {
	action   canary.Action
	verdict  canary.Verdict // if it went on to the end
	second   int            // of the action
	excess   float64
	evidence float64 // the largest
}

// play plays all runs of a scenario; the results are by place and run. Limits replace the judges' own thresholds; watch lets nobody roll back.
func (p *Plan) play(crews [][]canary.Judge, s *world.Scenario, limits []float64, watch bool) [][]outcome {
	results := make([][]outcome, len(crews[0]))
	for m := range results {
		results[m] = make([]outcome, p.Runs)
	}
	var wg sync.WaitGroup
	for w, judges := range crews {
		wg.Go(func() {
			t := table{plan: p, judges: judges, stream: s.Open(), limits: limits, watch: watch}
			for run := w; run < p.Runs; run += len(crews) {
				t.play(uint64(run))
				for m := range t.seats {
					results[m][run] = t.seats[m].outcome
				}
			}
		})
	}
	wg.Wait()
	return results
}

// table is where judges watch a run together.
type table struct {
	plan   *Plan
	judges []canary.Judge
	stream *world.Stream
	limits []float64
	watch  bool
	seats  []seat
}

type seat struct {
	outcome
	setting canary.Setting
	gone    bool
}

func (t *table) play(run uint64) {
	setting, window := t.stream.Begin(t.plan.Seed, run)
	if t.seats == nil {
		t.seats = make([]seat, len(t.judges))
	}
	for m := range t.seats {
		t.seats[m] = seat{setting: *setting, outcome: outcome{evidence: math.Inf(-1)}}
		t.seats[m].setting.Every = t.plan.every(m)
		t.seats[m].setting.Calibrated = t.plan.Calibrated
		if m == 0 || t.judges[m] != t.judges[m-1] {
			t.judges[m].Begin(&t.seats[m].setting, window)
		}
	}
	observe := func(tick *canary.Tick) {
		var told canary.Judge
		for m, j := range t.judges {
			if !t.seats[m].gone && j != told {
				j.Observe(tick)
				told = j
			}
		}
	}
	for left := len(t.judges); left > 0; {
		second, excess, ok := t.stream.Next(observe)
		if !ok {
			break
		}
		for m := range t.seats {
			if s := &t.seats[m]; !s.gone {
				s.excess += excess
				if second%s.setting.Every == 0 && t.look(m, second) {
					left--
				}
			}
		}
	}
	for m := range t.seats {
		if s := &t.seats[m]; !s.gone {
			s.verdict = t.judges[m].End()
		}
	}
}

// look asks a judge, and reports whether it leaves.
func (t *table) look(m, second int) (gone bool) {
	s, o := &t.seats[m], t.judges[m].Look(second)
	s.evidence = max(s.evidence, o.Evidence)
	action := o.Action
	if t.plan.maker(m).EValue && o.Evidence >= -math.Log(t.plan.alpha(m)) {
		action = canary.RollBack
	}
	switch {
	case action == canary.Hold:
	case t.watch:
		action = canary.GoOn
	case t.limits != nil && o.Evidence > t.limits[m]:
		action = canary.RollBack
	case t.limits != nil:
		action = canary.GoOn
	}
	if action != canary.GoOn {
		s.action, s.second, s.gone = action, second, true
	}
	return s.gone
}

// calibrate finds for each judge the smallest threshold that its evidence exceeds in at most the fraction alpha of the runs.
func (p *Plan) calibrate(results [][]outcome) []float64 {
	limits := make([]float64, len(results))
	for m, runs := range results {
		top := make([]float64, len(runs))
		for i := range runs {
			top[i] = runs[i].evidence
		}
		slices.Sort(top)
		limits[m] = top[len(top)-1-int(p.alpha(m)*float64(len(top))+1e-9)]
	}
	return limits
}
