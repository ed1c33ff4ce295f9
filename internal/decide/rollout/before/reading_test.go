package before

import (
	"math"
	"strings"
	"testing"

	"github.com/slipwayhq/slipway/internal/event"
	"github.com/slipwayhq/slipway/internal/pure/manifest"
)

func measured() *past {
	p := &past{hosts: map[string]bool{"h1": true, "h2": true}}
	for minute := 30; minute < 50; minute++ {
		p.requests[minute], p.errors[minute] = 600, 6
		p.slots[minute].Add(event.ReleaseSecond{
			Use: &event.ProcessUse{CPU: .25, Memory: 1 << 20},
			Metrics: []event.Metric{
				{Name: "event/order per page", Kind: event.MetricCounter, Sum: 1}, {Name: "event/order per page/per", Kind: event.MetricCounter, Sum: 10}, {Name: "event/alone", Kind: event.MetricCounter, Sum: 1}, {Name: "event/alone/per", Kind: event.MetricCounter, Sum: 1},
				{Name: "checkout.failed", Kind: event.MetricCounter, Sum: 2}, {Name: "checkout.started", Kind: event.MetricCounter, Sum: 50},
				{Name: "queue", Kind: event.MetricGauge, Sum: 9}, {Name: "bad", Kind: event.MetricCounter, Sum: math.Inf(1)}, {Name: "worse", Kind: event.MetricCounter, Sum: -3},
			},
		}, &event.HostUse{Load1: 2}, true)
	}
	p.slots[31].Add(event.ReleaseSecond{Lost: 3, Metrics: []event.Metric{{Name: "checkout.failed", Kind: event.MetricCounter, Sum: 1000}}}, nil, false) // it tells less than there was
	return p
}

// Each kind of vital reads what was measured, or says what is missing.
func TestReadings(t *testing.T) {
	p := measured()
	counter := manifest.Vital{Name: "checkout.failed", Counter: "checkout.failed", Per: "checkout.started"}
	odd := manifest.Vital{Name: "x", Counter: "checkout.started", Per: "checkout.failed"}
	gone := manifest.Vital{Name: "x", Counter: "checkout.faild", Per: "checkout.started"}
	for _, test := range []struct {
		vital manifest.Vital
		found bool
		value float64
		text  string
	}{
		{manifest.Vital{Name: "errors"}, true, .01, "120 of 12000 requests failed"},
		{counter, true, .04, "40 checkout.failed of 1000 checkout.started, on 2 hosts"},
		{odd, true, 25, "more of it than of what it is divided by"},
		{gone, false, 0, `no counter "checkout.faild" came in the last hour; those that came: checkout.failed, checkout.started`},
		{manifest.Vital{Name: "cpu"}, true, .25, "0.25 cores on average, on 2 hosts; it is judged where the split is by hosts"},
		{manifest.Vital{Name: "memory"}, true, 1 << 20, "bytes"},
		{manifest.Vital{Name: "load"}, true, 2, "2 on average"},
		{manifest.Vital{Name: "latency"}, false, 0, "no request came through an edge"},
		{manifest.Vital{Name: "order", Event: "order", Per: "page"}, true, .1, "20 order of 200 page, each visitor until the first"},
		{manifest.Vital{Name: "order", Event: "order", Per: "screen"}, false, 0, ""}, // what was counted by page says nothing of it
		{manifest.Vital{Name: "alone", Event: "alone"}, true, 1, "visitors send nothing else"},
		{manifest.Vital{Name: "none", Event: "none"}, false, 0, ""},
	} {
		r := p.read(test.vital)
		if r.Found != test.found || r.Rate+r.Mean != test.value && r.Found || !strings.Contains(r.Text, test.text) {
			t.Errorf("%s reads %+v, want %v %q", test.vital.Name, r, test.value, test.text)
		}
		if r.Found && (len(r.Minutes) != readMinutes || r.Minutes[29] != nil || r.Minutes[30] == nil) {
			t.Errorf("%s by minute: %v", test.vital.Name, r.Minutes)
		}
	}
	nothing := (&past{}).read(counter)
	if nothing.Found || !strings.Contains(nothing.Text, "does the app send statsd") {
		t.Errorf("without any counter: %+v", nothing)
	}
	for range 400 {
		p.latency.Observe(12)
	}
	if r := p.read(manifest.Vital{Name: "latency"}); !r.Found || !strings.Contains(r.Text, "of 400 requests half took up to 12") {
		t.Errorf("latency reads %+v", r)
	}
}

// Names by the thousand stay few, and sums keep those that there are.
func TestSlotsAreBounded(t *testing.T) {
	var s Slot
	for i := range 5000 {
		s.count(strings.Repeat("x", i%300)+string(rune('a'+i%26)), 1)
	}
	if len(s.Counters) != namesKept {
		t.Errorf("%d names", len(s.Counters))
	}
	var sum Slot
	sum.Merge(s)
	sum.Merge(s)
	if len(sum.Counters) != namesKept || sum.Counters["a"] != 2*s.Counters["a"] {
		t.Errorf("summed %d names, a %v", len(sum.Counters), sum.Counters["a"])
	}
}
