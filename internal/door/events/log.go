package events

import (
	"context"
	"encoding/json"
	"strconv"
	"strings"
	"time"

	"github.com/slipwayhq/slipway/internal/access"
	"github.com/slipwayhq/slipway/internal/analytics/feed"
	"github.com/slipwayhq/slipway/internal/door/api"
	"github.com/slipwayhq/slipway/internal/journal"
)

// LogEntry is one message of the log of what users did.
type LogEntry struct {
	Sequence uint64          `json:"sequence" doc:"Its place in the log: greater than that of all before, with gaps"`
	App      string          `json:"app"`
	Type     string          `json:"type" doc:"event, or failed for what came and is none"`
	Data     json.RawMessage `json:"data"`
}

// LogPart is a part of the log.
type LogPart struct {
	Items []LogEntry `json:"items" nullable:"false"`
	Next  uint64     `json:"next" doc:"Send it as after for what follows"`
	First uint64     `json:"first" doc:"The first sequence that the log still has; who comes with an older cursor has missed what was between"`
}

func (d *Door) mountLog() {
	type asked struct {
		App   string `query:"app" maxLength:"100" doc:"Only of this app; without it of all apps, for who may see them all"`
		After uint64 `query:"after" doc:"Sequence behind which to read; 0 for the beginning"`
		Limit int    `query:"limit" minimum:"1" maximum:"1000" default:"500"`
		Wait  int    `query:"wait" minimum:"0" maximum:"60" doc:"Seconds to wait for events when there is none yet"`
	}
	type told struct{ Body LogPart }
	api.Register(d.API, api.SignedIn, "GET /v1/log", "Read what users did, in the order of the log, without those who are forgotten", func(ctx context.Context, id access.Identity, in *asked) (*told, error) {
		app := access.AllApps
		if in.App != "" {
			app = in.App
			if err := d.API.Place(ctx, in.App, ""); err != nil {
				return nil, err
			}
		}
		if err := id.Require(access.View, app); err != nil {
			return nil, err
		}
		first, last, err := d.Journal.EventsHeld(ctx)
		if err != nil {
			return nil, err
		}
		if in.After > last {
			return nil, beyond(last)
		}
		out := LogPart{Items: []LogEntry{}, Next: in.After, First: first}
		if in.After == last && in.Wait == 0 {
			return &told{out}, nil
		}
		read, err := d.entries(ctx, in.App, in.After, in.Limit, time.Duration(in.Wait)*time.Second, last)
		for _, m := range read {
			out.Next = m.Sequence
			if !d.left(m) {
				out.Items = append(out.Items, entry(m))
			}
		}
		if len(read) == 0 && last > out.Next {
			out.Next = last // there is nothing of this app up to there
		}
		return &told{out}, err
	})
}

// patience is how long the log may take for what it has.
const patience = 5 * time.Second

// entries reads what is there of an app, or of all, behind a sequence, up to a limit; it waits when that is nothing.
func (d *Door) entries(ctx context.Context, app string, after uint64, limit int, wait time.Duration, last uint64) (read []journal.Telemetry, err error) {
	if after < last {
		wait = max(wait, patience)
	}
	ctx, cancel := context.WithTimeout(ctx, wait)
	defer cancel()
	take := func(batch []journal.Telemetry) error {
		read = append(read, batch...)
		cancel()
		return nil
	}
	if app == "" {
		err = d.Journal.ReadEvents(ctx, after, limit, take)
	} else {
		err = d.Journal.ReadEventsOf(ctx, app, after, limit, take)
	}
	return read[:min(len(read), limit)], err
}

// left tells that a message is of somebody who was forgotten since it came, or older than its app keeps events: the log has it still, and nobody is shown it.
func (d *Door) left(m journal.Telemetry) bool { return feed.Left(m, d.Sources.Leave) }

func entry(m journal.Telemetry) LogEntry {
	parts := strings.SplitN(m.Subject, ".", 3)
	e := LogEntry{Sequence: m.Sequence, Data: m.Data}
	if len(parts) == 3 {
		e.App, e.Type = parts[1], parts[2]
	}
	if !json.Valid(m.Data) {
		e.Data = json.RawMessage(strconv.Quote(strings.ToValidUTF8(string(m.Data), "\ufffd")))
	}
	return e
}
