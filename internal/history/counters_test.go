package history_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/slipwayhq/slipway/internal/history"
	"github.com/slipwayhq/slipway/internal/prometheus"
	"github.com/slipwayhq/slipway/internal/prometheus/promtest"
	"github.com/slipwayhq/slipway/internal/pure/shadow"
)

const minutes = 40 * 60

// bad is the minute of a deploy that doubles the errors, at which all hosts are started again.
const bad = 34*60 + 7

// metrics are the counters of two hosts by the minute. A counter of errors begins with its first one.
func metrics() string {
	r := rand.New(rand.NewPCG(3, 1))
	var b strings.Builder
	b.WriteString("# TYPE http_requests counter\n")
	for host := range 2 {
		var ok, failed strings.Builder
		fine, errs := 0, 0
		for m := range minutes {
			if m == bad {
				fine, errs = 0, 0
			}
			n := int(900 * (1 + 0.6*math.Sin(2*math.Pi*float64(m)/1440)))
			x := 0
			for range n {
				if r.Float64() < 0.01 || m >= bad && r.Float64() < 0.012 {
					x++
				}
			}
			fine, errs = fine+n-x, errs+x
			at := start - 86400 + int64(m)*60
			fmt.Fprintf(&ok, "http_requests_total{instance=\"web-%d\",code=\"200\"} %d %d\n", host, fine, at)
			if errs > 0 {
				fmt.Fprintf(&failed, "http_requests_total{instance=\"web-%d\",code=\"500\"} %d %d\n", host, errs, at)
			}
		}
		b.WriteString(ok.String() + failed.String())
	}
	return b.String() + "# EOF\n"
}

func TestCountersOfARealPrometheusAreJudged(t *testing.T) {
	url := promtest.Start(t, promtest.Options{History: metrics()})
	q := history.Counters{
		Requests: "sum by (instance) (http_requests_total)", Errors: `sum by (instance) (http_requests_total{code=~"5.."})`,
		Since: time.Unix(start-86400, 0), Until: time.Unix(start-86400+minutes*60-60, 0), Step: time.Minute,
	}
	c, err := prometheus.New(url, prometheus.Options{})
	must(t, err)
	defer c.Close()
	traffic, known, err := q.Read(t.Context(), c)
	must(t, err)
	if want := (history.Known{Steps: 2 * (minutes - 2), Gaps: prometheus.Gaps{Resets: 2}}); known != want {
		t.Errorf("%+v, expected %+v", known, want)
	}
	at := int64(start - 86400 + bad*60)
	r, err := shadow.Judge(traffic, []shadow.Deploy{{Time: at - 12*3600, Release: "v1"}, {Time: at, Release: "v2"}}, shadow.Options{})
	must(t, err)
	t.Log(r.Deploys[0].Sentence, r.Deploys[1].Sentence, r.Summary)
	if d := r.Deploys; d[0].Verdict != shadow.NothingSeen || d[1].Verdict != shadow.Indicated || d[1].At.Unix()-at > 600 || r.Requests < 4_000_000 || math.Abs(float64(r.Errors)/float64(r.Requests)-0.0115) > 0.001 {
		t.Errorf("%d of %d: %+v", r.Errors, r.Requests, r.Deploys)
	}
	for name, c2 := range map[string]struct {
		change func(*history.Counters)
		want   string
	}{
		"nothing asked":   {func(q *history.Counters) { q.Errors = "" }, "a query of counters each"},
		"no such metric":  {func(q *history.Counters) { q.Requests = "hits" }, "--requests: the query gives no series"},
		"no such errors":  {func(q *history.Counters) { q.Errors = `sum by (instance) (http_requests_total{code="999"})` }, "--errors: the query gives no series"},
		"not summed":      {func(q *history.Counters) { q.Requests = "http_requests_total" }, `several series are of host "web-0"`},
		"summed by less":  {func(q *history.Counters) { q.Errors = "sum(http_requests_total)" }, "sum all queries by the same labels"},
		"NaN":             {func(q *history.Counters) { q.Requests += " * 0 / 0" }, "is it a counter"},
		"more errors":     {func(q *history.Counters) { q.Errors = "2 * " + q.Requests }, "is it a counter"},
		"no PromQL":       {func(q *history.Counters) { q.Requests = "sum(" }, "parse error"},
		"a step too long": {func(q *history.Counters) { q.Step = time.Hour }, "between 10 s and 1 min"},
		"a time without data": {func(q *history.Counters) {
			q.Since, q.Until = time.Unix(start-90*86400, 0), time.Unix(start-89*86400, 0)
		}, "no series"},
	} {
		q := q
		c2.change(&q)
		if _, _, err := q.Read(t.Context(), c); err == nil || !strings.Contains(err.Error(), c2.want) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// One host's NaN, gap or reset leaves out that host and step, and no more.
func TestGapsAreLeftOutAndCounted(t *testing.T) {
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		values := map[string]string{ // minutes 0 to 6
			"requests": `[[0,"100"],[60,"200"],[120,"NaN"],[180,"400"],[240,"500"],[300,"50"],[360,"150"],[420,"250"]]`,
			"errors":   `[[60,"3"],[180,"4"],[240,"5"],[300,"0"],[360,"7"]]`,
			"slow":     `[[0,"0"],[60,"1"],[120,"1"],[180,"1"],[240,"3"],[300,"0"],[360,"2"],[420,"2"]]`,
		}[r.FormValue("query")]
		fmt.Fprintf(w, `{"status":"success","data":{"resultType":"matrix","result":[{"metric":{"pod":"p","version":"v3"},"values":%s}]}}`, values)
	}))
	t.Cleanup(s.Close)
	c, err := prometheus.New(s.URL, prometheus.Options{})
	must(t, err)
	traffic, known, err := history.Counters{Requests: "requests", Errors: "errors", Slow: "slow", Since: time.Unix(0, 0), Until: time.Unix(420, 0), Step: time.Minute}.Read(t.Context(), c)
	must(t, err)
	// Counted: until 60 (the errors began in it), 240 and 360. At 420 the counter of errors is gone.
	if want := (history.Known{Steps: 3, Gaps: prometheus.Gaps{Resets: 1, NoValue: 2}}); known != want {
		t.Errorf("%+v, expected %+v", known, want)
	}
	r, err := shadow.Judge(traffic, []shadow.Deploy{{Time: 60, Release: "v3"}}, shadow.Options{})
	must(t, err)
	if r.Requests != 300 || r.Errors != 11 || traffic.Hosts()[0] != "p" || r.From.Unix() != 0 {
		t.Errorf("%d errors of %d requests from %v on", r.Errors, r.Requests, r.From)
	}
	notes := strings.Join(history.Read{Counters: &known}.Notes(), "")
	if !strings.Contains(notes, "3 steps were counted, and 3 left out") {
		t.Error(notes)
	}
}
