package peer

import (
	"math"
	"math/rand/v2"
	"slices"

	"github.com/slipwayhq/slipway/sim/canary"
	"github.com/slipwayhq/slipway/sim/draw"
)

// label is what Kayenta calls a metric.
type label int

const (
	pass label = iota
	high
	low
	noData
	failed // an exception in the test: counts for nothing
)

// direction is which change counts.
type direction int

const (
	either direction = iota
	increase
	decrease
)

// classifier is Kayenta's MannWhitneyClassifier. The judge that ships, NetflixACAJudge-v1.0, has tolerance 0.25 and level 0.98 built in.
type classifier struct {
	tolerance, level             float64
	allowedDecrease, allowedRise float64 // of the ratio of means, or of the common language effect size
	cles                         bool
}

func shippedClassifier() classifier {
	return classifier{tolerance: 0.25, level: 0.98, allowedDecrease: 1, allowedRise: 1}
}

// classify compares two samples without NaN. z is the level, as a quantile of the normal law, up to which the metric would still be called high
// (or low): -Inf when it would not be at any.
func (c classifier) classify(experiment, control []float64, d direction, rng *rand.Rand) (found label, z float64) {
	none := math.Inf(-1)
	if len(experiment) == 0 || len(control) == 0 {
		return noData, none
	}
	m := newMannWhitney(experiment, control)
	if slices.Equal(m.experiment, m.control) {
		return pass, none
	}
	if constant(m.experiment) && constant(m.control) {
		if m.experiment[0] == m.control[0] {
			return pass, none
		}
		m = newMannWhitney(noisy(m.experiment, rng), noisy(m.control, rng))
	}
	from, to, estimate, err := m.interval(c.level)
	if err != nil {
		return failed, none
	}
	bound, effect := c.tolerance*math.Abs(estimate), c.effect(m)
	if d != decrease && !(effect < c.allowedRise) {
		if from > bound {
			found = high
		}
		z = m.z(bound, 0)
	} else {
		z = none
	}
	if found == pass && d != increase && !(effect > c.allowedDecrease) {
		if to < -bound {
			found = low
		}
		z = max(z, -m.z(-bound, 0))
	}
	return found, z
}

// effect is the ratio of the means, NaN where one of them is 0, or the probability that a value of the experiment is larger.
func (c classifier) effect(m mannWhitney) float64 {
	if c.cles {
		nx, ny := float64(len(m.experiment)), float64(len(m.control))
		above := 0.0
		for _, x := range m.experiment {
			i, _ := slices.BinarySearch(m.control, x)
			j, _ := slices.BinarySearch(m.control, math.Nextafter(x, math.Inf(1)))
			above += float64(i+j) / 2
		}
		return above / (nx * ny)
	}
	e, b := mean(m.experiment), mean(m.control)
	if e == 0 || b == 0 {
		return math.NaN()
	}
	return e / b
}

func mean(x []float64) float64 {
	sum := 0.0
	for _, v := range x {
		sum += v
	}
	return sum / float64(len(x))
}

func constant(sorted []float64) bool { return sorted[0] == sorted[len(sorted)-1] }

// noisy adds noise of a hundred-thousandth of the value, so that two constants can be ranked.
func noisy(x []float64, rng *rand.Rand) []float64 {
	out := make([]float64, len(x))
	for i, v := range x {
		out[i] = v + v*1e-5*rng.NormFloat64()
	}
	return out
}

// The usual thresholds of a Spinnaker canary stage.
const marginalScore, passScore = 75, 95

// score is the summary of one group that holds all metrics.
func score(labels []label) float64 {
	passes, total, empty := 0, 0, 0
	for _, l := range labels {
		switch l {
		case pass:
			passes++
			total++
		case high, low:
			total++
		case noData:
			empty++
		case failed:
		}
	}
	if 2*empty >= len(labels) {
		return 0
	}
	if total == 0 {
		return 100
	}
	return math.Round(1e4*float64(passes)/float64(total)) / 100
}

