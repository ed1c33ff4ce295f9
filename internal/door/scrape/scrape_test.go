package scrape

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"math"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/slipwayhq/slipway/internal/db"
	"github.com/slipwayhq/slipway/internal/db/dbtest"
	"github.com/slipwayhq/slipway/internal/decide/rollout"
	"github.com/slipwayhq/slipway/internal/event"
	"github.com/slipwayhq/slipway/internal/journal"
	"github.com/slipwayhq/slipway/internal/prometheus"
	"github.com/slipwayhq/slipway/internal/prometheus/promtest"
	"github.com/slipwayhq/slipway/internal/pure/manifest"
)

// serving puts a release that is judged by a Prometheus in front of the visitors of shop.
func serving(t *testing.T, d *db.DB, j *journal.Journal) *rollout.Service {
	t.Helper()
	s := rollout.New(d, j, slog.New(slog.NewTextHandler(t.Output(), nil)))
	dbtest.Run(t, s.Run)
	m := manifest.Manifest{App: "shop", Processes: map[string]manifest.Process{"web": {Run: "./shop"}}, Rollout: manifest.DefaultRollout()}
	m.Rollout.Vitals = append(m.Rollout.Vitals, manifest.Vital{
		Name: "orders_failed", Prometheus: "sum by (release, instance) (orders_failed_total)", Per: "sum by (release, instance) (orders_total)", Bad: manifest.Rise, Weight: 1,
	})
	text, err := json.Marshal(m)
	if err != nil {
		t.Fatal(err)
	}
	meta := event.Meta{App: "shop", Env: "production", Actor: "system:test"}
	dbtest.Emit(t, d, event.Meta{Actor: "agent:h1"}, event.AgentJoined{Agent: "agt_1", Name: "127.0.0.1", Roles: []string{"host"}})
	dbtest.Emit(t, d, meta, event.EnvironmentCreated{Name: "production", Spec: event.EnvironmentSpec{Branch: "main"}})
	dbtest.Emit(t, d, meta, event.ReleaseCreated{Release: "rel_1", Number: 1, Commit: strings.Repeat("ab12", 10), Artifact: strings.Repeat("a", 64), Manifest: text, Why: "push"})
	for end := time.Now().Add(time.Minute); ; time.Sleep(10 * time.Millisecond) {
		q, err := s.Queries(t.Context())
		if err == nil && len(q) == 1 && q[0].Release("ab12ab1") == "rel_1" {
			return s
		}
		if time.Now().After(end) {
			t.Fatalf("nothing is asked for: %+v, %v", q, err)
		}
	}
}

// told reads what the scraper put into the log.
func told(t *testing.T, j *journal.Journal) (all []event.HostSecond) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Second)
	defer cancel()
	_ = j.ReadTelemetry(ctx, "host", 0, func(m journal.Telemetry) error {
		var s event.HostSecond
		if err := json.Unmarshal(m.Data, &s); err != nil {
			t.Error(err)
		}
		all = append(all, s)
		return nil
	})
	return all
}

func scraper(t *testing.T, j *journal.Journal, s *rollout.Service, url string, log *bytes.Buffer) *Scraper {
	t.Helper()
	client, err := prometheus.New(url, prometheus.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(client.Close)
	return &Scraper{Client: client, Rollouts: s, Journal: j, Logger: slog.New(slog.NewTextHandler(log, nil)),
		boot: "b", numbers: map[string]int64{}, last: map[string]sample{}, told: map[string]bool{}}
}

// From an app's own counters, by way of a real Prometheus, to the log.
func TestARealPrometheus(t *testing.T) {
	var failed, all atomic.Int64
	app := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_, _ = fmt.Fprintf(w, "orders_failed_total{release=\"rel_1\"} %d\norders_total{release=\"rel_1\"} %d\norders_total{release=\"other\"} 99\norders_failed_total{release=\"other\"} 9\n", failed.Load(), all.Load())
	}))
	defer app.Close()
	failed.Store(5)
	all.Store(100)
	url := promtest.Start(t, promtest.Options{Scrape: strings.TrimPrefix(app.URL, "http://")})
	d := dbtest.SQLite(t, db.Options{})
	j := dbtest.Journal(t, d)
	var log bytes.Buffer
	s := scraper(t, j, serving(t, d, j), url, &log)
	scraped := func(want int64) {
		t.Helper()
		for end := time.Now().Add(time.Minute); ; time.Sleep(100 * time.Millisecond) {
			series, err := s.Client.Instant(t.Context(), `sum(orders_total{release="rel_1"})`, time.Now())
			if err == nil && len(series) == 1 && series[0].Points[0].Value == float64(want) {
				return
			}
			if time.Now().After(end) {
				t.Fatalf("the counter was not scraped: %v, %v", series, err)
			}
		}
	}
	at := time.Unix(1_800_000_000, 0)
	round := func(n int) {
		t.Helper()
		// What is asked for is now; the rounds are ten seconds apart by their number.
		grown := map[cell]map[string]float64{}
		queries, err := s.Rollouts.Queries(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		for _, v := range queries[0].Vitals {
			s.vital(t.Context(), queries[0], v, time.Now(), int64(n), grown)
		}
		if err := s.tell(t.Context(), at.Add(time.Duration(n)*every), grown); err != nil {
			t.Fatal(err)
		}
	}
	scraped(100)
	round(1)
	failed.Add(3)
	all.Add(40)
	scraped(140)
	round(2)
	failed.Store(1) // started again
	all.Store(10)
	scraped(10)
	round(3)
	seconds := told(t, j)
	if len(seconds) != 1 {
		t.Fatalf("told %d times: %+v (%s)", len(seconds), seconds, log.String())
	}
	got := seconds[0]
	want := []event.Metric{{Name: "prometheus/orders_failed", Kind: event.MetricCounter, Values: 1, Sum: 3}, {Name: "prometheus/orders_failed/per", Kind: event.MetricCounter, Values: 1, Sum: 40}}
	if got.Agent != "agt_1" || got.Second != at.Add(2*every).Unix() || len(got.Releases) != 1 || got.Releases[0].Release != "rel_1" || len(got.Releases[0].Metrics) != 2 ||
		got.Releases[0].Metrics[0] != want[0] || got.Releases[0].Metrics[1] != want[1] {
		t.Errorf("told %+v", got)
	}
}

