package events

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/slipwayhq/slipway/internal/apiclient"
	"github.com/slipwayhq/slipway/internal/decide/track"
	"github.com/slipwayhq/slipway/internal/pure/explore"
)

// selection is what a question says of events.
type selection struct {
	Event string
	Where []condition
}

// condition is what must be true of an event.
type condition struct{ Property, Is, Value string }

// asked is what questions of all kinds name.
type asked struct {
	selection
	Of, Split, Property string
	Steps               []selection
	First, Back         selection
}

// unknown says, beside an answer with nothing in it, which names of the question no event has: a slip of the pen looks like silence otherwise.
func (h *Host) unknown(client *apiclient.Client, app string, question any, a apiclient.Answer) {
	if !hollow(a) {
		return
	}
	raw, _ := json.Marshal(question) // what it cannot be made of names nothing
	var q asked
	_ = json.Unmarshal(raw, &q)
	all := append([]selection{q.selection, q.First, q.Back}, q.Steps...)
	for _, property := range []string{q.Of, q.Split, q.Property} {
		all = append(all, selection{q.Event, []condition{{Property: property}}})
	}
	if !slices.ContainsFunc(all, func(s selection) bool { return s.Event != "" || len(s.Where) > 0 && s.Where[0].Property != "" }) {
		return
	}
	learned, err := client.Learned(h.Context, app)
	if err != nil {
		return // the answer is there; this only adds to it
	}
	var lines []string
	for _, s := range all {
		lines = append(lines, s.unknown(learned)...)
	}
	lines = append(lines, h.strangers(client, app, all)...)
	for i, text := range lines {
		if !slices.Contains(lines[:i], text) {
			_, _ = fmt.Fprintln(h.Err, text)
		}
	}
}

// strangers are sentences about sources that the app has not.
func (h *Host) strangers(client *apiclient.Client, app string, all []selection) (lines []string) {
	var names []string
	for _, s := range all {
		for _, c := range s.Where {
			if c.Property != "event.source" || c.Is != "equal" {
				continue
			}
			if names == nil {
				sources, err := client.Sources(h.Context, app)
				if err != nil {
					return nil
				}
				for _, s := range sources {
					names = append(names, s.Value.Name, s.Value.ID)
				}
			}
			if !slices.Contains(names, c.Value) {
				lines = append(lines, fmt.Sprintf("no source is called %s; Settings > Sources lists those of %s", line(c.Value), app))
			}
		}
	}
	return lines
}

// hollow tells whether an answer has no rows, a step that nobody did, or a column without a value.
func hollow(a apiclient.Answer) bool {
	for i, column := range a.Columns {
		none := func(row []any) bool {
			return i >= len(row) || row[i] == nil || row[i] == explore.None
		}
		switch column.Name {
		case "visitors":
			if slices.ContainsFunc(a.Rows, func(row []any) bool { return i < len(row) && row[i] == 0.0 }) {
				return true
			}
		case "split", "value":
			if !slices.ContainsFunc(a.Rows, func(row []any) bool { return !none(row) }) {
				return true
			}
		}
	}
	return len(a.Rows) == 0
}

// unknown are sentences about the names of a selection that did not come. Where too many came to be learnt one by one, none can be said to be unknown.
func (s selection) unknown(learned []apiclient.Item[apiclient.LearnedEvent]) (lines []string) {
	came, properties := false, []string{}
	for _, e := range learned {
		if e.Value.Name == track.More {
			return nil
		}
		if s.Event == "" || e.Value.Name == s.Event {
			came = true
			for _, p := range e.Value.Properties {
				properties = append(properties, p.Name)
			}
		}
	}
	if !came {
		if s.Event == "" {
			return nil
		}
		return []string{fmt.Sprintf("no event is called %s; slipway events plan learned lists those that came", line(s.Event))}
	}
	for _, c := range s.Where {
		if c.Property == "" || strings.HasPrefix(c.Property, "event.") || strings.HasPrefix(c.Property, "context.") || slices.Contains(properties, track.More) {
			continue
		}
		if !slices.ContainsFunc(properties, func(p string) bool { return p == c.Property || strings.HasPrefix(c.Property, p+".") }) {
			of, which := "event", "EVENT"
			if s.Event != "" {
				of, which = line(s.Event), line(s.Event)
			}
			lines = append(lines, fmt.Sprintf("no %s has a property %s; slipway events plan learned %s lists those it has", of, line(c.Property), which))
		}
	}
	return lines
}
