package apiclient

import (
	"context"
	"net/http"
)

// Reading is what a vital would have read over the last hour.
type Reading struct {
	Name    string     `json:"name"`
	Found   bool       `json:"found"`
	Text    string     `json:"text"`
	Rate    float64    `json:"rate"`
	Mean    float64    `json:"mean"`
	Unit    string     `json:"unit"`
	Minutes []*float64 `json:"minutes"`
}

// TestVitals tells what the vitals of a manifest would have read over the last hour, or those of the release that serves where text is empty.
func (c *Client) TestVitals(ctx context.Context, app, env, text string) ([]Item[Reading], error) {
	var all struct {
		Vitals []Item[Reading] `json:"vitals"`
	}
	err := c.call(ctx, http.MethodPost, Place{App: app, Env: env}.path("/vitals/test"), nil, nil, map[string]string{"manifest": text}, &all)
	return all.Vitals, err
}
