package capture

import (
	"bytes"
	"encoding/json"
	"slices"
	"strings"
)

// Privacy is what an app does not want to have of its events. The zero value keeps all.
type Privacy struct {
	properties, context, anywhere []string
	names                         [][]byte
	network                       func(ip string) string
}

// NewPrivacy keeps back what the names say. A name is that of a property, of a trait, or of a member of the context; with dots it leads into objects, and into each object of a list ("products.email"). It
// may begin with "properties.", "traits." or "context." to mean one of these alone. What people set by a client of PostHog ("$set") are traits.
func NewPrivacy(names []string) Privacy {
	var p Privacy
	for _, name := range names {
		p.names = append(p.names, []byte(name[strings.LastIndexByte(name, '.')+1:]+`"`))
		p.properties = append(p.properties, name, "$set."+name, "$set_once."+name)
		p.context = append(p.context, name, "traits."+name)
		p.anywhere = append(p.anywhere, name)
		for _, part := range []string{"properties.", "traits."} {
			if rest, ok := strings.CutPrefix(name, part); ok {
				p.properties = append(p.properties, rest)
				p.anywhere = append(p.anywhere, rest)
			}
		}
		if rest, ok := strings.CutPrefix(name, "context."); ok {
			p.context = append(p.context, rest)
		}
	}
	return p
}

// WithNetwork keeps of addresses in what is no event what network gives; see Call for events.
func (p Privacy) WithNetwork(network func(ip string) string) Privacy {
	p.network = network
	return p
}

// Event takes out of an event what is not wanted.
func (p Privacy) Event(e *Event) {
	if len(p.names) == 0 {
		return
	}
	e.Properties = p.object(e.Properties, p.properties)
	e.Context = p.object(e.Context, p.context)
}

func (p Privacy) object(raw json.RawMessage, paths []string) json.RawMessage {
	if !p.may(raw) {
		return raw
	}
	if raw = without(raw, paths); len(raw) <= len("{}") {
		return nil
	}
	return raw
}

// may tells whether a name can be in there: most events have none, and are not read once more.
func (p Privacy) may(raw json.RawMessage) bool {
	if bytes.IndexByte(raw, '\\') >= 0 {
		return len(p.names) > 0 // a name may be written with escapes
	}
	for _, name := range p.names {
		if bytes.Contains(raw, name) {
			return true
		}
	}
	return false
}

// searched is how deep what is no event is looked through, level by level.
const searched = MaxDepth + 8

// Raw takes out of what is no event what is not wanted. As nobody knows what it was meant to be, names count at any depth, but for what the dialects themselves call what is on the first level. What lies deeper than can be
// looked through is left out.
func (p Privacy) Raw(raw json.RawMessage) json.RawMessage {
	if p.network != nil {
		raw = p.addresses(raw, true)
	}
	if !p.may(raw) {
		return raw
	}
	return everywhere(shallow(raw, searched), p.anywhere, true)
}

// addresses shortens the addresses in an item where dialects have them, or in a list of items.
func (p Privacy) addresses(raw json.RawMessage, list bool) json.RawMessage {
	if list && len(raw) > 0 && raw[0] == '[' {
		return mapped(raw, func(v json.RawMessage) json.RawMessage { return p.addresses(v, false) })
	}
	item, ok := members(raw)
	if !ok || empty(raw) {
		return raw
	}
	c, changed := &Call{Network: p.network}, false
	for _, at := range [...]struct{ where, name string }{{"context", "ip"}, {"properties", "$ip"}, {"data", "ip"}} {
		part, ok := members(item.get(at.where))
		if !ok || empty(part.get(at.name)) {
			continue
		}
		c.hide(&part, at.name)
		item.set(at.where, part.appendObject(nil))
		changed = true
	}
	for _, name := range [...]string{"ip", "$ip"} {
		if !empty(item.get(name)) {
			c.hide(&item, name)
			changed = true
		}
	}
	if !changed {
		return raw
	}
	return item.appendObject(nil)
}

