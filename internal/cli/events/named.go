package events

import (
	"regexp"
	"slices"

	"github.com/slipwayhq/slipway/internal/apiclient"
)

// released is the id of a release, and sourced that of a source.
var (
	released = regexp.MustCompile(`^rel_\w+$`)
	sourced  = regexp.MustCompile(`^src_\w+$`)
)

// mostNamed is how many releases are looked up for one table.
const mostNamed = 50

// shown is an answer as a table shows it. Programs, and who asks in words of their own, get it as it is.
func (h *Host) shown(client *apiclient.Client, app, kind string, a apiclient.Item[apiclient.Answer], f Form) apiclient.Item[apiclient.Answer] {
	if !f.JSON && !f.CSV && !f.SQL && kind != "sql" {
		a.Value = h.named(client, app, a.Value)
	}
	return a
}

// named puts what people call releases and sources in the place of their ids, as pages do. What cannot be looked up stays as it is: the answer is there.
func (h *Host) named(client *apiclient.Client, app string, a apiclient.Answer) apiclient.Answer {
	names := map[string]string{}
	sources := false
	for _, row := range a.Rows {
		for _, v := range row {
			id, _ := v.(string)
			switch _, done := names[id]; {
			case done:
			case released.MatchString(id) && len(names) < mostNamed:
				names[id] = id
				if r, err := client.Release(h.Context, app, id); err == nil {
					names[id] = r.Label()
				}
			case sourced.MatchString(id):
				sources = true
			}
		}
	}
	if sources {
		if all, err := client.Sources(h.Context, app); err == nil {
			for _, s := range all {
				names[s.Value.ID] = s.Value.Name
			}
		}
	}
	rows := slices.Clone(a.Rows)
	for i, row := range rows {
		rows[i] = slices.Clone(row)
		for k, v := range row {
			id, _ := v.(string)
			if name := names[id]; name != "" {
				rows[i][k] = name
			}
		}
	}
	a.Rows = rows
	return a
}
