package machine

import (
	"time"

	"github.com/slipwayhq/slipway/internal/decide/rollout/control"
	"github.com/slipwayhq/slipway/internal/decide/rollout/erred"
	"github.com/slipwayhq/slipway/internal/decide/rollout/route"
	"github.com/slipwayhq/slipway/internal/decide/rollout/warmth"
	"github.com/slipwayhq/slipway/internal/event"
	"github.com/slipwayhq/slipway/internal/pure/judge"
	"github.com/slipwayhq/slipway/internal/pure/manifest"
)

// State of a rollout.
type State string

// The states, as drawn in doc.go.
const (
	Queued     State = "queued"
	Staging    State = "staging"
	Starting   State = "starting"
	Shifting   State = "shifting"
	Settling   State = "settling"
	Watching   State = "watching"
	Paused     State = "paused"
	Held       State = "held"
	Promoting  State = "promoting"
	Returning  State = "returning"
	Promoted   State = "promoted"
	RolledBack State = "rolled_back"
	Superseded State = "superseded"
)

// Ended tells whether nothing will happen any more.
func (s State) Ended() bool { return s == Promoted || s == RolledBack || s == Superseded }

// Rollout is a rollout whole: all that its next move depends on. It is stored as JSON.
type Rollout struct {
	ID      string `json:"id"`
	Number  int    `json:"number"`
	App     string `json:"app"`
	Env     string `json:"env"`
	Release string `json:"release"`
	// From is the release that serves, and that it goes back to; empty for a first release.
	From string `json:"from,omitempty"`
	// Commits since From, those of rollouts that were superseded, or came back, included.
	Commits []event.Commit `json:"commits,omitempty"`
	Hotfix  *event.Hotfix  `json:"hotfix,omitempty"`
	// Diverged: commits of the rollouts before need not be in this one.
	Diverged bool   `json:"diverged,omitempty"`
	Back     bool   `json:"back,omitempty"`    // somebody goes back to an older release by it
	BackTo   int    `json:"back_to,omitempty"` // the number of that release
	Cause    string `json:"cause,omitempty"`   // event that led to its last move

	Policy manifest.Rollout `json:"policy"`
	// UpWithin is how long the release's process may take to get healthy, or to end where it does not; an older version did not store it.
	UpWithin time.Duration `json:"up_within,omitempty"`

	Mode  manifest.Canary `json:"mode"`
	Steps []Step          `json:"steps"`
	Step  int             `json:"step"`

	State  State     `json:"state"`
	Since  time.Time `json:"since"`
	Before State     `json:"before,omitempty"` // paused from
	Looked time.Time `json:"looked,omitzero"`  // when somebody last looked whether it should move
	// Hosts take part, in the order they were drawn: in mode hosts the first so many are the canaries.
	Hosts   []string `json:"hosts"`
	LeftOut []string `json:"left_out,omitempty"`
	// WhyOut says of hosts that are left out why; an older version did not store it.
	WhyOut map[string]string `json:"why_out,omitempty"`
	// Names are those of hosts that took part, by id.
	Names map[string]string `json:"names,omitempty"`
	// Unfit are those left out since they could not fetch the release, or bring it up.
	Unfit []string `json:"unfit,omitempty"`
	// Lost hosts are not waited for.
	Lost []string `json:"lost,omitempty"`

	// Asked is what was last asked of each host, Waiting the hosts that have not answered, Failed those that answered with a failure.
	Asked   map[string]Ask     `json:"asked,omitempty"`
	Waiting map[string]bool    `json:"waiting,omitempty"`
	Failed  map[string]Failure `json:"failed,omitempty"`
	// Traffic is the split last asked for, InForce whether all edges have it.
	Traffic string      `json:"traffic,omitempty"`
	Split   event.Split `json:"split"`
	InForce bool        `json:"in_force"`
	// SplitSince is when it was; an older version did not store it.
	SplitSince time.Time `json:"split_since,omitzero"`

	// UpSince says when the new release's process came up on a host, VisitorsSince when the split that first sent visitors to it was in force; the settling counts
	// from the later one. Crashes counts its deaths.
	UpSince       map[string]time.Time `json:"up_since,omitempty"`
	VisitorsSince map[string]time.Time `json:"visitors_since,omitempty"`
	Crashes       map[string]Crash     `json:"crashes,omitempty"`
	// Controls are the hosts that start the old release anew beside canaries.
	Controls control.Hosts `json:"controls,omitzero"`

	// Erred gathers what edges tell of visitors who erred.
	Erred erred.Gathering `json:"erred,omitzero"`

	Thresholds []judge.Threshold `json:"thresholds,omitempty"`
	Judge      judge.Policy      `json:"judge"`
	Alpha      string            `json:"alpha,omitempty"` // the sentence on how alpha came about
	// PerSecond is how many requests a second there were before the push, and ErrorRate the part of them that failed; 0 when nothing was counted.
	PerSecond float64     `json:"per_second,omitempty"`
	ErrorRate float64     `json:"error_rate,omitempty"`
	Evidence  judge.State `json:"evidence"`
	// Warm are the new release's requests by the age of the process that answered.
	Warm warmth.Bins `json:"warm,omitempty"`
	// Halves are seconds that told of one release only, and wait for the other.
	Halves []Half `json:"halves,omitempty"`
	// Used is what hosts measured since the groups that are compared became what they are; nil where nothing of it is judged.
	Used    *Used          `json:"used,omitempty"`
	Verdict judge.Outcome  `json:"verdict,omitempty"`
	Reasons []event.Reason `json:"reasons,omitempty"` // of the last move
	// SplitTold: somebody was told that the split is wrong, and it was held once for that.
	SplitTold bool `json:"split_told,omitempty"`
	// Why is what decided to promote or to return.
	Why []event.Reason `json:"why,omitempty"`
	// Everyone is sent to the new release: in the state promoting, once the hosts run it.
	Everyone  bool      `json:"everyone,omitempty"`
	Totals    Totals    `json:"totals"`
	Outcome   string    `json:"outcome,omitempty"`
	Vital     string    `json:"vital,omitempty"`
	Created   time.Time `json:"created"`
	Started   time.Time `json:"started,omitzero"`
	EndedAt   time.Time `json:"ended_at,omitzero"`
	RegressAt time.Time `json:"regressed_at,omitzero"`
}

