package judge

import (
	"math"

	"github.com/slipwayhq/slipway/internal/pure/stats"
)

const (
	// fewCells: with fewer the estimate of how events come together says too little to judge by.
	fewCells = 6
	// mostCells bounds them; beyond it neighbours are put together.
	mostCells = 512
)

// Clustered is the evidence on events that come several at a time: the likelihood divided by how many do, which is seen in how the ticks differ. It knows what comes together
// within a tick, so that ticks should be of ten seconds or so.
type Clustered struct {
	Harm    stats.Clustered `json:"harm"`
	Exclude stats.Clustered `json:"exclude"`
	// Events and Exposure are those of the ticks, both releases together.
	Events   []int64   `json:"events,omitempty"`
	Exposure []float64 `json:"exposure,omitempty"`
}

func newClustered(harm, exclude stats.Test) *Clustered {
	return &Clustered{Harm: stats.NewClustered(harm), Exclude: stats.NewClustered(exclude)}
}

func (c *Clustered) fold(x, n int64, drawn, atRisk float64, exposure int64) {
	if compares(drawn) {
		c.Harm.Fold(x, n, drawn)
	}
	if compares(atRisk) {
		c.Exclude.Fold(x, n, atRisk)
	}
	c.Events, c.Exposure = append(c.Events, n), append(c.Exposure, math.Max(float64(exposure), float64(n)))
	if len(c.Events) <= mostCells {
		return
	}
	for i := range mostCells / 2 {
		c.Events[i], c.Exposure[i] = c.Events[2*i]+c.Events[2*i+1], c.Exposure[2*i]+c.Exposure[2*i+1]
	}
	c.Events, c.Exposure = c.Events[:mostCells/2], c.Exposure[:mostCells/2]
}

// factor is how many events come together, +Inf while that is not known.
func (c *Clustered) factor() float64 {
	if len(c.Events) < fewCells {
		return math.Inf(1)
	}
	d, err := stats.DispersionOf(c.Events, c.Exposure)
	if err != nil {
		return math.Inf(1)
	}
	return d.Cautious()
}

// widened are bounds for so many events fewer.
func (c *Clustered) widened(b stats.Bounds) stats.Bounds {
	f := c.factor()
	for i := range b.LogLik {
		b.LogLik[i] /= f
	}
	return b
}

func (c *Clustered) needs(of *stats.Clustered, share, truth, alpha float64) float64 {
	f := c.factor()
	t := of.Scaled(f)
	return f * t.EventsNeeded(share, truth, alpha)
}
