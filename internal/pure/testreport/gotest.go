package testreport

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"time"
)

const (
	maxOpenTests  = 100_000  // tests that have begun and not ended
	maxOpenOutput = 32 << 20 // bytes of output of all of them
)

// ReadGoTest reads the lines of go test -json and calls emit for each test
// that ended and for each package that ended (with an empty Name). Tests and
// packages that began and never ended are emitted as Error.
//
// Lines that are no JSON come from child processes and from the go command
// itself: they are no mistake, and what they say is returned as other. An
// error is returned if r fails, if there is no event at all, or if more than
// 100,000 tests are open at once; what was read before is emitted.
func ReadGoTest(r io.Reader, emit func(Result)) (other string, err error) {
	g := &goTests{
		emit: emit, budget: &budget{most: maxOpenOutput},
		packages: make(map[string]*goPackage), builds: make(map[string]*clip),
	}
	g.other.budget = g.budget
	err = eachLine(bufio.NewReaderSize(r, 64<<10), g.line)
	g.end()
	other = g.other.text()
	switch {
	case err != nil:
		return other, fmt.Errorf("read the output of go test: %w", err)
	case g.events == 0:
		return other, errors.New("read the output of go test: there is no line of JSON in it; run go test with -json")
	}
	return other, nil
}

// goEvent is one line; see go doc test2json.
type goEvent struct {
	Action      string
	Package     string
	ImportPath  string // of build-output and build-fail
	Test        string
	Elapsed     float64 // seconds
	Output      string
	FailedBuild string // the ImportPath that broke the package
}

type goTests struct {
	emit     func(Result)
	budget   *budget
	packages map[string]*goPackage // open ones
	builds   map[string]*clip      // what the compiler said, by ImportPath
	other    clip
	open     int
	events   int
}

type goPackage struct {
	tests  map[string]*clip // open ones, with what they printed
	output clip
	bad    bool // a test of it failed
	cached bool
}

// line takes one line. A child may print without an end of line, so that an
// event stands at the end of its text.
func (g *goTests) line(line []byte) error {
	if event, ok := decodeEvent(line); ok {
		return g.event(event)
	}
	for _, start := range []string{`{"Time":"`, `{"Action":"`, `{"ImportPath":"`} {
		if at := bytes.Index(line, []byte(start)); at > 0 {
			if event, ok := decodeEvent(line[at:]); ok {
				g.other.write(string(line[:at]) + "\n")
				return g.event(event)
			}
		}
	}
	g.other.write(string(line) + "\n")
	return nil
}

// decodeEvent reads an event; other JSON that a test prints is none.
func decodeEvent(line []byte) (event goEvent, ok bool) {
	if len(line) == 0 || line[0] != '{' || json.Unmarshal(line, &event) != nil {
		return event, false
	}
	return event, event.Action != "" && (event.Package != "" || event.ImportPath != "")
}

func (g *goTests) event(e goEvent) error {
	g.events++
	if e.Action == "build-output" || e.Action == "build-fail" {
		g.build(e)
		return nil
	}
	if e.Package == "" {
		return nil
	}
	p := g.packageOf(e.Package)
	switch e.Action {
	case "run":
		return g.begin(p, e.Test)
	case "output":
		p.print(e)
	case "pass", "fail", "skip", "bench":
		if e.Test == "" {
			g.endPackage(e, p)
		} else {
			g.endTest(e, p)
		}
	}
	return nil
}

func (g *goTests) build(e goEvent) {
	c := g.builds[e.ImportPath]
	if c == nil {
		c = &clip{budget: g.budget}
		g.builds[e.ImportPath] = c
	}
	c.write(e.Output)
}

func (g *goTests) packageOf(name string) *goPackage {
	p := g.packages[name]
	if p == nil {
		p = &goPackage{tests: make(map[string]*clip), output: clip{budget: g.budget}}
		g.packages[name] = p
	}
	return p
}

func (g *goTests) begin(p *goPackage, test string) error {
	if test == "" || p.tests[test] != nil {
		return nil
	}
	if g.open++; g.open > maxOpenTests {
		return fmt.Errorf("more than %d tests began and did not end", maxOpenTests)
	}
	p.tests[test] = &clip{budget: g.budget}
	return nil
}

func (p *goPackage) print(e goEvent) {
	if strings.HasPrefix(e.Output, "=== ") { // RUN, PAUSE, CONT, NAME: the events say it
		return
	}
	if test := p.tests[e.Test]; test != nil {
		test.write(e.Output)
		return
	}
	if strings.HasPrefix(e.Output, "ok ") && strings.Contains(e.Output, "\t(cached)") {
		p.cached = true
	}
	p.output.write(e.Output)
}

func (g *goTests) endTest(e goEvent, p *goPackage) {
	output := ""
	if test := p.tests[e.Test]; test != nil {
		output = test.text()
		delete(p.tests, e.Test)
		g.open--
	}
	result := Result{Unit: e.Package, Name: e.Test, Status: goStatus(e.Action), Duration: seconds(e.Elapsed), Output: output}
	if result.Status == Passed {
		result.Output = ""
	}
	p.bad = p.bad || result.Status.Bad()
	g.emit(result)
}

// endPackage emits a package, and before it the tests it left open: they
// crashed, or the process ended under them.
func (g *goTests) endPackage(e goEvent, p *goPackage) {
	g.abandon(e.Package, p, "the test began and did not end")
	result := Result{Unit: e.Package, Status: goStatus(e.Action), Duration: seconds(e.Elapsed), Cached: p.cached}
	output := p.output.text()
	if result.Status == Failed {
		result.Output = output
		if build := g.builds[e.FailedBuild]; e.FailedBuild != "" && build != nil {
			compiler := build.text()
			build.write(compiler) // another package may have been broken by it
			result.Output = cut(compiler + output)
		}
		if !p.bad || e.FailedBuild != "" {
			result.Status = Error // no test failed: it did not build, crashed, or left early
		}
	}
	delete(g.packages, e.Package)
	g.emit(result)
}

func (g *goTests) abandon(name string, p *goPackage, why string) {
	for _, test := range slices.Sorted(maps.Keys(p.tests)) {
		g.emit(Result{Unit: name, Name: test, Status: Error, Output: cut(p.tests[test].text() + why + "\n")})
		g.open--
	}
	clear(p.tests)
}

// end emits what is still open at the end of the stream.
func (g *goTests) end() {
	for _, name := range slices.Sorted(maps.Keys(g.packages)) {
		p := g.packages[name]
		g.abandon(name, p, "the run ended before the test did")
		g.emit(Result{Unit: name, Status: Error, Output: cut(p.output.text() + "the run ended before the package did\n")})
	}
}

func goStatus(action string) Status {
	switch action {
	case "pass", "bench":
		return Passed
	case "skip":
		return Skipped
	}
	return Failed
}

// maxSeconds bounds durations in reports: nothing that was run took longer.
const maxSeconds = 30 * 24 * 3600

// seconds makes a duration of a number in a report, whatever that says.
func seconds(s float64) time.Duration {
	if !(s > 0) {
		return 0
	}
	return time.Duration(min(s, maxSeconds) * float64(time.Second)).Round(time.Microsecond)
}
