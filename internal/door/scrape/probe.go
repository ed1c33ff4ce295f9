package scrape

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/slipwayhq/slipway/internal/decide/rollout"
	"github.com/slipwayhq/slipway/internal/prometheus"
	"github.com/slipwayhq/slipway/internal/pure/manifest"
)

// Probe says what the queries of a vital give now, or what is wrong with them. It tells nobody else.
func (s *Scraper) Probe(ctx context.Context, q rollout.Queries, v manifest.Vital) (text string, ok bool) {
	asked, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	var sums []float64
	for _, query := range []string{v.Prometheus, v.Per} {
		series, err := s.Client.Instant(asked, query, time.Now())
		switch {
		case err != nil:
			return err.Error(), false
		case len(series) == 0:
			return fmt.Sprintf("Prometheus has nothing for %s; does it ask the app, and is the name right?", query), false
		}
		sum, known := sumOf(q, series)
		if !known {
			return fmt.Sprintf("%s gives nothing by the release that serves (labels: %s); sum by (release), and let Prometheus find the processes through Slipway", query, labelsOf(series)), false
		}
		sums = append(sums, sum)
	}
	return fmt.Sprintf("Prometheus has %.0f of %.0f; growth counts once a release with this vital goes out", sums[0], sums[1]), true
}

// sumOf adds up the series of the releases that serve.
func sumOf(q rollout.Queries, series []prometheus.Series) (sum float64, known bool) {
	for _, one := range series {
		if q.Release(first(one.Labels, "release", "version")) != "" && len(one.Points) > 0 {
			sum, known = sum+one.Points[0].Value, true
		}
	}
	return sum, known
}

// labelsOf lists the labels that there are.
func labelsOf(series []prometheus.Series) string {
	names := map[string]bool{}
	for _, one := range series {
		for name := range one.Labels {
			names[name] = true
		}
	}
	if len(names) == 0 {
		return "none"
	}
	return strings.Join(slices.Sorted(maps.Keys(names)), ", ")
}
