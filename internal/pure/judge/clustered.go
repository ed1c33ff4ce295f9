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
	// Lots are how many ticks in a row had one share: with another one the two releases together have another rate, if they differ.
	Lots []int `json:"lots,omitempty"`
	// Share is that of the last lot.
	Share float64 `json:"share"`
}

func newClustered(harm, exclude stats.Test) *Clustered {
	return &Clustered{Harm: stats.NewClustered(harm), Exclude: stats.NewClustered(exclude)}
}

// fold adds a tick under a step's share, of which drawn and atRisk are what each test goes by.
func (c *Clustered) fold(x, n int64, share, drawn, atRisk float64, exposure int64) {
	if compares(drawn) {
		c.Harm.Fold(x, n, drawn)
	}
	if compares(atRisk) {
		c.Exclude.Fold(x, n, atRisk)
	}
	c.Events, c.Exposure = append(c.Events, n), append(c.Exposure, math.Max(float64(exposure), float64(n)))
	if share != c.Share || len(c.Lots) == 0 {
		c.Lots = append(c.Lots, len(c.Events)-1-c.lotted())
		c.Share = share
	}
	c.Lots[len(c.Lots)-1]++
	if len(c.Events) > mostCells {
		c.halve()
	}
}

// lotted is how many cells the lots have.
func (c *Clustered) lotted() (n int) {
	for _, lot := range c.Lots {
		n += lot
	}
	return n
}

// halve puts neighbours of each lot together.
func (c *Clustered) halve() {
	var events []int64
	var exposure []float64
	at := 0
	for k, lot := range c.Lots {
		for i := at; i < at+lot; i += 2 {
			n, x := c.Events[i], c.Exposure[i]
			if i+1 < at+lot {
				n, x = n+c.Events[i+1], x+c.Exposure[i+1]
			}
			events, exposure = append(events, n), append(exposure, x)
		}
		at, c.Lots[k] = at+lot, (lot+1)/2
	}
	c.Events, c.Exposure = events, exposure
}

// lots are the cells of each share.
func (c *Clustered) lots() (lots []stats.Cells) {
	at := 0
	for _, lot := range c.Lots {
		lots = append(lots, stats.Cells{Counts: c.Events[at : at+lot], Exposure: c.Exposure[at : at+lot]})
		at += lot
	}
	return append(lots, stats.Cells{Counts: c.Events[at:], Exposure: c.Exposure[at:]}) // of a state that was kept before there were lots
}

// factor is how many events come together, +Inf while that is not known.
func (c *Clustered) factor() float64 {
	if len(c.Events) < fewCells {
		return math.Inf(1)
	}
	d, err := stats.DispersionWithin(c.lots())
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
