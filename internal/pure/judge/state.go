package judge

import (
	"github.com/slipwayhq/slipway/internal/pure/stats"
	"github.com/slipwayhq/slipway/internal/pure/stats/units"
)

// Tick is what one edge counted in one stretch of time with one constant share, usually one second. The caller folds each tick
// exactly once, in any order within a step.
type Tick struct {
	// Second is the tick's Unix time; kept as the state's first and last, nothing else depends on it.
	Second int64 `json:"second"`
	// Share is the fraction of visitors (ByVisitor) or requests (ByRequest) that the split sends to the new release, in [0, 1].
	// Not used ByHost. A change of the share closes the tick. Counts are by the release that the hash chose, even where another
	// one had to answer.
	Share float64 `json:"share"`
	// Counts by the vital's name. A vital without an entry has no data in this tick, which is no evidence either way.
	Counts map[string]Count `json:"counts"`
	// Hosts are the counts of each host, by vital, in the order of Fleet.Hosts: for a policy with a fleet, instead of Counts. Hosts that are in neither group
	// (see State.Group) are left out of them.
	Hosts map[string][]HostCount `json:"hosts,omitempty"`
	// Traffic, if given, is what the split is checked by, against Share. By host it is given where visitors are drawn to the groups of hosts by that share; without it the
	// hosts' part of the requests is compared with the one they had before.
	Traffic *Traffic `json:"traffic,omitempty"`
}

// Count is one vital in one tick. ByVisitor, an event is a visitor's first bad request since the switch, and the requests at risk
// are those started by visitors who had no event yet. Else an event is a bad request, and all requests are at risk.
// An event may come in a later tick than its request.
type Count struct {
	New       int64 `json:"new"`
	Old       int64 `json:"old"`
	AtRiskNew int64 `json:"at_risk_new"`
	AtRiskOld int64 `json:"at_risk_old"`
}

// State is the evidence of one rollout. It goes through all steps and restarts nowhere. It survives JSON unchanged: floats are
// written with the digits that bring back the same bits. Make one with NewState.
type State struct {
	Ticks    int64 `json:"ticks"`
	Rejected int64 `json:"rejected"` // ticks with impossible counts, which changed nothing
	First    int64 `json:"first"`    // earliest Tick.Second, 0 before the first tick
	Last     int64 `json:"last"`     // latest Tick.Second
	// Vitals are in the order of Policy.Vitals.
	Vitals []VitalState `json:"vitals"`
	// Split is the evidence on the split itself.
	Split *SplitState `json:"split,omitempty"`
}

// VitalState is the evidence on one vital. Inside, ratios are in the direction of harm: for Drop the arms are swapped.
type VitalState struct {
	Name  string `json:"name"`
	Total Count  `json:"total"`
	// Peak is the largest ln e-value so far. The verdict looks at it, so that it does not depend on how often one looks (Ville).
	Peak float64 `json:"peak"`
	// Harm tests "ratio at most 1 + Margin", Exclude tests "ratio at least RuleOutFor".
	Harm    stats.Test   `json:"harm"`
	Exclude stats.Test   `json:"exclude"`
	Bounds  stats.Bounds `json:"bounds"`
	// Units tests the same as Harm and Exclude where hosts were drawn and it is known what each did before; then it alone decides.
	Units *units.Test `json:"units,omitempty"`
	// Clustered takes the place of Harm and Exclude where events come several at a time.
	Clustered *Clustered `json:"clustered,omitempty"`
	// Mean takes their place for what hosts measure.
	Mean *Mean `json:"mean,omitempty"`
	// Visitors takes their place for how often visitors err.
	Visitors *Visitors `json:"visitors,omitempty"`
	// Hosts are the counts of each host in each of the phases of Units, where they were given.
	Hosts [][]HostCount `json:"hosts,omitempty"`
	// Suspect is a host of the new release without which the evidence of harm is not enough, empty for none.
	Suspect string `json:"suspect,omitempty"`
	// Seen is the likelihood of each ratio given the requests that each release got, whatever it was meant to get.
	Seen *stats.Bounds `json:"seen,omitempty"`
	// RecentNew and RecentOld are the requests at risk lately: their share is the one that belongs to the next event, which may come
	// a tick or more after its request. RecentShare is the Tick.Share they were counted under; a change starts them anew.
	RecentNew   int64   `json:"recent_new"`
	RecentOld   int64   `json:"recent_old"`
	RecentShare float64 `json:"recent_share"`
	// Reach is the largest Tick.Share so far.
	Reach float64 `json:"reach"`
	// Share is the share that Exclude met at the last event: of the old release for Drop. For the forecast of what is missing.
	Share float64 `json:"share"`
	// habits are worked out when first needed, from the policy alone.
	habits *habits
}
