package history

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"time"

	"github.com/slipwayhq/slipway/internal/prometheus"
	"github.com/slipwayhq/slipway/internal/pure/shadow"
)

// Counters says which queries of a Prometheus give which counts. Each gives counters (not rates), one series for each host, or each host and release.
type Counters struct {
	Requests, Errors string
	Slow             string // of requests that took too long; empty for none
	// HostLabel and ReleaseLabel name the labels; empty for the first of the usual ones that there is.
	HostLabel, ReleaseLabel string
	Since, Until            time.Time
	Step                    time.Duration
}

// Known says what was taken from a Prometheus, and what was not.
type Known struct {
	Steps int             `json:"steps"` // of all hosts
	Gaps  prometheus.Gaps `json:"gaps"`
}

// who is whose a series is.
type who struct{ host, release string }

// counter is one series by time.
type counter map[float64]float64

// Read asks for all of it. What a counter did not count (a gap, a reset, NaN) is left out of all counts of that host and step, and told.
func (q Counters) Read(ctx context.Context, c *prometheus.Client) (*shadow.Traffic, Known, error) {
	var known Known
	if q.Step < 10*time.Second || q.Step > time.Minute {
		return nil, known, fmt.Errorf("step %v: must be between 10 s and 1 min", q.Step)
	}
	if q.Requests == "" || q.Errors == "" { // a query that was forgotten would be a count of nothing
		return nil, known, errors.New("--prometheus needs --requests and --errors: a query of counters each, such as sum by (instance) (http_requests_total)")
	}
	q.Since, q.Until = q.Since.Truncate(q.Step), q.Until.Truncate(q.Step)
	requests, err := c.Range(ctx, q.Requests, q.Since, q.Until, q.Step)
	if err != nil {
		return nil, known, fmt.Errorf("--requests: %w", err)
	}
	failed, err := q.counters(ctx, c, "--errors", q.Errors)
	if err != nil {
		return nil, known, err
	}
	var slow map[who]counter
	if q.Slow != "" {
		if slow, err = q.counters(ctx, c, "--slow", q.Slow); err != nil {
			return nil, known, err
		}
	}
	if len(requests) == 0 {
		return nil, known, empty("--requests")
	}
	if err := q.match(requests, failed, slow); err != nil {
		return nil, known, err
	}
	traffic := &shadow.Traffic{}
	for _, s := range requests {
		w := q.who(s.Labels)
		increases, gaps := prometheus.Increases(s.Points, q.Step.Seconds())
		known.Gaps.Add(gaps)
		for _, inc := range increases {
			x, ok := q.grown(failed[w], inc.Time)
			late, fine := q.grown(slow[w], inc.Time)
			if !ok || !fine || x > inc.By || late > inc.By {
				known.Gaps.NoValue++
				continue
			}
			known.Steps++
			err := traffic.Add(shadow.Sample{
				Second: int64(math.Round(inc.Time - q.Step.Seconds())), Host: w.host, Release: w.release,
				Requests: int64(math.Round(inc.By)), Errors: int64(math.Round(x)), Slow: int64(math.Round(late)), Timed: slow != nil,
			})
			if err != nil {
				return nil, known, err
			}
		}
	}
	if known.Steps == 0 {
		return nil, known, fmt.Errorf("--requests: %d series, and in none of them two samples one step apart that a counter could have; is it a counter, and is --step as long as the scrape interval at least?", len(requests))
	}
	return traffic, known, nil
}

// match makes sure that the queries speak of the same hosts and releases: an error that nobody's requests belong to would be no error.
func (q Counters) match(requests []prometheus.Series, parts ...map[who]counter) error {
	seen := map[who]bool{}
	for _, s := range requests {
		w := q.who(s.Labels)
		if seen[w] {
			return several("--requests", w)
		}
		seen[w] = true
	}
	for _, part := range parts {
		for w := range part {
			if !seen[w] {
				return fmt.Errorf("--errors or --slow: there is a series of host %q and release %q, of which --requests has none; sum all queries by the same labels", w.host, w.release)
			}
		}
	}
	return nil
}

// counters asks for series by whose they are.
func (q Counters) counters(ctx context.Context, c *prometheus.Client, option, query string) (map[who]counter, error) {
	series, err := c.Range(ctx, query, q.Since, q.Until, q.Step)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", option, err)
	}
	if len(series) == 0 {
		return nil, empty(option)
	}
	all := map[who]counter{}
	for _, s := range series {
		w := q.who(s.Labels)
		if all[w] != nil {
			return nil, several(option, w)
		}
		all[w] = counter{}
		for _, p := range s.Points {
			all[w][p.Time] = p.Value
		}
	}
	return all, nil
}

func empty(option string) error {
	return fmt.Errorf("%s: the query gives no series for this time. Try it on the page of Prometheus; if there was truly nothing to count, write … or 0 * (the query of --requests)", option)
}

func several(option string, w who) error {
	return fmt.Errorf("%s: several series are of host %q and release %q; write sum by (instance) (…), or name the label by --host-label and --release-label", option, w.host, w.release)
}

// who takes the host and the release from the labels.
func (q Counters) who(labels map[string]string) who {
	pick := func(own string, usual ...string) string {
		if own != "" {
			return labels[own]
		}
		i := slices.IndexFunc(usual, func(name string) bool { return labels[name] != "" })
		if i < 0 {
			return ""
		}
		return labels[usual[i]]
	}
	return who{pick(q.HostLabel, "instance", "pod", "host", "node"), pick(q.ReleaseLabel, "release", "version")}
}

// grown is by how much a counter grew in the step until a moment, in which the requests of the same process were counted on. A counter that was not there at the beginning of the step was 0: many begin
// with their first event. One that was there, and is not, says nothing.
func (q Counters) grown(c counter, until float64) (float64, bool) {
	now, is := c[until]
	was, had := c[until-q.Step.Seconds()]
	switch {
	case !is:
		return 0, !had
	case math.IsNaN(now) || math.IsInf(now, 0) || math.IsNaN(was) || math.IsInf(was, 0) || now < was || was < 0:
		return 0, false
	}
	return now - was, true
}
