package event

import (
	"encoding/json"
	"time"
)

// Commit is one commit as people know it.
type Commit struct {
	SHA     string    `json:"sha"`
	Author  string    `json:"author"`
	Email   string    `json:"email"`
	Subject string    `json:"subject"`
	Time    time.Time `json:"time"`
}

// Reason is one ground of a decision: a sentence with its numbers, and the numbers apart for machines.
type Reason struct {
	// Code is stable, for machines: "errors_regressed", "watch_over", "frozen".
	Code string `json:"code"`
	// Text is a plain sentence with the numbers in it.
	Text    string             `json:"text"`
	Numbers map[string]float64 `json:"numbers,omitempty"`
}

// Hotfix says what a push or a rollout may skip, and why. The reason is audited.
type Hotfix struct {
	SkipTests bool   `json:"skip_tests,omitempty"`
	SkipWatch bool   `json:"skip_watch,omitempty"`
	Reason    string `json:"reason"`
	By        string `json:"by,omitempty"` // actor, such as "person:ana"
}

// AppCreated: an app exists from now on; its name is its identity for ever.
type AppCreated struct {
	Name string `json:"name"`
}

// EnvironmentSpec is an environment whole, so that any reader can keep its own picture of it.
type EnvironmentSpec struct {
	// Branch whose pushes are built and shipped here.
	Branch string `json:"branch"`
	// Hosts by agent name; empty takes every agent with the role host whose labels match.
	Hosts []string `json:"hosts,omitempty"`
	// Labels that a host must have, all of them; empty takes any.
	Labels map[string]string `json:"labels,omitempty"`
	// Domains are the host names that the edge sends here; empty takes every request that no other environment wants.
	Domains        []string `json:"domains,omitempty"`
	AllowForcePush bool     `json:"allow_force_push,omitempty"`
}

// EnvironmentCreated: the app has one more place to run.
type EnvironmentCreated struct {
	Name string          `json:"name"`
	Spec EnvironmentSpec `json:"spec"`
}

// EnvironmentChanged: an environment is Spec from now on. Fields names what is new in it.
type EnvironmentChanged struct {
	Name   string          `json:"name"`
	Spec   EnvironmentSpec `json:"spec"`
	Fields []string        `json:"fields"`
	Reason string          `json:"reason,omitempty"`
}

// ConfigChanged: settings or secrets of an environment changed, which makes a new configuration version, and so a release.
// Only names are here: values of settings are in the store, those of secrets are encrypted there, neither is ever in an event.
type ConfigChanged struct {
	Version  int      `json:"version"`
	Settings []string `json:"settings,omitempty"`
	Secrets  []string `json:"secrets,omitempty"`
	Removed  []string `json:"removed,omitempty"`
	Reason   string   `json:"reason,omitempty"`
}

// GitPushed: a branch moved. It is emitted in the transaction that accepts the push, for mapped and other branches alike.
type GitPushed struct {
	Branch string `json:"branch"`
	Before string `json:"before,omitempty"` // 40 hex digits; empty for a new branch
	After  string `json:"after,omitempty"`  // empty for a deleted branch
	// Tree is the tree of After: equal trees have equal units and caches.
	Tree    string   `json:"tree,omitempty"`
	Commits []Commit `json:"commits,omitempty"` // oldest first, at most 200
	Forced  bool     `json:"forced,omitempty"`
	// Manifest is the parsed .slipway.yaml of After with its defaults filled in (package manifest's JSON); empty on an unmapped branch.
	Manifest json.RawMessage `json:"manifest,omitempty"`
	Hotfix   *Hotfix         `json:"hotfix,omitempty"`
}

// BuildQueued: commits wait for the fleet. Later pushes to the same environment join a build that has not started.
type BuildQueued struct {
	Build   string   `json:"build"`
	Number  int      `json:"number"`
	Branch  string   `json:"branch"`
	Head    string   `json:"head"`
	Commits []Commit `json:"commits"`
}

// BuildStarted: its first command was handed to a worker.
type BuildStarted struct {
	Build string `json:"build"`
}

// BuildListed: the units of the build are known.
type BuildListed struct {
	Build string `json:"build"`
	Units int    `json:"units"`
	// Cached is true when the same tree was listed before.
	Cached bool `json:"cached,omitempty"`
}

// BuildProgressed: a lease came back.
type BuildProgressed struct {
	Build  string `json:"build"`
	Total  int    `json:"total"`
	Done   int    `json:"done"`
	Failed int    `json:"failed"`
}

