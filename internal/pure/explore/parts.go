package explore

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"
)

// text is a literal of SQL. Backslashes mean nothing in it.
func text(s string) string { return "'" + strings.ReplaceAll(s, "'", "''") + "'" }

// moment is a literal timestamp, in UTC.
func moment(t time.Time) string {
	return "TIMESTAMP " + text(t.UTC().Format("2006-01-02 15:04:05.999999"))
}

// own are the columns that a property "event.X" may mean.
func own() map[string]string {
	return map[string]string{
		"name": "name", "kind": "kind", "environment": "environment", "source": "source", "release": "release", "user": "user_id", "anonymous": "anonymous_id", "group": "group_id",
	}
}

// property is the SQL of a property, as text.
func (w Way) property(field, name string) (string, error) {
	switch {
	case name == "":
		return "", wrong(field, "name a property")
	case strings.ContainsRune(name, 0):
		return "", wrong(field, "a name holds no NUL")
	}
	if rest, ok := strings.CutPrefix(name, "event."); ok {
		column, known := own()[rest]
		if !known {
			names := make([]string, 0, len(own()))
			for n := range own() {
				names = append(names, "event."+n)
			}
			slices.Sort(names)
			return "", wrong(field, "an event has no %q of its own; it has %s", rest, strings.Join(names, ", "))
		}
		return column, nil
	}
	if rest, ok := strings.CutPrefix(name, "context."); ok {
		at, keys := "context", strings.Split(rest, ".")
		for _, key := range keys[:len(keys)-1] {
			at = "obj(" + at + ", " + text(key) + ")"
		}
		return "prop(" + at + ", " + text(keys[len(keys)-1]) + ")", nil
	}
	if column, has := w.Columns[name]; has {
		return column, nil
	}
	return "prop(properties, " + text(name) + ")", nil
}

// conditions are the terms of a selection, to be joined by AND.
func (s Selection) conditions(w Way, field string) ([]string, error) {
	var terms []string
	if s.Kind != "" {
		terms = append(terms, "kind = "+text(s.Kind))
	}
	if s.Event != "" {
		terms = append(terms, "name = "+text(s.Event))
	}
	for i, c := range s.Where {
		term, err := c.term(w, fmt.Sprintf("%swhere[%d]", field, i))
		if err != nil {
			return nil, err
		}
		terms = append(terms, term)
	}
	return terms, nil
}

func (c Condition) term(w Way, field string) (string, error) {
	p, err := w.property(field+".property", c.Property)
	if err != nil {
		return "", err
	}
	switch c.Is {
	case "equal":
		return p + " = " + text(c.Value), nil
	case "not_equal":
		return "(" + p + " IS NULL OR " + p + " <> " + text(c.Value) + ")", nil
	case "contains":
		return "strpos(" + p + ", " + text(c.Value) + ") > 0", nil
	case "set":
		return p + " IS NOT NULL", nil
	case "not_set":
		return p + " IS NULL", nil
	case "more", "less":
		n, err := strconv.ParseFloat(c.Value, 64)
		if err != nil || math.IsInf(n, 0) || math.IsNaN(n) {
			return "", wrong(field+".value", "%q is not a number", c.Value)
		}
		return "num(" + p + ") " + map[string]string{"more": ">", "less": "<"}[c.Is] + " " + strconv.FormatFloat(n, 'g', -1, 64), nil
	default:
		return "", wrong(field+".is", "%q is none of equal, not_equal, contains, set, not_set, more, less", c.Is)
	}
}

// zoneLetters are those of the names of zones.
const zoneLetters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_+-/"

func (s Span) noZone() *Mistake {
	return wrong("zone", "%q is not an IANA time zone such as Europe/Berlin", s.Zone)
}

// Check says what is wrong with the zone, by what knows all of them, such as time.LoadLocation: this package reads no files.
func (s Span) Check(load func(name string) error) error {
	if s.Zone == "Local" || load(s.Zone) != nil {
		return s.noZone()
	}
	return nil
}

// longest is the longest span: what is asked for by mistake should not read everything there ever was.
const longest = 10 * 366 * 24 * time.Hour

// terms are those of a scope.
func (s Scope) terms() ([]string, error) {
	switch {
	case s.From.IsZero() || s.To.IsZero():
		return nil, wrong("from", "say from when to when, such as 2026-01-01T00:00:00Z")
	case !s.From.Before(s.To):
		return nil, wrong("to", "the end is not later than the beginning: give a later end, or an earlier beginning")
	case s.To.Sub(s.From) > longest:
		return nil, wrong("from", "ask for ten years at most")
	}
	if strings.Trim(s.Zone, zoneLetters) != "" {
		return nil, s.noZone()
	}
	terms := []string{"time >= " + moment(s.From), "time < " + moment(s.To)}
	if s.Environment != "" {
		terms = append(terms, "environment = "+text(s.Environment))
	}
	return terms, nil
}

// bucket is the SQL of the beginning of an interval, by the clock of the span's zone.
func (s Span) bucket(field, interval string, allowed ...string) (string, error) {
	if !slices.Contains(allowed, interval) {
		return "", wrong(field, "%q is none of %s", interval, strings.Join(allowed, ", "))
	}
	at := "time"
	if s.Zone != "" && s.Zone != "UTC" {
		at = "time AT TIME ZONE 'UTC' AT TIME ZONE " + text(s.Zone)
	}
	return "date_trunc(" + text(interval) + ", " + at + ")", nil
}
