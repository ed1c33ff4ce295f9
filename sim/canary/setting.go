package canary

// Split says what was drawn at random when the traffic was split.
type Split string

// The three ways to split.
const (
	ByHost    Split = "hosts"    // canary hosts run the new release only
	ByVisitor Split = "visitors" // each host runs both; a hash of the visitor decides
	ByRequest Split = "requests" // each host runs both; a coin for each request decides
)

// The releases, as indices.
const (
	Old = iota
	New
	Releases
)

// The sizes of what is counted.
const (
	MaxVitals = 8
	Buckets   = 64 // of the visitors' hash
)

// Vital is one thing that is counted for each request: an error, a slow answer, an order.
type Vital struct {
	Name string
	// Base is the fraction of requests that are events on the old release, roughly: what people set the limits of threshold judges by.
	Base float64
	// Drop: fewer events are harm. Else more are.
	Drop bool
}

// Step is a part of a rollout with one share.
type Step struct {
	Share   float64 // of hosts, visitors or requests that are meant to get the new release
	Seconds int
	Hosts   int // on the new release, when the split is by host
}

// Setting is what everybody knows before the rollout begins.
type Setting struct {
	Split  Split
	Vitals []Vital
	Hosts  int
	Steps  []Step
	// TickSeconds is the length of all ticks.
	TickSeconds int
	// Settle is how long, in seconds, a host is to be left out after it got the new release; 0 for not at all.
	Settle int
	// Routes is the number of routes that are counted, 0 for none.
	Routes int
	// Sticky: a visitor stays on the hosts that the hash says, and counts by bucket exist.
	Sticky bool
	// Visitors: first events are counted, in all and by host. So they are, in all, wherever the split is by visitor.
	Visitors bool
	// Calibrated: this judge's threshold is found from its evidence, so that it matters how far below 0 the evidence stays.
	Calibrated bool
	// Every is how often this judge will look, in seconds.
	Every int
}

// Seconds is the length of the whole rollout.
func (s *Setting) Seconds() int {
	sum := 0
	for _, step := range s.Steps {
		sum += step.Seconds
	}
	return sum
}

// Sign is 1 where a rise of the vital is harm, -1 where a drop is.
func (v Vital) Sign() float64 {
	if v.Drop {
		return -1
	}
	return 1
}
