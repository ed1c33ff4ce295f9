package testreport_test

import (
	"os"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/slipwayhq/slipway/internal/pure/testreport"
)

func passed(unit, name string) testreport.Result {
	return testreport.Result{Unit: unit, Name: name, Status: testreport.Passed}
}

func failed(unit, name string) testreport.Result {
	return testreport.Result{Unit: unit, Name: name, Status: testreport.Failed, Output: "want 1\n"}
}

type results = []testreport.Result

// lease is a run of some units, and what must come of each.
type lease struct {
	units   string
	results results
	outcome testreport.Outcome
	want    string // the statuses of the units
}

func TestAttributeGoTest(t *testing.T) {
	checkLeases(t, testreport.GoTest, map[string]lease{
		"all well": {"m/a m/b",
			results{passed("m/a", "TestA"), passed("m/a", ""), passed("m/b", "")},
			testreport.Outcome{}, "passed passed"},
		"one fails": {"m/a m/b",
			results{failed("m/a", "TestA"), failed("m/a", ""), passed("m/b", "")},
			testreport.Outcome{ExitStatus: 1}, "failed passed"},
		"no test files": {"m/a",
			results{{Unit: "m/a", Status: testreport.Skipped}},
			testreport.Outcome{}, "passed"},
		"a package is missing": {"m/a m/b",
			results{passed("m/a", "")},
			testreport.Outcome{}, "passed error"},
		"a package is missing and the command failed": {"m/a m/b",
			results{passed("m/a", "")},
			testreport.Outcome{ExitStatus: 2}, "error error"},
		"the package did not end": {"m/a",
			results{passed("m/a", "TestA")},
			testreport.Outcome{}, "error"},
		"timed out": {"m/a m/b m/c",
			results{passed("m/a", ""), passed("m/b", "TestB"), {Unit: "m/b", Status: testreport.Error}},
			testreport.Outcome{ExitStatus: 137, Ended: "timed out after 1s"}, "passed error error"},
		"status 3 although all is well": {"m/a m/b",
			results{passed("m/a", ""), passed("m/b", "")},
			testreport.Outcome{ExitStatus: 3}, "error error"},
		"units are folders": {"./a ./a/b",
			results{passed("example.org/m/a", ""), failed("example.org/m/a/b", "")},
			testreport.Outcome{ExitStatus: 1}, "passed failed"},
		"units are tests": {"TestA TestB",
			results{failed("m/a", "TestA/sub"), failed("m/a", "TestA"), passed("m/a", "TestB"), failed("m/a", "")},
			testreport.Outcome{ExitStatus: 1}, "failed passed"},
		"a package is not part of another": {"m/shop m/x",
			results{passed("m/x", ""), passed("m/shop/cart", "")},
			testreport.Outcome{}, "error passed"},
	})
}

func TestAttributeJUnit(t *testing.T) {
	checkLeases(t, testreport.JUnit, map[string]lease{
		"one unit gets all": {"cart",
			results{passed("x.y", "a"), failed("z", "b")},
			testreport.Outcome{ExitStatus: 1}, "failed"},
		"by file": {"./spec/a_spec.rb ./spec/b_spec.rb",
			results{{Unit: "spec.a", File: "./spec/a_spec.rb", Name: "a", Status: testreport.Passed},
				{Unit: "spec.b", File: "spec/b_spec.rb", Name: "b", Status: testreport.Failed}},
			testreport.Outcome{ExitStatus: 1}, "passed failed"},
		"by class of a file": {"tests/test_a.py tests/test_ab.py",
			results{passed("tests.test_a.TestA", "x"), failed("tests.test_ab", "y")},
			testreport.Outcome{ExitStatus: 1}, "passed failed"},
		"by class": {"org.example.A org.example.B",
			results{passed("org.example.A", "x"), passed("org.example.B$Inner", "y"), passed("org.example.B", "y")},
			testreport.Outcome{}, "passed passed"},
		"by suite": {"src/a.test.ts src/b.test.ts",
			results{{Unit: "adds", Suite: "src/a.test.ts", Name: "adds", Status: testreport.Passed},
				{Unit: "src/b.test.ts", Name: "x", Status: testreport.Passed}},
			testreport.Outcome{}, "passed passed"},
		"nobody knows whose": {"one two",
			results{passed("x", "a"), passed("y", "b")},
			testreport.Outcome{}, "passed passed"},
		"nobody knows whose failure": {"one two",
			results{passed("x", "a"), failed("y", "b")},
			testreport.Outcome{ExitStatus: 1}, "error error"},
		"a failure of nobody, and status 0": {"one two",
			results{passed("one", "a"), passed("two", "a"), failed("y", "b")},
			testreport.Outcome{}, "error error"},
		"one unit is missing": {"one two",
			results{passed("one", "a")},
			testreport.Outcome{}, "passed error"},
		"one unit is missing, and somebody is a stranger": {"one two",
			results{passed("one", "a"), passed("y", "b")},
			testreport.Outcome{}, "passed error"},
		"the report is broken": {"one two",
			results{passed("one", "a"), failed("two", "b")},
			testreport.Outcome{Broken: "line 3: the report ends"}, "error failed"},
		"empty report and status 0": {"one",
			nil, testreport.Outcome{}, "error"},
		"bad result and status 0": {"one",
			results{failed("one", "a")}, testreport.Outcome{}, "failed"},
	})
}

