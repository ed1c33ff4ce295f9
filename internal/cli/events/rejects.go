package events

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/slipwayhq/slipway/internal/apiclient"
	"github.com/slipwayhq/slipway/internal/decide/track"
)

// mostTold is how many names a sentence lists.
const mostTold = 10

// rejects says which of the events that came a plan does not have, where it rejects them. That they cannot be listed keeps nothing from the plan.
func (h *Host) rejects(client *apiclient.Client, app, word string, to apiclient.PlanChange) {
	if to.Mode != string(track.Reject) || to.AdditionalEvents {
		return
	}
	came, err := client.Learned(h.Context, app)
	if err != nil {
		_, _ = fmt.Fprintf(h.Err, "which events that came it has not, cannot be told just now: %v\n", err)
		return
	}
	var names []string
	for _, e := range came {
		planned := func(p apiclient.PlannedEvent) bool {
			return cmp.Or(p.Kind, "track") == e.Value.Kind && p.Name == e.Value.Name
		}
		if !slices.ContainsFunc(to.Events, planned) {
			names = append(names, line(cmp.Or(e.Value.Name, e.Value.Kind)))
		}
	}
	if len(names) == 0 {
		return
	}
	list := strings.Join(names[:min(len(names), mostTold)], ", ")
	if more := len(names) - mostTold; more > 0 {
		list += fmt.Sprintf(" and %d more", more)
	}
	_, _ = fmt.Fprintf(h.Out, "%d of the %d events that came %s, as the plan does not have them: %s\n", len(names), len(came), word, list)
}
