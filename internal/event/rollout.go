package event

// Split is how an environment's traffic is divided. It is the whole truth for the edge: nothing else decides who sees what.
type Split struct {
	// Mode is "visitors", "hosts" or "requests"; it matters only while New is set.
	Mode string `json:"mode"`
	// Old is the release of everyone who is not given New.
	Old string `json:"old"`
	// New is the release under watch, empty when none is.
	New string `json:"new,omitempty"`
	// Share of visitors (or requests, or hosts) on New, 0 to 1. With nested hashes a larger share only adds visitors.
	Share float64 `json:"share"`
	// Salt of the visitor hash: the rollout's id, so that each rollout draws anew.
	Salt string `json:"salt,omitempty"`
	// NewHosts are the hosts that serve New in mode "hosts" (the others serve Old).
	NewHosts []string `json:"new_hosts,omitempty"`
	// Left out of the verdict: hosts that joined while the rollout was under way. They serve Old and are not counted.
	LeftOut []string `json:"left_out,omitempty"`
	// Slow are the thresholds in milliseconds above which a request counts as slow: the p50, p90 and p99 of before the push.
	Slow []float64 `json:"slow,omitempty"`
}

// RolloutQueued: a release waits for its turn in its environment.
type RolloutQueued struct {
	Rollout string `json:"rollout"`
	Number  int    `json:"number"`
	Release string `json:"release"`
}

// RolloutStarted: it is this release's turn. From is the release that serves now, empty for the first.
type RolloutStarted struct {
	Rollout string `json:"rollout"`
	Release string `json:"release"`
	From    string `json:"from,omitempty"`
}

// RolloutMoved: the state machine took a step. The reasons are those of the decision. Share is the part that the edges are to send to the new release from now on: 1 when
// it is promoted, 0 when it comes back.
type RolloutMoved struct {
	Rollout string   `json:"rollout"`
	From    string   `json:"from"`
	To      string   `json:"to"`
	Step    int      `json:"step"`
	Share   float64  `json:"share"`
	Reasons []Reason `json:"reasons"`
}

// RolloutJudged: the verdict changed ("regressed", "healthy", "unknown"), or a watch ended with it.
type RolloutJudged struct {
	Rollout string   `json:"rollout"`
	Verdict string   `json:"verdict"`
	Reasons []Reason `json:"reasons"`
}

// RolloutEnded: the last word. Outcome is "promoted", "rolled_back" or "superseded".
type RolloutEnded struct {
	Rollout  string   `json:"rollout"`
	Release  string   `json:"release"`
	From     string   `json:"from,omitempty"`
	Outcome  string   `json:"outcome"`
	Verdict  string   `json:"verdict"`
	Vital    string   `json:"vital,omitempty"` // the one that regressed most clearly
	Path     string   `json:"path,omitempty"`  // the route pattern whose errors rose most, empty when none stands out
	Commits  []Commit `json:"commits,omitempty"`
	Reasons  []Reason `json:"reasons"`
	Requests int64    `json:"requests"` // answered by the new release
	// Number is the rollout's; Subject and Author are those of its release's head, or of the change of configuration that it is.
	Number  int    `json:"number,omitempty"`
	Subject string `json:"subject,omitempty"`
	Author  string `json:"author,omitempty"`
}

// RolloutHeld: it stands still until a person decides.
type RolloutHeld struct {
	Rollout string   `json:"rollout"`
	Commits []Commit `json:"commits,omitempty"`
	Reasons []Reason `json:"reasons"`
	// As in RolloutEnded.
	Number  int    `json:"number,omitempty"`
	Subject string `json:"subject,omitempty"`
	Author  string `json:"author,omitempty"`
}

// RolloutAssessed: somebody calls the judge's verdict on an ended rollout right or wrong, or takes the word back. Of a release that came back, "wrong" means a false
// alarm; of a promoted one, that it should have come back.
type RolloutAssessed struct {
	Rollout string `json:"rollout"`
	Number  int    `json:"number"`
	Outcome string `json:"outcome"` // of the rollout
	Verdict string `json:"verdict"` // the judge's, at its end
	// Word is "right" or "wrong", empty when it was taken back; Was is the one before.
	Word string `json:"word"`
	Was  string `json:"was,omitempty"`
	Note string `json:"note,omitempty"`
}

// FreezeSet: nothing new starts in the environment until it is lifted.
type FreezeSet struct {
	Reason string `json:"reason"`
}

// FreezeLifted: what waited goes on.
type FreezeLifted struct {
	Reason string `json:"reason"`
}

// DeployRequested: each of the hosts should hold these releases on disk and run those. It is the whole wish for the hosts named, not a difference.
type DeployRequested struct {
	// Deploy is the id by which DeployApplied and DeployFailed answer.
	Deploy  string   `json:"deploy"`
	Rollout string   `json:"rollout,omitempty"`
	Hosts   []string `json:"hosts"` // agent ids
	Hold    []string `json:"hold"`  // releases to keep on disk
	Run     []string `json:"run"`   // releases whose processes should be up, a subset of Hold
	// Starts gives, of some releases of Run, a number for which their processes must have been started: others make way, without a request lost. Of the rest whatever runs will do.
	Starts map[string]int64 `json:"starts,omitempty"`
	// Current is the release that the host's "current" link names.
	Current string `json:"current,omitempty"`
}

// DeployApplied: a host does what was asked.
type DeployApplied struct {
	Deploy string `json:"deploy"`
	Host   string `json:"host"`
}

