package world

import "github.com/slipwayhq/slipway/sim/canary"

// Scenario is one kind of rollout.
type Scenario struct {
	Name string
	// Twin is the scenario with the same world and no harm: its own name if it is that one. Those begin with "aa-".
	Twin    string
	Split   canary.Split
	Fleet   Fleet
	Traffic Traffic
	Steps   []canary.Step
	Before  int // seconds of the window before the push
	Settle  int // seconds, see canary.Setting
	Vitals  []canary.Vital
	Kinds   []Kind
	Faults  Faults
	Harm    Harm
}

// Harmless says whether the release changes nothing.
func (s *Scenario) Harmless() bool { return s.Name == s.Twin }

// Kind is a kind of request that is an event for some vitals. Kind 0 is what fails.
type Kind struct {
	Rate  float64 // fraction of the requests
	Marks []int   // the vitals of which it is an event
}

// Fleet is the hosts. SD is the standard deviation of a host's log rate of each kind; Alike is the correlation of those of one host.
type Fleet struct {
	Hosts int
	SD    float64
	Alike float64
	// Broken is the fraction of requests that fail besides on the first host to get the new release, from then on, through
	// no fault of the release.
	Broken float64
}

// Traffic is who comes. Requests arrive as Poisson processes.
type Traffic struct {
	RPS float64
	// Drift is the factor by which all rates of events have grown, on both releases, at the end; 0 means 1.
	Drift float64
	// Outage: a stretch in which more requests fail on both releases.
	Outage Spell
	// Cluster is how many requests fail in a row when a visitor meets a failure; 0 means 1.
	Cluster int
	// Known: where hosts are split, somebody in front of them knows one visitor from another and counts first events by host.
	Known bool
	// ShareOff is the actual share of the new release over the intended one; 0 means 1.
	ShareOff float64
	// Sticky visitors stay on the hosts that their hash says. Their buckets differ: MixSD is the standard deviation of the log ratio of
	// rates between those who get the new release at a share of MixShare and the others.
	Sticky bool
	MixSD  float64
	// Cohort: the visitors who will get the new release are routed to its hosts during the window before already.
	Cohort bool
	// Routes are the shares of the traffic, adding up to 1.
	Routes []float64
	// Visitors, where there are any, are drawn one by one.
	Visitors *Visitors
}

// MixShare is the share at which MixSD is meant.
const MixShare = 0.1

// Visitors are what one visitor does: requests a second, on average; seconds of a visit, on average, 0 for the whole rollout; the standard deviation of
// log activity and of log error rate; how often a failing request is repeated, at once and in vain.
type Visitors struct {
	Rate    float64
	Stay    float64
	SD      float64
	Retries int
}

// Spell is a stretch of time with a fraction of requests that fail besides.
type Spell struct {
	From, Seconds int
	Rate          float64
}

func (s Spell) at(second int) float64 {
	if second >= s.From && second < s.From+s.Seconds {
		return s.Rate
	}
	return 0
}

// Faults are what goes wrong with starting and measuring, not with the release.
type Faults struct {
	// WarmUp: that long after a host got the new release, that fraction of its requests fails besides (Spell.From is not used).
	WarmUp Spell
	// Gap is the fraction of ticks that are lost, GapOld and GapNew those lost for one release only.
	Gap, GapOld, GapNew float64
	// Late is the fraction of ticks that arrive LateTicks later.
	Late      float64
	LateTicks int
}

// Harm is what the new release does.
type Harm struct {
	// Ratios of the rate of each kind; 0 means 1.
	Ratios []float64
	// From which second on. Grow: the ratios grow from 1 then to what they are at the end.
	From int
	Grow bool
	// Route fails with the probability RouteRate (0 for none).
	Route     int
	RouteRate float64
	// Storm: each host fails for Seconds out of every StormEvery seconds.
	Storm      Spell
	StormEvery int
	// Hang is the fraction of requests that never end: slow for the vitals HangMarks, and an error after HangSeconds.
	Hang        float64
	HangMarks   []int
	HangSeconds int
	// WarmUp is the same as Faults.WarmUp where nobody lets hosts settle, so that it is harm.
	WarmUp Spell
}

// ratio of kind k at a second of a rollout that takes so long.
func (h *Harm) ratio(k, second, length int) float64 {
	if k >= len(h.Ratios) || h.Ratios[k] == 0 || second < h.From {
		return 1
	}
	if h.Grow {
		return 1 + (h.Ratios[k]-1)*float64(second-h.From)/float64(length-h.From)
	}
	return h.Ratios[k]
}
