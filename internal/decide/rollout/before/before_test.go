package before

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"gonum.org/v1/gonum/stat/distuv"

	"github.com/slipwayhq/slipway/internal/event"
	"github.com/slipwayhq/slipway/internal/pure/judge"
	"github.com/slipwayhq/slipway/internal/pure/stats"
	"github.com/slipwayhq/slipway/internal/pure/stats/units"
)

func calm() event.RouteSecond {
	return event.RouteSecond{
		Split: event.Split{Old: "a"},
		Hosts: []event.HostCount{
			{Release: "a", Host: "h1", Counts: event.Counts{Requests: 300, Errors: 6}},
			{Release: "a", Host: "h2", Counts: event.Counts{Requests: 300, Errors: 3}},
			{Release: "gone", Host: "h2", Counts: event.Counts{Requests: 7}},
		},
		HostLatency: map[string]event.HistogramData{"h1": {Index: []int{100, 200}, Count: []int64{290, 10}}, "h2": {Index: []int{100, 9999}, Count: []int64{1, 1}}},
		Buckets:     []event.BucketCount{{Release: "a", Bucket: 3, Requests: 600, Errors: 9}, {Release: "a", Bucket: 99, Requests: 1}},
		Paths: []event.PathCount{
			{Release: "a", Path: "/", Requests: 400}, {Release: "a", Path: "/pay", Requests: 20, Errors: 9}, {Release: "a", Path: event.OtherPaths, Requests: 180},
		},
	}
}

func TestAMinuteSurvivesItsJSON(t *testing.T) {
	var m Minute
	if !m.Add(calm(), 60) {
		t.Fatal("a calm second says nothing")
	}
	watched := calm()
	watched.Split.New = "b"
	if m.Add(watched, 61) {
		t.Error("a second with another release under watch counts")
	}
	body, err := json.Marshal(m)
	if err != nil {
		t.Fatal(err)
	}
	var read Minute
	if err := json.Unmarshal(body, &read); err != nil {
		t.Fatal(err)
	}
	read.Add(calm(), 62)
	var w Window
	w.Merge(&read)
	w.Merge(&Minute{})
	if h := w.Hosts["h1"]; w.Requests() != 1200 || h.Errors != 12 || h.Latency.Total() != 600 || w.Hosts["h2"].Latency.Total() != 0 || w.Buckets[3].Errors != 18 {
		t.Errorf("%d requests, h1 %+v, h2 %+v", w.Requests(), h.Cell, w.Hosts["h2"].Cell)
	}
	if perSecond, errors := w.Rates(); perSecond != 400 || errors != 18./1200 {
		t.Errorf("%v requests a second, %v of them failed", perSecond, errors)
	}
	if got := w.Routes(5, event.OtherPaths); !slices.Equal(got, []string{"/", "/pay"}) || len(w.Routes(1, "")) != 1 {
		t.Errorf("routes %v", got)
	}
	delete(w.Paths, "/")
	if got := w.Routes(5, event.OtherPaths); got != nil {
		t.Errorf("one route alone is a part: %v", got)
	}
}

func TestRoutesByTheMillionStayFew(t *testing.T) {
	var m Minute
	for i := range 5000 {
		m.Add(event.RouteSecond{Split: event.Split{Old: "a"}, Paths: []event.PathCount{{Release: "a", Path: fmt.Sprint("/", i), Requests: 1}}}, 60)
	}
	if len(m.Paths) != maxPaths {
		t.Errorf("%d patterns", len(m.Paths))
	}
}

func TestFleet(t *testing.T) {
	var m Minute
	m.Add(calm(), 60)
	var w Window
	w.Merge(&m)
	thresholds := []judge.Threshold{{Vital: judge.LatencyP90, Quantile: .9, Ms: slowest(t)}}
	p := judge.Standard(judge.ByHost, 0.01, thresholds)
	judge.AddAlarms(&p, []string{"/", "/pay"})
	history := map[string]units.Spread{judge.Errors: units.Learn(units.Spread{}, []units.Unit{{Events: 10, Requests: 1000}, {Events: 90, Requests: 1000}})}
	p.Fleet = w.Fleet([]string{"h1", "h2", "h3"}, p.Vitals, nil, thresholds, history)
	if err := p.Validate(); err != nil {
		t.Fatal(err)
	}
	f := p.Fleet
	if got := f.Before[judge.Errors]; got[0] != (units.Unit{Events: 6, Requests: 300}) || got[1].Events != 3 || got[2].Requests != 0 {
		t.Errorf("errors before: %+v", got)
	}
	if got := f.Before[judge.LatencyP90]; got[0] != (units.Unit{Events: 10, Requests: 300}) {
		t.Errorf("slow before: %+v", got)
	}
	if len(f.Before["errors on /pay"]) != 3 || f.Before["errors on /pay"][0].Events != 0 || f.History["errors on /pay"].Mean() < 0.2 || len(f.Visitors[judge.Errors]) != event.Buckets {
		t.Errorf("a route: %+v", f.Before["errors on /pay"])
	}
	if (&Window{}).Fleet([]string{"h1"}, p.Vitals, nil, nil, nil) != nil {
		t.Error("without traffic there is no fleet to compare")
	}
}

// slowest is a bound of a bucket between the two that calm counts in.
func slowest(t *testing.T) float64 {
	var h stats.Histogram
	if err := h.AddBucket(150, 1); err != nil {
		t.Fatal(err)
	}
	ms, _, _ := h.Exceedance(0.5)
	return ms
}

// Errors that one visitor has twenty of count as one; those of many visitors as many. Drift from minute to minute is no cluster.
func TestErrorsThatComeTogether(t *testing.T) {
	for size, most := range map[int64]float64{1: 1.01, 20: 30} {
		rng := rand.New(rand.NewPCG(1, uint64(size)))
		var w Window
		for minute := range 30 {
			m := Minute{Buckets: make([]Cell, event.Buckets)}
			for b := range m.Buckets {
				rate := 3.0 * float64(1+minute%5)
				m.Buckets[b] = Cell{Requests: 1000, Errors: size * int64(distuv.Poisson{Lambda: rate / float64(size), Src: rng}.Rand())}
			}
			w.Merge(&m)
		}
		if got := w.cluster(); got > most || got < 0.8*float64(size) {
			t.Errorf("clusters of %d: %v", size, got)
		}
	}
}
