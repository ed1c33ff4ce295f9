package scrape

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/slipwayhq/slipway/internal/db"
	"github.com/slipwayhq/slipway/internal/db/dbtest"
	"github.com/slipwayhq/slipway/internal/pure/manifest"
)

// A vital that no release has yet is asked for when it is tried, and what is wrong with it is said.
func TestAVitalIsTriedBeforeItIsShipped(t *testing.T) {
	var body atomic.Value
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = fmt.Fprint(w, body.Load()) }))
	d := dbtest.SQLite(t, db.Options{})
	j := dbtest.Journal(t, d)
	rollouts := serving(t, d, j)
	s := scraper(t, j, rollouts, server.URL, &bytes.Buffer{})
	said := func() (string, bool) {
		t.Helper()
		found, err := rollouts.ReadVitals(t.Context(), "shop", "production", []manifest.Vital{{Name: "new", Prometheus: "sum(a)", Per: "sum(b)", Bad: manifest.Rise, Weight: 1}})
		if err != nil || len(found) != 1 {
			t.Fatalf("%+v, %v", found, err)
		}
		return found[0].Text, found[0].Found
	}
	if text, ok := said(); ok || !strings.Contains(text, "--prometheus URL") {
		t.Errorf("without a Prometheus: %v, %q", ok, text)
	}
	rollouts.Probe = s.Probe
	answer := func(result string) string {
		return `{"status":"success","data":{"resultType":"vector","result":[` + result + `]}}`
	}
	for _, c := range []struct {
		body, says string
		ok         bool
	}{
		{answer(`{"metric":{"release":"rel_1","host":"a"},"value":[1,"5"]},{"metric":{"release":"rel_1","host":"b"},"value":[1,"2"]},{"metric":{"release":"old"},"value":[1,"900"]}`), "Prometheus has 7 of 7;", true},
		{answer(""), "nothing for sum(a)", false},
		{answer(`{"metric":{"instance":"x","job":"y"},"value":[1,"5"]}`), "(labels: instance, job)", false},
		{answer(`{"metric":{},"value":[1,"5"]}`), "(labels: none)", false},
		{`{"status":"error","errorType":"bad_data","error":"parse error: unexpected end"}`, "parse error: unexpected end", false},
	} {
		body.Store(c.body)
		if text, ok := said(); ok != c.ok || !strings.Contains(text, c.says) {
			t.Errorf("%s: %v, %q lacks %q", c.body, ok, text, c.says)
		}
	}
	server.Close()
	if text, ok := said(); ok || !strings.Contains(text, "nobody answers at 127.0.0.1:") || strings.Contains(text, "sum") || strings.Contains(text, "/api/") {
		t.Errorf("without an answer: %v, %q", ok, text)
	}
}

// What was read by one query is not told of another one that is tried under its name.
func TestAnotherQueryIsTriedByItself(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_, _ = fmt.Fprint(w, `{"status":"success","data":{"resultType":"vector","result":[{"metric":{"release":"rel_1"},"value":[1,"7"]}]}}`)
	}))
	defer server.Close()
	d := dbtest.SQLite(t, db.Options{})
	j := dbtest.Journal(t, d)
	rollouts := serving(t, d, j)
	s := scraper(t, j, rollouts, server.URL, &bytes.Buffer{})
	rollouts.Probe = s.Probe
	grown := map[cell]map[string]float64{{"shop", "production", "rel_1", ""}: {"prometheus/orders_failed": 3, "prometheus/orders_failed/per": 40}}
	if err := s.tell(t.Context(), time.Now().Add(-time.Minute), grown); err != nil {
		t.Fatal(err)
	}
	var own []manifest.Vital
	queries, err := rollouts.Queries(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	own = append(own, queries[0].Vitals...)
	read := func(v []manifest.Vital) string {
		t.Helper()
		found, err := rollouts.ReadVitals(t.Context(), "shop", "production", v)
		if err != nil || len(found) != 1 || !found[0].Found {
			t.Fatalf("%+v, %v", found, err)
		}
		return found[0].Text
	}
	for end := time.Now().Add(time.Minute); read(own) != "3 of 40"; time.Sleep(10 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("it reads %q", read(own))
		}
	}
	own[0].Prometheus = "sum(others)"
	if text := read(own); !strings.HasPrefix(text, "Prometheus has 7 of 7;") {
		t.Errorf("another one reads %q", text)
	}
}

// What is wrong is said once, in plain words, and so is that it is over.
func TestALateAnswerIsSaidPlainly(t *testing.T) {
	var late atomic.Bool
	late.Store(true)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if late.Load() {
			_, _ = io.Copy(io.Discard, r.Body) // else the end of the connection is not seen
			<-r.Context().Done()
			return
		}
		_, _ = fmt.Fprint(w, `{"status":"success","data":{"resultType":"vector","result":[{"metric":{"release":"rel_1"},"value":[1,"5"]}]}}`)
	}))
	defer server.Close()
	d := dbtest.SQLite(t, db.Options{})
	j := dbtest.Journal(t, d)
	var log bytes.Buffer
	s := scraper(t, j, serving(t, d, j), server.URL, &log)
	at := time.Unix(1_800_000_000, 0)
	if err := s.round(t.Context(), at); err != nil {
		t.Fatal(err)
	}
	if text := log.String(); !strings.Contains(text, "no answer in time") || strings.Contains(text, "context deadline") {
		t.Errorf("of a late answer it says %s", text)
	}
	late.Store(false)
	for range 2 {
		at = at.Add(every)
		if err := s.round(t.Context(), at); err != nil {
			t.Fatal(err)
		}
	}
	if n := strings.Count(log.String(), "a vital has data again"); n != 1 {
		t.Errorf("that it is over is said %d times: %s", n, log.String())
	}
}
