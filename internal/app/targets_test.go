package app_test

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/slipwayhq/slipway/internal/apptest"
	"github.com/slipwayhq/slipway/internal/prometheus/promtest"
)

// countingProgram tells a Prometheus of its orders, and knows nothing of releases.
const countingProgram = `package main

import (
	"fmt"
	"net/http"
	"os"
)

func main() {
	http.HandleFunc("/healthz", func(w http.ResponseWriter, r *http.Request) {})
	http.HandleFunc("/metrics", func(w http.ResponseWriter, r *http.Request) { fmt.Fprintln(w, "orders_total 7") })
	if err := http.ListenAndServe("127.0.0.1:"+os.Getenv("PORT"), nil); err != nil {
		panic(err)
	}
}
`

// guideConfig is the configuration that the guide shows, for a server and a token of this test.
func guideConfig(t *testing.T, server, app, tokenFile string) string {
	t.Helper()
	text, err := os.ReadFile("../../docs/guides/prometheus.md")
	if err != nil {
		t.Fatal(err)
	}
	found := regexp.MustCompile("(?s)```yaml\n(# prometheus.yml\n.*?)```").FindSubmatch(text)
	if found == nil {
		t.Fatal("the guide shows no prometheus.yml")
	}
	return strings.NewReplacer("http://127.0.0.1:7070", server, "/apps/shop/", "/apps/"+app+"/", "slipway-token", tokenFile, "scrape_interval: 5s", "scrape_interval: 1s", "refresh_interval: 5s", "refresh_interval: 1s").Replace(string(found[1]))
}

// TestPrometheusFindsTheProcesses: with the guide's configuration and the token of somebody who may only look, a real Prometheus reads what the processes tell, under the labels by which vitals are summed.
func TestPrometheusFindsTheProcesses(t *testing.T) {
	s := apptest.Start(t)
	startAgents(t, s, 2, 1)
	startEdge(t, s)
	c := checkout{t: t, dir: t.TempDir(), url: s.GitURL("tiny")}
	c.must("init", "-q", "-b", "main")
	for name, text := range map[string]string{
		"go.mod": "module example.com/tiny\n\ngo 1.24\n", "main.go": countingProgram, ".slipway.yaml": "app: tiny\npackage: {run: go build -o tiny ., path: tiny}\nprocesses: {web: {run: ./tiny, health: /healthz}}\nrollout: {settle: 0s}\n",
	} {
		if err := os.WriteFile(filepath.Join(c.dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	const path = "/v1/apps/tiny/environments/production/targets"
	c.must("add", "-A")
	c.must("commit", "-q", "-m", "Count orders")
	c.must("push", c.url, "HEAD:main")
	if _, body := ask(t, s, http.MethodGet, path, ""); body != "[]\n" && !strings.HasPrefix(body, `[{"targets":`) {
		t.Errorf("before anything runs the answer is no list: %q", body)
	}
	v := ended(t, s, 1)

	var made struct{ Token string }
	s.Must(t, "POST", "/v1/people", map[string]string{"name": "prometheus"}, nil)
	s.Must(t, "PUT", "/v1/apps/tiny/grants/prometheus", map[string]string{"role": "viewer"}, nil)
	s.Must(t, "POST", "/v1/tokens", map[string]string{"label": "finds targets", "person": "prometheus"}, &made)
	file := filepath.Join(t.TempDir(), "token")
	if err := os.WriteFile(file, []byte(made.Token+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	server := promtest.Start(t, promtest.Options{Config: guideConfig(t, s.URL(), "tiny", file)})
	want := []string{"host-1 " + v.Release.ID + " 7", "host-2 " + v.Release.ID + " 7"}
	s.Until(t, "Prometheus has read what both processes tell", func() bool {
		got := sums(t, server, `sum by (host, release) (orders_total{app="tiny",environment="production",process="web"})`)
		return slices.Equal(got, want)
	})
}

// sums are the series of a Prometheus: host, release and value.
func sums(t *testing.T, server, query string) (all []string) {
	t.Helper()
	res, err := http.Get(server + "/api/v1/query?query=" + url.QueryEscape(query))
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	var answer struct {
		Data struct {
			Result []struct {
				Metric map[string]string
				Value  [2]any
			}
		}
	}
	if err := json.Unmarshal(text, &answer); err != nil {
		t.Fatalf("%v in %s", err, text)
	}
	for _, r := range answer.Data.Result {
		all = append(all, fmt.Sprint(r.Metric["host"], " ", r.Metric["release"], " ", r.Value[1]))
	}
	slices.Sort(all)
	return all
}
