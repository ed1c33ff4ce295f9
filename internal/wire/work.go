package wire

import "time"

// LeaseRequest asks for work.
type LeaseRequest struct {
	// Warm names the apps this worker has a mirror of; work for them is preferred.
	Warm []string `json:"warm,omitempty"`
}

// Kinds of lease.
const (
	LeaseList    = "list"
	LeaseTest    = "test"
	LeasePackage = "package"
)

// Lease is a piece of a build, lent to one worker until it answers, falls silent for LostAfter, or Deadline passes.
type Lease struct {
	ID    string `json:"id"`
	Kind  string `json:"kind"`
	Build string `json:"build"`
	App   string `json:"app"`
	Env   string `json:"environment"`
	// Commit is checked out from /git/{App}.git; Tree names the same files and is what caches go by.
	Commit string `json:"commit"`
	Tree   string `json:"tree"`
	// Suite is the test entry of the manifest, empty for a package lease.
	Suite string `json:"suite,omitempty"`
	// Command is given to sh -c at the root of the checkout; "{units}" in it is replaced by the shell-quoted units.
	Command string   `json:"command"`
	Units   []string `json:"units,omitempty"`
	// Format is "gotest", "junit" or "exit"; Report is the glob of JUnit files.
	Format string `json:"format,omitempty"`
	Report string `json:"report,omitempty"`
	// Environ is added for the command, as NAME=value. The worker's own environment is not passed on, but for PATH, HOME and caches.
	Environ []string      `json:"environ,omitempty"`
	Timeout time.Duration `json:"timeout"` // nanoseconds for the command
	// Path is the file or folder that becomes the artifact of a package lease.
	Path string `json:"path,omitempty"`
}

// LeaseBeat says that the worker is still at it.
type LeaseBeat struct {
	// Phase is "fetch", "checkout", "run" or "upload".
	Phase string `json:"phase"`
}

// LeaseOrder is the answer to a beat. A worker that sees Cancel, or 404 or 409, ends the process group and forgets the lease.
type LeaseOrder struct {
	Cancel bool   `json:"cancel,omitempty"`
	Reason string `json:"reason,omitempty"`
}

// LeaseResult ends a lease. It is counted once: a lease that was lost meanwhile is answered 409.
type LeaseResult struct {
	// Started is when the command began; the three durations, in nanoseconds, are told apart in the UI.
	Started time.Time     `json:"started"`
	Setup   time.Duration `json:"setup"`
	Ran     time.Duration `json:"ran"`
	Upload  time.Duration `json:"upload"`
	Exit    int           `json:"exit"` // -1 when it was killed
	// Fault is set when the worker could not do its part (no disk, git failed): the lease is tried elsewhere, the units are not blamed.
	Fault string `json:"fault,omitempty"`
	// Stopped is set when the worker ends: the lease goes elsewhere, and neither the units nor the worker are blamed.
	Stopped bool `json:"stopped,omitempty"`
	// TimedOut is set when Timeout passed and the process group was killed.
	TimedOut bool     `json:"timed_out,omitempty"`
	Listed   []string `json:"listed,omitempty"`
	// Sizes gives the bytes of the test sources of each line of Listed; 0 where they were not found, nothing where nobody looked.
	Sizes    []int64      `json:"sizes,omitempty"`
	Units    []UnitResult `json:"units,omitempty"`
	Artifact string       `json:"artifact,omitempty"` // sha256 of what was put to /agent/v1/blobs
	Size     int64        `json:"size,omitempty"`
	LogSize  int64        `json:"log_size"` // bytes sent as log
	// Tail is the end of the output, for a failure's first look (at most 16 KiB, valid UTF-8).
	Tail string `json:"tail,omitempty"`
}

// UnitResult is what came of one unit.
type UnitResult struct {
	Unit     string        `json:"unit"`
	Status   string        `json:"status"` // passed, failed, skipped, error
	Duration time.Duration `json:"duration"`
	// Occupied is the unit's part of the time that the lease took, compilation and start included: what is worth predicting.
	Occupied time.Duration `json:"occupied,omitempty"`
	// Cached is set when nothing was run, since nothing had changed: worth no prediction.
	Cached bool     `json:"cached,omitempty"`
	Output string   `json:"output,omitempty"` // of a failure, at most 16 KiB
	Tests  int      `json:"tests,omitempty"`
	Failed []string `json:"failed,omitempty"` // names of the tests that failed, at most 100
}
