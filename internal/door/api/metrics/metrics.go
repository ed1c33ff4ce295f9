// Package metrics is what the server tells Prometheus of itself, and of what is in the store.
package metrics

import (
	"context"
	"fmt"
	"net/http"
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/slipwayhq/slipway/internal/db"
	"github.com/slipwayhq/slipway/internal/journal"
)

// Gauge is a figure that /metrics reads when it is asked.
type Gauge struct {
	// Name is "slipway_<noun>", Help one sentence.
	Name, Help string
	// Label names what the keys of Read are; empty when there is one figure, under the key "".
	Label string
	Read  func(context.Context) (map[string]float64, error)
}

// Metrics is what the server knows of itself. It is no global: two servers run in one test process.
type Metrics struct {
	registry *prometheus.Registry
	requests *prometheus.CounterVec
	seconds  *prometheus.HistogramVec
	inFlight prometheus.Gauge
}

// New makes them for a version of the program. The log may be nil.
func New(version string, d *db.DB, j *journal.Journal, more []Gauge) *Metrics {
	m := &Metrics{
		registry: prometheus.NewRegistry(),
		requests: prometheus.NewCounterVec(prometheus.CounterOpts{Name: "slipway_http_requests_total", Help: "Requests answered, by route, method and status."},
			[]string{"route", "method", "code"}),
		seconds: prometheus.NewHistogramVec(prometheus.HistogramOpts{Name: "slipway_http_request_seconds", Help: "Time to the end of the answer, by route; long polls and streams included.",
			Buckets: []float64{.001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 30}}, []string{"route"}),
		inFlight: prometheus.NewGauge(prometheus.GaugeOpts{Name: "slipway_http_requests_in_flight", Help: "Requests being answered."}),
	}
	build := prometheus.NewGauge(prometheus.GaugeOpts{Name: "slipway_build_info", Help: "1, with the version.", ConstLabels: prometheus.Labels{"version": version}})
	build.Set(1)
	m.registry.MustRegister(m.requests, m.seconds, m.inFlight, build, collectors.NewGoCollector(),
		collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}), gauges{d, j, more})
	return m
}

// Handler answers /metrics.
func (m *Metrics) Handler() http.Handler {
	return promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{ErrorHandling: promhttp.ContinueOnError})
}

// Begin counts a request as being answered, until the func that it gives is called.
func (m *Metrics) Begin() (end func()) {
	m.inFlight.Inc()
	return m.inFlight.Dec
}

// Observe notes an answer.
func (m *Metrics) Observe(route, method string, code int, took time.Duration) {
	switch method {
	case "GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS":
	default:
		method = "other" // a method can be any text: it must not make a series each
	}
	m.requests.WithLabelValues(route, method, strconv.Itoa(code)).Inc()
	m.seconds.WithLabelValues(route).Observe(took.Seconds())
}

// gauges reads what is in the store when Prometheus asks.
type gauges struct {
	db   *db.DB
	j    *journal.Journal
	more []Gauge
}

// Describe gives nothing: the figures are known when they are read.
func (gauges) Describe(chan<- *prometheus.Desc) {}

// Collect reads all figures. One that cannot be read is reported as an error, the others are given.
func (g gauges) Collect(out chan<- prometheus.Metric) {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	own := []Gauge{
		{Name: "slipway_events_waiting", Help: "State events that are not in the log yet.", Read: g.waiting},
		{Name: "slipway_consumer_lag", Help: "State events that a consumer has yet to see.", Label: "consumer", Read: g.lag},
	}
	for _, gauge := range append(own, g.more...) {
		var labels []string
		if gauge.Label != "" {
			labels = []string{gauge.Label}
		}
		desc := prometheus.NewDesc(gauge.Name, gauge.Help, labels, nil)
		values, err := gauge.Read(ctx)
		if err != nil {
			out <- prometheus.NewInvalidMetric(desc, fmt.Errorf("read %s: %w", gauge.Name, err))
			continue
		}
		for key, v := range values {
			of := []string{key}
			if gauge.Label == "" {
				of = nil
			}
			out <- prometheus.MustNewConstMetric(desc, prometheus.GaugeValue, v, of...)
		}
	}
}

func (g gauges) waiting(ctx context.Context) (map[string]float64, error) {
	var newest, n int64
	if g.j != nil {
		var err error
		if newest, err = g.j.LastPosition(ctx); err != nil {
			return nil, err
		}
	}
	err := g.db.QueryRow(ctx, `SELECT COUNT(*) FROM events WHERE position IS NULL OR position > $1`, newest).Scan(&n)
	return map[string]float64{"": float64(n)}, err
}

func (g gauges) lag(ctx context.Context) (map[string]float64, error) {
	lags, err := g.db.Lags(ctx)
	out := make(map[string]float64, len(lags))
	for name, n := range lags {
		out[name] = float64(n)
	}
	return out, err
}
