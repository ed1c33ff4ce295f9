package testreport

import (
	"cmp"
	"fmt"
	"strings"
	"time"
)

// Format is how a test tells its results; the values are those of the manifest.
type Format string

// The formats.
const (
	GoTest Format = "gotest"
	JUnit  Format = "junit"
	Exit   Format = "exit"
)

// Outcome is how the command of a lease ended.
type Outcome struct {
	// ExitStatus of the command; 128 + the signal if one ended it.
	ExitStatus int
	// Ended says why the command was ended from outside ("timed out after
	// 10m0s", "cancelled"); empty if it ended by itself.
	Ended string
	// Broken is what the reader of the report complained about; empty if nothing.
	Broken string
	// Output is what was printed besides the report, for units that have no
	// output of their own. It is cut at MaxOutput.
	Output string
	// Duration of the command.
	Duration time.Duration
}

// bad reports whether the command itself says that something is wrong.
func (o Outcome) bad() bool { return o.ExitStatus != 0 || o.Ended != "" || o.Broken != "" }

// why says in words how the command ended.
func (o Outcome) why() string {
	var parts []string
	if o.Ended != "" {
		parts = append(parts, "the run was ended: "+o.Ended)
	} else if o.ExitStatus != 0 {
		parts = append(parts, fmt.Sprintf("the command ended with status %d", o.ExitStatus))
	}
	if o.Broken != "" {
		parts = append(parts, o.Broken)
	}
	return strings.Join(parts, "; ")
}

// Attribute says how each of the units of a lease did: [Tally] in one call.
func Attribute(format Format, units []string, results []Result, outcome Outcome) map[string]UnitResult {
	tally := NewTally(format, units)
	for _, r := range results {
		tally.Add(r)
	}
	byUnit := make(map[string]UnitResult, len(units))
	for _, r := range tally.Close(outcome) {
		byUnit[r.Unit] = r
	}
	return byUnit
}

// Tally collects the results of one lease by unit. Its size depends on the
// units alone, not on how many results there are.
type Tally struct {
	format Format
	units  []*unitTally
	index  *unitIndex
	// stray counts the results that belong to no unit of the lease.
	stray unitTally
}

// unitTally is what is known of one unit so far.
type unitTally struct {
	result UnitResult
	output clip
	cases  time.Duration // sum of the durations of the cases
	whole  bool          // the report told how the unit as a whole ended
	seen   bool          // there was any result
}

// NewTally returns an empty tally for the units of one lease.
func NewTally(format Format, units []string) *Tally {
	t := &Tally{format: format, index: newUnitIndex(format, units)}
	for _, unit := range units {
		t.units = append(t.units, &unitTally{result: UnitResult{Unit: unit, Status: Passed}})
	}
	return t
}

// Add takes one result. If the lease held a single unit, it is that unit's.
func (t *Tally) Add(r Result) {
	switch at, ok := t.index.find(r); {
	case ok:
		t.units[at].add(r)
	case len(t.units) == 1:
		t.units[0].add(r)
	case t.format == GoTest && r.Name == "" && r.Status == Failed:
		t.stray.whole = true // units are tests, and this package repeats that one failed
	default:
		t.stray.add(r)
	}
}

func (u *unitTally) add(r Result) {
	u.seen = true
	if r.Name == "" {
		u.whole = true
		u.result.Duration += r.Duration
		u.result.Cached = r.Cached
	} else {
		u.count(r)
	}
	if !r.Status.Bad() {
		return
	}
	if u.result.Status != Failed { // a test's own verdict outweighs its surroundings
		u.result.Status = r.Status
	}
	u.fail(r)
}

func (u *unitTally) count(r Result) {
	c := &u.result.Cases
	switch r.Status {
	case Passed:
		c.Passed++
	case Failed:
		c.Failed++
	case Skipped:
		c.Skipped++
	case Error:
		c.Errors++
	}
	if r.Flaky {
		c.Flaky++
	}
	if !strings.Contains(r.Name, "/") { // the time of a subtest is in that of its test
		u.cases += r.Duration
	}
}

