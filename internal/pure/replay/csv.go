package replay

import (
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
)

// The bounds of a table: what is beyond them is no count of a rollout.
const (
	maxRows  = 20_000_000
	maxCount = 1 << 40 // and the largest second
	maxHosts = 10_000
	maxNamed = 20
	// maxProblems is how many mistakes are told at once.
	maxProblems = 20
)

// The columns that a table has to have, and those that it may have besides NAME with NAME_of.
var (
	needed   = []string{"second", "host", "release", "requests", "errors"}
	slowness = []string{"slow50", "slow90", "slow99"}
)

const (
	routeColumn = "route"
	ofSuffix    = "_of"
)

// Table is counts as they were read.
type Table struct {
	Hosts []string // in the order of their names
	// Slow says which of slow50, slow90 and slow99 are counted.
	Slow [3]bool
	// Routes are those that rows name, none when there is no such column.
	Routes []string
	// Named are other vitals, by the name of their column.
	Named []string
	Rows  []Row
	// Repeated is how many rows said again what an earlier one had said, and were left out.
	Repeated int
}

// Row is what one host counted of one release in one second, on one route where there are any. Host and Route are indexes.
type Row struct {
	Second           int64
	Host, Route      int
	New              bool
	Requests, Errors int64
	Slow             [3]int64
	Named            []Part
}

// Part is events among others.
type Part struct{ Events, Of int64 }

// Problems are mistakes of a table, each with its line.
type Problems []string

func (p Problems) Error() string { return strings.Join(p, "\n") }

// Read reads a table in CSV: a line of names, then one line a row, in any order. Columns: second (whole, any beginning), host, release (old or new), requests, errors, and
// optionally slow50, slow90, slow99 (requests slower than what half, 90 % and 99 % were before), route, and any NAME with its NAME_of (events, and among how many). All counts are of
// that second alone, whole and not negative. The error is Problems: all mistakes, or the first 20 of them; none of the table is judged then.
func Read(r io.Reader) (*Table, error) {
	in := csv.NewReader(r)
	in.ReuseRecord, in.TrimLeadingSpace = true, true
	names, err := in.Read()
	names = slices.Clone(names)
	if errors.Is(err, io.EOF) {
		return nil, Problems{"line 1: the table is empty; it begins with the names of its columns: " + strings.Join(needed, ",")}
	}
	if err != nil {
		return nil, Problems{err.Error()}
	}
	t := &reading{table: &Table{}, hosts: map[string]int{}, routes: map[string]int{}, seen: map[place]int{}}
	if t.columns(names); len(t.problems) > 0 {
		return nil, t.problems
	}
	for {
		fields, err := in.Read()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil { // a line with too many or too few fields, a quote that is not closed
			if !errors.Is(err, csv.ErrFieldCount) {
				t.problem("%v", err)
				break
			}
			line, _ := in.FieldPos(0)
			t.problem("line %d: %d columns, and line 1 has %d", line, len(fields), len(names))
		} else {
			line, _ := in.FieldPos(0)
			t.row(line, fields)
		}
		if len(t.problems) >= maxProblems {
			t.problem("and perhaps more: only the first %d are told", maxProblems)
			break
		}
	}
	if len(t.problems) > 0 {
		return nil, t.problems
	}
	return t.finish(), nil
}

// reading is a table while it is read.
type reading struct {
	table         *Table
	at            map[string]int // columns by name
	hosts, routes map[string]int
	seen          map[place]int // rows
	problems      Problems
}

// invalid stands for a count that could not be read: of it there was enough said.
const invalid = -1

// place is what a row is about.
type place struct {
	second      int64
	host, route int
	new         bool
}

func (t *reading) problem(format string, args ...any) {
	t.problems = append(t.problems, fmt.Sprintf(format, args...))
}

// columns takes the names of the columns.
func (t *reading) columns(names []string) {
	t.at = map[string]int{}
	for i, name := range names {
		name = strings.ToLower(strings.TrimSpace(strings.TrimPrefix(name, "\ufeff")))
		if _, twice := t.at[name]; twice || name == "" {
			t.problem("line 1: the column %q is there twice, or has no name", name)
		}
		t.at[name] = i
	}
	for _, name := range needed {
		if _, ok := t.at[name]; !ok {
			t.problem("line 1: there is no column %q; needed are %s", name, strings.Join(needed, ", "))
		}
	}
	for i, name := range slowness {
		_, t.table.Slow[i] = t.at[name]
	}
	known := slices.Concat(needed, slowness, []string{routeColumn})
	for name := range t.at {
		base, isOf := strings.CutSuffix(name, ofSuffix)
		if slices.Contains(known, name) {
			continue
		}
		other := name + ofSuffix
		if isOf {
			other = base
		}
		if _, ok := t.at[other]; !ok || slices.Contains(known, base) {
			t.problem("line 1: the column %q stands alone; a vital of your own is two columns, NAME and NAME%s: events, and among how many", name, ofSuffix)
			continue
		}
		if !isOf {
			t.table.Named = append(t.table.Named, name)
		}
	}
	slices.Sort(t.table.Named)
	if len(t.table.Named) > maxNamed {
		t.problem("line 1: %d vitals of your own; at most %d are judged", len(t.table.Named), maxNamed)
	}
	slices.Sort(t.problems)
}