// LeaseExpired: a worker fell silent or passed its deadline; its units are out again.
type LeaseExpired struct {
	Build  string   `json:"build"`
	Lease  string   `json:"lease"`
	Agent  string   `json:"agent"`
	Units  []string `json:"units"`
	Reason string   `json:"reason"`
}

// BuildPassed: all units passed and the artifact is stored.
type BuildPassed struct {
	Build    string          `json:"build"`
	Number   int             `json:"number"`
	Head     string          `json:"head"`
	Commits  []Commit        `json:"commits"`
	Artifact string          `json:"artifact"` // sha256, 64 hex digits
	Size     int64           `json:"size"`     // bytes
	Manifest json.RawMessage `json:"manifest"`
	Hotfix   *Hotfix         `json:"hotfix,omitempty"`
	// Diverged: Head need not hold what the build before it that passed held. The branch was rewritten since, or is another one.
	Diverged bool `json:"diverged,omitempty"`
}

// BuildFailed: red, or it could not be judged. Suspects are the commits since the last green build of the branch.
type BuildFailed struct {
	Build    string   `json:"build"`
	Number   int      `json:"number"`
	Head     string   `json:"head"`
	Failed   []string `json:"failed,omitempty"` // units
	Suspects []Commit `json:"suspects,omitempty"`
	Reasons  []Reason `json:"reasons"`
}

// BuildCancelled: stopped by somebody, or overtaken.
type BuildCancelled struct {
	Build  string `json:"build"`
	Reason string `json:"reason"`
}

// ReleaseCreated: an artifact and a configuration version belong together from now on, and may be shipped.
type ReleaseCreated struct {
	Release  string          `json:"release"`
	Number   int             `json:"number"` // counts per environment, from 1
	Build    string          `json:"build,omitempty"`
	Commit   string          `json:"commit"`
	Commits  []Commit        `json:"commits,omitempty"` // new since the release before
	Artifact string          `json:"artifact"`
	Size     int64           `json:"size"`
	Config   int             `json:"config"`
	Manifest json.RawMessage `json:"manifest"`
	// Why is "push" or "config".
	Why    string  `json:"why"`
	Hotfix *Hotfix `json:"hotfix,omitempty"`
	// Diverged: commits of the releases before need not be in this one.
	Diverged bool `json:"diverged,omitempty"`
	// Change is what made it, where it was a change of the configuration.
	Change *ConfigDiff `json:"change,omitempty"`
}

// ConfigDiff says who changed a configuration, which names in it, and why. Names, never values.
type ConfigDiff struct {
	By       string   `json:"by"` // actor, such as "person:ana"
	Settings []string `json:"settings,omitempty"`
	Secrets  []string `json:"secrets,omitempty"`
	Removed  []string `json:"removed,omitempty"`
	Reason   string   `json:"reason,omitempty"`
}

// EventType and EventVersion make each of them a Payload.
func (AppCreated) EventType() Type         { return "app.created" }
func (EnvironmentCreated) EventType() Type { return "environment.created" }
func (EnvironmentChanged) EventType() Type { return "environment.changed" }
func (ConfigChanged) EventType() Type      { return "config.changed" }
func (GitPushed) EventType() Type          { return "git.pushed" }
func (BuildQueued) EventType() Type        { return "build.queued" }
func (BuildStarted) EventType() Type       { return "build.started" }
func (BuildListed) EventType() Type        { return "build.listed" }
func (BuildProgressed) EventType() Type    { return "build.progressed" }
func (LeaseExpired) EventType() Type       { return "lease.expired" }
func (BuildPassed) EventType() Type        { return "build.passed" }
func (BuildFailed) EventType() Type        { return "build.failed" }
func (BuildCancelled) EventType() Type     { return "build.cancelled" }
func (ReleaseCreated) EventType() Type     { return "release.created" }

func (AppCreated) EventVersion() int         { return 1 }
func (EnvironmentCreated) EventVersion() int { return 1 }
func (EnvironmentChanged) EventVersion() int { return 1 }
func (ConfigChanged) EventVersion() int      { return 1 }
func (GitPushed) EventVersion() int          { return 1 }
func (BuildQueued) EventVersion() int        { return 1 }
func (BuildStarted) EventVersion() int       { return 1 }
func (BuildListed) EventVersion() int        { return 1 }
func (BuildProgressed) EventVersion() int    { return 1 }
func (LeaseExpired) EventVersion() int       { return 1 }
func (BuildPassed) EventVersion() int        { return 1 }
func (BuildFailed) EventVersion() int        { return 1 }
func (BuildCancelled) EventVersion() int     { return 1 }
func (ReleaseCreated) EventVersion() int     { return 1 }