// shallow puts null in the place of what lies deeper in valid JSON than so many levels.
func shallow(raw json.RawMessage, most int) json.RawMessage {
	if _, depth, _ := compact(raw); depth <= most {
		return raw
	}
	out := make([]byte, 0, len(raw))
	level, from := 0, 0
	for i := 0; i < len(raw); i++ {
		switch raw[i] {
		case '"':
			i = textEnd(raw, i) - 1
		case '{', '[':
			if level++; level == most+1 {
				out = append(append(out, raw[from:i]...), "null"...)
			}
		case '}', ']':
			if level--; level == most {
				from = i + 1
			}
		}
	}
	return append(out, raw[from:]...)
}

// without gives JSON without what paths lead to.
func without(raw json.RawMessage, paths []string) json.RawMessage {
	switch {
	case len(raw) == 0:
		return raw
	case raw[0] == '[':
		return mapped(raw, func(v json.RawMessage) json.RawMessage { return without(v, paths) })
	case raw[0] != '{':
		return raw
	}
	object, ok := members(raw)
	if !ok {
		return nil
	}
	changed := false
	left := object[:0]
	for _, m := range object {
		if slices.Contains(paths, m.name) {
			changed = true
			continue
		}
		if deeper := below(paths, m.name); len(deeper) > 0 {
			inner := without(m.raw, deeper)
			changed = changed || !bytes.Equal(inner, m.raw)
			m.raw = inner
		}
		left = append(left, m)
	}
	if !changed {
		return raw
	}
	return left.appendObject(nil)
}

// below are the paths that lead into a member.
func below(paths []string, name string) (deeper []string) {
	for _, path := range paths {
		if rest, ok := strings.CutPrefix(path, name+"."); ok {
			deeper = append(deeper, rest)
		}
	}
	return deeper
}

// everywhere is without, for paths that begin at any object.
func everywhere(raw json.RawMessage, paths []string, first bool) json.RawMessage {
	switch {
	case len(raw) == 0:
		return raw
	case raw[0] == '[':
		return mapped(raw, func(v json.RawMessage) json.RawMessage { return everywhere(v, paths, false) })
	case raw[0] != '{':
		return raw
	}
	object, ok := members(raw)
	if !ok {
		return nil
	}
	var own, others fields
	for _, m := range object {
		if first && spoken(m.name) {
			own = append(own, m)
		} else {
			others = append(others, m)
		}
	}
	if object, ok = members(without(others.appendObject(nil), paths)); !ok {
		return nil
	}
	for i, m := range object {
		object[i].raw = everywhere(m.raw, paths, false)
	}
	for _, m := range own {
		object = append(object, member{m.name, everywhere(without(m.raw, below(paths, m.name)), paths, false)})
	}
	return object.appendObject(nil)
}

// spoken are the names that dialects give to what is on the first level of an event.
func spoken(name string) bool {
	switch name {
	case "event", "name", "type", "kind", "category", "id", "uuid", "messageId", "user", "userId", "userid", "anonymous", "anonymousId", "anonymousid", "distinct_id", "previous", "previousId", "group",
		"groupId", "time", "timestamp", "originalTimestamp", "sentAt", "sent_at", "sent", "source", "specversion", "release", "properties", "traits", "context", "data", "$set", "$set_once", "$group_set":
		return true
	}
	return false
}

// mapped gives a list with each of its values changed.
func mapped(raw json.RawMessage, change func(json.RawMessage) json.RawMessage) json.RawMessage {
	out := []byte{'['}
	r := read(raw)
	err := r.list(func(v json.RawMessage) {
		if len(out) > 1 {
			out = append(out, ',')
		}
		if v = change(v); v == nil {
			v = json.RawMessage("null")
		}
		out = append(out, v...)
	})
	if err != nil {
		return nil
	}
	return append(out, ']')
}
