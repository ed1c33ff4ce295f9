package repeats_test

import (
	"math"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"testing"

	"pgregory.net/rapid"

	"github.com/slipwayhq/slipway/internal/pure/stats"
	"github.com/slipwayhq/slipway/internal/pure/stats/repeats"
)

// Two visitors who are alike in all but the draw have the score Shift each, since nothing is left that the two together do not expect: the e-value is then that of having
// erred alone, by hand for one of two on the new release at a share of one half.
func TestByHand(t *testing.T) {
	got := repeats.LogE([]repeats.Cell{{Errors: 0, Requests: 0, New: 1, Old: 1}}, 0.5)
	want := 0.0
	for k, r := range []float64{1.2, 1.5, 2, 4} {
		tilt := math.Pow(r, repeats.Shift)
		either := (1 + tilt) / 2
		want += []float64{.2, .3, .3, .2}[k] * tilt / (either * either)
	}
	if math.Abs(got-math.Log(want)) > 0.02 { // the ridge leaves a little
		t.Errorf("ln e %.4f, by hand %.4f", got, math.Log(want))
	}
	for _, share := range []float64{0, 1} {
		if e := repeats.LogE([]repeats.Cell{{New: 3, Old: 4}}, share); e != 0 {
			t.Errorf("at a share of %v there is nothing to compare, and ln e is %v", share, e)
		}
	}
	if e := repeats.LogE([]repeats.Cell{{}}, .1); e != 0 {
		t.Errorf("without visitors ln e is %v", e)
	}
}

func TestBuckets(t *testing.T) {
	for n, want := range map[int64]int{-1: 0, 0: 0, 1: 1, 3: 3, 4: 4, 5: 5, 6: 5, 7: 6, 8: 6, 9: 6, 10: 7, 1000: 20, math.MaxInt64: repeats.MaxBucket} {
		if got := repeats.Bucket(n); got != want {
			t.Errorf("%d errors are in bucket %d, want %d", n, got, want)
		}
	}
}

// All parts of the plan add up to 1, looks come one after the other, and who erred since the step began is of the look's age or less.
func TestPlan(t *testing.T) {
	sum := 0.0
	for i := range repeats.Looks() {
		sum += repeats.Part(i)
		at := repeats.Second(i)
		if i > 0 && at <= repeats.Second(i-1) {
			t.Errorf("look %d is at %d seconds, the one before at %d", i, at, repeats.Second(i-1))
		}
		if repeats.Due(at) != i || repeats.Due(at-1) != i-1 {
			t.Errorf("at %d seconds look %d is due, and a second before %d", at, repeats.Due(at), repeats.Due(at-1))
		}
		if repeats.Age(at-1) > i || repeats.Age(at) <= i {
			t.Errorf("look %d after %d seconds is at ages up to %d; who erred as the step began is of age %d, who did before of %d", i, at, i, repeats.Age(at-1), repeats.Age(at))
		}
	}
	if math.Abs(sum-1) > 1e-12 {
		t.Errorf("the parts add up to %v", sum)
	}
}

// cellsOf draws any visitors, each in a cell of its own.
func cellsOf(t *rapid.T, most int) []repeats.Cell {
	return rapid.SliceOfN(rapid.Custom(func(t *rapid.T) repeats.Cell {
		bucket := rapid.IntRange(0, 30)
		return repeats.Cell{Errors: bucket.Draw(t, "errors"), Requests: bucket.Draw(t, "requests"), Before: bucket.Draw(t, "before"), Old: 1}
	}), 1, most).Draw(t, "visitors")
}

// Over all draws of any few visitors the mean of the e-value is 1: that is the promise of one look.
func TestMeanOverAllDrawsIsOne(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		cells, share := cellsOf(t, 8), rapid.SampledFrom([]float64{.01, .1, .5, .95}).Draw(t, "share")
		mean := 0.0
		for draw := range 1 << len(cells) {
			p := 1.0
			for i := range cells {
				fresh := draw >> i & 1
				cells[i].New, cells[i].Old = int64(fresh), int64(1-fresh)
				p *= []float64{1 - share, share}[fresh]
			}
			mean += p * math.Exp(repeats.LogE(cells, share))
		}
		if math.Abs(mean-1) > 1e-9 {
			t.Fatalf("the mean over all draws is %v", mean)
		}
	})
}

// Neither the order of cells nor how equal visitors are put together matters, and no e-value is without bounds.
func TestOrderDoesNotMatter(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		cells := cellsOf(t, 20)
		for i := range cells {
			cells[i].New = rapid.Int64Range(0, 1<<20).Draw(t, "new")
		}
		e := repeats.LogE(cells, .1)
		if math.IsNaN(e) || math.IsInf(e, 0) {
			t.Fatalf("ln e %v", e)
		}
		turned := slices.Clone(cells)
		slices.Reverse(turned)
		if other := repeats.LogE(turned, .1); other != e {
			t.Fatalf("ln e %v, in another order %v", e, other)
		}
	})
}

