package assign

import (
	"maps"
	"strconv"
	"strings"
)

// Sticky is what one value of one attribute was assigned, so that it stays so when the shares change. Who keeps it is the caller.
type Sticky struct {
	Attribute   string            `json:"attributeName"`
	Value       string            `json:"attributeValue"`
	Assignments map[string]string `json:"assignments"` // the variation's key by the experiment's key and version: checkout__0
}

// Key is under what it is kept.
func (s Sticky) Key() string { return s.Attribute + "||" + s.Value }

// keeps tells whether assignments of an experiment are kept.
func (s *state) keeps(e *Experiment) bool { return s.visitor.Sticky != nil && !e.fleeting }

// earlier finds what the visitor was assigned: -1 for nothing, and out for whoever is out because of an earlier version.
func (s *state) earlier(e *Experiment, a *Assignment) (variation int, out bool) {
	// What was kept by the attribute that counts comes before what was kept by its stand-in.
	docs := [2]map[string]string{s.kept(a.HashAttribute, a.HashValue), nil}
	other := e.standIn()
	if other != a.HashAttribute {
		if value := hashable(s.visitor.Attributes[other]); value != "" {
			docs[1] = s.kept(other, value)
		}
	}
	for _, doc := range docs {
		if e.minimum > 0 && e.anyBelow(doc) {
			return -1, true
		}
	}
	for _, doc := range docs {
		key, ok := doc[e.sticky]
		if !ok {
			continue
		}
		for i := range e.meta {
			if e.meta[i].key == key {
				return i, false
			}
		}
		return -1, false
	}
	return -1, false
}

// standIn is the attribute that stands in: the id where the experiment names none.
func (e *Experiment) standIn() string {
	if e.fallback == "" {
		return "id"
	}
	return e.fallback
}

// kept is what is kept for a value of an attribute, with what this evaluation has added.
func (s *state) kept(attribute, value string) map[string]string {
	var buf [96]byte
	key := append(append(append(buf[:0], attribute...), "||"...), value...)
	if s.trail != nil {
		if doc, ok := s.trail.Sticky[string(key)]; ok {
			return doc.Assignments
		}
	}
	return s.visitor.Sticky[string(key)].Assignments
}

// anyBelow tells whether somebody was assigned in a version that is too old.
func (e *Experiment) anyBelow(doc map[string]string) bool {
	for key := range doc {
		rest, ok := strings.CutPrefix(key, e.Key+"__")
		if !ok {
			continue
		}
		if version, err := strconv.Atoi(rest); err == nil && version >= 0 && version < e.minimum && strconv.Itoa(version) == rest {
			return true
		}
	}
	return false
}

// keep notes an assignment in the trail, unless it is kept already.
func (s *state) keep(a *Assignment) {
	doc := Sticky{Attribute: a.HashAttribute, Value: a.HashValue}
	key := doc.Key()
	before, ok := s.trail.Sticky[key]
	if !ok {
		before = s.visitor.Sticky[key]
	}
	if before.Assignments[a.Experiment.sticky] == a.Key() {
		return
	}
	if doc.Assignments = maps.Clone(before.Assignments); doc.Assignments == nil {
		doc.Assignments = map[string]string{}
	}
	doc.Assignments[a.Experiment.sticky] = a.Key()
	if s.trail.Sticky == nil {
		s.trail.Sticky = map[string]Sticky{}
	}
	s.trail.Sticky[key] = doc
}
