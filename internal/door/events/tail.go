package events

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"net/http"
	"strconv"

	"github.com/slipwayhq/slipway/internal/access"
	"github.com/slipwayhq/slipway/internal/door/api"
	"github.com/slipwayhq/slipway/internal/fault"
	"github.com/slipwayhq/slipway/internal/journal"
	"github.com/slipwayhq/slipway/internal/pure/capture"
)

// mountTail adds the live tail: Server-Sent Events, each with its place in the log as id, so that a browser that was cut off resumes by itself.
func (d *Door) mountTail() {
	d.API.Mux().HandleFunc("GET /v1/apps/{app}/events/tail", func(w http.ResponseWriter, r *http.Request) {
		app := r.PathValue("app")
		err := api.IdentityOf(r.Context()).Require(access.View, app) // before anything is said of the log
		if err == nil {
			err = d.API.Place(r.Context(), app, r.URL.Query().Get("environment"))
		}
		var after uint64
		if err == nil {
			after, err = d.tailFrom(r)
		}
		if err != nil {
			d.API.Refuse(w, r, err)
			return
		}
		wanted := filter{r.URL.Query().Get("name"), r.URL.Query().Get("kind"), r.URL.Query().Get("user"), r.URL.Query().Get("environment"), r.URL.Query().Get("source")}
		d.API.Stream(w, r, app, func(ctx context.Context, send func(uint64, string, []byte) error) error {
			return d.Journal.ReadEventsOf(ctx, app, after, tailBatch, func(batch []journal.Telemetry) error {
				for _, m := range batch {
					e := entry(m)
					if !wanted.takes(e) || d.left(m) {
						continue
					}
					if err := send(e.Sequence, e.Type, bytes.ReplaceAll(e.Data, []byte("\n"), []byte(" "))); err != nil {
						return err
					}
				}
				return nil
			})
		})
	})
}

// tailBatch is how many events are read at once.
const tailBatch = 100

// tailFrom is the sequence to go on behind: where the reader was cut off, or what was asked for, or now.
func (d *Door) tailFrom(r *http.Request) (uint64, error) {
	resumed := r.Header.Get("Last-Event-ID")
	text := cmp.Or(resumed, r.URL.Query().Get("after"))
	_, last, err := d.Journal.EventsHeld(r.Context())
	if err != nil || text == "" {
		return last, err
	}
	at, err := strconv.ParseUint(text, 10, 64)
	switch {
	case err != nil:
		return 0, fault.Invalid("after, and Last-Event-ID, is the sequence of an event").At("query.after")
	case at > last && resumed != "": // of a log that is no more: a browser comes with it by itself, and could not mend it
		return last, nil
	case at > last:
		return 0, beyond(last)
	}
	return at, nil
}

// beyond refuses a place in the log that is none yet: who waited there would miss all that comes until then.
func beyond(last uint64) error {
	return fault.Invalid("the log ends at %d; send the \"next\" of an answer before, or the id of an event", last).At("query.after")
}

// filter is which events a reader wants; empty fields want all.
type filter struct{ name, kind, user, environment, source string }

func (f filter) takes(e LogEntry) bool {
	if f == (filter{}) {
		return true
	}
	var ev capture.Event
	if json.Unmarshal(e.Data, &ev) != nil {
		return false
	}
	for _, pair := range [][2]string{{f.name, ev.Name}, {f.kind, string(ev.Kind)}, {f.environment, ev.Environment}, {f.source, ev.Source}} {
		if pair[0] != "" && pair[0] != pair[1] {
			return false
		}
	}
	return f.user == "" || f.user == ev.User || f.user == ev.Anonymous
}