// What fails, is empty, late, no number or has fallen is a gap, told once.
func TestWhatIsNoAnswerIsAGap(t *testing.T) {
	var body atomic.Value
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if text := body.Load().(string); text != "" {
			_, _ = fmt.Fprint(w, text)
			return
		}
		http.Error(w, "down", http.StatusInternalServerError)
	}))
	defer server.Close()
	vector := func(values ...string) string {
		var all []string
		for i, v := range values {
			all = append(all, fmt.Sprintf(`{"metric":{"release":"rel_1","part":"%d"},"value":[1800000000,"%s"]}`, i, v))
		}
		return `{"status":"success","data":{"resultType":"vector","result":[` + strings.Join(all, ",") + `]}}`
	}
	d := dbtest.SQLite(t, db.Options{})
	j := dbtest.Journal(t, d)
	var log bytes.Buffer
	s := scraper(t, j, serving(t, d, j), server.URL, &log)
	at := time.Unix(1_800_000_000, 0)
	for _, text := range []string{vector("100"), "", vector(), "{", vector("NaN"), vector("7"), vector("3"), vector("1e30"), vector("+Inf"), vector("-4")} {
		body.Store(text)
		if err := s.round(t.Context(), at); err != nil {
			t.Fatal(err)
		}
		at = at.Add(every)
	}
	if seconds := told(t, j); len(seconds) != 0 {
		t.Errorf("gaps are told: %+v", seconds)
	}
	if n := strings.Count(log.String(), "a vital has no data"); n != 1 {
		t.Errorf("it is said %d times: %s", n, log.String())
	}
	for i, v := range []string{"1", "4"} {
		body.Store(vector(v, "10"))
		if err := s.round(t.Context(), at.Add(time.Duration(i)*every)); err != nil {
			t.Fatal(err)
		}
	}
	seconds := told(t, j)
	if len(seconds) != 1 || seconds[0].Agent != "" || math.Abs(seconds[0].Releases[0].Metrics[0].Sum-3) > 1e-9 {
		t.Errorf("with answers again it tells %+v", seconds)
	}
}

// Another query under the same name begins anew: that it has more than the one before is no growth.
func TestAnotherQueryBeginsAnew(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		value := "100"
		if strings.Contains(r.FormValue("query"), "others") {
			value = "900"
		}
		_, _ = fmt.Fprintf(w, `{"status":"success","data":{"resultType":"vector","result":[{"metric":{"release":"rel_1"},"value":[1800000000,%q]}]}}`, value)
	}))
	defer server.Close()
	d := dbtest.SQLite(t, db.Options{})
	j := dbtest.Journal(t, d)
	s := scraper(t, j, serving(t, d, j), server.URL, &bytes.Buffer{})
	queries, err := s.Rollouts.Queries(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	v := queries[0].Vitals[0]
	grown := map[cell]map[string]float64{}
	for n := range int64(3) {
		if n == 2 {
			v.Prometheus, v.Per = "sum(others_failed)", "sum(others)"
		}
		s.vital(t.Context(), queries[0], v, time.Now(), n, grown)
	}
	for c, counters := range grown {
		for name, by := range counters {
			if by != 0 {
				t.Errorf("%s of %s grew by %v", name, c.release, by)
			}
		}
	}
	if len(grown) != 1 {
		t.Errorf("told of %v", grown)
	}
}
