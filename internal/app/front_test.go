package app_test

import (
	"fmt"
	"hash/crc32"
	"math/rand/v2"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/slipwayhq/slipway/internal/apptest"
)

// TestAnAppBehindALoadBalancerOfSomebodyElse: no edge of ours stands before the hosts, but each has a front, and a load balancer spreads visitors over these: each request anew, or, where visitors
// are drawn, each visitor. Rollouts have their vitals from there.
func TestAnAppBehindALoadBalancerOfSomebodyElse(t *testing.T) {
	t.Run("hosts", func(t *testing.T) { behindABalancer(t, "hosts", "15s") }) // ten seconds are put together
	t.Run("visitors", func(t *testing.T) { behindABalancer(t, "visitors", "2s") })
}

func behindABalancer(t *testing.T, mode, watch string) {
	s := apptest.Start(t)
	startAgents(t, s, 3, 2)
	var list struct {
		Items []struct {
			ID, Name string
			Roles    []string
		}
	}
	s.Until(t, "the hosts have joined", func() bool {
		s.Must(t, "GET", "/v1/agents", nil, &list)
		return len(list.Items) == 5
	})
	var fronts []*url.URL
	for _, a := range list.Items {
		if a.Roles[0] == "host" {
			u, err := url.Parse(startFront(t, s, a.Name+"-front", a.ID))
			if err != nil {
				t.Fatal(err)
			}
			fronts = append(fronts, u)
		}
	}
	balancer := httptest.NewServer(&httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) {
		at := rand.Uint32()
		if cookie := r.In.Header.Get("Cookie"); mode == "visitors" && cookie != "" {
			at = crc32.ChecksumIEEE([]byte(cookie))
		}
		r.SetURL(fronts[at%uint32(len(fronts))])
	}})
	t.Cleanup(balancer.Close)

	c := checkout{t: t, dir: t.TempDir(), url: s.GitURL("tiny")}
	c.must("init", "-q", "-b", "main")
	ship := func(version string, failEvery int) {
		t.Helper()
		manifest := strings.Replace(shipManifest, "canary: visitors\n  steps: [{share: 50%, watch: 2s", "canary: "+mode+"\n  steps: [{share: 30%, watch: "+watch, 1)
		for name, text := range map[string]string{
			"go.mod": "module example.com/tiny\n\ngo 1.24\n", ".slipway.yaml": manifest, ".gitignore": "tiny\n",
			"main.go": fmt.Sprintf(shipProgram, version, failEvery), "main_test.go": shipTest,
		} {
			if err := os.WriteFile(filepath.Join(c.dir, name), []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		c.must("add", "-A")
		c.must("commit", "-q", "-m", "Version "+version)
		c.must("push", c.url, "HEAD:main")
	}
	ship("one", 50)
	if v := ended(t, s, 1); v.Outcome != "promoted" || v.Mode != mode {
		t.Fatalf("the first release, by %s, ended %s: %v", v.Mode, v.Outcome, v.Reasons)
	}
	crowd, stop := startVisitors(t, balancer.URL)
	ship("two", 50)
	if v := ended(t, s, 2); v.Outcome != "promoted" {
		t.Errorf("the good release ended %s: %v", v.Outcome, v.Reasons)
	}
	ship("three", 3)
	if v := ended(t, s, 3); v.Outcome != "rolled_back" || v.Verdict != "regressed" || v.Vital != "errors" {
		t.Errorf("the bad release ended %s, %s on %s: %v", v.Outcome, v.Verdict, v.Vital, v.Reasons)
	}
	stop()
	if st := crowd.Stats().Total(); st.Lost != 0 || st.Requests == 0 {
		t.Errorf("of %d requests %d were lost: %v", st.Requests, st.Lost, crowd.Stats().Losses)
	}
}
