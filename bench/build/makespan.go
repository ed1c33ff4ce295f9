package main

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"strings"
	"time"

	"github.com/slipwayhq/slipway/internal/pure/manifest"
)

// suite sleeps each unit for the time that the file "lengths" says, and reports like go test -json.
func suite() manifest.Test {
	const run = `. ./lengths
for u in {units}; do
	eval "s=\$$u"; sleep "$s"
	printf '{"Action":"pass","Package":"%s","Elapsed":%s}\n' "$u" "$s"
done`
	return manifest.Test{Name: "sleep", List: "cut -d= -f1 lengths", Run: run, Format: manifest.FormatGoTest, Timeout: manifest.Every(10 * time.Minute)}
}

// lengths draws skewed ones: lognormal with sigma 1, and none longer than a quarter of the bound.
func lengths(o options, random *rand.Rand) []time.Duration {
	out := make([]time.Duration, o.units)
	longest := o.mean * time.Duration(o.units) / time.Duration(o.workers) / 4
	for i := range out {
		x := math.Exp(random.NormFloat64() - 0.5)
		out[i] = min(max(time.Duration(x*float64(o.mean)), time.Millisecond), longest)
	}
	return out
}

// makespans builds the same units several times: without predictions, with right ones, and with wrong ones.
func makespans(ctx context.Context, w *world, o options) error {
	random := rand.New(rand.NewPCG(o.seed, 0))
	drawn := lengths(o, random)
	t := table("build\tunits\tworkers\tleases\tlongest s\tsum s\tbound s\ttook s\tover bound\t")
	for i, kind := range []string{"nothing known", "known lengths", "wrong by up to 2x", "known lengths"} {
		actual := drawn
		if strings.HasPrefix(kind, "wrong") {
			actual = make([]time.Duration, len(drawn))
			for k := range drawn {
				actual[k] = time.Duration(float64(drawn[k]) * math.Exp2(2*random.Float64()-1))
			}
		}
		if err := makespan(ctx, w, o, i+1, kind, actual, t); err != nil {
			return err
		}
	}
	return t.Flush()
}

func makespan(ctx context.Context, w *world, o options, number int, kind string, actual []time.Duration, out interface{ Write([]byte) (int, error) }) error {
	var file strings.Builder
	var sum, longest time.Duration
	for i, d := range actual {
		fmt.Fprintf(&file, "u%03d=%.3f\n", i, d.Seconds())
		sum, longest = sum+d, max(longest, d)
	}
	if _, err := w.push(ctx, "makespan", map[string]string{"lengths": file.String()}, manifest.Manifest{Tests: []manifest.Test{suite()}}); err != nil {
		return err
	}
	b, err := w.ended(ctx, "makespan", number)
	if err != nil {
		return err
	}
	tests := 0
	for _, l := range b.Leases {
		if l.Kind == "test" {
			tests++
		}
	}
	bound := max(longest, sum/time.Duration(o.workers))
	_, err = fmt.Fprintf(out, "%s\t%d\t%d\t%d\t%.2f\t%.2f\t%.2f\t%.2f\t%.3f\t\n", kind, o.units, o.workers, tests,
		longest.Seconds(), sum.Seconds(), bound.Seconds(), b.MakespanS, b.MakespanS/bound.Seconds())
	return err
}
