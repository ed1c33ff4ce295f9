package peer

import (
	"encoding/json"
	"math"
	"math/rand/v2"
	"os"
	"testing"
)

func read(t *testing.T, file string, into any) {
	t.Helper()
	b, err := os.ReadFile("testdata/" + file)
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(b, into); err != nil {
		t.Fatal(err)
	}
}

// near compares to the digits that were published.
func near(t *testing.T, what string, got, want, within float64) {
	t.Helper()
	if !(math.Abs(got-want) <= within) {
		t.Errorf("%s is %v, want %v", what, got, want)
	}
}

type sample struct {
	Name            string
	Experiment      []float64
	Control         []float64
	Level           float64
	Low, High       float64
	Estimate        float64
	EstimateWithin  float64 `json:"estimate_within"`
	Direction       string
	Tolerance       float64
	AllowedDecrease float64 `json:"allowed_decrease"`
	AllowedRise     float64 `json:"allowed_rise"`
	CLES            bool
	Want            string
}

func TestKayentaIntervals(t *testing.T) {
	var vectors struct {
		Intervals    []sample
		Intermediate sample
	}
	read(t, "mannwhitney.json", &vectors)
	if len(vectors.Intervals) != 4 {
		t.Fatalf("%d vectors", len(vectors.Intervals))
	}
	for _, v := range vectors.Intervals {
		low, high, estimate, err := newMannWhitney(v.Experiment, v.Control).interval(v.Level)
		if err != nil {
			t.Fatal(err)
		}
		near(t, v.Name+": low", low, v.Low, 1e-6)
		near(t, v.Name+": high", high, v.High, 1e-6)
		near(t, v.Name+": estimate", estimate, v.Estimate, v.EstimateWithin)
	}
	problem := newMannWhitney(vectors.Intervals[1].Experiment, vectors.Intervals[1].Control)
	near(t, "z at 0", problem.z(0, 0), -1.229416, 1e-6)
	near(t, "z at 5", problem.z(5, 0), -35.80606, 1e-5)
	m := newMannWhitney(vectors.Intermediate.Experiment, vectors.Intermediate.Control)
	from, to := m.reach()
	near(t, "least shift", from, -3.124999999999986, 1e-12)
	near(t, "largest shift", to, 5.555555555555557, 1e-12)
	q := critical(0.025)
	near(t, "z at the least shift, upper", m.z(from, q), 17.090968923762254, 1e-6)
	near(t, "z at the largest shift, upper", m.z(to, q), -20.997687930433106, 1e-6)
	near(t, "z at the least shift, lower", m.z(from, -q), 21.01089689284236, 1e-6)
	near(t, "z at the largest shift, lower", m.z(to, -q), -17.077759961353, 1e-6)
	low, high, estimate, _ := m.interval(0.95)
	near(t, "low", low, 3.521755377702165e-5, 1e-6)
	near(t, "high", high, 2.02456461662334e-5, 1e-6)
	near(t, "estimate", estimate, 2.6279243045155653e-5, 1e-6)
	near(t, "quantile", critical(0.01), 2.326348, 1e-6)
}

func TestKayentaIssue6278(t *testing.T) {
	e, c := []float64{100, 100, 100, 100, 100, 100, 100, 1, 1, 1}, []float64{1, 1, 1, 1, 1, 1, 1, 1, 1, 1}
	low, high, estimate, err := newMannWhitney(e, c).interval(0.98)
	if err != nil {
		t.Fatal(err)
	}
	near(t, "low", low, 6.825022991538781e-5, 1e-18)
	near(t, "high", high, 99, 0)
	near(t, "estimate", estimate, 98.99992904, 5e-9)
}

func TestKayentaLabels(t *testing.T) {
	var vectors struct{ Cases []sample }
	read(t, "classifier.json", &vectors)
	if len(vectors.Cases) < 30 {
		t.Fatalf("%d cases", len(vectors.Cases))
	}
	names := map[string]label{"pass": pass, "high": high, "low": low, "nodata": noData}
	directions := map[string]direction{"either": either, "increase": increase, "decrease": decrease}
	for _, v := range vectors.Cases {
		c := classifier{tolerance: v.Tolerance, level: v.Level, allowedDecrease: v.AllowedDecrease, allowedRise: v.AllowedRise, cles: v.CLES}
		got, _ := c.classify(v.Experiment, v.Control, directions[v.Direction], rand.New(rand.NewPCG(1, 1)))
		if got != names[v.Want] {
			t.Errorf("%s: label %d, want %s", v.Name, got, v.Want)
		}
	}
	if got, _ := shippedClassifier().classify(nil, []float64{1}, either, nil); got != noData {
		t.Errorf("no values are %d", got)
	}
}

func TestKayentaScores(t *testing.T) {
	for _, c := range []struct {
		labels []label
		want   float64
	}{
		{[]label{pass}, 100}, {[]label{high}, 0}, {[]label{pass, pass, low}, 66.67}, {[]label{pass, noData, pass}, 100},
		{[]label{pass, noData}, 0}, {[]label{failed}, 100}, {[]label{pass, high, failed}, 50},
	} {
		if got := score(c.labels); got != c.want {
			t.Errorf("%v: score %v, want %v", c.labels, got, c.want)
		}
	}
}
