package prometheus_test

import (
	"context"
	"fmt"
	"math"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/slipwayhq/slipway/internal/prometheus"
	"github.com/slipwayhq/slipway/internal/prometheus/promtest"
)

func client(t *testing.T, url string, o prometheus.Options) *prometheus.Client {
	t.Helper()
	c, err := prometheus.New(url, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}

// history is a counter that grows by ten a minute for so many minutes, is reset after the tenth, and is silent from the 20th to the 29th.
func history(start int64, minutes int) string {
	var b strings.Builder
	b.WriteString("# TYPE http_requests counter\n")
	total := 0
	for m := range minutes {
		if m == 10 {
			total = -10
		}
		total += 10
		if m >= 20 && m < 30 {
			continue
		}
		fmt.Fprintf(&b, "http_requests_total{instance=\"a\"} %d %d\n", total, start+int64(m)*60)
	}
	b.WriteString("# EOF\n")
	return b.String()
}

func TestARealPrometheusIsAsked(t *testing.T) {
	var count atomic.Int64
	exporter := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprintf(w, "# TYPE hits_total counter\nhits_total{code=\"200\"} %d\nhits_total{code=\"500\"} 3\n", count.Add(1))
	}))
	t.Cleanup(exporter.Close)
	start := time.Now().Add(-9 * 24 * time.Hour).Truncate(2 * time.Hour)
	minutes := 8 * 24 * 60 // more points than one answer may have
	c := client(t, promtest.Start(t, promtest.Options{Scrape: strings.TrimPrefix(exporter.URL, "http://"), History: history(start.Unix(), minutes)}), prometheus.Options{})
	ctx := t.Context()

	series, err := c.Range(ctx, "http_requests_total", start, start.Add(time.Duration(minutes-1)*time.Minute), time.Minute)
	if err != nil || len(series) != 1 || series[0].Labels["instance"] != "a" {
		t.Fatalf("%v, %v", series, err)
	}
	increases, gaps := prometheus.Increases(series[0].Points, 60)
	for _, inc := range increases {
		if inc.By != 10 && inc.By != 0 { // five minutes on, Prometheus still gives the last sample
			t.Fatalf("%+v", inc)
		}
	}
	if gaps.Resets != 1 || gaps.Missing != 5 || len(increases)+gaps.Sum() != minutes-2 || len(series[0].Points) != minutes-5 {
		t.Errorf("%d increases of %d points, gaps %+v", len(increases), len(series[0].Points), gaps)
	}
	if none, err := c.Range(ctx, "no_such_thing", start, start.Add(time.Hour), time.Minute); err != nil || len(none) != 0 {
		t.Errorf("an empty answer: %v, %v", none, err)
	}
	nan, err := c.Range(ctx, "http_requests_total * 0 / 0", start, start.Add(5*time.Minute), time.Minute)
	if err != nil || len(nan) != 1 || !math.IsNaN(nan[0].Points[0].Value) {
		t.Errorf("NaN: %v, %v", nan, err)
	}
	if _, gaps := prometheus.Increases(nan[0].Points, 60); gaps.NoValue != 6 {
		t.Errorf("NaN: %+v", gaps)
	}
	for query, want := range map[string]string{"sum by (": "parse error", "http_requests_total[5m]": "bad_data", `"text"`: "bad_data"} {
		if _, err := c.Range(ctx, query, start, start.Add(time.Hour), time.Minute); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", query, err)
		}
	}
	if s, err := c.Instant(ctx, "scalar(vector(42))", time.Now()); err != nil || len(s) != 1 || s[0].Points[0].Value != 42 {
		t.Errorf("a scalar: %v, %v", s, err)
	}
	live := waitFor(t, c, "hits_total")
	if len(live) != 2 || live[0].Labels["job"] != "app" {
		t.Errorf("what is scraped: %v", live)
	}
}

// waitFor asks until there is an answer.
func waitFor(t *testing.T, c *prometheus.Client, query string) []prometheus.Series {
	t.Helper()
	for t.Context().Err() == nil {
		s, err := c.Instant(t.Context(), query, time.Now())
		if err != nil {
			t.Fatal(err)
		}
		if len(s) > 0 {
			return s
		}
		time.Sleep(50 * time.Millisecond) // it scrapes once a second and tells nobody
	}
	return nil
}

