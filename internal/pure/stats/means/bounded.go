package means

import (
	"fmt"
	"math"
)

// Bounded is the predictable-mixture empirical Bernstein confidence sequence for the mean of values between 0 and 1 (Waudby-Smith & Ramdas 2024, theorem 2): exact whatever their distribution, as long as each has the same mean given the past. See NewBounded.
type Bounded struct {
	// Alpha is the level at which it is tuned and, in Interval, the one at which it holds.
	Alpha float64 `json:"alpha"`
	N     int64   `json:"n"`
	// Sum and Square are Σx and Σ(x − the mean so far)².
	Sum    float64 `json:"sum"`
	Square float64 `json:"square"`
	// Stakes, Won and Paid are Σλ, Σλx and Σ(x−μ̂)²ψ(λ), where the stake λ is chosen before x is seen.
	Stakes float64 `json:"stakes"`
	Won    float64 `json:"won"`
	Paid   float64 `json:"paid"`
}

// mostStaked is the limit c of the stakes, as in the paper's simulations.
const mostStaked = 0.5

// NewBounded makes an empty confidence sequence of level 1 − alpha, alpha in (0, 1).
func NewBounded(alpha float64) (Bounded, error) {
	if !(alpha > 0 && alpha < 1) {
		return Bounded{}, fmt.Errorf("a confidence sequence of level %v: must be between 0 and 1", alpha)
	}
	return Bounded{Alpha: alpha}, nil
}

// Add takes in one value. An error, for one outside of [0, 1], changes nothing.
func (b *Bounded) Add(x float64) error {
	if !(x >= 0 && x <= 1) {
		return fmt.Errorf("the value %v: must be between 0 and 1", x)
	}
	t := float64(b.N + 1)
	variance := (0.25 + b.Square) / t
	stake := min(math.Sqrt(2*math.Log(2/b.Alpha)/(variance*t*math.Log1p(t))), mostStaked)
	miss := x - (0.5+b.Sum)/t // from the mean of what was seen and one value of a half
	b.N++
	b.Sum += x
	now := x - (0.5+b.Sum)/(t+1)
	b.Square += now * now
	b.Stakes += stake
	b.Won += stake * x
	b.Paid += miss * miss * (-math.Log1p(-stake) - stake)
	return nil
}

// Interval holds the true mean at all looks together with probability 1 − Alpha. [0, 1] without data.
func (b Bounded) Interval() (low, high float64) {
	if b.N == 0 {
		return 0, 1
	}
	center, radius := b.Won/b.Stakes, (math.Log(2/b.Alpha)+b.Paid)/b.Stakes
	return max(0, center-radius), min(1, center+radius)
}

// LogEAbove is the ln e-value against "the mean is at most mean": evidence that it is above.
func (b Bounded) LogEAbove(mean float64) float64 { return b.Won - mean*b.Stakes - b.Paid }

// LogEBelow is the ln e-value against "the mean is at least mean": evidence that it is below.
func (b Bounded) LogEBelow(mean float64) float64 { return mean*b.Stakes - b.Won - b.Paid }

// BoundedDifference is a confidence sequence for the mean of new minus that of old, of level 1 − old.Alpha − new.Alpha, at all looks together: give each arm
// half of the level. The arms may depend on each other. Where values come in pairs, one Bounded over (1 + new − old)/2 is tighter.
func BoundedDifference(old, new Bounded) (low, high float64) {
	oldLow, oldHigh := old.Interval()
	newLow, newHigh := new.Interval()
	return newLow - oldHigh, newHigh - oldLow
}
