package main

import "math"

// The vitals, in the order of the policy.
const (
	errorsVital = iota
	p50Vital
	p90Vital
	p99Vital
	vitals
)

// step is one step of a rollout.
type step struct {
	seconds int
	share   float64
}

// steps are those of every simulated rollout: nested shares, each watched.
var steps = []step{{60, 0.10}, {60, 0.50}, {300, 0.95}}

// schedule is the share of each second.
func schedule() []float64 {
	var shares []float64
	for _, s := range steps {
		for range s.seconds {
			shares = append(shares, s.share)
		}
	}
	return shares
}

// world is who visits and what fails, before any harm.
type world struct {
	name string
	// requests a second of one visitor on average, and how long a visit lasts on average (0: as long as the rollout). The mean rate is
	// lowered where fewer than minVisitors would make up the traffic.
	rate        float64
	visit       float64
	minVisitors float64
	// spread is the standard deviation of a visitor's log activity, log error rate and log slowness; the latter two are correlated 0.5.
	spread float64
	// retries is how often a client repeats a request that failed, at once and in vain.
	retries int
	// monitor is the part of all requests made by one client that never fails.
	monitor float64
	// hosts is how many there are when the split is by host; spread then is that between hosts.
	hosts int
}

var (
	equalVisitors   = world{name: "equal visitors", rate: 0.1, visit: 100}
	unequalVisitors = world{name: "visitors differ", rate: 0.1, visit: 100, spread: 1}
	retryingClients = world{name: "differ, retries", rate: 0.1, visit: 100, spread: 1, retries: 3}
	heavyClients    = world{name: "few heavy clients", rate: 10, minVisitors: 20, spread: 1.5, retries: 3}
	evenHosts       = world{name: "100 hosts, sd 0.05", hosts: 100, spread: 0.05}
	unevenHosts     = world{name: "100 hosts, sd 0.2", hosts: 100, spread: 0.2}
	monitored       = world{name: "differ, a monitor", rate: 0.1, visit: 100, spread: 1, retries: 3, monitor: 0.3}
)

// harm is what the new release does, as ratios of rates; 1 changes nothing. It begins at a second of the rollout (by request only).
type harm struct {
	name   string
	errors float64
	tail   float64
	begins int
}

// worse is the ratio for each kind of request.
func (h harm) worse() [kinds]float64 { return [kinds]float64{h.errors, h.errors, h.tail, 1, 1} }

var (
	noHarm      = harm{name: "none", errors: 1, tail: 1}
	errors12    = harm{name: "errors 1 → 1.2 %", errors: 1.2, tail: 1}
	errors2     = harm{name: "errors 1 → 2 %", errors: 2, tail: 1}
	lateErrors2 = harm{name: "errors 1 → 2 % after 3 min", errors: 2, tail: 1, begins: 180}
	errors10    = harm{name: "errors 1 → 10 %", errors: 10, tail: 1}
	slowTail    = harm{name: "slow p99 × 3", errors: 1, tail: 3}
)

// What fraction of requests is bad before any harm. Half of the failing ones are slow, too.
const (
	baseErrors  = 0.01
	slowAbove50 = 0.40 // between p50 and p90
	slowAbove90 = 0.09 // between p90 and p99
	slowAbove99 = 0.01
)

// visitorRate is the mean requests a second of one visitor at this traffic.
func (w world) visitorRate(rps float64) float64 {
	if w.minVisitors > 0 {
		return min(w.rate, rps/w.minVisitors)
	}
	return w.rate
}

// maxSlowness keeps the fractions of one visitor's requests from adding up to more than 1.
const maxSlowness = 1.6

// slowness is the mean of a log-normal variable of mean 1 that is cut off at maxSlowness: E[min(X, c)].
func (w world) slowness() float64 {
	if w.spread == 0 || w.hosts > 0 {
		return 1
	}
	cut := math.Log(maxSlowness) / w.spread
	return normal(cut-w.spread/2) + maxSlowness*(1-normal(cut+w.spread/2))
}

// normal is the distribution function of the standard normal law.
func normal(z float64) float64 { return (1 + math.Erf(z/math.Sqrt2)) / 2 }
