package event

import "strconv"

// HostSecond is what one host measured in one second: telemetry, keyed (Agent, Boot, Number), so that it counts once however often it is sent.
type HostSecond struct {
	Agent  string `json:"agent"`
	Boot   string `json:"boot"`   // random for each start of the agent
	Number int64  `json:"number"` // counts the seconds of this boot that were worth telling, without gaps, from 1
	Second int64  `json:"second"` // Unix time of its start
	// Host is how busy the machine was; nil where that is not known, as in an agent's first second.
	Host *HostUse `json:"host,omitempty"`
	// Releases has each release that runs here, and each that something was measured of.
	Releases []ReleaseSecond `json:"releases,omitempty"`
	// Unattributed is what came by statsd and is not known to be of one of the releases.
	Unattributed []Metric `json:"unattributed,omitempty"`
	// Statsd tells what came by statsd at all; nil where nothing did.
	Statsd *StatsdCount `json:"statsd,omitempty"`
}

// Key is unique for each second of each host.
func (s HostSecond) Key() string {
	return s.Agent + "/" + s.Boot + "/" + strconv.FormatInt(s.Number, 10)
}

// HostUse is how busy a machine was in a second.
type HostUse struct {
	CPU      float64 `json:"cpu"`       // busy share of all cores, 0 to 1
	Load1    float64 `json:"load1"`     // runnable tasks, one-minute mean
	MemUsed  int64   `json:"mem_used"`  // bytes
	MemTotal int64   `json:"mem_total"` // bytes
}

// ReleaseSecond is what one release did on a host in a second.
type ReleaseSecond struct {
	App     string `json:"app"`
	Env     string `json:"environment"`
	Release string `json:"release"`
	// Use is what its processes used; nil where that is not known, as in the second after a start.
	Use *ProcessUse `json:"use,omitempty"`
	// Metrics came by statsd.
	Metrics []Metric `json:"metrics,omitempty"`
	// Lost is how much that came by statsd, or may have been of this release, had no room: packets in the system's buffers, lines with more names or members than are taken. Where it is not 0,
	// Metrics say less than there was.
	Lost int64 `json:"lost,omitempty"`
}

// ProcessUse is what the processes of a release, and all that these started, used in a second.
type ProcessUse struct {
	Processes int     `json:"processes"`
	CPU       float64 `json:"cpu"`    // cores: 1 is one of them all of the time
	Memory    int64   `json:"memory"` // resident bytes; what processes share counts for each
}

// Kinds of metric.
const (
	MetricCounter = "counter"
	MetricGauge   = "gauge"
	MetricTimer   = "timer"
	MetricSet     = "set"
)

// Metric is what came under one name, of one kind and with the same values of the tags that are kept.
type Metric struct {
	Name string `json:"name"`
	// Tags as "status:200,…", in order of their names.
	Tags string `json:"tags,omitempty"`
	Kind string `json:"kind"`
	// Values is how many came. Scaled is how many there were, going by the senders' sample rates; 0 where all were sent.
	Values int64   `json:"values"`
	Scaled float64 `json:"scaled,omitempty"`
	// Sum is a counter's growth, scaled; of a gauge and a timer the sum of the values that came, so that Sum/Values is their mean.
	Sum float64 `json:"sum,omitempty"`
	// Last is where a gauge stood in the end.
	Last float64 `json:"last,omitempty"`
	// Squares is the sum of the squares of a timer's values, Histogram their histogram (package stats' bounds, which are meant for milliseconds).
	Squares   float64        `json:"squares,omitempty"`
	Histogram *HistogramData `json:"histogram,omitempty"`
	// Distinct is how many different members of a set came.
	Distinct int64 `json:"distinct,omitempty"`
}

// StatsdCount tells what came by statsd in a second, and what became of it.
type StatsdCount struct {
	Packets int64 `json:"packets"` // that were read
	Lines   int64 `json:"lines"`   // in them
	// Dropped counts lines that were not used by the reason; under "kernel" packets that the system could not keep until they were read.
	Dropped map[string]int64 `json:"dropped,omitempty"`
}
