package testreport

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
)

// ReadJUnit reads JUnit XML and calls emit for each test case, and for each
// suite that failed without one (with an empty Name). It takes what test
// runners really write: nested suites, no suites around the suite, reports one
// after the other, text before and between them (a report on standard output;
// it is returned as other), missing attributes, times such as 1,234.5,
// Surefire's flaky and rerun elements, and characters XML forbids.
//
// The error says in which line the report is broken. What was read before it
// is emitted, and the test case it broke in is emitted as Error.
func ReadJUnit(r io.Reader, emit func(Result)) (other string, err error) {
	in, err := utf8Reader(bufio.NewReaderSize(r, 64<<10))
	if err != nil {
		return "", fmt.Errorf("read a JUnit report: %w", err)
	}
	j := &junit{emit: emit, xml: xmlScanner{r: in, line: 1}}
	reports := 0
	for {
		found, err := j.findRoot()
		if err == nil && found {
			reports++
			err = j.report()
		}
		switch {
		case err != nil:
			j.breakOff()
			return j.other.text(), fmt.Errorf("read a JUnit report: %w", err)
		case !found && reports == 0 && j.other.empty():
			return "", errors.New("read a JUnit report: it is empty")
		case !found && reports == 0:
			return j.other.text(), errors.New("read a JUnit report: there is no <testsuites> or <testsuite> in it")
		case !found:
			return j.other.text(), nil
		}
	}
}

type junit struct {
	emit   func(Result)
	xml    xmlScanner
	other  clip
	suites []junitSuite
	test   *junitCase // nil outside a test case
	text   *clip      // where text goes; nil if nowhere
}

type junitSuite struct {
	name, file string
	problem    clip // what is wrong with the suite itself
	failed     bool
}

type junitCase struct {
	result  Result
	why     clip // messages and traces of failures
	printed clip // system-out and system-err
}

// findRoot skips lines up to one that begins a report. It reports whether
// there is one.
func (j *junit) findRoot() (bool, error) {
	for {
		for {
			b, err := j.xml.r.Peek(1)
			if err != nil {
				return false, notEOF(err)
			}
			if !isBlank(b[0]) {
				break
			}
			if _, err := j.xml.byte(); err != nil {
				return false, err
			}
		}
		ahead, err := j.xml.r.Peek(len("<testsuite"))
		if err != nil && !errors.Is(err, io.EOF) {
			return false, err
		}
		if bytes.HasPrefix(ahead, []byte("<testsuite")) || bytes.HasPrefix(ahead, []byte("<?xml")) ||
			bytes.HasPrefix(ahead, []byte("<!--")) || bytes.HasPrefix(ahead, []byte("<!DOCTYPE")) {
			return true, nil
		}
		line, err := j.xml.r.ReadSlice('\n')
		if err == nil {
			j.xml.line++
		}
		j.other.write(string(line))
		if err != nil && !errors.Is(err, bufio.ErrBufferFull) {
			return false, notEOF(err)
		}
	}
}

func notEOF(err error) error {
	if errors.Is(err, io.EOF) {
		return nil
	}
	return err
}

// report reads one report up to the end of its root.
func (j *junit) report() error {
	for {
		token, err := j.xml.next()
		if err != nil {
			return err
		}
		switch {
		case token.start != "":
			if len(j.xml.open) == 1 && token.start != "testsuites" && token.start != "testsuite" {
				return j.xml.fail("the root is <%s>; a JUnit report begins with <testsuites> or <testsuite>", token.start)
			}
			j.start(token)
		case token.end != "":
			j.end(token.end)
			if len(j.xml.open) == 0 {
				return nil
			}
		case j.text != nil:
			j.text.write(token.text)
		}
	}
}

func (j *junit) start(t xmlToken) {
	switch t.start {
	case "testsuite":
		suite := junitSuite{name: attr(t, "name"), file: attr(t, "file")}
		if n := len(j.suites); suite.file == "" && n > 0 {
			suite.file = j.suites[n-1].file
		}
		j.suites = append(j.suites, suite)
	case "testcase":
		j.startCase(t)
	case "failure", "error":
		j.startFailure(t)
	case "skipped":
		if j.test != nil && !j.test.result.Status.Bad() {
			j.test.result.Status = Skipped
			j.explain(&j.test.why, t)
		}
	case "flakyFailure", "flakyError", "rerunFailure", "rerunError":
		if j.test != nil {
			j.test.result.Flaky = j.test.result.Flaky || strings.HasPrefix(t.start, "flaky")
			j.explain(&j.test.why, t)
		}
	case "system-out", "system-err":
		if j.test != nil {
			j.text = &j.test.printed
		}
	}
}

