package apiclient

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
)

// Score is what the verdicts of a time add up to.
type Score struct {
	Environment string  `json:"environment"`
	Days        int     `json:"days"`
	Judged      int     `json:"judged"`
	Promoted    int     `json:"promoted"`
	Unknown     int     `json:"unknown"`
	ByJudge     int     `json:"by_judge"`
	ByPerson    int     `json:"by_person"`
	ByCrash     int     `json:"by_crash"`
	ByHosts     int     `json:"by_hosts"`
	Right       int     `json:"right"`
	Wrong       int     `json:"wrong"`
	Unsaid      int     `json:"unsaid"`
	Missed      int     `json:"missed"`
	Budget      float64 `json:"budget"`
	Failed      Harms   `json:"failed"`
	Slow        Harms   `json:"slow"`
	DecisionS   float64 `json:"decision_s"`
}

// Harms adds up bad requests of one kind.
type Harms struct {
	Rollouts int     `json:"rollouts"`
	Done     float64 `json:"done"`
	Spared   float64 `json:"spared"`
	Least    float64 `json:"spared_at_least"`
}

// Sentences say the score.
func (s Score) Sentences() []string {
	lines := []string{
		fmt.Sprintf("%d rollouts judged in %d days: %d promoted, %d of them unknown; rolled back %d by the judge, %d by people, %d that could not run, %d for want of hosts",
			s.Judged, s.Days, s.Promoted, s.Unknown, s.ByJudge, s.ByPerson, s.ByCrash, s.ByHosts),
		fmt.Sprintf("people call %d of the judge's rollbacks right, %d wrong, and say nothing of %d; %d promoted should have come back", s.Right, s.Wrong, s.Unsaid, s.Missed),
		fmt.Sprintf("false alarms: %d known, the budget is %.2g", s.Wrong, s.Budget),
	}
	for _, h := range []struct {
		kind string
		Harms
	}{{"failed", s.Failed}, {"slow", s.Slow}} {
		if h.Rollouts > 0 {
			lines = append(lines, fmt.Sprintf("harm spared: about %.0f %s requests, at least %.0f; visitors met %.0f", h.Spared, h.kind, h.Least, h.Done))
		}
	}
	if s.DecisionS > 0 {
		lines = append(lines, fmt.Sprintf("from the first visitor to the verdict: %.0f s (median)", s.DecisionS))
	}
	return lines
}

// Score adds up the verdicts of the last days, of one environment when it is named.
func (c *Client) Score(ctx context.Context, s Some, days int) (Item[Score], error) {
	var score Item[Score]
	query := url.Values{"days": {strconv.Itoa(days)}}
	if s.Env != "" {
		query.Set("environment", s.Env)
	}
	return score, c.get(ctx, s.path("score"), query, &score)
}

// Say calls the verdict on a rollout right or wrong, whatever was said before; "" takes the word back.
func (c *Client) Say(ctx context.Context, app, rollout, word, note string) error {
	whatever, path := header{"If-Match": "*"}, rolloutPath(app, rollout, "/assessment")
	if word == "" {
		return c.call(ctx, http.MethodDelete, path, nil, whatever, nil, nil)
	}
	return c.call(ctx, http.MethodPut, path, nil, whatever, map[string]string{"word": word, "note": note}, nil)
}
