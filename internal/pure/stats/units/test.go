package units

import (
	"math"
	"slices"

	"gonum.org/v1/gonum/floats"

	"github.com/slipwayhq/slipway/internal/pure/stats"
)

// Test is an e-process on the effect of a change that some units have and others do not. Make one with New, call Begin for each phase
// and Fold for each tick.
type Test struct {
	// Null is the logarithm of the ratio being tested: "the effect is at most this".
	Null   float64 `json:"null"`
	Phases []Phase `json:"phases,omitempty"`
	// Models are those values of σ that the window before left possible.
	Models []Model `json:"models,omitempty"`
	// Reserve is what has not been bet yet, and Stake on what it all is.
	Reserve float64     `json:"reserve"`
	Stake   stats.Stake `json:"stake"`
}

// Phase is what was counted while the groups stayed the same.
type Phase struct {
	Layout Layout `json:"layout"`
	// Stake is what was bet, on all alternatives together, on an effect that begins with this phase.
	Stake float64 `json:"stake"`
	// Events in the new group and in both, by the new group's share of the requests.
	New    float64 `json:"new"`
	Blocks []Block `json:"blocks,omitempty"`
}

// Block holds the events that came under about the same share.
type Block struct {
	Events float64 `json:"events"`
	Share  float64 `json:"share"` // the mean over the events
}

// Model is the world under one σ: how likely it is, and the law of the phases' differences of log rates.
type Model struct {
	LogWeight float64   `json:"log_weight"`
	Mean      []float64 `json:"mean"`
	// Factor is the lower triangle of Cholesky's decomposition of the covariance.
	Factor [][]float64 `json:"factor"`
}

// farSteps are log ratios beyond those of the stake, 33 and 400, and farPart is what is bet on them together. Where units are told apart by a random effect, an effect that is larger than any that is bet on shows no
// more than the largest bet, however much is counted: what is beyond it might be the units' own. Errors that come out of nothing are such.
const farPart = 1. / 16

var farSteps = [...]float64{3.5, 6}

const (
	// unlikely: a σ whose weight is so much less than the best one's is left out.
	unlikely = 1e-6
	// near: shares whose odds differ by less than this factor are put into one block.
	near = 1.2
	// maxBlocks bounds a phase's blocks; after that the nearest takes all.
	maxBlocks = 12
)

// New makes a test of "the ratio of the two groups' rates is at most null" (above 0; 1 is no change). The stake's reserve is for later phases.
func New(null float64, s stats.Stake) Test {
	return Test{Null: math.Log(null), Reserve: s.Reserve, Stake: s}
}

// Begin starts a phase. before is the same at each call; visitors is what is known of how much 64 buckets of visitors differ. A layout like the last
// one begins nothing.
func (t *Test) Begin(before *Window, visitors Spread, l Layout) {
	if n := len(t.Phases); n > 0 && same(t.Phases[n-1].Layout, l) {
		return
	}
	stake := 1 - t.Reserve
	if len(t.Phases) > 0 {
		stake = t.Reserve * stats.LatePart
		t.Reserve -= stake
	}
	t.Phases = append(t.Phases, Phase{Layout: l, Stake: stake})
	t.model(before, visitors)
}

func same(a, b Layout) bool {
	return slices.Equal(a.New, b.New) && slices.Equal(a.Old, b.Old) && a.Visitors == b.Visitors
}

// model works out the law of the phases' differences for each σ that is possible.
func (t *Test) model(before *Window, visitors Spread) {
	t.Models = t.Models[:0]
	layouts := make([]Layout, len(t.Phases))
	for k, p := range t.Phases {
		layouts[k] = p.Layout
	}
	for _, p := range before.posteriors {
		m := Model{LogWeight: p.logWeight}
		rows := make([]row, len(layouts))
		for k, l := range layouts {
			rows[k] = contrast(l, before.units, p)
			m.Mean = append(m.Mean, rows[k].mean)
		}
		m.Factor = covariance(layouts, rows, p, visitors.variance())
		cholesky(m.Factor) // singular where phases have nearly the same groups
		t.Models = append(t.Models, m)
	}
}

