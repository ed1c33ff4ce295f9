package stats

import (
	"fmt"
	"math"
)

// components is the number of alternatives that a Test bets on.
const components = 8

// Test is an e-process against one hypothesis on a rate ratio: a bet on each of several alternative ratios, all on the same side
// of Null. The zero value is not usable: see NewHarmTest and NewExclusionTest.
type Test struct {
	// Null is the ratio being tested, above 0.
	Null float64 `json:"null"`
	// Alternatives are the ratios that are bet on.
	Alternatives [components]float64 `json:"alternatives"`
	// LogStake is the natural logarithm of each bet's present value. The initial stakes and the reserve add up to 1.
	LogStake [components]float64 `json:"log_stake"`
	// Reserve is what has not been bet yet, and Parts how it will be.
	Reserve float64             `json:"reserve"`
	Parts   [components]float64 `json:"parts,omitzero"`
}

// Stake says on what a harm test bets. It is fixed before the first tick; a rollout keeps the one it began with.
type Stake struct {
	// Steps are logarithms of ratios beyond the null, Parts how much of the stake is on each; they add up to 1.
	Steps [components]float64 `json:"steps"`
	Parts [components]float64 `json:"parts"`
	// Reserve is kept back for harm that begins late, when old bets may be worth next to nothing, in [0, 1).
	Reserve float64 `json:"reserve"`
}

// UsualStake bets on log ratios from 5 % to tenfold: small harms need many events, large ones are seen within a few. Most is where it spares most bad
// requests: a tenfold rise is seen within a few events whatever was bet on it, one of 5 % is rarely seen within a rollout, and a doubling or a rise by a
// fifth is what a watch of minutes is about. Against equal parts a doubling gains ln 3 of evidence, which is a sixth of the events it takes, a fifth
// ln 1.25, and no step loses more than ln 2. The reserve costs 0.16 of ln e.
func UsualStake() Stake {
	return Stake{
		Steps:   [components]float64{0.05, 0.1, 0.2, 0.35, 0.7, 1.1, 1.6, 2.3},
		Parts:   [components]float64{3. / 32, 2. / 32, 5. / 32, 3. / 32, 12. / 32, 3. / 32, 2. / 32, 2. / 32},
		Reserve: 0.15,
	}
}

// LatePart is how much of the reserve is bet when something begins that may bring out harm.
const LatePart = 2. / 3

// Validate reports parts that are negative or do not add up to 1, a step that is no harm, and a reserve that leaves nothing to bet.
func (s Stake) Validate() error {
	total := 0.0
	for k, part := range s.Parts {
		if !(part >= 0) || !(s.Steps[k] > 0) {
			return fmt.Errorf("stake: part %v on a log ratio of %v; parts must be at least 0 and log ratios above 0", part, s.Steps[k])
		}
		total += part
	}
	if math.Abs(total-1) > 1e-9 {
		return fmt.Errorf("stake: the parts add up to %v and must add up to 1", total)
	}
	if !(s.Reserve >= 0 && s.Reserve < 1) {
		return fmt.Errorf("stake: a reserve of %v; must be at least 0 and below 1", s.Reserve)
	}
	return nil
}

// Against is a test of "the ratio is at most null" (null > 0; 1 plus the tolerated margin) against larger ratios.
func (s Stake) Against(null float64) Test {
	t := Test{Null: null, Reserve: s.Reserve, Parts: s.Parts}
	for k, step := range s.Steps {
		t.Alternatives[k] = null * math.Exp(step)
		t.LogStake[k] = math.Log((1 - s.Reserve) * s.Parts[k])
	}
	return t
}

// NewHarmTest is UsualStake against "the ratio is at most null".
func NewHarmTest(null float64) Test { return UsualStake().Against(null) }

// Rebet puts LatePart of the reserve on the alternatives, as at the beginning. It may be called at any time that does not depend on what
// the next tick will show, such as when a step begins: a bet that starts late is as fair as one from the beginning.
func (t *Test) Rebet() {
	if t.Reserve == 0 {
		return
	}
	parts := t.Parts
	if parts == [components]float64{} { // kept before a test knew its own
		parts = UsualStake().Parts
	}
	late := t.Reserve * LatePart
	t.Reserve -= late
	for k, stake := range t.LogStake {
		t.LogStake[k] = logSumExp([]float64{stake, math.Log(late * parts[k])})
	}
}

