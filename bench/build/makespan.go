package main

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"time"

	"github.com/slipwayhq/slipway/bench/rig"
	"github.com/slipwayhq/slipway/internal/pure/manifest"
)

// goes is the correlation between the logarithms of the size of a unit's tests and of its length: less than the 0.6 over the packages of Go's standard library
// (docs/benchmarks.md). The sizes are real files in the repository, and all that the server can know of a first build.
const goes = 0.45

// suite sleeps each unit for the time that the file "lengths" says, and reports like go test -json.
func suite() manifest.Test {
	const run = `. ./lengths
for u in {units}; do
	v="${u##*/}"; eval "s=\$${v%.sh}"; sleep "$s"
	printf '{"Action":"pass","Package":"%s","Elapsed":%s}\n' "$u" "$s"
done`
	return manifest.Test{Name: "sleep", List: "cat units", Run: run, Format: manifest.FormatGoTest, Timeout: manifest.Every(10 * time.Minute)}
}

// units are what a build runs.
type units struct {
	names   []string
	lengths []time.Duration
	sizes   []int64 // of the files that the names are; nil where they name none
}

// draw makes skewed ones that no build has seen: lognormal with sigma 1, and none longer than a quarter of the bound. sized gives them files.
func draw(o options, random *rand.Rand, prefix string, sized bool) units {
	var u units
	longest := o.mean * time.Duration(o.units) / time.Duration(o.workers) / 4
	for i := range o.units {
		z, noise := random.NormFloat64(), random.NormFloat64()
		u.lengths = append(u.lengths, min(max(time.Duration(math.Exp(z-0.5)*float64(o.mean)), time.Millisecond), longest))
		name := fmt.Sprintf("%s_u%03d", prefix, i)
		if sized {
			name = "tests/" + name + ".sh"
			u.sizes = append(u.sizes, int64(6000*math.Exp(1.2*(goes*z+math.Sqrt(1-goes*goes)*noise))))
		}
		u.names = append(u.names, name)
	}
	return u
}

// wrong makes the same units last up to twice as long, or half.
func (u units) wrong(random *rand.Rand) units {
	u.lengths = slices.Clone(u.lengths)
	for i := range u.lengths {
		u.lengths[i] = time.Duration(float64(u.lengths[i]) * math.Exp2(2*random.Float64()-1))
	}
	return u
}

// files say what is to be built.
func (u units) files() map[string]string {
	var lengths strings.Builder
	for i, name := range u.names {
		fmt.Fprintf(&lengths, "%s=%.3f\n", strings.TrimSuffix(strings.TrimPrefix(name, "tests/"), ".sh"), u.lengths[i].Seconds())
	}
	return map[string]string{"units": strings.Join(u.names, "\n") + "\n", "lengths": lengths.String()}
}

// bound is what no schedule can beat.
func (u units) bound(workers int) (longest, bound time.Duration) {
	var sum time.Duration
	for _, d := range u.lengths {
		longest, sum = max(longest, d), sum+d
	}
	return longest, max(longest, sum/time.Duration(workers))
}

// free is what an order alone takes over the bound: whichever worker is free first takes the next unit, the largest by what is known of it, and leases cost nothing. Nobody
// who knows no more can do better on the whole.
func (u units) free(workers int, known []int64) float64 {
	order := make([]int, len(u.names))
	for i := range order {
		order[i] = i
	}
	if known != nil {
		slices.SortStableFunc(order, func(a, b int) int { return cmp.Compare(known[b], known[a]) })
	}
	until := make([]time.Duration, workers)
	for _, i := range order {
		first := slices.Index(until, slices.Min(until))
		until[first] += u.lengths[i]
	}
	_, bound := u.bound(workers)
	return slices.Max(until).Seconds() / bound.Seconds()
}

