package events

import (
	"cmp"
	"context"
	"encoding/json"
	"strings"
	"time"

	"github.com/slipwayhq/slipway/internal/access"
	"github.com/slipwayhq/slipway/internal/analytics"
	"github.com/slipwayhq/slipway/internal/decide/question"
	"github.com/slipwayhq/slipway/internal/door/api"
	"github.com/slipwayhq/slipway/internal/fault"
	"github.com/slipwayhq/slipway/internal/pure/explore"
)

// NamedQuestion is a question to save, whole.
type NamedQuestion struct {
	Name     string          `json:"name" minLength:"1" maxLength:"100" example:"Orders by plan" doc:"One within the app"`
	Kind     string          `json:"kind" enum:"sql,trend,funnel,retention"`
	Question json.RawMessage `json:"question" doc:"What …/events/KIND takes. A time up to when it is asked is written as last, such as 90m, 24h or 7d, in the place of from and to" example:"{\"event\":\"order_completed\",\"split\":\"plan\",\"last\":\"30d\"}"`
	Reason   string          `json:"reason,omitempty" maxLength:"500"`
}

func (n NamedQuestion) saved() question.SavedQuestion {
	return question.SavedQuestion{Name: n.Name, Kind: n.Kind, Question: n.Question}
}

// InQuestion names a saved question in the path.
type InQuestion struct {
	api.InApp
	Question string `path:"question" doc:"Id of the saved question" example:"qst_0192f0c1a2b34d5e8f60718293a4b5c6"`
}

// mountSaved adds the paths of questions with a name.
func (d *Door) mountSaved() {
	const path = "/v1/apps/{app}/events/saved"
	type one = tagged[question.SavedQuestion]
	of := func(q question.SavedQuestion, err error) (*one, error) { return tag(q, q.Revision, err) }
	type listing struct {
		api.InApp
		api.Page
	}
	api.Register(d.API, api.View, "GET "+path, "List the saved questions, by name", func(ctx context.Context, _ access.Identity, in *listing) (*api.ListOf[question.SavedQuestion], error) {
		all, err := d.Questions.List(ctx, in.App)
		if err != nil {
			return nil, err
		}
		return api.Cut(all, in.Page, func(q question.SavedQuestion) string { return q.Name })
	})
	type made struct {
		api.InApp
		Body NamedQuestion
	}
	api.Register(d.API, api.DeployAll, "POST "+path, "Save a question under a name", func(ctx context.Context, id access.Identity, in *made) (*one, error) {
		if err := d.asks(ctx, in.App, in.Body.saved()); err != nil {
			return nil, err
		}
		return of(d.Questions.Save(ctx, id.Actor(), in.App, in.Body.Reason, in.Body.saved()))
	})
	api.Register(d.API, api.View, "GET "+path+"/{question}", "Show a saved question", func(ctx context.Context, _ access.Identity, in *InQuestion) (*one, error) {
		return of(d.Questions.Find(ctx, in.App, in.Question))
	})
	type changed struct {
		InQuestion
		api.InMatch
		Body NamedQuestion
	}
	api.Register(d.API, api.DeployAll, "PUT "+path+"/{question}", "Change a saved question, or its name", func(ctx context.Context, id access.Identity, in *changed) (*one, error) {
		revision, err := d.expected(ctx, in.InQuestion, in.InMatch)
		to := in.Body.saved()
		if err := cmp.Or(err, d.asks(ctx, in.App, to)); err != nil {
			return nil, err
		}
		to.ID, to.Revision = in.Question, revision
		return of(d.Questions.Change(ctx, id.Actor(), in.App, in.Body.Reason, to))
	})
	type removed struct {
		InQuestion
		api.InMatch
		Reason string `query:"reason" maxLength:"500"`
	}
	api.Register(d.API, api.DeployAll, "DELETE "+path+"/{question}", "Remove a saved question", func(ctx context.Context, id access.Identity, in *removed) (*struct{}, error) {
		revision, err := d.expected(ctx, in.InQuestion, in.InMatch)
		if err != nil {
			return nil, err
		}
		return nil, d.Questions.Remove(ctx, id.Actor(), in.App, in.Question, in.Reason, revision)
	})
	api.Register(d.API, api.View, "POST "+path+"/{question}/ask", "Ask a saved question now", func(ctx context.Context, _ access.Identity, in *InQuestion) (*answered, error) {
		return d.askSaved(ctx, in.App, in.Question)
	})
}

// expected is the revision to change, when the caller saw the present one.
func (d *Door) expected(ctx context.Context, in InQuestion, match api.InMatch) (int64, error) {
	now, err := d.Questions.Find(ctx, in.App, in.Question)
	if err != nil {
		return 0, err
	}
	return match.Expect(now.Revision)
}

// asks tells whether the store would answer a SELECT that is to be saved, without asking for any row of it. A store that has no time for that keeps nothing from being saved.
func (d *Door) asks(ctx context.Context, app string, q question.SavedQuestion) error {
	own, err := q.Ask(time.Now().UTC())
	if err != nil || q.Kind != explore.KindSQL {
		return nil // who saves it says what is wrong
	}
	sql, err := own.SQL()
	if err != nil {
		return nil
	}
	text := strings.TrimRight(strings.TrimSpace(sql), "; \n\t")
	_, err = d.table(ctx, app, analytics.Query{SQL: "SELECT * FROM (\n" + text + "\n) AS asked LIMIT 0", Rows: 1, Foreign: true})
	if fault.Is(err, fault.CodeInvalid) {
		return fault.Invalid("what is saved is one SELECT that can be asked, and this is none: %s", fault.Message(err)).At("body.question.sql").Because(err)
	}
	return nil
}

// savedRows is how many rows a saved SELECT is answered with at most, as one that is typed.
const savedRows = 1000

func (d *Door) askSaved(ctx context.Context, app, id string) (*answered, error) {
	saved, err := d.Questions.Find(ctx, app, id)
	if err != nil {
		return nil, err
	}
	asked, err := saved.Ask(time.Now().UTC())
	if err == nil {
		asked, err = d.known(ctx, app, asked)
	}
	if err != nil {
		return nil, err
	}
	sql, err := asked.SQL()
	if err != nil {
		return nil, err
	}
	if saved.Kind == explore.KindSQL {
		return d.ask(ctx, app, analytics.Query{SQL: sql, Rows: savedRows, Foreign: true})
	}
	return d.ask(ctx, app, analytics.Query{SQL: sql, Question: asked})
}