// Cap gives away what exceeds an ln e-value of limit, so that later evidence to the contrary need not first eat it up. Giving away
// never makes a test unfair.
func (t *Test) Cap(limit float64) {
	if excess := t.LogE() - limit; excess > 0 {
		t.Reserve *= math.Exp(-excess)
		for k := range t.LogStake {
			t.LogStake[k] -= excess
		}
	}
}

// exclusionSteps are the fractions of ln(null) by which an exclusion test's alternatives lie below null. The first is a ratio of 1
// ("nothing changed"), which is what we expect to see and so carries half the weight.
var exclusionSteps = [components]float64{1, 0.25, 0.5, 0.75, 1.25, 1.5, 2, 3}

// NewExclusionTest tests "the ratio is at least null" (null > 1) against smaller ratios: the mirror image of a harm test.
// When it reaches 1/α, a harm of null or more is excluded at level α.
func NewExclusionTest(null float64) Test {
	t := Test{Null: null}
	for k, step := range exclusionSteps {
		t.Alternatives[k] = math.Pow(null, 1-step)
		t.LogStake[k] = -math.Log(2 * (components - 1))
	}
	t.LogStake[0] = -math.Log(2)
	return t
}

// Fold adds a tick: x of n events were in the new arm, whose share was rho in [0, 1]. Folding two ticks with the same rho is folding
// their sum. Needs 0 ≤ x ≤ n.
func (t *Test) Fold(x, n int64, rho float64) {
	if n == 0 {
		return
	}
	null := math.Log1p(rho * (t.Null - 1))
	for k, r := range t.Alternatives {
		gain := 0.0
		if x > 0 {
			gain = float64(x) * math.Log(r/t.Null)
		}
		t.LogStake[k] += gain - float64(n)*(math.Log1p(rho*(r-1))-null)
	}
}

// LogE is the natural logarithm of the e-value.
func (t *Test) LogE() float64 {
	bets := logSumExp(t.LogStake[:])
	if t.Reserve == 0 {
		return bets
	}
	return logSumExp([]float64{bets, math.Log(t.Reserve)})
}

// EventsNeeded forecasts how many more events, both arms together, bring the e-value to 1/alpha at a constant share rho if the
// ratio is truth: for each bet what is missing over its expected growth per event, and of those the least. (Wald's identity with
// the growth rate of Grünwald, de Heide & Koolen, "Safe Testing", JRSS-B 2024.) It ignores the overshoot and that bets add up, and
// is an expectation: half of all cases need more. 0 when reached, +Inf when no bet grows (rho of 0 or 1).
func (t *Test) EventsNeeded(rho, truth, alpha float64) float64 {
	return t.EventsWithin(rho, truth, alpha, 0.5)
}

// EventsWithin is EventsNeeded for the given part of all cases, in [0.5, 1): after so many events the bet has grown enough but for chance, by the normal approximation of
// its growth: the least n with n·g − z·s·√n ≥ what is missing, where g and s are the mean and standard deviation of the growth per event.
func (t *Test) EventsWithin(rho, truth, alpha, cases float64) float64 {
	goal := -math.Log(alpha)
	if t.LogE() >= goal {
		return 0
	}
	z := math.Sqrt2 * math.Erfinv(2*cases-1)
	p := rho * truth / (rho*truth + 1 - rho)
	least := math.Inf(1)
	for k, r := range t.Alternatives {
		growth := p*math.Log(r/t.Null) - math.Log1p(rho*(r-1)) + math.Log1p(rho*(t.Null-1))
		if growth > 1e-12 {
			chance := z * math.Abs(math.Log(r/t.Null)) * math.Sqrt(p*(1-p))
			root := (chance + math.Sqrt(chance*chance+4*growth*(goal-t.LogStake[k]))) / (2 * growth)
			least = math.Min(least, root*root)
		}
	}
	return math.Ceil(math.Max(least, 1))
}

// logSumExp is ln Σ exp(v) without overflow.
func logSumExp(v []float64) float64 {
	top := math.Inf(-1)
	for _, a := range v {
		top = math.Max(top, a)
	}
	if math.IsInf(top, 0) {
		return top
	}
	sum := 0.0
	for _, a := range v {
		sum += math.Exp(a - top)
	}
	return top + math.Log(sum)
}
