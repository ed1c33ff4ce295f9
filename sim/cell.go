package main

import (
	"math"
	"math/rand/v2"
	"slices"
	"sync"

	"github.com/slipwayhq/slipway/internal/pure/judge"
)

// method is what is counted and how it is judged.
type method string

const (
	firstByDraw  method = "first event, drawn share"   // what rollouts by visitor do
	firstAtRisk  method = "first event, at-risk share" // tempting
	everyByShare method = "every request"              // wrong when visitors were drawn
	perRequest   method = "per request"                // what rollouts by request do
	perHost      method = "per host"                   // what rollouts by host do: a margin, no model of the hosts
)

// cell is one row of the table: many rollouts of one kind.
type cell struct {
	world  world
	harm   harm
	rps    float64
	method method
	runs   int
	// promised: the judge's promise covers this cell, so that breaking the bound fails the program.
	promised bool
}

// result is what happened in the rollouts of a cell.
type result struct {
	World      string  `json:"world"`
	Harm       string  `json:"harm"`
	RPS        float64 `json:"requests_per_second"`
	Method     method  `json:"method"`
	Runs       int     `json:"runs"`
	RolledBack float64 `json:"rolled_back"` // fractions of the runs
	Healthy    float64 `json:"healthy"`
	Unknown    float64 `json:"unknown"`
	// RuledOut is the fraction in which a doubling was excluded for the vital that the harm is about at any time, rolled back or not.
	RuledOut float64 `json:"ruled_out"`
	// Bound is alpha plus three standard errors where the promise applies, else 0.
	Bound         float64 `json:"bound,omitempty"`
	MedianSeconds float64 `json:"median_seconds,omitempty"` // from the harm's beginning, of those rolled back
	P90Seconds    float64 `json:"p90_seconds,omitempty"`
	ExcessBad     float64 `json:"excess_bad_requests,omitempty"` // mean expected bad requests too many until rolled back, or to the end
}

// broken: more false rollbacks than the promise allows.
func (r result) broken() bool { return r.Bound > 0 && r.RolledBack > r.Bound }

// outcome of one rollout.
type outcome struct {
	verdict  judge.Outcome
	seconds  int
	ruledOut bool
}

// policy is the standard one, judged by the method.
func (c cell) policy(alpha float64) judge.Policy {
	slow := c.world.slowness()
	threshold := func(vital string, base float64) judge.Threshold {
		return judge.Threshold{Vital: vital, Quantile: 1 - base*slow, Base: base * slow}
	}
	thresholds := []judge.Threshold{
		threshold(judge.LatencyP50, slowAbove50+slowAbove90+slowAbove99),
		threshold(judge.LatencyP90, slowAbove90+slowAbove99),
		threshold(judge.LatencyP99, slowAbove99+baseErrors/2),
	}
	units := map[method]judge.Unit{
		firstByDraw: judge.ByVisitor, firstAtRisk: judge.ByHost, everyByShare: judge.ByHost, perRequest: judge.ByRequest, perHost: judge.ByHost,
	}
	p := judge.Standard(units[c.method], alpha, thresholds)
	if c.method != perHost {
		p.Margin = 0
	}
	return p
}

// run simulates the cell on some workers. Each rollout has a random stream of its own, so that the result does not depend on them.
func (c cell) run(alpha float64, seed, number uint64, workers int) result {
	outcomes := make([]outcome, c.runs)
	var wg sync.WaitGroup
	for w := range workers {
		wg.Go(func() {
			shares := schedule()
			l := newLedger(len(shares))
			for i := w; i < c.runs; i += workers {
				rng := rand.New(rand.NewPCG(seed, number<<32|uint64(i))) // a simulation
				outcomes[i] = c.rollout(alpha, l, shares, rng)
			}
		})
	}
	wg.Wait()
	return c.sum(alpha, outcomes)
}

// rollout simulates one rollout to its end or its rollback.
func (c cell) rollout(alpha float64, l *ledger, shares []float64, rng *rand.Rand) outcome {
	switch c.method {
	case perRequest:
		drawRequests(l, c.world, c.harm, c.rps, shares, rng)
	case perHost:
		drawHosts(l, c.world, c.harm, c.rps, shares, rng)
	case everyByShare:
		drawVisitors(l, c.world, c.rps, rng, func(v *visitor) { v.countEvery(l, c.world.retries, rng) })
	default:
		drawVisitors(l, c.world, c.rps, rng, func(v *visitor) { v.countFirst(l, c.harm, c.world.retries, rng) })
	}
	p := c.policy(alpha)
	found := outcome{seconds: -1}
	vital := errorsVital
	if c.harm.tail != 1 {
		vital = p99Vital
	}
	harmless := c.harm == noHarm
	goal := -math.Log(p.ExcludeAlpha)
	state := l.play(p, shares, rng, func(second int, s *judge.State) bool {
		if found.seconds < 0 && judge.HasRegressed(p, s) {
			found.seconds = second + 1
		}
		found.ruledOut = found.ruledOut || s.Vitals[vital].Exclude.LogE() >= goal
		return harmless && found.seconds >= 0
	})
	found.verdict = judge.Judge(p, state).Outcome
	return found
}

func (c cell) sum(alpha float64, outcomes []outcome) result {
	r := result{World: c.world.name, Harm: c.harm.name, RPS: c.rps, Method: c.method, Runs: c.runs}
	verdicts, ruledOut, excess := map[judge.Outcome]int{}, 0, 0.0
	var seconds []float64
	for _, o := range outcomes {
		verdicts[o.verdict]++
		if o.verdict == judge.Regressed && o.seconds > c.harm.begins {
			seconds = append(seconds, float64(o.seconds-c.harm.begins))
		}
		if o.ruledOut {
			ruledOut++
		}
		excess += c.excess(o.seconds)
	}
	runs := float64(c.runs)
	r.RolledBack, r.Healthy = float64(verdicts[judge.Regressed])/runs, float64(verdicts[judge.Healthy])/runs
	r.Unknown, r.RuledOut, r.ExcessBad = float64(verdicts[judge.Unknown])/runs, float64(ruledOut)/runs, excess/runs
	slices.Sort(seconds)
	if n := len(seconds); n > 0 && c.harm != noHarm {
		r.MedianSeconds, r.P90Seconds = seconds[n/2], seconds[n*9/10]
	}
	if c.promised {
		r.Bound = alpha + 3*math.Sqrt(alpha*(1-alpha)/float64(c.runs))
	}
	return r
}

// excess is the expected number of requests gone bad by the harm until it was rolled back, or to the end when it was not.
func (c cell) excess(seconds int) float64 {
	rate := baseErrors*(c.harm.errors-1) + slowAbove99*c.world.slowness()*(c.harm.tail-1)
	total := 0.0
	for second, share := range schedule() {
		if seconds >= 0 && second >= seconds {
			break
		}
		if second >= c.harm.begins {
			total += c.rps * share * rate
		}
	}
	return total
}