func (j *junit) startCase(t xmlToken) {
	j.endCase() // a case inside a case: some runners forget the end
	result := Result{Unit: attr(t, "classname"), File: attr(t, "file"), Name: attr(t, "name"), Status: Passed,
		Duration: seconds(parseSeconds(t.attrs["time"]))}
	if n := len(j.suites); n > 0 {
		result.Suite = j.suites[n-1].name
		if result.File == "" {
			result.File = j.suites[n-1].file
		}
	}
	if result.Unit == "" {
		result.Unit = result.Suite
	}
	if result.Name == "" {
		result.Name = "(no name)"
	}
	switch strings.ToLower(t.attrs["status"]) { // written by some instead of an element
	case "skipped", "disabled", "notrun":
		result.Status = Skipped
	}
	j.test = &junitCase{result: result}
}

// startFailure begins a failure of the test case, or of the suite around it.
func (j *junit) startFailure(t xmlToken) {
	if j.test == nil {
		if n := len(j.suites); n > 0 {
			j.suites[n-1].failed = true
			j.explain(&j.suites[n-1].problem, t)
		}
		return
	}
	status := Failed
	if t.start == "error" {
		status = Error
	}
	if j.test.result.Status != Error {
		j.test.result.Status = status
	}
	j.explain(&j.test.why, t)
}

// explain writes type and message of an element to a clip, and its text after them.
func (j *junit) explain(into *clip, t xmlToken) {
	if !into.empty() {
		into.write("\n")
	}
	heading := strings.Trim(t.attrs["type"]+": "+t.attrs["message"], ": ")
	if strings.HasPrefix(t.start, "flaky") || strings.HasPrefix(t.start, "rerun") {
		heading = strings.TrimSuffix("an earlier attempt failed: "+heading, ": ")
	}
	if heading != "" {
		into.write(heading + "\n")
	}
	j.text = into
}

func (j *junit) end(name string) {
	switch name {
	case "testcase":
		j.endCase()
	case "testsuite":
		j.endCase()
		j.endSuite()
	case "failure", "error", "skipped", "system-out", "system-err",
		"flakyFailure", "flakyError", "rerunFailure", "rerunError":
		j.text = nil
	}
}

func (j *junit) endCase() {
	if j.test == nil {
		return
	}
	result := j.test.result
	if result.Status != Passed || result.Flaky {
		why, printed := j.test.why.text(), j.test.printed.text()
		if why != "" && printed != "" && !strings.HasSuffix(why, "\n") {
			why += "\n"
		}
		result.Output = cut(why + printed)
	}
	j.test, j.text = nil, nil
	j.emit(result)
}

func (j *junit) endSuite() {
	n := len(j.suites) - 1
	if n < 0 {
		return
	}
	suite := j.suites[n]
	j.suites = j.suites[:n]
	if suite.failed {
		j.emit(Result{Unit: suite.name, Suite: suite.name, File: suite.file, Status: Error, Output: suite.problem.text()})
	}
}

// breakOff emits what was open when the report broke.
func (j *junit) breakOff() {
	if j.test != nil {
		j.test.result.Status = Error
		j.explain(&j.test.why, xmlToken{attrs: map[string]string{"message": "the report breaks off in this test"}})
		j.endCase()
	}
	for len(j.suites) > 0 {
		j.endSuite()
	}
}

// attr returns an attribute as plain text on one line.
func attr(t xmlToken, name string) string {
	return strings.Join(strings.Fields(Plain(t.attrs[name])), " ")
}

// parseSeconds reads a time in seconds: 1.5, 1,234.5 (thousands), 1,5 (a
// decimal comma). What is no number is 0.
func parseSeconds(text string) float64 {
	text = strings.TrimSpace(text)
	if commas := strings.Count(text, ","); commas > 1 || strings.Contains(text, ".") {
		text = strings.ReplaceAll(text, ",", "")
	} else if commas == 1 {
		text = strings.Replace(text, ",", ".", 1)
	}
	value, err := strconv.ParseFloat(text, 64)
	if err != nil {
		return 0
	}
	return value
}
