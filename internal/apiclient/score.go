package apiclient

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
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

// Sentences say the score. What did not occur is left out.
func (s Score) Sentences() []string {
	if s.Judged == 0 {
		return []string{"no rollout was judged in " + counted(s.Days, "day")}
	}
	lines := []string{fmt.Sprintf("%s judged in %s: %d promoted", counted(s.Judged, "rollout"), counted(s.Days, "day"), s.Promoted)}
	if s.Unknown > 0 {
		lines[0] += fmt.Sprintf(", %d of them unknown", s.Unknown)
	}
	if back := s.back(); len(back) > 0 {
		lines[0] += "; rolled back: " + strings.Join(back, ", ")
	}
	if s.ByJudge > 0 {
		lines = append(lines, fmt.Sprintf("of the judge's rollbacks people call %d right and %d wrong, and say nothing of %d", s.Right, s.Wrong, s.Unsaid))
	}
	if s.Missed > 0 {
		lines = append(lines, fmt.Sprintf("promoted, and should have come back: %d", s.Missed))
	}
	lines = append(lines, fmt.Sprintf("false alarms: %d known; false_alarms accepts %.2g in that time", s.Wrong, s.Budget))
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

// back tells what came back, and why.
func (s Score) back() (parts []string) {
	for _, p := range []struct {
		n   int
		why string
	}{{s.ByJudge, "by the judge"}, {s.ByPerson, "by people"}, {s.ByCrash, "that could not run"}, {s.ByHosts, "for want of hosts"}} {
		if p.n > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", p.n, p.why))
		}
	}
	return parts
}

// counted is so many of a thing.
func counted(n int, thing string) string {
	if n == 1 {
		return "1 " + thing
	}
	return fmt.Sprintf("%d %ss", n, thing)
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
