package shadow_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/slipwayhq/slipway/internal/pure/accesslog"
	"github.com/slipwayhq/slipway/internal/pure/shadow"
)

// start of all made-up logs: a Monday.
const start = 1795996800 - 2*86400 + 86400

func at(day, hour, minute int) int64 {
	return start + int64(day)*86400 + int64(hour)*3600 + int64(minute)*60
}

// world is a web site for some days. Requests and errors swing with the hour of the day, and not together.
type world struct {
	seed     uint64
	from     int64
	seconds  int64
	hosts    int
	rps      float64
	errors   float64 // the mean rate of errors
	swing    float64 // by how much its logarithm swings in a day
	factor   func(second int64, host int) float64
	release  func(second int64, host int) string
	duration func(r *rand.Rand, second int64) float64
}

func poisson(r *rand.Rand, mean float64) int {
	n, p, limit := 0, 1.0, math.Exp(-mean)
	for {
		if p *= r.Float64(); p <= limit {
			return n
		}
		n++
	}
}

// each makes the requests.
func (w world) each(f func(e accesslog.Entry, line string)) {
	r := rand.New(rand.NewPCG(w.seed, 1))
	paths := []string{"/", "/", "/", "/product/17", "/product/18", "/cart", "/checkout"}
	n := 0
	for s := w.from; s < w.from+w.seconds; s++ {
		hour := 2 * math.Pi * float64(s%86400) / 86400
		for range poisson(r, w.rps*(1+0.7*math.Sin(hour-2))) {
			host := r.IntN(w.hosts)
			e := accesslog.Entry{Time: s, Host: fmt.Sprintf("web-%d", host+1), Path: paths[r.IntN(len(paths))], Status: 200, Duration: -1}
			rate := w.errors * math.Exp(w.swing*math.Sin(hour))
			if w.factor != nil {
				rate *= w.factor(s, host)
			}
			if r.Float64() < rate {
				e.Status = 500
			}
			if w.release != nil {
				e.Release = w.release(s, host)
			}
			if w.duration != nil {
				e.Duration = w.duration(r, s)
			}
			n++
			f(e, fmt.Sprint(n))
		}
	}
}

func (w world) traffic(t *testing.T) *shadow.Traffic {
	t.Helper()
	var all shadow.Traffic
	f := all.File("")
	w.each(f.Count)
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	return &all
}

func judge(t *testing.T, traffic *shadow.Traffic, deploys []shadow.Deploy, o shadow.Options) shadow.Report {
	t.Helper()
	r, err := shadow.Judge(traffic, deploys, o)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func show(t *testing.T, r shadow.Report) {
	t.Helper()
	for _, d := range r.Deploys {
		t.Log(d.Sentence)
	}
	t.Log(r.Summary, r.Notes, r.AlphaWhy)
}
