package before

import (
	"github.com/slipwayhq/slipway/internal/pure/judge"
	"github.com/slipwayhq/slipway/internal/pure/stats"
	"github.com/slipwayhq/slipway/internal/pure/stats/units"
)

// fewRequests: with fewer in the window before, hosts keep their margin.
const fewRequests = 200

// Fleet is what the judge needs to know of hosts that differ, nil where too little was counted before. counters are the vitals that are counters of the app's own, with what
// each is divided by; history is what earlier windows taught.
//
// Before the push every error is counted, during the rollout each visitor's first. Errors of one visitor come together, so that the former are divided by how many
// do: the dispersion over buckets of visitors within each minute. Of single routes, and of errors not seen before, the window says too little by host: for those the hosts
// are taken to differ as they do in all errors, by nobody knows which way.
func (w *Window) Fleet(hosts []string, vitals []judge.VitalSpec, counters map[string]Counter, thresholds []judge.Threshold, history map[string]units.Spread) *judge.Fleet {
	if w.Requests() < fewRequests {
		return nil
	}
	f := &judge.Fleet{
		Hosts: hosts, Before: map[string][]units.Unit{}, Visitors: map[string][]units.Unit{}, Clusters: map[string]float64{}, History: map[string]units.Spread{},
	}
	size := w.cluster()
	known := func(vital string) units.Spread {
		if spread, ok := history[vital]; ok {
			return spread
		}
		return units.Usual()
	}
	errors := w.units(hosts, func(h *Host) units.Unit { return units.Unit{Events: float64(h.Errors) / size, Requests: h.Requests} })
	for _, v := range vitals {
		switch slow := thresholdOf(v.Name, thresholds); {
		case v.Name == judge.Errors:
			f.Before[v.Name], f.History[v.Name] = errors, known(v.Name)
			f.Visitors[v.Name] = w.visitors(size)
		case slow != nil:
			f.Before[v.Name] = w.units(hosts, func(h *Host) units.Unit {
				return units.Unit{Events: float64(h.Latency.AtOrAbove(slow.Ms)), Requests: h.Latency.Total()}
			})
			f.History[v.Name] = known(v.Name)
		case v.Mean:
		case counters[v.Name].Events != "":
			f.Before[v.Name], f.Clusters[v.Name] = w.counted(hosts, counters[v.Name])
			f.History[v.Name] = known(v.Name)
		default:
			f.Before[v.Name] = make([]units.Unit, len(hosts))
			f.History[v.Name] = units.Learn(known(judge.Errors), errors).Then()
		}
	}
	return f
}

// counted is what hosts counted of an app's counter, and how many of its events come together.
func (w *Window) counted(hosts []string, c Counter) ([]units.Unit, float64) {
	out := make([]units.Unit, len(hosts))
	if w.Measured == nil {
		return out, 1
	}
	for i, id := range hosts {
		if s := w.Measured.Hosts[id]; s != nil {
			out[i] = units.Unit{Events: s.Counters[c.Events], Requests: int64(max(s.Counters[c.Per], s.Counters[c.Events]))}
		}
	}
	return out, w.Measured.cluster(c)
}

func thresholdOf(vital string, thresholds []judge.Threshold) *judge.Threshold {
	for i, t := range thresholds {
		if t.Vital == vital {
			return &thresholds[i]
		}
	}
	return nil
}

// units are the hosts in their order; one that was not heard of counted nothing.
func (w *Window) units(hosts []string, of func(*Host) units.Unit) []units.Unit {
	out := make([]units.Unit, len(hosts))
	for i, id := range hosts {
		if h := w.Hosts[id]; h != nil {
			out[i] = of(h)
		}
	}
	return out
}

// visitors are the buckets of visitors.
func (w *Window) visitors(size float64) []units.Unit {
	out := make([]units.Unit, len(w.Buckets))
	for i, b := range w.Buckets {
		out[i] = units.Unit{Events: float64(b.Errors) / size, Requests: b.Requests}
	}
	return out
}

// cluster is how many errors come together, at least 1.
func (w *Window) cluster() float64 {
	d, err := stats.DispersionOf(w.bursts, w.fair)
	if err != nil {
		return 1
	}
	return d.Clusters()
}
