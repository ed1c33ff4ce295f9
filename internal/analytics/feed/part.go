package feed

import (
	"encoding/json"
	"runtime"
	"slices"
	"strings"
	"time"

	"github.com/slipwayhq/slipway/internal/analytics"
	"github.com/slipwayhq/slipway/internal/journal"
	"github.com/slipwayhq/slipway/internal/pure/capture"
)

// part is a piece of the log, sorted by app.
type part struct {
	through  uint64
	messages int
	bytes    int // of their JSON
	apps     map[string]*analytics.Batch
}

func newPart(after uint64) *part { return &part{through: after, apps: map[string]*analytics.Batch{}} }

// full tells that it is to be stored before more is read: after an outage much waits, and some of it is large.
func (p *part) full() bool { return p.messages >= most || p.bytes >= mostBytes }

func (p *part) add(batch []journal.Telemetry, leave func(string, *capture.Event) bool) {
	for i, m := range batch {
		if i%yieldEvery == yieldEvery-1 {
			runtime.Gosched()
		}
		p.through = m.Sequence
		p.messages++
		p.bytes += len(m.Data)
		_, rest, _ := strings.Cut(m.Subject, ".") // "events.APP.event"
		app, kind, _ := strings.Cut(rest, ".")
		if app == "" {
			continue
		}
		to := p.apps[app]
		if to == nil {
			to = &analytics.Batch{}
			p.apps[app] = to
		}
		switch kind {
		case "event":
			e, err := capture.ReadEvent(m.Data)
			if err != nil {
				to.Failed = append(to.Failed, unreadable(m, err))
			} else if leave == nil || !leave(app, &e) {
				if len(to.Rows) == cap(to.Rows) {
					to.Rows = slices.Grow(to.Rows, max(16, len(to.Rows))) // append alone would copy a long one three times until it is twice as long
				}
				to.Rows = append(to.Rows, analytics.Row{Sequence: m.Sequence, Event: e})
			}
		case "failed":
			f := analytics.Failed{Sequence: m.Sequence}
			if err := json.Unmarshal(m.Data, &f.Failed); err != nil {
				f = unreadable(m, err)
			} else if leave != nil && left(app, f, leave) {
				continue
			}
			to.Failed = append(to.Failed, f)
		}
	}
}

// left tells that what is no event names somebody whose events are left out.
func left(app string, f analytics.Failed, leave func(string, *capture.Event) bool) bool {
	return slices.ContainsFunc(append(analytics.Mentioned(f.Raw), ""), func(id string) bool {
		return leave(app, &capture.Event{User: id, Received: f.Received}) || leave(app, &capture.Event{Anonymous: id, Received: f.Received})
	})
}

// Left tells that a message of the log is of what is not stored: whoever reads the log itself is to be shown no more than who asks the store.
func Left(m journal.Telemetry, leave func(app string, e *capture.Event) bool) bool {
	_, rest, _ := strings.Cut(m.Subject, ".")
	app, kind, _ := strings.Cut(rest, ".")
	var f analytics.Failed
	if kind == "event" {
		e, err := capture.ReadEvent(m.Data)
		if err == nil {
			return leave(app, &e)
		}
		f.Raw = m.Data
	} else if err := json.Unmarshal(m.Data, &f.Failed); err != nil {
		f.Failed = capture.Failed{Failure: capture.Failure{Raw: m.Data}}
	}
	return left(app, f, leave)
}

// unreadable keeps what a newer program, or a broken disk, wrote into the log: nothing of it is passed over in silence.
func unreadable(m journal.Telemetry, err error) analytics.Failed {
	raw, _ := json.Marshal(strings.ToValidUTF8(string(m.Data), "\ufffd")) // a string always is
	return analytics.Failed{Sequence: m.Sequence, Failed: capture.Failed{
		Failure:  capture.Failure{Reason: capture.Malformed, Message: "the log holds what this program cannot read: " + err.Error(), Raw: raw},
		Received: time.Now().UTC().Truncate(time.Microsecond),
	}}
}
