package app_test

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/slipwayhq/slipway/internal/apptest"
	"github.com/slipwayhq/slipway/internal/event"
	"github.com/slipwayhq/slipway/internal/journal"
)

// sendingProgram counts its orders by statsd, as clients do that read STATSD_HOST and STATSD_PORT. What it counts is named after its version.
const sendingProgram = `package main

import (
	"fmt"
	"net"
	"net/http"
	"os"
	"time"
)

const version = %q

func main() {
	go func() {
		conn, err := net.Dial("udp", net.JoinHostPort(os.Getenv("STATSD_HOST"), os.Getenv("STATSD_PORT")))
		if err != nil {
			panic(err)
		}
		for range time.Tick(20 * time.Millisecond) {
			fmt.Fprintf(conn, "orders.%%s:1|c\nload:3|g\ntook:12|ms", version)
		}
	}()
	http.HandleFunc("/healthz", func(w http.ResponseWriter, r *http.Request) {})
	if err := http.ListenAndServe("127.0.0.1:"+os.Getenv("PORT"), nil); err != nil {
		panic(err)
	}
}
`

// hostSeconds reads the log of a server that has ended, each second once.
func hostSeconds(t *testing.T, dir string) (list []event.HostSecond) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	j, err := journal.Open(ctx, journal.Options{Dir: dir})
	if err != nil {
		t.Fatal(err)
	}
	defer j.Close()
	end := time.AfterFunc(2*time.Second, cancel) // what is there comes at once
	defer end.Stop()
	seen := map[string]bool{}
	err = j.ReadTelemetry(ctx, "host", 0, func(m journal.Telemetry) error {
		end.Reset(2 * time.Second)
		var sec event.HostSecond
		if err := json.Unmarshal(m.Data, &sec); err != nil {
			return err
		}
		if !seen[sec.Key()] {
			seen[sec.Key()] = true
			list = append(list, sec)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return list
}

// TestWhatAnAppCountsReachesTheLogAsItsReleases: while two releases run beside each other on every host, the log has what each of them counted as its own, and what its processes use.
func TestWhatAnAppCountsReachesTheLogAsItsReleases(t *testing.T) {
	s := apptest.Start(t)
	startAgents(t, s, 2, 1)
	startEdge(t, s)
	c := checkout{t: t, dir: t.TempDir(), url: s.GitURL("tiny")}
	c.must("init", "-q", "-b", "main")
	versions := map[string]string{} // by release
	for i, version := range []string{"one", "two"} {
		for name, text := range map[string]string{
			"go.mod": "module example.com/tiny\n\ngo 1.24\n", ".slipway.yaml": shipManifest, ".gitignore": "tiny\n",
			"main.go": fmt.Sprintf(sendingProgram, version), "main_test.go": shipTest,
		} {
			if err := os.WriteFile(filepath.Join(c.dir, name), []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		c.must("add", "-A")
		c.must("commit", "-q", "-m", "Version "+version)
		c.must("push", c.url, "HEAD:main")
		v := ended(t, s, i+1)
		if v.Outcome != "promoted" {
			t.Fatalf("%s ended %s: %v", version, v.Outcome, v.Reasons)
		}
		versions[v.Release.ID] = version
	}
	s.Stop()

	orders, together, used, hosts := map[string]float64{}, 0, map[string]bool{}, map[string]bool{}
	for _, sec := range hostSeconds(t, s.Path("log")) {
		hosts[sec.Agent] = true
		if len(sec.Unattributed) > 0 {
			t.Errorf("nobody's: %+v", sec.Unattributed)
		}
		for _, r := range sec.Releases {
			used[r.Release] = used[r.Release] || r.Use != nil && r.Use.Processes > 0 && r.Use.Memory > 0
			for _, m := range r.Metrics {
				if m.Name != "load" && m.Name != "took" && m.Name != "orders."+versions[r.Release] {
					t.Errorf("%s of %s is taken for that of %s", m.Name, r.Release, versions[r.Release])
				}
				if m.Name == "took" && (m.Kind != event.MetricTimer || m.Sum != 12*float64(m.Values) || m.Histogram == nil) {
					t.Errorf("took is %+v", m)
				}
				if m.Name == "orders."+versions[r.Release] {
					orders[r.Release] += m.Sum
				}
			}
		}
		if len(sec.Releases) == 2 {
			together++
		}
	}
	if len(hosts) != 2 || together == 0 || len(versions) != 2 {
		t.Errorf("%d hosts told of %d seconds with both of %d releases", len(hosts), together, len(versions))
	}
	for release, version := range versions {
		if orders[release] < 50 || !used[release] {
			t.Errorf("of %s are %g orders, its processes' use is known: %v", version, orders[release], used[release])
		}
	}
}
