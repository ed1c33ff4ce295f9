package ramp

import (
	"encoding/json"
	"maps"
	"slices"

	"github.com/slipwayhq/slipway/internal/decide/flag"
	"github.com/slipwayhq/slipway/internal/fault"
)

// prepared tells whether the flag was off and had said already whom it means: the ramp is among those, and ends with what was prepared.
func prepared(was *flag.State) bool {
	return !was.On && (len(was.Rules) > 0 || was.Audience != nil)
}

// piece is a rule that gives one value to whom it means.
type piece struct {
	ID        string          `json:"id"`
	Condition json.RawMessage `json:"condition"`
	Force     json.RawMessage `json:"force"`
}

// meant is whom a flag that is off would give a value to, were it on: a condition, or nil for everybody. What a condition cannot say is refused: a ramp that gave the value to others
// than those whom it will be for in the end would do harm, and prove nothing.
func meant(f *flag.Flag, was flag.State, value json.RawMessage) (json.RawMessage, error) {
	rules, otherwise, err := f.Told(was)
	if err != nil {
		return nil, fault.Invalid("the rules of %s cannot be read: %s", f.Name, err)
	}
	off := json.RawMessage(f.OffValue(was))
	var parts, others []json.RawMessage // conditions of whom it means, and of whom it leaves out before
	for i, raw := range rules {
		p, err := pieceOf(f, i, raw)
		if err != nil {
			return nil, err
		}
		switch {
		case flag.Same(p.Force, value):
			parts = append(parts, without(p.Condition, others))
		case flag.Same(p.Force, off):
			others = append(others, p.Condition)
		default:
			return nil, fault.Conflict("rule %d of %s gives %s, and a ramp compares one value, %s, with the one while it is off, %s; switch the flag on and ramp after that, or take the rules out", i+1, f.Name, p.Force, value, off)
		}
		if string(p.Condition) == "{}" { // nobody comes to those behind
			return either(f, parts, value)
		}
	}
	switch {
	case flag.Same(otherwise, value):
		parts = append(parts, without(json.RawMessage("{}"), others))
	case !flag.Same(otherwise, off):
		return nil, fault.Conflict("%s gives %s where no rule decides, and a ramp compares one value, %s, with the one while it is off, %s", f.Name, otherwise, value, off)
	}
	return either(f, parts, value)
}

// pieceOf reads a rule that a ramp can be among.
func pieceOf(f *flag.Flag, i int, raw json.RawMessage) (p piece, err error) {
	var members map[string]json.RawMessage
	if err := json.Unmarshal(raw, &members); err != nil {
		return p, fault.Invalid("rule %d of %s cannot be read: %s", i+1, f.Name, err)
	}
	for _, name := range slices.Backward(slices.Sorted(maps.Keys(members))) {
		if !slices.Contains([]string{"id", "condition", "force", "seed", "hashVersion", "hashAttribute"}, name) || members["force"] == nil {
			return p, fault.Conflict("rule %d of %s has %s, and a ramp can only be among visitors whom conditions mean; take that out, or switch the flag on first", i+1, f.Name, name)
		}
	}
	err = json.Unmarshal(raw, &p)
	if len(p.Condition) == 0 || string(p.Condition) == "null" {
		p.Condition = json.RawMessage("{}")
	}
	return p, err
}

// without is a condition, less those whom others mean.
func without(c json.RawMessage, others []json.RawMessage) json.RawMessage {
	if len(others) == 0 {
		return c
	}
	none := map[string]any{"$nor": others}
	if string(c) == "{}" {
		return encoded(none)
	}
	return encoded(map[string]any{"$and": []any{c, none}})
}

// either is whoever meets one of the conditions.
func either(f *flag.Flag, parts []json.RawMessage, value json.RawMessage) (json.RawMessage, error) {
	switch {
	case len(parts) == 0:
		return nil, fault.Conflict("%s is off, and were it on, its rules would give %s to nobody; change them, or take them out (--no-rules)", f.Name, value)
	case slices.ContainsFunc(parts, func(p json.RawMessage) bool { return string(p) == "{}" }):
		return nil, nil
	case len(parts) == 1:
		return parts[0], nil
	}
	return encoded(map[string]any{"$or": parts}), nil
}

func encoded(v any) json.RawMessage {
	raw, _ := json.Marshal(v) // of what was JSON
	return raw
}
