package events

import (
	"context"
	"errors"
	"math"
	"time"

	"github.com/slipwayhq/slipway/internal/access"
	"github.com/slipwayhq/slipway/internal/analytics"
	"github.com/slipwayhq/slipway/internal/decide/question"
	"github.com/slipwayhq/slipway/internal/door/api"
	"github.com/slipwayhq/slipway/internal/fault"
	"github.com/slipwayhq/slipway/internal/pure/explore"
)

// Answer is what a question is answered with.
type Answer struct {
	SQL     string             `json:"sql" doc:"What was asked; POST it to …/events/sql, as it is or changed. The store may have answered it in a quicker way that comes to the same"`
	Columns []analytics.Column `json:"columns" nullable:"false"`
	Rows    [][]any            `json:"rows" nullable:"false" doc:"One value a column: null, true or false, a number, a text, or a time"`
	More    bool               `json:"more" doc:"There were more rows than the limit"`
	Took    int64              `json:"took_ms"`
	Stored  uint64             `json:"stored" doc:"Sequence of the log up to which events are in the answer"`
}

// SQL is a question in a person's own words.
type SQL struct {
	SQL   string `json:"sql" minLength:"1" maxLength:"100000" example:"SELECT name, count(*) FROM events GROUP BY 1"`
	Limit int    `json:"limit,omitempty" minimum:"1" maximum:"10000" default:"1000" doc:"How many rows at most"`
}

type answered struct{ Body Answer }

// asking is how many questions are answered at once; others wait.
const asking = 2

func (d *Door) mountQuestions() {
	d.turns = make(chan struct{}, asking)
	mountQuestion[explore.Trend](d, "trend", "Count events or visitors over time, split by a property")
	mountQuestion[explore.Funnel](d, "funnel", "Count the visitors who do one thing after another")
	mountQuestion[explore.Retention](d, "retention", "Count the visitors who come back, by when they first came")
	mountQuestion[explore.Top](d, "top", "List the most frequent values of a property")
	mountQuestion[explore.Timeline](d, "timeline", "List what one visitor did, the newest first")
	type asked struct {
		api.InApp
		Body SQL
	}
	api.Register(d.API, api.View, "POST /v1/apps/{app}/events/sql", "Ask the app's events one SELECT", func(ctx context.Context, _ access.Identity, in *asked) (*answered, error) {
		return d.ask(ctx, in.App, analytics.Query{SQL: in.Body.SQL, Rows: in.Body.Limit, Foreign: true})
	})
	d.mountParquet()
}

// mountQuestion adds the path of one kind of question.
func mountQuestion[Q explore.Question](d *Door, name, summary string) {
	type asked struct {
		api.InApp
		Body Q
	}
	api.Register(d.API, api.View, "POST /v1/apps/{app}/events/"+name, summary, func(ctx context.Context, _ access.Identity, in *asked) (*answered, error) {
		q, err := d.known(ctx, in.App, in.Body)
		if err != nil {
			return nil, err
		}
		sql, err := explore.Checked(q, question.Zone)
		if err != nil {
			var m *explore.Mistake
			if errors.As(err, &m) {
				return nil, fault.Invalid("%s", m.Message).At("body." + m.Field)
			}
			return nil, err
		}
		return d.ask(ctx, in.App, analytics.Query{SQL: sql, Question: q})
	})
}

// table waits for its turn, and asks.
func (d *Door) table(ctx context.Context, app string, q analytics.Query) (analytics.Table, error) {
	select {
	case d.turns <- struct{}{}:
		defer func() { <-d.turns }()
	case <-time.After(analytics.MaxTime):
		return analytics.Table{}, fault.Limited("other questions are being answered; ask again in a moment")
	case <-ctx.Done():
		return analytics.Table{}, ctx.Err()
	}
	store, err := d.Analytics.Store(ctx, app)
	if err != nil {
		return analytics.Table{}, err
	}
	return store.Query(ctx, q)
}

// ask answers in JSON.
func (d *Door) ask(ctx context.Context, app string, q analytics.Query) (*answered, error) {
	stored := d.Feeder.Behind().Stored
	table, err := d.table(ctx, app, q)
	if err == nil {
		err = place(table, zoneOf(q.Question))
	}
	if err != nil {
		return nil, err
	}
	for _, row := range table.Rows {
		for i, v := range row {
			if f, ok := v.(float64); ok && (math.IsNaN(f) || math.IsInf(f, 0)) {
				row[i] = nil // JSON has no word for it
			}
		}
	}
	return &answered{Answer{SQL: q.SQL, Columns: table.Columns, Rows: table.Rows, More: table.More, Took: table.Took.Milliseconds(), Stored: stored}}, nil
}