func TestAttributeExit(t *testing.T) {
	checkLeases(t, testreport.Exit, map[string]lease{
		"well":            {"a b", nil, testreport.Outcome{}, "passed passed"},
		"failed":          {"a", nil, testreport.Outcome{ExitStatus: 1}, "failed"},
		"no such file":    {"a", nil, testreport.Outcome{ExitStatus: 127}, "error"},
		"killed":          {"a", nil, testreport.Outcome{ExitStatus: 137}, "error"},
		"timed out":       {"a", nil, testreport.Outcome{ExitStatus: 1, Ended: "timed out"}, "error"},
		"negative status": {"a", nil, testreport.Outcome{ExitStatus: -1}, "error"},
	})
}

func checkLeases(t *testing.T, format testreport.Format, leases map[string]lease) {
	t.Helper()
	for name, tt := range leases {
		t.Run(name, func(t *testing.T) {
			units := strings.Fields(tt.units)
			got := testreport.Attribute(format, units, tt.results, tt.outcome)
			var statuses []string
			for _, unit := range units {
				statuses = append(statuses, string(got[unit].Status))
				if got[unit].Status == testreport.Error && got[unit].Output == "" && tt.outcome.Ended == "" {
					t.Errorf("%s is an error without a word", unit)
				}
			}
			if diff := cmp.Diff(tt.want, strings.Join(statuses, " ")); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// From a real report to what a page shows of it.
func TestAttributeRealFailure(t *testing.T) {
	report, err := os.Open("testdata/gotest/failure.json")
	if err != nil {
		t.Fatal(err)
	}
	defer report.Close()
	tally := testreport.NewTally(testreport.GoTest, []string{"example.org/shop/cart"})
	if _, err := testreport.ReadGoTest(report, tally.Add); err != nil {
		t.Fatal(err)
	}
	got := tally.Close(testreport.Outcome{ExitStatus: 1, Duration: time.Second})[0]
	output := got.Output
	got.Output = ""
	want := testreport.UnitResult{
		Unit: "example.org/shop/cart", Status: testreport.Failed,
		Duration: 3 * time.Millisecond, Occupied: time.Second,
		Cases:    testreport.Counts{Passed: 2, Failed: 2, Skipped: 1},
		Failures: []string{"TestRemove/all"},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if !strings.Contains(output, "── TestRemove/all: failed\n    cart_test.go:8: removing\n") {
		t.Errorf("the output does not show the failure:\n%s", output)
	}
}

func TestTimeIsShared(t *testing.T) {
	timed := func(unit string, d time.Duration) testreport.Result {
		return testreport.Result{Unit: unit, Status: testreport.Passed, Duration: d}
	}
	units := []string{"a", "b"}
	for name, tt := range map[string]struct {
		a, b, wall   time.Duration
		wantA, wantB time.Duration
	}{
		"one after the other, with a start": {1 * time.Second, 3 * time.Second, 6 * time.Second, 2 * time.Second, 4 * time.Second},
		"side by side":                      {2 * time.Second, 6 * time.Second, 4 * time.Second, 1 * time.Second, 3 * time.Second},
		"the report tells nothing":          {0, 0, 4 * time.Second, 2 * time.Second, 2 * time.Second},
		"the clock tells nothing":           {1 * time.Second, 1 * time.Second, 0, 0, 0},
	} {
		t.Run(name, func(t *testing.T) {
			results := []testreport.Result{timed("a", tt.a), timed("b", tt.b)}
			got := testreport.Attribute(testreport.GoTest, units, results, testreport.Outcome{Duration: tt.wall})
			if got["a"].Occupied != tt.wantA || got["b"].Occupied != tt.wantB {
				t.Errorf("got %s and %s", got["a"].Occupied, got["b"].Occupied)
			}
		})
	}
}

// However many fail, what is kept of a unit is bounded.
func TestTallyIsBounded(t *testing.T) {
	tally := testreport.NewTally(testreport.JUnit, []string{"a"})
	r := testreport.Result{Unit: "a", Status: testreport.Failed, Output: strings.Repeat("x", 1000)}
	for i := range 5000 {
		r.Name = "case " + strings.Repeat("i", i%200)
		tally.Add(r)
	}
	got := tally.Close(testreport.Outcome{ExitStatus: 1})[0]
	if len(got.Failures) != testreport.MaxFailures || len(got.Output) > testreport.MaxOutput || got.Cases.Failed != 5000 {
		t.Errorf("%d failures, %d bytes, %+v", len(got.Failures), len(got.Output), got.Cases)
	}
	if !strings.Contains(got.Output, "bytes left out") {
		t.Error("the output does not say that it was cut")
	}
}
