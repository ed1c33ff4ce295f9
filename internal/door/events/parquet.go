package events

import (
	"bytes"
	"context"
	"strconv"

	"github.com/danielgtaylor/huma/v2"

	"github.com/slipwayhq/slipway/internal/access"
	"github.com/slipwayhq/slipway/internal/analytics"
	"github.com/slipwayhq/slipway/internal/analytics/archive"
	"github.com/slipwayhq/slipway/internal/door/api"
)

// mountParquet adds the path of an answer as a file.
func (d *Door) mountParquet() {
	type asked struct {
		api.InApp
		Body SQL
	}
	api.Register(d.API, api.View, "POST /v1/apps/{app}/events/sql/parquet", "Ask the app's events one SELECT, and get the rows as a Parquet file; Slipway-More is true when there were more than the limit",
		func(ctx context.Context, _ access.Identity, in *asked) (*huma.StreamResponse, error) {
			table, err := d.table(ctx, in.App, analytics.Query{SQL: in.Body.SQL, Rows: in.Body.Limit, Foreign: true})
			if err != nil {
				return nil, err
			}
			var file bytes.Buffer // whole, before it is said that all is well
			if err := archive.WriteTable(&file, table); err != nil {
				return nil, err
			}
			return &huma.StreamResponse{Body: func(to huma.Context) {
				to.SetHeader("Content-Type", "application/vnd.apache.parquet")
				to.SetHeader("Content-Disposition", `attachment; filename="events.parquet"`)
				to.SetHeader("Content-Length", strconv.Itoa(file.Len()))
				to.SetHeader("Cache-Control", "no-store")
				to.SetHeader("Slipway-More", strconv.FormatBool(table.More))
				_, _ = file.WriteTo(to.BodyWriter()) // who does not listen any more needs no answer
			}}, nil
		})
}