// kayenta is a canary stage of Spinnaker with Kayenta: at each look all steps so far of the new release, in percent, against those of a baseline
// of the same size that runs the old one. A score under 75 ends it, and the last must be 95. Its warm-up is the settle time.
type kayenta struct {
	step   int // seconds of a value
	ledger ledger
	rng    *rand.Rand
	labels []label
	z      []float64
	values [canary.Releases][]float64
	c      classifier
	limit  float64
}

func newKayenta(step int) func(float64) canary.Judge {
	return func(float64) canary.Judge {
		return &kayenta{step: step, c: shippedClassifier(), limit: critical((1 - shippedClassifier().level) / 2)}
	}
}

func (k *kayenta) Begin(s *canary.Setting, _ *canary.Window) {
	k.ledger.begin(s, true)
	k.rng = rand.New(rand.NewPCG(1, 1))
}

func (k *kayenta) Observe(t *canary.Tick) {
	k.ledger.observe(t)
	if e := &k.ledger.ticks[t.Number]; e.known[canary.Old] {
		e.count[canary.Old] = k.baseline(t)
	}
}

// baseline is as many hosts on the old release as there are on the new one; where hosts run both, as much of the old release's traffic.
func (k *kayenta) baseline(t *canary.Tick) (sum canary.Count) {
	if k.ledger.setting.Split == canary.ByHost {
		hosts := k.ledger.setting.Steps[t.Step].Hosts
		for h := hosts; h < min(2*hosts, len(t.Hosts)); h++ {
			sum.Add(&t.Hosts[h].Count[canary.Old])
		}
		return sum
	}
	part := t.Share / (1 - t.Share)
	sum = t.Ended[canary.Old]
	if part < 1 {
		for v := range k.ledger.setting.Vitals {
			sum.Events[v] = draw.Binomial(k.rng, sum.Events[v], part)
		}
		sum.Requests = int64(math.Round(part * float64(sum.Requests)))
	}
	return sum
}

func (k *kayenta) Look(second int) canary.Opinion {
	vitals := k.ledger.setting.Vitals
	k.labels, k.z = k.labels[:0], k.z[:0]
	for v, vital := range vitals {
		k.gather(v, second)
		d := increase
		if vital.Drop {
			d = decrease
		}
		l, z := k.c.classify(k.values[canary.New], k.values[canary.Old], d, k.rng)
		k.labels, k.z = append(k.labels, l), append(k.z, consistent(l, z, k.limit))
	}
	last := second >= k.ledger.setting.Seconds()
	needed := marginalScore
	if last {
		needed = passScore
	}
	// So many metrics must fail before the score is under what is needed.
	fails := int(math.Floor(float64(len(vitals))*float64(100-needed)/100)) + 1
	slices.Sort(k.z)
	o := canary.Opinion{Evidence: k.z[len(k.z)-fails]}
	if score(k.labels) < float64(needed) {
		o.Action = canary.RollBack
	}
	return o
}

// consistent makes the evidence agree with the label at the level that ships, from which it can differ by the tolerance of the root.
func consistent(l label, z, limit float64) float64 {
	if l == high || l == low {
		return max(z, math.Nextafter(limit, math.Inf(1)))
	}
	return min(z, limit)
}

// gather collects the values of a vital, a percentage for each step with requests.
func (k *kayenta) gather(v, second int) {
	for r := range k.values {
		k.values[r] = k.values[r][:0]
	}
	for from := 0; from+k.step <= second; from += k.step {
		sum, _ := k.ledger.sum(from, from+k.step)
		for r := range sum {
			if sum[r].Requests > 0 {
				k.values[r] = append(k.values[r], 100*float64(sum[r].Events[v])/float64(sum[r].Requests))
			}
		}
	}
}

func (*kayenta) End() canary.Verdict { return canary.Promoted }