// row takes one line.
func (t *reading) row(line int, fields []string) {
	before := len(t.problems)
	r := Row{Route: -1}
	r.Second = t.whole(line, "second", fields, -maxCount)
	switch release := t.text("release", fields); release {
	case "new":
		r.New = true
	case "old":
	default:
		t.problem("line %d: release %q: write old or new", line, release)
	}
	r.Host = t.index(line, "host", t.text("host", fields), t.hosts, maxHosts)
	if _, ok := t.at[routeColumn]; ok {
		r.Route = t.index(line, routeColumn, t.text(routeColumn, fields), t.routes, 1<<20)
	}
	r.Requests = t.whole(line, "requests", fields, 0)
	r.Errors = t.part(line, "errors", fields, r.Requests)
	for i, name := range slowness {
		if t.table.Slow[i] {
			r.Slow[i] = t.part(line, name, fields, r.Requests)
		}
	}
	for _, name := range t.table.Named {
		of := t.whole(line, name+ofSuffix, fields, 0)
		r.Named = append(r.Named, Part{t.part(line, name, fields, of), of})
	}
	if len(t.problems) > before {
		return
	}
	where := place{r.Second, r.Host, r.Route, r.New}
	if i, again := t.seen[where]; again {
		if same(t.table.Rows[i], r) {
			t.table.Repeated++
			return
		}
		t.problem("line %d: host %s has other counts for second %d of the same release in an earlier line", line, t.text("host", fields), r.Second)
		return
	}
	if len(t.table.Rows) >= maxRows {
		t.problem("line %d: more than %d rows", line, maxRows)
		return
	}
	t.seen[where] = len(t.table.Rows)
	t.table.Rows = append(t.table.Rows, r)
}

func same(a, b Row) bool {
	return a.Requests == b.Requests && a.Errors == b.Errors && a.Slow == b.Slow && slices.Equal(a.Named, b.Named)
}

func (t *reading) text(column string, fields []string) string {
	return strings.TrimSpace(fields[t.at[column]])
}

// whole reads a whole number within bounds.
func (t *reading) whole(line int, column string, fields []string, low int64) int64 {
	text := t.text(column, fields)
	n, err := strconv.ParseInt(text, 10, 64)
	switch {
	case text == "":
		t.problem("line %d: %s is empty; leave the line out if it was not counted", line, column)
	case err != nil:
		t.problem("line %d: %s %q is no whole number", line, column, clip(text))
	case n < low || n > maxCount:
		t.problem("line %d: %s %d is not between %d and %d", line, column, n, low, int64(maxCount))
	default:
		return n
	}
	return invalid
}

// part reads a count that is part of another one, which may be invalid.
func (t *reading) part(line int, column string, fields []string, of int64) int64 {
	before := len(t.problems)
	n := t.whole(line, column, fields, 0)
	if n > of && of >= 0 && len(t.problems) == before {
		t.problem("line %d: %s is %d, and all are %d", line, column, n, of)
	}
	return n
}

// index gives a name a number.
func (t *reading) index(line int, column, name string, known map[string]int, most int) int {
	if i, ok := known[name]; ok {
		return i
	}
	if name == "" || len(name) > 300 {
		t.problem("line %d: %s needs a name of at most 300 bytes", line, column)
		return 0
	}
	if len(known) >= most {
		t.problem("line %d: more than %d different values in %s", line, most, column)
		return 0
	}
	name = strings.Clone(name) // the line is used again
	known[name] = len(known)
	return known[name]
}

func clip(text string) string {
	if len(text) > 40 {
		return text[:40] + "…"
	}
	return text
}

// finish puts rows in the order of time, and hosts and routes in that of their names.
func (t *reading) finish() *Table {
	hosts, renamed := ordered(t.hosts)
	t.table.Hosts = hosts
	routes, reroutes := ordered(t.routes)
	t.table.Routes = routes
	for i := range t.table.Rows {
		r := &t.table.Rows[i]
		r.Host = renamed[r.Host]
		if r.Route >= 0 {
			r.Route = reroutes[r.Route]
		}
	}
	slices.SortStableFunc(t.table.Rows, func(a, b Row) int {
		switch {
		case a.Second != b.Second:
			return int(min(max(a.Second-b.Second, -1), 1))
		case a.Host != b.Host:
			return a.Host - b.Host
		}
		return a.Route - b.Route
	})
	return t.table
}

// ordered gives names in order, and for each number of before the one that it is now.
func ordered(known map[string]int) (names []string, now []int) {
	for name := range known {
		names = append(names, name)
	}
	slices.Sort(names)
	now = make([]int, len(names))
	for i, name := range names {
		now[known[name]] = i
	}
	return names, now
}
