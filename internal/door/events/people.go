package events

import (
	"bufio"
	"context"
	"encoding/json"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/slipwayhq/slipway/internal/access"
	"github.com/slipwayhq/slipway/internal/analytics"
	"github.com/slipwayhq/slipway/internal/decide/track"
	"github.com/slipwayhq/slipway/internal/door/api"
)

// ForgetUser is how a user is to be forgotten.
type ForgetUser struct {
	Suppress    bool   `json:"suppress,omitempty" doc:"Take no events of them from now on"`
	KeepAliases bool   `json:"keep_aliases,omitempty" doc:"Leave the events of other ids that an alias says were the same person's"`
	Reason      string `json:"reason,omitempty" maxLength:"500"`
}

// InUser names a user of an app in the path.
type InUser struct {
	api.InApp
	User string `path:"user" maxLength:"1000" doc:"Id of the user, as the events have it" example:"u_1"`
}

type forgotten struct{ Body track.Forgotten }

// forgetTime is how long is waited for the events to be removed before it is told that they are still to be: less than clients wait for an answer.
const forgetTime = 20 * time.Second

// mountPeople adds the paths of what users may ask for: all that is known of them, and that it be removed.
func (d *Door) mountPeople() {
	type forget struct {
		InUser
		Body ForgetUser
	}
	api.Register(d.API, api.DeployAll, "POST /v1/apps/{app}/events/people/{user}/forget", "Remove all events of a user; those that came before are not stored again", func(ctx context.Context, id access.Identity, in *forget) (*forgotten, error) {
		how := track.Forgetting{Suppress: in.Body.Suppress, KeepAliases: in.Body.KeepAliases, Reason: in.Body.Reason}
		if err := d.Sources.Forget(ctx, id.Actor(), in.App, in.User, how); err != nil {
			return nil, err
		}
		waiting, cancel := context.WithTimeout(ctx, forgetTime)
		defer cancel()
		f, err := d.Keeper.Remove(waiting, in.App, in.User)
		if err != nil && waiting.Err() != nil && ctx.Err() == nil { // the keeper goes on with it
			return &forgotten{f}, nil
		}
		return &forgotten{f}, err
	})
	api.Register(d.API, api.DeployAll, "GET /v1/apps/{app}/events/people/{user}/export", "All that is stored of a user, as lines of JSON: their ids, then their events in the order in which they came", d.export)
	d.mountPerson()
	type listing struct {
		api.InApp
		api.Page
	}
	api.Register(d.API, api.View, "GET /v1/apps/{app}/events/suppressed", "List the users whose events are not taken", func(ctx context.Context, _ access.Identity, in *listing) (*api.ListOf[track.Forgotten], error) {
		all, err := d.Sources.Suppressed(ctx, in.App)
		if err != nil {
			return nil, err
		}
		return api.Cut(all, in.Page, func(f track.Forgotten) string { return f.User })
	})
	api.Register(d.API, api.DeployAll, "DELETE /v1/apps/{app}/events/suppressed/{user}", "Take events of a user again; what was removed stays so", func(ctx context.Context, id access.Identity, in *struct{ InUser }) (*struct{}, error) {
		return nil, d.Sources.Lift(ctx, id.Actor(), in.App, in.User, "")
	})
}

// export gives out all of a user. What fails on the way cuts the answer off, so that nobody takes it for whole.
func (d *Door) export(ctx context.Context, id access.Identity, in *struct{ InUser }) (*huma.StreamResponse, error) {
	store, err := d.Analytics.Store(ctx, in.App)
	if err != nil {
		return nil, err
	}
	person, err := track.Find(ctx, store, in.User, true)
	if err != nil {
		return nil, err
	}
	if err := d.Sources.Exported(ctx, id.Actor(), in.App, in.User); err != nil {
		return nil, err
	}
	return &huma.StreamResponse{Body: func(to huma.Context) {
		to.SetHeader("Content-Type", "application/x-ndjson")
		to.SetHeader("Cache-Control", "no-store")
		out := bufio.NewWriter(to.BodyWriter())
		if err := writePerson(to.Context(), out, store, person); err != nil {
			panic(http.ErrAbortHandler) // ends the connection
		}
		_ = out.Flush() // who does not listen any more needs no answer
	}}, nil
}

// exportBatch is how many events are read at once.
const exportBatch = 1000

func writePerson(ctx context.Context, out *bufio.Writer, store analytics.Store, person track.Person) error {
	lines := json.NewEncoder(out)
	lines.SetEscapeHTML(false)
	if err := lines.Encode(person); err != nil {
		return err
	}
	where, args := person.Where(2)
	for after := int64(0); ; {
		table, err := store.Query(ctx, analytics.Query{SQL: `SELECT * FROM events WHERE seq > $1 AND ` + where + ` ORDER BY seq`, Args: append([]any{after}, args...), Rows: exportBatch})
		if err != nil {
			return err
		}
		for _, row := range table.Rows {
			event := map[string]any{}
			for i, column := range table.Columns {
				if text, ok := row[i].(string); ok && (column.Name == "properties" || column.Name == "context") {
					row[i] = json.RawMessage(text)
				}
				if seq, ok := row[i].(int64); ok && column.Name == "seq" {
					after = seq
				}
				if row[i] != nil {
					event[column.Name] = row[i]
				}
			}
			if err := lines.Encode(event); err != nil {
				return err
			}
		}
		if !table.More {
			return nil
		}
	}
}