// makespans builds units that were never seen, of which nothing is known, or the sizes of their files; then ones that were seen, with right and with wrong predictions.
func makespans(ctx context.Context, w *world, o options) error {
	random := rand.New(rand.NewPCG(o.seed, 0))
	before := rig.Load()
	t := table("build\tunits\tworkers\tleases\tlongest s\tbound s\ttook s\tover bound\tits order alone\t")
	m := &measure{w: w, o: o, out: t}
	// So that rows differ by what is known alone.
	unsized, withSizes := make([]units, o.draws), make([]units, o.draws)
	for i := range o.draws {
		unsized[i], withSizes[i] = draw(o, random, fmt.Sprintf("n%d", i), false), draw(o, random, fmt.Sprintf("s%d", i), true)
	}
	if err := m.warm(ctx, withSizes); err != nil {
		return err
	}
	var seen units
	var blind, sized []float64
	for i := range o.draws {
		seen = unsized[i]
		over, err := m.build(ctx, "never seen, nothing known", seen, nil)
		if err != nil {
			return err
		}
		blind = append(blind, over)
		if over, err = m.build(ctx, "never seen, sizes of tests", withSizes[i], withSizes[i].sizes); err != nil {
			return err
		}
		sized = append(sized, over)
	}
	var lengths []int64
	for _, d := range seen.lengths {
		lengths = append(lengths, int64(d))
	}
	for _, row := range []struct {
		kind  string
		units units
	}{{"seen, right predictions", seen}, {"seen, wrong by up to 2x", seen.wrong(random)}, {"seen, right predictions", seen}} {
		if _, err := m.build(ctx, row.kind, row.units, lengths); err != nil {
			return err
		}
	}
	if err := t.Flush(); err != nil {
		return err
	}
	slices.Sort(blind)
	slices.Sort(sized)
	fmt.Printf("never seen, medians of %d draws: nothing known %.3f, sizes of tests (correlation %.2f) %.3f; target 1.10; load %s before, %s after\n",
		o.draws, blind[o.draws/2], goes, sized[o.draws/2], before, rig.Load())
	return nil
}

// measure builds and prints.
type measure struct {
	w      *world
	o      options
	out    io.Writer
	builds int
}

// warm has all workers fetch the repository, with the files that have sizes, and check it out.
func (m *measure) warm(ctx context.Context, sized []units) error {
	u := units{}
	for i := range 4 * m.o.workers {
		u.names, u.lengths = append(u.names, fmt.Sprintf("w%d", i)), append(u.lengths, 300*time.Millisecond)
	}
	files := u.files()
	for _, s := range sized {
		for i, name := range s.names {
			files[name] = strings.Repeat("#", int(s.sizes[i]))
		}
	}
	if _, err := m.w.push(ctx, "warm", files, manifest.Manifest{Tests: []manifest.Test{suite()}}); err != nil {
		return err
	}
	_, err := m.w.ended(ctx, "warm", 1)
	return err
}

// build builds units and prints what it took, beside what the order by known would take.
func (m *measure) build(ctx context.Context, kind string, u units, known []int64) (over float64, err error) {
	m.builds++
	if _, err := m.w.push(ctx, "makespan", u.files(), manifest.Manifest{Tests: []manifest.Test{suite()}}); err != nil {
		return 0, err
	}
	b, err := m.w.ended(ctx, "makespan", m.builds)
	if err != nil {
		return 0, err
	}
	tests := 0
	for _, l := range b.Leases {
		if l.Kind == "test" {
			tests++
		}
	}
	longest, bound := u.bound(m.o.workers)
	over = b.MakespanS / bound.Seconds()
	_, err = fmt.Fprintf(m.out, "%s\t%d\t%d\t%d\t%.2f\t%.2f\t%.2f\t%.3f\t%.3f\t\n", kind, len(u.names), m.o.workers, tests,
		longest.Seconds(), bound.Seconds(), b.MakespanS, over, u.free(m.o.workers, known))
	return over, err
}