// fail notes a bad result: its name, unless a subtest of it is named already,
// and its output under a heading.
func (u *unitTally) fail(r Result) {
	if r.Name != "" && len(u.result.Failures) < MaxFailures && !u.hasFailureUnder(r.Name) {
		u.result.Failures = append(u.result.Failures, r.Name)
	}
	if strings.TrimSpace(r.Output) == "" {
		return
	}
	u.output.write(fmt.Sprintf("── %s: %s\n", cmp.Or(r.Name, r.Unit), r.Status))
	u.output.write(strings.TrimRight(r.Output, "\n") + "\n")
}

func (u *unitTally) hasFailureUnder(name string) bool {
	for _, failure := range u.result.Failures {
		if strings.HasPrefix(failure, name+"/") {
			return true
		}
	}
	return false
}

// Close returns one result for each unit, in the order of NewTally.
//
//   - A unit with a bad result is bad, whatever the exit status.
//   - A unit without any result is an error; with the format exit it is what
//     the exit status says. Where a JUnit report names no unit of the lease at
//     all, its results are taken for those of all of them.
//   - If the command ended badly and no result says why, nothing of the lease
//     is trusted, and all its units are errors.
//   - A run that was ended from outside, or whose report is broken, passes only
//     the units whose report is complete: packages of go test that had ended.
func (t *Tally) Close(o Outcome) []UnitResult {
	anyBad := t.stray.result.Status.Bad()
	for _, u := range t.units {
		anyBad = anyBad || u.result.Status.Bad()
	}
	results := make([]UnitResult, 0, len(t.units))
	for _, u := range t.units {
		t.decide(u, o, anyBad)
		if u.result.Status.Bad() {
			u.result.Output = u.output.text()
		}
		results = append(results, u.result)
	}
	setDurations(results, t.units, o.Duration)
	return results
}

// decide settles the status of a unit that no result made bad.
func (t *Tally) decide(u *unitTally, o Outcome, anyBad bool) {
	switch {
	case u.result.Status.Bad():
	case t.format == Exit:
		u.exit(o)
	case !u.seen && o.bad():
		u.blame(o.why()+"; there is no result for this unit", o.Output)
	case !u.seen && t.stray.result.Status.Bad():
		u.blame("a failure belongs to no unit of the lease, and there is no result for this one", t.stray.output.text())
	case !u.seen && (t.format == GoTest || !t.stray.seen || t.anySeen()):
		u.blame("the report says nothing about this unit", o.Output)
	case o.bad() && !anyBad, (o.Ended != "" || o.Broken != "") && !u.conclusive(t.format):
		u.blame(o.why()+", although no result of this unit is bad", o.Output)
	case t.stray.result.Status.Bad() && t.allSeen():
		u.blame("a failure belongs to no unit of the lease", t.stray.output.text())
	case t.format == GoTest && !u.whole && !t.stray.whole:
		u.blame("the report does not say how the package ended", o.Output)
	}
}

// conclusive reports whether nothing more can come for the unit.
func (u *unitTally) conclusive(format Format) bool { return format == GoTest && u.whole }

// anySeen: a report that names one of the units names them all; one that names none speaks of them in words that we do not know.
func (t *Tally) anySeen() bool {
	for _, u := range t.units {
		if u.seen {
			return true
		}
	}
	return false
}

func (t *Tally) allSeen() bool {
	for _, u := range t.units {
		if !u.seen {
			return false
		}
	}
	return true
}

// Exit statuses from which on a shell tells that it could not run a command,
// or that a signal ended it.
const shellError = 126

// exit judges by the exit status alone.
func (u *unitTally) exit(o Outcome) {
	if !o.bad() {
		return
	}
	u.blame(o.why(), o.Output)
	if o.Ended == "" && o.Broken == "" && o.ExitStatus > 0 && o.ExitStatus < shellError {
		u.result.Status = Failed
	}
}

// blame makes the unit an error with a reason and what was printed.
func (u *unitTally) blame(why, output string) {
	u.result.Status = Error
	u.output.write(why + "\n")
	if output != "" {
		u.output.write(strings.TrimRight(cut(Plain(output)), "\n") + "\n")
	}
}
