package event

import "strconv"

// Thresholds is the number of latency thresholds: p50, p90 and p99 of before the push.
const Thresholds = 3

// Buckets is the number of visitor hash buckets that the edge counts by.
const Buckets = 64

// OtherPaths is the pattern of all paths that an edge does not tell of one by one.
const OtherPaths = "other"

// EdgeSecond is what one edge counted in one second: telemetry, keyed (Edge, Boot, Number), so that it counts once however often it is sent.
type EdgeSecond struct {
	Edge   string `json:"edge"`
	Boot   string `json:"boot"`   // random for each start of the edge
	Number int64  `json:"number"` // counts the seconds of this boot without gaps, from 1
	Second int64  `json:"second"` // Unix time of its start
	// Routes holds one entry for each environment and split that had traffic.
	Routes []RouteSecond `json:"routes,omitempty"`
}

// Key is unique for each second of each edge.
func (s EdgeSecond) Key() string {
	return s.Edge + "/" + s.Boot + "/" + strconv.FormatInt(s.Number, 10)
}

// RouteSecond is one environment's traffic under one split in that second. A change of the split in mid-second gives two.
type RouteSecond struct {
	App     string `json:"app"`
	Env     string `json:"environment"`
	Traffic string `json:"traffic"`
	Rollout string `json:"rollout,omitempty"`
	Split   Split  `json:"split"`
	// Hosts counts by release and host; Buckets by release and visitor hash bucket; Paths by release and route pattern (the busiest and all that failed, at most 50);
	// Failures by all that tells one kind of error from another (the most frequent kinds of both releases together, at most 24, and the rest).
	Hosts    []HostCount    `json:"hosts,omitempty"`
	Buckets  []BucketCount  `json:"buckets,omitempty"`
	Paths    []PathCount    `json:"paths,omitempty"`
	Failures []FailureCount `json:"failures,omitempty"`
	// Erred are, by release and every five seconds, the visitors drawn whose first error in the rollout was under this split. Each cell is their age since then, the buckets of their errors and
	// requests after it and of their errors before the rollout (package repeats' Age and Bucket), and how many there are.
	Erred map[string][][5]int64 `json:"erred,omitempty"`
	// Latency is the histogram of the time to the answer's header, by release (package stats' Histogram in its JSON form).
	Latency map[string]HistogramData `json:"latency,omitempty"`
	// HostLatency is the same by host, while no release is under watch: what hosts differ by before the next one.
	HostLatency map[string]HistogramData `json:"host_latency,omitempty"`
}

// HistogramData is a sparse histogram: Index[i] names a bucket of package stats' fixed bounds, Count[i] its observations.
type HistogramData struct {
	Index []int   `json:"i,omitempty"`
	Count []int64 `json:"n,omitempty"`
}

// Counts is one cell. A request counts when it starts; as slow when it passes the threshold, not when it ends; as an error when its answer is 5xx or there is none.
// A visitor counts once a rollout, at the first error and at the first slow request of each threshold; AtRisk counts the requests of visitors who had none before.
type Counts struct {
	Requests    int64             `json:"requests,omitempty"`
	Errors      int64             `json:"errors,omitempty"`
	Slow        [Thresholds]int64 `json:"slow"`
	FirstErrors int64             `json:"first_errors,omitempty"`
	FirstSlow   [Thresholds]int64 `json:"first_slow"`
	AtRisk      int64             `json:"at_risk,omitempty"`
	AtRiskSlow  [Thresholds]int64 `json:"at_risk_slow"`
}

// HostCount is the cell of one release on one host.
type HostCount struct {
	Release string `json:"release"`
	Host    string `json:"host"`
	Counts
}

// BucketCount is the cell of one release and one bucket of visitors.
type BucketCount struct {
	Release  string `json:"release"`
	Bucket   int    `json:"bucket"`
	Requests int64  `json:"requests"`
	Errors   int64  `json:"errors,omitempty"`
}

// PathCount is the cell of one release and one route pattern, with ids folded ("/product/:id"). FirstErrors are visitors whose first error in the rollout, on whatever
// route, was on this one; AtRisk are the requests of visitors who had none before. An edge of an older version sends neither.
type PathCount struct {
	Release     string `json:"release"`
	Path        string `json:"path"`
	Requests    int64  `json:"requests"`
	Errors      int64  `json:"errors,omitempty"`
	FirstErrors int64  `json:"first_errors,omitempty"`
	AtRisk      int64  `json:"at_risk,omitempty"`
}

// FailureCount is one kind of error of one release, and on one host where hosts are compared: its route pattern, the status of the answer (0 where there was none), and what the app said of
// it in the header Slipway-Error, with numbers folded. FirstErrors as in PathCount.
type FailureCount struct {
	Release     string `json:"release"`
	Host        string `json:"host"`
	Path        string `json:"path"`
	Status      int    `json:"status,omitempty"`
	Error       string `json:"error,omitempty"`
	Errors      int64  `json:"errors"`
	FirstErrors int64  `json:"first_errors,omitempty"`
}

// Add adds o to c.
func (c *Counts) Add(o Counts) {
	c.Requests += o.Requests
	c.Errors += o.Errors
	c.FirstErrors += o.FirstErrors
	c.AtRisk += o.AtRisk
	for i := range Thresholds {
		c.Slow[i] += o.Slow[i]
		c.FirstSlow[i] += o.FirstSlow[i]
		c.AtRiskSlow[i] += o.AtRiskSlow[i]
	}
}
