package catalog

import (
	"time"

	"github.com/slipwayhq/slipway/internal/db"
	"github.com/slipwayhq/slipway/internal/event"
	"github.com/slipwayhq/slipway/internal/vault"
)

// Service is what the doors call. The actor of a method is audited, not checked: doors check.
type Service struct {
	db    *db.DB
	vault *vault.Vault
}

// New makes the Service on a store.
func New(d *db.DB, v *vault.Vault) *Service { return &Service{db: d, vault: v} }

// Production is the environment that comes with every app, and MainBranch the branch it follows at first.
const (
	Production = "production"
	MainBranch = "main"
)

// App is an app with its environments.
type App struct {
	Name         string        `json:"name"`
	CreatedAt    time.Time     `json:"created_at"`
	Environments []Environment `json:"environments" nullable:"false"`
}

// Environment is one place where an app runs.
type Environment struct {
	App            string `json:"app"`
	Name           string `json:"name"`
	Branch         string `json:"branch" doc:"Its commits are shipped here"`
	AllowForcePush bool   `json:"allow_force_push" doc:"A push may rewrite the branch"`
	// Labels select hosts: all pairs must match. Empty selects every host.
	Labels map[string]string `json:"labels" doc:"Hosts with all of these labels; empty: all hosts"`
	// Hosts names hosts one by one; empty takes every host that Labels selects.
	Hosts []string `json:"hosts" nullable:"false" doc:"Hosts by name; empty: those that the labels select"`
	// Domains lead to this environment; an app's first environment without any takes every request that no other wants.
	Domains []string        `json:"domains" nullable:"false" doc:"Host names that lead here"`
	Config  int             `json:"config" doc:"The newest configuration version, 0 when there is none"`
	Live    *Live           `json:"live" doc:"The release that serves, null when there is none"`
	Frozen  *Frozen         `json:"frozen" doc:"Who holds everything new, and why; null when nobody does"`
	Rollout *RolloutSummary `json:"rollout" doc:"The rollout under way, null when there is none"`
	// Waiting counts the releases that wait for their turn.
	Waiting   int       `json:"waiting" doc:"Releases that wait for their turn"`
	CreatedAt time.Time `json:"created_at"`
	// Revision grows with each change that people make; it is the ETag.
	Revision int64 `json:"-"`
}

// Live is the release that serves.
type Live struct {
	Release string    `json:"release"`
	Number  int       `json:"number"`
	Commit  string    `json:"commit"`
	Subject string    `json:"subject"`
	Since   time.Time `json:"since"`
}

// Frozen says who stopped an environment from taking new releases, and why.
type Frozen struct {
	By     string    `json:"by"`
	Reason string    `json:"reason"`
	At     time.Time `json:"at"`
}

// RolloutSummary is the rollout under way.
type RolloutSummary struct {
	ID      string  `json:"id"`
	Release string  `json:"release"`
	State   string  `json:"state"`
	Step    int     `json:"step"`
	Share   float64 `json:"share" doc:"Part of the traffic on the new release, 0 to 1"`
	Verdict string  `json:"verdict"`
}

// State of a release.
type State string

// The states; see doc.go for how they follow each other.
const (
	Waiting    State = "waiting"
	Rolling    State = "rolling"
	IsLive     State = "live"
	Good       State = "good"
	Bad        State = "bad"
	Superseded State = "superseded"
)

// Release is an artifact with a configuration version.
type Release struct {
	ID          string         `json:"id"`
	Number      int            `json:"number"`
	App         string         `json:"app"`
	Environment string         `json:"environment"`
	Commit      string         `json:"commit"`
	Commits     []event.Commit `json:"commits" nullable:"false" doc:"New since the release before"`
	Subject     string         `json:"subject"`
	Author      string         `json:"author"`
	Artifact    string         `json:"artifact" doc:"sha256 of the stored archive, 64 hex digits"`
	Size        int64          `json:"size" doc:"Of the archive, in bytes"`
	Config      int            `json:"config"`
	// Why is "push" or "config".
	Why string `json:"why" enum:"push,config" doc:"What made it"`
	// Change is there where Why is "config".
	Change    *event.ConfigDiff `json:"change,omitempty" doc:"Which settings and secrets were changed, by whom and why: names, never values"`
	Build     string            `json:"build,omitempty"`
	Hotfix    *event.Hotfix     `json:"hotfix,omitempty"`
	CreatedAt time.Time         `json:"created_at"`
	State     State             `json:"state" enum:"waiting,rolling,live,good,bad,superseded"`
	Verdict   string            `json:"verdict" doc:"healthy, regressed or unknown; empty while there is none"`
	Rollout   string            `json:"rollout,omitempty"`
	// LiveAt is when it last became live, null when it never was.
	LiveAt *time.Time `json:"live_at" doc:"When it last became live, null when it never was"`
	// Stored is false once its artifact was dropped: then it cannot be shipped any more.
	Stored   bool   `json:"stored" doc:"False once its archive was dropped: it cannot be shipped any more"`
	manifest string // JSON, as the build gave it
	diverged bool   // its code need not hold that of the release before; said when it is made, and not kept
}