func TestValidate(t *testing.T) {
	for _, c := range []repeats.Cell{{Errors: -1}, {Requests: repeats.MaxBucket + 1}, {Before: -3}, {New: -1}, {Old: 1 << 41}} {
		if repeats.Validate([]repeats.Cell{{}, c}) == nil {
			t.Errorf("%+v passes", c)
		}
	}
	if err := repeats.Validate([]repeats.Cell{{Errors: 3, New: 4}}); err != nil {
		t.Error(err)
	}
}

// visitor is a path: when it came, how often a second it fails, its requests a second, and its errors before.
type visitor struct {
	from, failing, rate float64
	before              int64
	fresh               bool
}

func visitors(dice *rand.Rand, n int, share, sd float64) []visitor {
	out := make([]visitor, n)
	for i := range out {
		failing := 0.002 * math.Exp(sd*dice.NormFloat64())
		out[i] = visitor{from: dice.Float64() * 300, failing: failing, rate: math.Exp(sd * dice.NormFloat64()), before: int64(dice.ExpFloat64() * failing * 1000), fresh: dice.Float64() < share}
	}
	return out
}

// walk plays a step of 1,000 seconds, worse times as many errors on the new side, and gives the evidence after each look.
func walk(dice *rand.Rand, all []visitor, share, worse float64) (logs []float64) {
	var evidence stats.Looks
	cells := make([][]repeats.Cell, repeats.Looks())
	for _, v := range all {
		failing := v.failing
		if v.fresh {
			failing *= worse
		}
		first := v.from + dice.ExpFloat64()/failing
		next, errors := first+dice.ExpFloat64()/failing, int64(0)
		for i := range repeats.Looks() {
			at := float64(repeats.Second(i))
			if at < first || at > 1000 {
				continue
			}
			for ; next < at; next += dice.ExpFloat64() / failing {
				errors++
			}
			c := repeats.Cell{Errors: repeats.Bucket(errors), Requests: repeats.Bucket(errors + int64((at-first)*v.rate)), Before: repeats.Bucket(v.before), Old: 1}
			if v.fresh {
				c.New, c.Old = 1, 0
			}
			cells[i] = append(cells[i], c)
		}
	}
	for i, c := range cells {
		if repeats.Second(i) > 1000 {
			break
		}
		if err := evidence.Add(repeats.LogE(c, share), repeats.Part(i)); err != nil {
			panic(err)
		}
		logs = append(logs, math.Log(evidence.Sum))
	}
	return logs
}

// A release that changes nothing seldom shows harm at any look, few visitors or many, alike or not.
func TestVisitorsAlikeSeldomShowHarm(t *testing.T) {
	const alpha = 0.05
	paths := 300
	if n, err := strconv.Atoi(os.Getenv("SLIPWAY_PATHS")); err == nil {
		paths = n
	}
	for _, c := range []struct {
		n         int
		share, sd float64
	}{{20, .1, 1.5}, {200, .1, 1}, {200, .5, 1.5}, {200, .95, 0}} {
		crossed := 0
		for i := range paths {
			dice := rand.New(rand.NewPCG(uint64(i), 91))
			logs := walk(dice, visitors(dice, c.n, c.share, c.sd), c.share, 1)
			if slices.Max(logs) >= -math.Log(alpha) {
				crossed++
			}
		}
		rate, bound := float64(crossed)/float64(paths), alpha+3*math.Sqrt(alpha*(1-alpha)/float64(paths))
		t.Logf("%d visitors, share %v, sd %v: %.3f %% of %d paths cross", c.n, c.share, c.sd, 100*rate, paths)
		if rate > bound {
			t.Errorf("%d visitors, share %v, sd %v: %.3f %% of %d paths cross, which may be %.3f %%", c.n, c.share, c.sd, 100*rate, paths, 100*bound)
		}
	}
}

// Four times as many errors are seen in most paths, and what visitors did before helps.
func TestHarmShows(t *testing.T) {
	shown := func(forget bool) (n int) {
		for i := range 100 {
			dice := rand.New(rand.NewPCG(uint64(i), 92))
			all := visitors(dice, 600, .1, 1.5)
			for k := range all {
				if forget {
					all[k].before = 0
				}
			}
			if slices.Max(walk(dice, all, .1, 4)) >= math.Log(1000) {
				n++
			}
		}
		return n
	}
	with, without := shown(false), shown(true)
	t.Logf("shown in %d of 100 with what was before, in %d without", with, without)
	if with < 85 || without > with-5 {
		t.Errorf("a harm of four times shows in %d of 100 with what was before, in %d without", with, without)
	}
}
