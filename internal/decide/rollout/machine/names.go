package machine

import (
	"slices"
	"strings"

	"github.com/slipwayhq/slipway/internal/event"
)

// People know hosts by their names, the machine by their ids. The names are kept with the rollout: a host that was taken out is told of by its name still.

// Call notes the name of a host.
func (m *Rollout) Call(host, name string) {
	if name == "" || name == host || m.Names[host] == name {
		return
	}
	if m.Names == nil {
		m.Names = map[string]string{}
	}
	m.Names[host] = name
}

// Named gives the reasons with the hosts' names in place of their ids.
func (m *Rollout) Named(reasons []event.Reason) []event.Reason {
	out := slices.Clone(reasons)
	for i := range out {
		out[i].Text = m.NamedText(out[i].Text)
	}
	return out
}

// NamedText gives a text with the hosts' names in place of their ids.
func (m *Rollout) NamedText(text string) string {
	var pairs []string
	for id, name := range m.Names {
		if strings.Contains(text, id) {
			pairs = append(pairs, id, name)
		}
	}
	if pairs == nil {
		return text
	}
	return strings.NewReplacer(pairs...).Replace(text)
}