// DeployFailed: a host cannot do what was asked, and why. It keeps trying until asked otherwise.
type DeployFailed struct {
	Deploy  string `json:"deploy"`
	Host    string `json:"host"`
	Release string `json:"release"`
	// Code is "fetch", "hash", "unpack", "start", "unhealthy", "port" or "disk".
	Code string `json:"code"`
	Text string `json:"text"`
}

// ProcessChanged: a process of a release on a host changed its state.
type ProcessChanged struct {
	Host    string `json:"host"`
	Release string `json:"release"`
	Process string `json:"process"`
	// Start is the number that it was started for (see DeployRequested), 0 for none. While one takes the place of another, the one that visitors should be sent to is told of.
	Start int64 `json:"start,omitempty"`
	// State is "starting", "up", "unhealthy", "crashed", "stopping" or "stopped".
	State string `json:"state"`
	// Addr is host:port where it answers, while it is up.
	Addr     string `json:"addr,omitempty"`
	Restarts int    `json:"restarts,omitempty"`
	Text     string `json:"text,omitempty"`
}

// TrafficRequested: the edges should split the environment's traffic like this.
type TrafficRequested struct {
	// Traffic is the id by which TrafficApplied answers.
	Traffic string `json:"traffic"`
	Rollout string `json:"rollout,omitempty"`
	Split   Split  `json:"split"`
}

// TrafficApplied: every live edge splits as asked.
type TrafficApplied struct {
	Traffic string `json:"traffic"`
	Rollout string `json:"rollout,omitempty"`
}

// AgentJoined: a machine (or an edge) belongs to the installation.
type AgentJoined struct {
	Agent string   `json:"agent"`
	Name  string   `json:"name"`
	Roles []string `json:"roles"` // "work", "host", "edge"
	Addr  string   `json:"addr,omitempty"`
	// Labels are what environments choose hosts by.
	Labels map[string]string `json:"labels,omitempty"`
}

// AgentLost: it has not been heard of for a while.
type AgentLost struct {
	Agent string   `json:"agent"`
	Name  string   `json:"name"`
	Roles []string `json:"roles"`
}

// AgentReturned: it is heard of again.
type AgentReturned struct {
	Agent string   `json:"agent"`
	Name  string   `json:"name"`
	Roles []string `json:"roles"`
}

// AgentRemoved: somebody took it out; its credential is void.
type AgentRemoved struct {
	Agent  string   `json:"agent"`
	Name   string   `json:"name"`
	Roles  []string `json:"roles"`
	Reason string   `json:"reason,omitempty"`
}

// NoticeSent: somebody was told.
type NoticeSent struct {
	Notice string `json:"notice"`
	Target string `json:"target"`
	About  string `json:"about"`
}

// NoticeFailed: a notice could not be delivered after all tries.
type NoticeFailed struct {
	Notice string `json:"notice"`
	Target string `json:"target"`
	About  string `json:"about"`
	Text   string `json:"text"`
}

// EventType and EventVersion make each of them a Payload.
func (RolloutQueued) EventType() Type    { return "rollout.queued" }
func (RolloutStarted) EventType() Type   { return "rollout.started" }
func (RolloutMoved) EventType() Type     { return "rollout.moved" }
func (RolloutJudged) EventType() Type    { return "rollout.judged" }
func (RolloutEnded) EventType() Type     { return "rollout.ended" }
func (RolloutHeld) EventType() Type      { return "rollout.held" }
func (RolloutAssessed) EventType() Type  { return "rollout.assessed" }
func (FreezeSet) EventType() Type        { return "freeze.set" }
func (FreezeLifted) EventType() Type     { return "freeze.lifted" }
func (DeployRequested) EventType() Type  { return "deploy.requested" }
func (DeployApplied) EventType() Type    { return "deploy.applied" }
func (DeployFailed) EventType() Type     { return "deploy.failed" }
func (ProcessChanged) EventType() Type   { return "process.changed" }
func (TrafficRequested) EventType() Type { return "traffic.requested" }
func (TrafficApplied) EventType() Type   { return "traffic.applied" }
func (AgentJoined) EventType() Type      { return "agent.joined" }
func (AgentLost) EventType() Type        { return "agent.lost" }
func (AgentReturned) EventType() Type    { return "agent.returned" }
func (AgentRemoved) EventType() Type     { return "agent.removed" }
func (NoticeSent) EventType() Type       { return "notice.sent" }
func (NoticeFailed) EventType() Type     { return "notice.failed" }

func (RolloutQueued) EventVersion() int    { return 1 }
func (RolloutStarted) EventVersion() int   { return 1 }
func (RolloutMoved) EventVersion() int     { return 1 }
func (RolloutJudged) EventVersion() int    { return 1 }
func (RolloutEnded) EventVersion() int     { return 1 }
func (RolloutHeld) EventVersion() int      { return 1 }
func (RolloutAssessed) EventVersion() int  { return 1 }
func (FreezeSet) EventVersion() int        { return 1 }
func (FreezeLifted) EventVersion() int     { return 1 }
func (DeployRequested) EventVersion() int  { return 1 }
func (DeployApplied) EventVersion() int    { return 1 }
func (DeployFailed) EventVersion() int     { return 1 }
func (ProcessChanged) EventVersion() int   { return 1 }
func (TrafficRequested) EventVersion() int { return 1 }
func (TrafficApplied) EventVersion() int   { return 1 }
func (AgentJoined) EventVersion() int      { return 1 }
func (AgentLost) EventVersion() int        { return 1 }
func (AgentReturned) EventVersion() int    { return 1 }
func (AgentRemoved) EventVersion() int     { return 1 }
func (NoticeSent) EventVersion() int       { return 1 }
func (NoticeFailed) EventVersion() int     { return 1 }