// Fold adds a tick of the present phase: x of n events were in the new group, whose share of the requests was share, in [0, 1]. Needs 0 ≤ x ≤ n
// and a phase that has begun. A share of 0 or 1 compares nothing.
func (t *Test) Fold(x, n, share float64) {
	if n == 0 || share <= 0 || share >= 1 {
		return
	}
	p := &t.Phases[len(t.Phases)-1]
	p.New += x
	odds, best, gap := logit(share), -1, math.Inf(1)
	for i, b := range p.Blocks {
		if d := math.Abs(logit(b.Share) - odds); d < gap {
			best, gap = i, d
		}
	}
	if best < 0 || gap > math.Log(near) && len(p.Blocks) < maxBlocks {
		p.Blocks = append(p.Blocks, Block{Events: n, Share: share})
		return
	}
	b := &p.Blocks[best]
	b.Share += (share - b.Share) * n / (b.Events + n)
	b.Events += n
}

func logit(p float64) float64 { return math.Log(p / (1 - p)) }

// bet is a part of the stake, and the effect that it is on, from a phase on, beyond the null.
type bet struct {
	from   int
	effect float64
	part   float64
}

// bets are all but the reserve, phase by phase.
func (t *Test) bets() []bet {
	stake := t.Stake
	if stake.Parts == [len(stake.Parts)]float64{} { // kept before a test knew its own
		stake = stats.UsualStake()
	}
	bets := make([]bet, 0, len(t.Phases)*(len(stake.Steps)+len(farSteps)))
	for from, p := range t.Phases {
		for k, e := range stake.Steps {
			bets = append(bets, bet{from: from, effect: e, part: (1 - farPart) * p.Stake * stake.Parts[k]})
		}
		for _, e := range farSteps {
			bets = append(bets, bet{from: from, effect: e, part: farPart / float64(len(farSteps)) * p.Stake})
		}
	}
	return bets
}

// LogE is the natural logarithm of the e-value against "the ratio is at most the null".
func (t *Test) LogE() float64 {
	if len(t.Phases) == 0 {
		return 0
	}
	w := t.workspace()
	return w.logE(w.likelihood(t.Null))
}

// logE is LogE, given the null's likelihood, which has just been worked out.
func (w *workspace) logE(null float64) float64 {
	t := w.test
	bets := t.bets()
	terms := make([]float64, 0, 1+len(bets))
	terms = append(terms, math.Log(t.Reserve)+null)
	for _, b := range bets {
		terms = append(terms, math.Log(b.part)+w.likelihoodFrom(b.from, t.Null, t.Null+b.effect))
	}
	return floats.LogSumExp(terms) - null
}

// LogExcludes is the natural logarithm of the e-value against "the ratio is at least ratio", for a ratio above 1: half of it is bet on
// "no change", the rest on other ratios below.
func (t *Test) LogExcludes(ratio float64) float64 {
	if len(t.Phases) == 0 {
		return 0
	}
	limit, w := math.Log(ratio), t.workspace()
	lower := [...]float64{0.75, 0.5, 0.25, -0.25, -0.5, -1, -2}
	bets := []float64{math.Log(0.5) + w.likelihood(0)}
	for _, part := range lower {
		bets = append(bets, math.Log(0.5/float64(len(lower)))+w.likelihood(part*limit))
	}
	return floats.LogSumExp(bets) - w.likelihood(limit)
}

// Bounds is the likelihood of each ratio, the units' differences averaged out: estimate and confidence sequence as for alike units.
func (t *Test) Bounds() stats.Bounds {
	var b stats.Bounds
	if len(t.Phases) == 0 {
		return b
	}
	w := t.workspace()
	for i := range b.LogLik {
		b.LogLik[i] = w.likelihood(b.LogRatio(i))
	}
	return b
}