// Step is one stage of a rollout and how far it got.
type Step struct {
	Share    float64       `json:"share"`     // as asked for, 0 to 1
	HoldBack float64       `json:"hold_back"` // of it stays on the old release
	Watch    time.Duration `json:"watch"`
	Started  time.Time     `json:"started,omitzero"`
	Settled  time.Time     `json:"settled,omitzero"`
	Ended    time.Time     `json:"ended,omitzero"`
	// Until is when the watch is over; it moves when the rollout is paused.
	Until time.Time `json:"until,omitzero"`
}

// Ask is a request to a host: its id, and a fingerprint of the wish.
type Ask struct {
	Deploy string `json:"deploy"`
	Wish   string `json:"wish"`
}

// Failure is what a host could not do.
type Failure struct {
	Release string `json:"release"`
	Code    string `json:"code"`
	Text    string `json:"text"`
}

// Crash is how often the new release's process died on a host.
type Crash struct {
	Restarts int    `json:"restarts"`
	Text     string `json:"text"`
}

// Totals count since the first visitor of the new release.
type Totals struct {
	RequestsNew int64                  `json:"requests_new"`
	RequestsOld int64                  `json:"requests_old"`
	ErrorsNew   int64                  `json:"errors_new"`
	ErrorsOld   int64                  `json:"errors_old"`
	Paths       map[string]route.Total `json:"paths,omitempty"`
	Hosts       map[string]route.Total `json:"hosts,omitempty"`
}

// First tells whether there is nothing to compare with.
func (m *Rollout) First() bool { return m.From == "" }

// Judged tells whether the old release serves beside the new one, so that there is something to compare.
func (m *Rollout) Judged() bool { return !m.First() && (m.Hotfix == nil || !m.Hotfix.SkipWatch) }

// Current is the present one.
func (m *Rollout) Current() *Step { return &m.Steps[m.Step] }

// Reach is the share that is on the new release in the present step.
func (m *Rollout) Reach() float64 {
	if m.First() {
		return 1
	}
	return m.Current().Share - m.Current().HoldBack
}