// Whatever a server answers that is no answer of Prometheus is an error that says so, and never a number.
func TestWhatIsNoAnswerIsAnError(t *testing.T) {
	for name, c := range map[string]struct {
		status     int
		body, want string
	}{
		"a page":             {200, "<html>\nlog in</html>", "none of its API: <html> log in"},
		"nothing":            {200, "", "none of its API: nothing"},
		"half":               {200, `{"status":"success","data":{"resultType":"matrix","result":[{"metric":{},"values":[[1,"1"`, "none of its API"},
		"no data":            {200, `{"status":"success"}`, "no data"},
		"an error":           {422, `{"status":"error","errorType":"execution","error":"too many samples"}`, "execution: too many samples"},
		"a proxy's error":    {502, `{"status":"success","data":{"resultType":"matrix","result":[]}}`, "ask Prometheus"},
		"another type":       {200, `{"status":"success","data":{"resultType":"string","result":[1,"x"]}}`, "is a string"},
		"a value of no kind": {200, `{"status":"success","data":{"resultType":"matrix","result":[{"metric":{},"values":[[1,"ten"]]}]}}`, "no number"},
		"a bare value":       {200, `{"status":"success","data":{"resultType":"matrix","result":[{"metric":{},"values":[[1,10]]}]}}`, "no time and value"},
		"histograms":         {200, `{"status":"success","data":{"resultType":"matrix","result":[{"metric":{},"histograms":[[1,{}]]}]}}`, "histogram_count"},
		"too much":           {200, `{"status":"success","data":"` + strings.Repeat("x", 2<<20) + `"}`, "larger than 1 MiB"},
	} {
		s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(c.status)
			fmt.Fprint(w, c.body)
		}))
		series, err := client(t, s.URL, prometheus.Options{MaxBytes: 1 << 20}).Range(t.Context(), "x", time.Unix(0, 0), time.Unix(60, 0), time.Minute)
		if err == nil || !strings.Contains(err.Error(), c.want) || series != nil || strings.Contains(err.Error(), "\n") {
			t.Errorf("%s: %v, %v", name, series, err)
		}
		s.Close()
	}
}

func TestAServerThatDoesNotAnswerIsGivenUp(t *testing.T) {
	until := make(chan struct{})
	s := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { <-until }))
	t.Cleanup(func() { close(until); s.Close() })
	if _, err := client(t, s.URL, prometheus.Options{Timeout: 20 * time.Millisecond}).Instant(t.Context(), "x", time.Now()); err == nil || !strings.Contains(err.Error(), "no answer within 20ms") {
		t.Errorf("%v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := client(t, s.URL, prometheus.Options{}).Instant(ctx, "x", time.Now()); err == nil || !strings.Contains(err.Error(), "canceled") {
		t.Errorf("%v", err)
	}
	if _, err := client(t, "http://127.0.0.1:1", prometheus.Options{}).Instant(t.Context(), "x", time.Now()); err == nil || !strings.Contains(err.Error(), "refused") {
		t.Errorf("%v", err)
	}
	for _, url := range []string{"", "prometheus:9090", "ftp://x", "http://"} {
		if _, err := prometheus.New(url, prometheus.Options{}); err == nil {
			t.Errorf("%q is taken", url)
		}
	}
}

func TestTheTokenAndThePathAreSent(t *testing.T) {
	var got string
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		got = r.URL.Path + " " + r.Header.Get("Authorization") + " " + r.FormValue("query")
		fmt.Fprint(w, `{"status":"success","data":{"resultType":"vector","result":[]}}`)
	}))
	t.Cleanup(s.Close)
	if _, err := client(t, s.URL+"/select/0/prometheus", prometheus.Options{Token: "t0"}).Instant(t.Context(), "up", time.Now()); err != nil || got != "/select/0/prometheus/api/v1/query Bearer t0 up" {
		t.Errorf("%q, %v", got, err)
	}
}

func TestIncreases(t *testing.T) {
	points := []prometheus.Point{{0, 5}, {60, 7}, {120, 7}, {180, 2}, {240, 4}, {420, 10}, {480, math.NaN()}, {540, 12}, {600, math.Inf(1)}, {660, 13}, {720, -1}, {780, 14}, {840, 15}}
	got, gaps := prometheus.Increases(points, 60)
	want := []prometheus.Increase{{60, 2}, {120, 0}, {240, 2}, {840, 1}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if want := (prometheus.Gaps{Missing: 2, Resets: 1, NoValue: 3}); gaps != want {
		t.Errorf("%+v, expected %+v", gaps, want)
	}
}
