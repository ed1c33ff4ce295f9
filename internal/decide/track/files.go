package track

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"path"
	"slices"
	"strconv"
	"strings"

	"github.com/slipwayhq/slipway/internal/pure/capture"
	"github.com/slipwayhq/slipway/internal/pure/manifest"
	"github.com/slipwayhq/slipway/internal/pure/printable"
)

// File is one file of the folder that a repository keeps its plan in.
type File struct {
	Path string // from the root of the repository
	Text []byte
}

// What a schema in a repository may say of its event beside JSON Schema: of which kind it is, and its name where the name of the file cannot say it.
const (
	keyKind = "x-kind"
	keyName = "x-name"
)

// Declared makes the plan of a repository of the files in its folder: each is the JSON Schema of one event, named like the file. It says all that is wrong, file by file.
func Declared(m manifest.Events, files []File) (Plan, manifest.Problems) {
	p := Plan{Mode: string(m.Mode), AdditionalEvents: m.AdditionalEvents, Events: []PlannedEvent{}}
	var problems manifest.Problems
	from := map[planned]string{}
	for _, f := range files {
		e, wrong := f.event()
		if wrong == nil {
			key := planned{e.Kind, e.Name}
			if first := from[key]; first != "" {
				wrong = f.wrong("", "%s %q is planned in %s already", e.Kind, e.Name, first)
			}
			from[key] = f.Path
		}
		if wrong != nil {
			problems = append(problems, *wrong)
			continue
		}
		p.Events = append(p.Events, e)
	}
	if size, err := json.Marshal(p.Events); len(p.Events) > maxPlanned || err != nil || len(size) > maxPlanSize {
		problems = append(problems, manifest.Problem{File: m.Plan, Line: 1, Column: 1, Message: fmt.Sprintf("a plan has at most %d events and %d KB of JSON", maxPlanned, maxPlanSize>>10)})
	}
	if len(problems) > 0 {
		return Plan{}, problems
	}
	slices.SortFunc(p.Events, func(a, b PlannedEvent) int {
		return strings.Compare(string(a.Kind)+"\x00"+a.Name, string(b.Kind)+"\x00"+b.Name)
	})
	return p, nil
}

// event reads one file.
func (f File) event() (PlannedEvent, *manifest.Problem) {
	e := PlannedEvent{Kind: capture.Track, Name: strings.TrimSuffix(path.Base(f.Path), ".json")}
	d := json.NewDecoder(bytes.NewReader(f.Text))
	if err := d.Decode(&e.Schema); err != nil {
		return e, f.unread(err, d.InputOffset())
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return e, f.at(d.InputOffset(), "", "a second document begins here; write one schema a file")
	}
	if object, ok := e.Schema.(map[string]any); ok {
		if wrong := f.told(&e, object); wrong != nil {
			return e, wrong
		}
	}
	if e.Kind == capture.Track && e.Name == "" {
		return e, f.wrong("/"+keyName, "a track event needs a name")
	}
	if _, err := compileOne(e.Schema); err != nil {
		where, why := mistake(err)
		return e, f.wrong(where, "this is no JSON Schema: %s", why)
	}
	return e, nil
}

// kinds are those that a plan knows.
func kinds() []capture.Kind {
	return []capture.Kind{capture.Track, capture.Page, capture.Screen, capture.Identify, capture.Group, capture.Alias, capture.Exposure}
}

// told takes from the schema what it says of the event itself. Kinds without names have none, whatever the file is called.
func (f File) told(e *PlannedEvent, schema map[string]any) *manifest.Problem {
	if v, given := schema[keyKind]; given {
		kind, _ := v.(string)
		if e.Kind = capture.Kind(kind); !slices.Contains(kinds(), e.Kind) {
			return f.wrong("/"+keyKind, "%v is no kind of event; write track, page, screen, identify, group, alias or exposure", v)
		}
		if e.Kind == capture.Identify || e.Kind == capture.Group || e.Kind == capture.Alias {
			e.Name = ""
		}
	}
	if v, given := schema[keyName]; given {
		name, ok := v.(string)
		if !ok {
			return f.wrong("/"+keyName, "write the name of the event as a text")
		}
		e.Name = name
	}
	return nil
}

// unread is what is said of a file that is no JSON.
func (f File) unread(err error, offset int64) *manifest.Problem {
	var syntax *json.SyntaxError
	if errors.As(err, &syntax) {
		offset = syntax.Offset
	}
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return f.at(int64(len(f.Text)), "", "the file ends before its JSON does; write a JSON Schema, such as {\"type\": \"object\"}")
	}
	return f.at(offset, "", "this is not JSON: %s", err)
}

// wrong is a mistake at a JSON pointer.
func (f File) wrong(pointer, format string, args ...any) *manifest.Problem {
	return f.at(offsetOf(f.Text, pointer), pointer, format, args...)
}

// at is a mistake behind so many bytes.
func (f File) at(offset int64, where, format string, args ...any) *manifest.Problem {
	before := f.Text[:min(int(offset), len(f.Text))]
	line := bytes.Count(before, []byte("\n"))
	from := bytes.LastIndexByte(before, '\n') + 1
	source, _, _ := bytes.Cut(f.Text[from:], []byte("\n"))
	p := &manifest.Problem{File: f.Path, Line: line + 1, Column: len([]rune(string(before[from:]))) + 1, Path: strings.TrimSuffix(where, "/"), Message: fmt.Sprintf(format, args...)}
	p.Source = printable.Line(string(source))
	return p
}

// offsetOf finds where the value at a JSON pointer begins; what is not found counts as where the search ended.
func offsetOf(text []byte, pointer string) int64 {
	d := json.NewDecoder(bytes.NewReader(text))
	at := int64(0)
	unescape := strings.NewReplacer("~1", "/", "~0", "~")
	for part := range strings.SplitSeq(strings.Trim(pointer, "/"), "/") {
		if part == "" {
			continue
		}
		offset, found := step(d, unescape.Replace(part))
		if !found {
			break
		}
		at = offset
	}
	return at
}

// step goes into the value that comes next, to a member of it, and stops before that. It tells where the member, or its name, is.
func step(d *json.Decoder, part string) (offset int64, found bool) {
	open, err := d.Token()
	delim, ok := open.(json.Delim)
	if err != nil || !ok {
		return 0, false
	}
	for i := 0; d.More(); i++ {
		before := d.InputOffset()
		name := strconv.Itoa(i)
		if delim == '{' {
			key, err := d.Token()
			if err != nil {
				return 0, false
			}
			name, _ = key.(string)
			before = d.InputOffset() - int64(len(name)) - 2
		}
		if name == part {
			return max(before, 0), true
		}
		var skipped json.RawMessage
		if err := d.Decode(&skipped); err != nil {
			return 0, false
		}
	}
	return 0, false
}
