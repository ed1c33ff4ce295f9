package build

import (
	"encoding/json"
	"log/slog"
	"time"

	"github.com/slipwayhq/slipway/internal/blob"
	"github.com/slipwayhq/slipway/internal/db"
	"github.com/slipwayhq/slipway/internal/event"
	"github.com/slipwayhq/slipway/internal/journal"
	"github.com/slipwayhq/slipway/internal/pure/shard"
)

// State of a build.
type State string

// The states, as doc.go draws them.
const (
	Queued    State = "queued"
	Listing   State = "listing"
	Testing   State = "testing"
	Packaging State = "packaging"
	Passed    State = "passed"
	Failed    State = "failed"
	Cancelled State = "cancelled"
)

// Open reports whether something may still happen to a build in this state.
func (s State) Open() bool { return s != Passed && s != Failed && s != Cancelled }

// openStates is Open in SQL.
const openStates = `('queued', 'listing', 'testing', 'packaging')`

// Limits of the domain.
const (
	// MaxTries is how often a unit (or a list, or a package) is lent out before it counts as an error for want of a result.
	MaxTries = 3
	// leaseSlack is how much longer than its command's timeout a lease may live: for fetching the commit and sending the result.
	leaseSlack = 15 * time.Minute
)

// Options of a Service. The zero Options are the defaults.
type Options struct {
	// LogAge is how long logs are kept; 0 means 30 days.
	LogAge time.Duration
	// Policy sizes leases.
	Policy shard.Policy
	Logger *slog.Logger
}

// Service is the domain. Make it with New, and Run it.
type Service struct {
	db      *db.DB
	journal *journal.Journal
	blobs   *blob.Store
	opts    Options
	log     *slog.Logger
	work    *hub
	clean   chan struct{} // tells Run that leases have ended
}

// New makes the domain's service.
func New(d *db.DB, j *journal.Journal, blobs *blob.Store, opts Options) *Service {
	if opts.LogAge <= 0 {
		opts.LogAge = 30 * 24 * time.Hour
	}
	if opts.Logger == nil {
		opts.Logger = slog.New(slog.DiscardHandler)
	}
	return &Service{db: d, journal: j, blobs: blobs, opts: opts, log: opts.Logger, work: newHub(), clean: make(chan struct{}, 1)}
}

// actor of what the domain does by itself.
const actor = "system:build"

// row is a build as it is stored.
type row struct {
	ID, App, Env   string
	Number         int
	Branch         string
	State          State
	Head, Tree     string
	Commits        []event.Commit
	Manifest       json.RawMessage
	Hotfix         *event.Hotfix
	Forced         bool
	RetryOf, Cause string

	Queued, Started, Ended time.Time
	Total, Done, Failed    int

	Package      string // packageWaits, …
	PackageTries int
	PackageNote  string // why the package step failed
	Artifact     string
	Size         int64
	Reasons      []event.Reason
	Suspects     []event.Commit
}

// How far the package step is.
const (
	packageWaits   = ""
	packageRuns    = "running"
	packageDone    = "done"
	packageFailed  = "failed"
	packageNothing = "none" // the manifest ships nothing
)

// skipsTests reports whether a hotfix goes straight to its package.
func (b *row) skipsTests() bool { return b.Hotfix != nil && b.Hotfix.SkipTests }

// meta is that of an event about the build.
func (b *row) meta(by string) event.Meta {
	return event.Meta{App: b.App, Env: b.Env, Actor: by, Cause: b.Cause}
}

// lease is a lease as it is stored.
type lease struct {
	ID, Build, Kind, Suite, Agent string
	Units                         int
	State                         string // leaseRunning, …
	Granted, Deadline             time.Time
}

// States of a lease.
const (
	leaseRunning   = "running"
	leaseDone      = "done"
	leaseLost      = "lost"
	leaseCancelled = "cancelled"
)

// Unit states.
const (
	unitWaiting = "waiting"
	unitRunning = "running"
	unitPassed  = "passed"
	unitFailed  = "failed"
	unitSkipped = "skipped"
	unitError   = "error"
)

// Suite states.
const (
	suiteWaiting = "waiting"
	suiteListing = "listing"
	suiteListed  = "listed"
	suiteFailed  = "failed"
)
