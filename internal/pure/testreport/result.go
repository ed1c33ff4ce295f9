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
	// Name of the test case; empty if the result is about the whole unit.
	Name string
	// Status of the last attempt.
	Status Status
	// Flaky is set if an earlier attempt in the same run ended differently.
	Flaky bool
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
	Unit     string        `json:"unit"`
	Status   Status        `json:"status"`
	Duration time.Duration `json:"duration"`
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
