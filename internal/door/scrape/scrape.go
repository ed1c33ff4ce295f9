// Package scrape is the door for what a Prometheus has: every ten seconds it asks for the counters that vitals name, and puts their growth into the log as hosts do ("host").
//
//	rollout.Queries ──> Prometheus ──growth of counters──> journal (telemetry "host") ──> rollout
//
// A query that fails, times out, or gives nothing is a gap: nothing is told of those ten seconds, which is no evidence. So is a counter that fell, since its process was started again, and what is no number.
package scrape

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/slipwayhq/slipway/internal/decide/rollout"
	"github.com/slipwayhq/slipway/internal/event"
	"github.com/slipwayhq/slipway/internal/journal"
	"github.com/slipwayhq/slipway/internal/prometheus"
	"github.com/slipwayhq/slipway/internal/pure/manifest"
)

// every is how often is asked; it is the slot in which rollouts take what hosts measure.
const every = 10 * time.Second

// patience is how long answers are waited for.
const patience = 4 * time.Second

// Scraper asks one Prometheus.
type Scraper struct {
	Client   *prometheus.Client
	Rollouts *rollout.Service
	Journal  *journal.Journal
	Logger   *slog.Logger

	mu      sync.Mutex // of what follows, while queries run
	boot    string
	numbers map[string]int64
	last    map[string]sample // by query and labels
	told    map[string]bool   // queries whose failure was told
}

// sample is where a counter stood at a round.
type sample struct {
	value float64
	round int64
}

// Run asks until ctx ends.
func (s *Scraper) Run(ctx context.Context) error {
	s.boot = "prometheus-" + rand.Text()
	s.numbers, s.last, s.told = map[string]int64{}, map[string]sample{}, map[string]bool{}
	for {
		now := time.Now()
		next := now.Truncate(every).Add(every) // slots begin on the full ten seconds, and so does what is asked
		select {
		case <-time.After(next.Sub(now)):
		case <-ctx.Done():
			return nil
		}
		if err := s.round(ctx, next); err != nil && ctx.Err() == nil {
			s.Logger.Error("what Prometheus has was not taken, trying again", "error", err)
		}
	}
}

// cell is where growth is added up.
type cell struct{ app, env, release, host string }

// round asks once, for all environments.
func (s *Scraper) round(ctx context.Context, at time.Time) error {
	all, err := s.Rollouts.Queries(ctx)
	if err != nil {
		return err
	}
	number := at.Unix() / int64(every/time.Second)
	grown := map[cell]map[string]float64{}
	// All at once, and none for longer than it takes until the slot is taken for whole: a slow query is a gap of its own alone.
	asked, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	var g errgroup.Group
	g.SetLimit(8)
	for _, q := range all {
		for _, v := range q.Vitals {
			g.Go(func() error {
				s.vital(asked, q, v, at, number, grown)
				return nil
			})
		}
	}
	if err := g.Wait(); err != nil {
		return err
	}
	for key, was := range s.last {
		if was.round < number-1 {
			delete(s.last, key)
		}
	}
	return s.tell(ctx, at.Add(-every), grown)
}

// vital asks for what a vital counts and what that is divided by: both, or there is nothing to tell.
func (s *Scraper) vital(ctx context.Context, q rollout.Queries, v manifest.Vital, at time.Time, number int64, grown map[cell]map[string]float64) {
	events, per, _ := v.Counters()
	parts := []struct{ name, query string }{{events, v.Prometheus}, {per, v.Per}}
	answers := make([][]prometheus.Series, len(parts))
	for i, part := range parts {
		var err error
		if answers[i], err = s.Client.Instant(ctx, part.query, at); err != nil || len(answers[i]) == 0 {
			s.failed(q, v, part.query, err)
			return
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if key := q.App + "/" + q.Env + "/" + v.Name; s.told[key] {
		delete(s.told, key)
		s.Logger.Info("a vital has data again", "app", q.App, "environment", q.Env, "vital", v.Name)
	}
	both := map[cell]map[string]float64{}
	for i, part := range parts {
		for _, one := range answers[i] {
			s.add(q, part.name, part.query, one, number, both)
		}
	}
	for c, counters := range both {
		if _, ok := counters[per]; !ok {
			continue // what it is divided by is not there
		}
		if grown[c] == nil {
			grown[c] = map[string]float64{}
		}
		maps.Copy(grown[c], counters)
	}
}

// add adds the growth of one counter.
func (s *Scraper) add(q rollout.Queries, name, query string, one prometheus.Series, number int64, to map[cell]map[string]float64) {
	if len(one.Points) == 0 {
		return
	}
	c := cell{app: q.App, env: q.Env, release: q.Release(first(one.Labels, "release", "version")), host: q.Host(first(one.Labels, "host", "instance", "node"))}
	labels, err := json.Marshal(one.Labels)
	if err != nil || c.release == "" {
		return
	}
	key := strings.Join([]string{q.App, q.Env, name, query, string(labels)}, "\x00") // another query under the same name counts other things
	value := one.Points[0].Value
	was, known := s.last[key]
	if !(value >= 0 && value < 1e15) { // nor a number
		delete(s.last, key)
		return
	}
	s.last[key] = sample{value: value, round: number}
	if by := value - was.value; known && was.round == number-1 && by >= 0 {
		if to[c] == nil {
			to[c] = map[string]float64{}
		}
		to[c][name] += by
	}
}

// first is the first of the labels that is there.
func first(labels map[string]string, names ...string) string {
	for _, n := range names {
		if labels[n] != "" {
			return labels[n]
		}
	}
	return ""
}

// failed tells of a query that gives nothing, once until it gives something again.
func (s *Scraper) failed(q rollout.Queries, v manifest.Vital, query string, err error) {
	key := q.App + "/" + q.Env + "/" + v.Name
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.told[key] {
		return
	}
	s.told[key] = true
	if err == nil {
		err = fmt.Errorf("the answer is empty")
	}
	s.Logger.Warn("a vital has no data; nothing is judged by it until it has", "app", q.App, "environment", q.Env, "vital", v.Name, "query", query, "error", err)
}

// tell puts the growth since a time into the log, host by host.
func (s *Scraper) tell(ctx context.Context, since time.Time, grown map[cell]map[string]float64) error {
	byHost := map[string][]event.ReleaseSecond{}
	for c, counters := range grown {
		r := event.ReleaseSecond{App: c.app, Env: c.env, Release: c.release}
		for _, name := range slices.Sorted(maps.Keys(counters)) {
			r.Metrics = append(r.Metrics, event.Metric{Name: name, Kind: event.MetricCounter, Values: 1, Sum: counters[name]})
		}
		byHost[c.host] = append(byHost[c.host], r)
	}
	for _, host := range slices.Sorted(maps.Keys(byHost)) {
		s.numbers[host]++
		data, err := json.Marshal(event.HostSecond{Agent: host, Boot: s.boot, Number: s.numbers[host], Second: since.Unix(), Releases: byHost[host]})
		if err == nil {
			err = s.Journal.Append(ctx, "host", data)
		}
		if err != nil {
			return fmt.Errorf("tell what Prometheus has: %w", err)
		}
	}
	return nil
}
