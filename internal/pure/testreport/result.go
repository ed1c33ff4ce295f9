package testreport

import "time"

// Status is how a test, or a unit of tests, ended.
type Status string

// The ways a test ends. Failed is the test's own verdict; Error is all else
// that went wrong: no build, a crash, a timeout, no result.
const (
	Passed  Status = "passed"
	Failed  Status = "failed"
	Skipped Status = "skipped"
	Error   Status = "error"
)

// Bad reports whether the status makes a build red.
func (s Status) Bad() bool { return s == Failed || s == Error }

// Result is one line of a report: how one test case went, or (with an empty
// Name) how a whole unit went.
type Result struct {
	// Unit is what the report says the test belongs to: the package for go
	// test, the classname (or suite) for JUnit. May be empty.
	Unit string
	// File is the test's source file, if the report tells (JUnit only).
	File string
	// Suite is the name of the suite around the test (JUnit only).
	Suite string
	// Name of the test case; empty if the result is about the whole unit.
	Name string
	// Status of the last attempt.
	Status Status
	// Flaky is set if an earlier attempt in the same run ended differently.
	Flaky bool
	// Cached is set if nothing was run, since nothing had changed (go test).
	Cached bool
	// Duration as reported, at least 0.
	Duration time.Duration
	// Output is what the test printed and why it failed: valid UTF-8, sanitized, at
	// most MaxOutput bytes. Passed tests may have none.
	Output string
}

// MaxOutput is the largest Output of a Result or a UnitResult, in bytes. Of a
// longer text the first and the last part are kept.
const MaxOutput = 64 << 10

// UnitResult is how one unit of a lease did.
type UnitResult struct {
	Unit   string `json:"unit"`
	Status Status `json:"status"`
	// Duration as reported, or that of the run if the report does not tell.
	Duration time.Duration `json:"duration"`
	// Occupied is the unit's part of the time the lease took, compilation and
	// start included: what a worker is busy with, and what is worth predicting.
	// The units' parts sum to the time of the lease, up to rounding.
	Occupied time.Duration `json:"occupied"`
	// Cached is set if nothing was run: not to be used for a prediction.
	Cached bool `json:"cached,omitempty"`
	// Cases counts the test cases by how they ended.
	Cases Counts `json:"cases"`
	// Output of a bad unit: its failures one after the other.
	Output string `json:"output,omitempty"`
	// Failures names the bad cases, at most MaxFailures of them.
	Failures []string `json:"failures,omitempty"`
}

// MaxFailures is the most names of failed cases that are kept for a unit.
const MaxFailures = 100

// Counts of test cases.
type Counts struct {
	Passed  int `json:"passed"`
	Failed  int `json:"failed"`
	Skipped int `json:"skipped"`
	Errors  int `json:"errors"`
	Flaky   int `json:"flaky,omitempty"` // also counted as what they ended as
}
