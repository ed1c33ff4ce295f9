package flag

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"github.com/slipwayhq/slipway/internal/fault"
)

// members are those of a state by which changes are told apart.
type members map[string]json.RawMessage

// membersOf gives those that somebody sets.
func membersOf(s State) members {
	raw, _ := json.Marshal(s) // of our own types: it cannot fail
	m := members{}
	_ = json.Unmarshal(raw, &m)
	for _, ours := range []string{"changed_at", "changed_by", "revision"} {
		delete(m, ours)
	}
	return m
}

// difference is the merge patch (RFC 7396, of the first level) that makes one state the other, and what its members were before.
func difference(from, to State) (patch, before members) { return membersOf(from).to(membersOf(to)) }

// to is the merge patch that makes the members others, and what they were before.
func (m members) to(other members) (patch, before members) {
	patch, before = members{}, members{}
	for name, v := range other {
		if !same(m[name], v) {
			patch[name], before[name] = v, orNull(m[name])
		}
	}
	for name, v := range m {
		if _, ok := other[name]; !ok {
			patch[name], before[name] = json.RawMessage("null"), v
		}
	}
	return patch, before
}

// Same tells whether two JSON texts say the same: the order of an object's members says nothing.
func Same(a, b json.RawMessage) bool { return same(a, b) }

// same tells whether two JSON texts say the same: the order of an object's members says nothing.
func same(a, b json.RawMessage) bool {
	if string(a) == string(b) {
		return true
	}
	var x, y any
	for into, raw := range map[*any]json.RawMessage{&x: a, &y: b} {
		d := json.NewDecoder(bytes.NewReader(raw))
		d.UseNumber()
		if d.Decode(into) != nil {
			return false
		}
	}
	return reflect.DeepEqual(x, y)
}

func orNull(raw json.RawMessage) json.RawMessage {
	if len(raw) == 0 {
		return json.RawMessage("null")
	}
	return raw
}

// patched is a state with a patch. It fails where a member that the patch names is no more as it was seen: what somebody has changed meanwhile is not undone.
func patched(now State, patch, before members) (State, error) {
	m := membersOf(now)
	for _, name := range slices.Sorted(maps.Keys(patch)) {
		if seen, ok := before[name]; ok && !same(orNull(m[name]), seen) {
			return now, fault.Conflict("%s was changed meanwhile: it was %s and is %s; look at it again", name, short(seen), short(orNull(m[name])))
		}
		if v := patch[name]; string(v) == "null" {
			delete(m, name)
		} else {
			m[name] = v
		}
	}
	raw, err := json.Marshal(m)
	if err != nil {
		return now, fmt.Errorf("encode a patched state: %w", err)
	}
	var to State
	if err := json.Unmarshal(raw, &to); err != nil {
		return now, fault.Invalid("the change is none of a flag's state: %s", err)
	}
	return to, nil
}

// words tell what a patch changes, in one line.
func words(patch, before members) string {
	var said []string
	for _, name := range slices.Sorted(maps.Keys(patch)) {
		was, is := orNull(before[name]), patch[name]
		switch name {
		case "on":
			said = append(said, "switched "+map[bool]string{true: "on", false: "off"}[string(is) == "true"])
		case "rules":
			said = append(said, counted(was, is))
		case "audience":
			said = append(said, audienceWords(was, is))
		case "percent":
			said = append(said, fmt.Sprintf("%s %% → %s %%", zero(was), zero(is)))
		default:
			said = append(said, fmt.Sprintf("%s %s → %s", name, short(was), short(is)))
		}
	}
	if len(said) == 0 {
		return "nothing changed"
	}
	return strings.Join(said, ", ")
}

func zero(raw json.RawMessage) string {
	if string(raw) == "null" {
		return "0"
	}
	return string(raw)
}

// counted tells of a change of rules: how many there were and are, or which one of them changed.
func counted(was, is json.RawMessage) string {
	var a, b []json.RawMessage
	_, _ = json.Unmarshal(was, &a), json.Unmarshal(is, &b)
	if len(a) != len(b) {
		return fmt.Sprintf("rules %d → %d", len(a), len(b))
	}
	for i := range a {
		if same(a[i], b[i]) {
			continue
		}
		var x, y members
		if json.Unmarshal(a[i], &x) != nil || json.Unmarshal(b[i], &y) != nil {
			break
		}
		return fmt.Sprintf("rule %d: %s", i+1, plainWords(x.to(y)))
	}
	return "rules changed"
}

func plainWords(patch, before members) string {
	said := make([]string, 0, len(patch))
	for _, name := range slices.Sorted(maps.Keys(patch)) {
		if name == "coverage" {
			said = append(said, share(before[name])+" → "+share(patch[name]))
			continue
		}
		said = append(said, fmt.Sprintf("%s %s → %s", name, short(before[name]), short(patch[name])))
	}
	return strings.Join(said, ", ")
}

// share is a coverage as people say it; without one a rule is for all.
func share(raw json.RawMessage) string {
	f, err := strconv.ParseFloat(string(raw), 64)
	if err != nil {
		return "all"
	}
	return strconv.FormatFloat(f*100, 'f', -1, 64) + " %"
}

func audienceWords(was, is json.RawMessage) string {
	if string(is) == "null" {
		return "no audience any more"
	}
	var x, y members
	_, _ = json.Unmarshal(was, &x), json.Unmarshal(is, &y)
	return plainWords(x.to(y))
}
