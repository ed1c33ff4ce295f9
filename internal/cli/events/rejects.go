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
	tracks := 0 // of other kinds what is not planned is as planned
	for _, e := range came {
		if e.Value.Kind != "track" {
			continue
		}
		tracks++
		planned := func(p apiclient.PlannedEvent) bool {
			return cmp.Or(p.Kind, "track") == "track" && p.Name == e.Value.Name
		}
		if !slices.ContainsFunc(to.Events, planned) {
			names = append(names, line(e.Value.Name))
		}
	}
	if len(names) == 0 {
		return
	}
	list := strings.Join(names[:min(len(names), mostTold)], ", ")
	if more := len(names) - mostTold; more > 0 {
		list += fmt.Sprintf(" and %d more", more)
	}
	_, _ = fmt.Fprintf(h.Out, "of %d events that came, the plan does not have %d, which %s: %s\n", tracks, len(names), word, list)
}
