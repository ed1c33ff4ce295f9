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

// Raw takes out of what is no event what is not wanted. As nobody knows what it was meant to be, names count at any depth, but for what the dialects themselves call what is on the first level.
func (p Privacy) Raw(raw json.RawMessage) json.RawMessage {
	if item, ok := members(raw); ok && p.network != nil {
		changed := false
		for where, name := range map[string]string{"context": "ip", "properties": "$ip"} {
			part, ok := members(item[where])
			if !ok || empty(part[name]) {
				continue
			}
			(&Call{Network: p.network}).hide(part, name)
			item[where], changed = encoded(part), true
		}
		if changed {
			raw = encoded(item)
		}
	}
	if !p.may(raw) {
		return raw
	}
	return everywhere(raw, p.anywhere, true)
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
	for name, value := range object {
		if slices.Contains(paths, name) {
			delete(object, name)
			changed = true
		} else if deeper := below(paths, name); len(deeper) > 0 {
			if inner := without(value, deeper); !bytes.Equal(inner, value) {
				object[name], changed = inner, true
			}
		}
	}
	if !changed {
		return raw
	}
	return encoded(object)
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
	own := fields{}
	if first {
		for name, value := range object {
			if spoken(name) {
				own[name] = value
				delete(object, name)
			}
		}
	}
	if object, ok = members(without(encoded(object), paths)); !ok {
		return nil
	}
	for name, value := range object {
		object[name] = everywhere(value, paths, false)
	}
	for name, value := range own {
		object[name] = everywhere(without(value, below(paths, name)), paths, false)
	}
	return encoded(object)
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
	var list []json.RawMessage
	if json.Unmarshal(raw, &list) != nil {
		return nil
	}
	for i, v := range list {
		if list[i] = change(v); list[i] == nil {
			list[i] = json.RawMessage("null")
		}
	}
	return encoded(list)
}

// encoded leaves <, > and & as they are: what nobody wanted changed is not.
func encoded(v any) json.RawMessage {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if e.Encode(v) != nil {
		return json.RawMessage("null") // made of JSON, it is JSON
	}
	return bytes.TrimSpace(b.Bytes())
}
