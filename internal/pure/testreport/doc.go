// Package testreport reads what a test run leaves (the lines of go test -json,
// JUnit XML, or only an exit status) and says how each unit of a lease did.
//
//	report ──ReadGoTest──┐
//	report ──ReadJUnit───┼──> Result, Result, … ──Attribute──> one UnitResult a unit
//	exit status ─────────┘
//
// The readers stream: memory does not grow with the report, and texts are cut
// at [MaxOutput]. A report that is broken gives an error that says where; what
// could be read before (and, between lines of go test -json, after) is kept.
//
// Guarantees: no panic on any input; a run that ended badly never gives a
// passed unit without a result that says so; a unit without a result is an
// error, not a pass.
package testreport
