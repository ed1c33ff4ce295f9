package build

import (
	"time"

	"github.com/slipwayhq/slipway/internal/event"
)

// Build is a build as the API shows it.
type Build struct {
	ID          string         `json:"id"`
	Number      int            `json:"number" doc:"Counts per environment, from 1"`
	App         string         `json:"app"`
	Environment string         `json:"environment"`
	Branch      string         `json:"branch"`
	State       State          `json:"state" enum:"queued,listing,testing,packaging,passed,failed,cancelled"`
	Head        event.Commit   `json:"head"`
	Commits     []event.Commit `json:"commits" doc:"All that this build adds, oldest first"`
	QueuedAt    time.Time      `json:"queued_at"`
	StartedAt   *time.Time     `json:"started_at,omitempty"`
	EndedAt     *time.Time     `json:"ended_at,omitempty"`
	// Waiting says why nothing happens at the moment; empty while something does.
	Waiting string `json:"waiting,omitempty" doc:"Why nothing happens at the moment"`
	// EstimateS is the expected time to its end in seconds, 0 where nothing is known.
	EstimateS float64        `json:"estimate_s,omitempty" doc:"Expected seconds to its end"`
	Total     int            `json:"total" doc:"Units"`
	Done      int            `json:"done"`
	Failed    int            `json:"failed"`
	Reasons   []event.Reason `json:"reasons" doc:"Why it ended as it did"`
	Artifact  string         `json:"artifact,omitempty"`
	Size      int64          `json:"size,omitempty" doc:"Bytes of the artifact"`
	Hotfix    *event.Hotfix  `json:"hotfix,omitempty"`
	RetryOf   string         `json:"retry_of,omitempty"`
	Suspects  []event.Commit `json:"suspects" doc:"Commits since the last build that passed, when this one did not"`
	// BoundS is the shortest time the test part could have taken, max(longest unit, sum of units / slots); MakespanS is what it took.
	BoundS    float64 `json:"bound_s,omitempty" doc:"max(longest unit, sum / slots) in seconds"`
	MakespanS float64 `json:"makespan_s,omitempty" doc:"Seconds from the first test lease to the end of the last"`
}

// Detail is a build with all that belongs to it.
type Detail struct {
	Build
	Suites []Suite `json:"suites"`
	// Units with the failed ones first, then those that run, wait, and are done; at most MaxUnitsShown.
	Units  []Unit  `json:"units" doc:"Failed ones first; at most 5,000"`
	Leases []Lease `json:"leases" doc:"In the order they were granted"`
}

// MaxUnitsShown is how many units a Detail holds at most.
const MaxUnitsShown = 5000

// Suite is one test entry of the manifest in a build.
type Suite struct {
	Suite  string `json:"suite"`
	State  string `json:"state" enum:"waiting,listing,listed,failed"`
	Cached bool   `json:"cached,omitempty" doc:"The same tree was listed before"`
	Note   string `json:"note,omitempty" doc:"What was remarkable about its list"`
}

// Unit is one unit of a build.
type Unit struct {
	Suite       string     `json:"suite"`
	Unit        string     `json:"unit"`
	Status      string     `json:"status" enum:"waiting,running,passed,failed,skipped,error"`
	DurationMS  int64      `json:"duration_ms"`
	ExpectedMS  int64      `json:"expected_ms" doc:"0 when it never ran before"`
	Worker      string     `json:"worker,omitempty"`
	Lease       string     `json:"lease,omitempty"`
	StartedAt   *time.Time `json:"started_at,omitempty"`
	Attempts    int        `json:"attempts" doc:"How often it was handed out; 0 when its result was taken over from the build that this one retries"`
	Output      string     `json:"output,omitempty" doc:"Of a failure"`
	FailedTests []string   `json:"failed_tests,omitempty"`
}

// Lease is one lease of a build.
type Lease struct {
	ID        string     `json:"id"`
	Kind      string     `json:"kind" enum:"list,test,package"`
	Suite     string     `json:"suite,omitempty"`
	Worker    string     `json:"worker"`
	Agent     string     `json:"agent"`
	State     string     `json:"state" enum:"running,done,lost,cancelled"`
	Phase     string     `json:"phase,omitempty" doc:"What the worker last said it was doing: fetch, checkout, run, upload"`
	Units     int        `json:"units"`
	GrantedAt time.Time  `json:"granted_at"`
	StartedAt *time.Time `json:"started_at,omitempty"`
	EndedAt   *time.Time `json:"ended_at,omitempty"`
	SetupMS   int64      `json:"setup_ms"`
	RanMS     int64      `json:"ran_ms"`
	UploadMS  int64      `json:"upload_ms"`
	Exit      int        `json:"exit"`
	Reason    string     `json:"reason,omitempty" doc:"Why it was lost or cancelled"`
	LogSize   int64      `json:"log_size" doc:"Bytes"`
}

// Work is what a worker is doing.
type Work struct {
	Build string    `json:"build"`
	App   string    `json:"app"`
	Kind  string    `json:"kind" enum:"list,test,package"`
	Suite string    `json:"suite,omitempty"`
	Units int       `json:"units"`
	Since time.Time `json:"since"`
}
