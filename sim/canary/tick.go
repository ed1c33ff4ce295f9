package canary

// Count is requests and, for each vital, how many of them were events.
type Count struct {
	Requests int64
	Events   [MaxVitals]int64
}

// Add adds other to c.
func (c *Count) Add(other *Count) {
	c.Requests += other.Requests
	for v, n := range &other.Events {
		c.Events[v] += n
	}
}

// First is the same with each visitor counted once for each vital, at its first event since the switch.
type First struct {
	Events [MaxVitals]int64
	// AtRisk are the requests of visitors who had no event yet, the request of the first event included.
	AtRisk [MaxVitals]int64
}

// Host is one host in one tick.
type Host struct {
	// Age is for how many seconds, at the tick's beginning, the host has been running the new release; -1 when it is not.
	Age   int
	Count [Releases]Count
}

// Route is one route in one tick: all requests, and those that failed (vital 0).
type Route struct {
	Requests, Errors [Releases]int64
}

// Bucket is one bucket of the visitors' hash in one tick.
type Bucket struct {
	Count [Releases]Count
	First [Releases]First // by visitor only
}

// Tick is what was counted in a few seconds.
type Tick struct {
	Number int // from 0; ticks may arrive late and out of order
	Second int // the tick's end, in seconds since the switch
	Step   int
	Share  float64 // what the split was meant to give to the new release
	// Known is false for a release of which the tick has no numbers (a gap in the metrics): its counts are then 0 without meaning it.
	Known [Releases]bool
	// Total counts a request when it starts, as slow when it passes the threshold. Ended counts as access logs do, when
	// the request ends; it differs only where a release hangs.
	Total, Ended [Releases]Count
	// First is there when the split is by visitor, and together with FirstHosts where the setting says visitors.
	First      [Releases]First
	FirstHosts [][Releases]First
	Hosts      []Host
	Buckets    []Bucket // where the setting says sticky, else nil
	Routes     []Route  // where there are routes, else nil
	// Erred are the visitors who have erred for the first time within the step, at the ticks that end when one looks at them (package repeats says when); else nil.
	Erred []Erred
}

// Erred is one visitor who has erred: errors and requests since the first error, and errors in the window before the push.
type Erred struct {
	Release                  int
	Errors, Requests, Before int64
}

// Complete says whether both releases were counted.
func (t *Tick) Complete() bool { return t.Known[Old] && t.Known[New] }

// CopyFrom makes t a deep copy of other, reusing t's room.
func (t *Tick) CopyFrom(other *Tick) {
	hosts, buckets, routes, first, erred := t.Hosts, t.Buckets, t.Routes, t.FirstHosts, t.Erred
	*t = *other
	t.Erred = append(erred[:0], other.Erred...)
	t.Hosts = append(hosts[:0], other.Hosts...)
	t.Buckets = append(buckets[:0], other.Buckets...)
	t.Routes = append(routes[:0], other.Routes...)
	t.FirstHosts = append(first[:0], other.FirstHosts...)
}

// Window is what was counted before the push, all of it on the old release.
type Window struct {
	Seconds int
	Total   Count
	Hosts   []Count // the first ones are those that will get the new release first
	Minute  []Count // the same hosts in the last minute, which is part of the window
	First   []First // the same hosts, where the setting says visitors
	Buckets []Count // where the setting says sticky
	Routes  []Route // where there are routes
	// Cohort: the visitors who will get the new release were routed to its hosts already, so that Hosts holds the same visitors.
	Cohort bool
}
