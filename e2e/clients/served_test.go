package clients

import (
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/slipwayhq/slipway/internal/wire"
)

// guided gives the lines of the guide to events that have all of these words.
func guided(t *testing.T, words ...string) string {
	t.Helper()
	guide, err := os.ReadFile("../../docs/guides/events.md")
	if err != nil {
		t.Fatal(err)
	}
	_, section, _ := strings.Cut(string(guide), "### Which release served it")
blocks:
	for _, block := range regexp.MustCompile("(?s)```js\n(.*?)```").FindAllStringSubmatch(section, -1) {
		for _, w := range words {
			if !strings.Contains(block[1], w) {
				continue blocks
			}
		}
		return block[1]
	}
	t.Fatalf("the guide has no lines with %q", words)
	return ""
}

// What the guide says does as it says: events of a page say who served it, as the edge told the page, whichever client sends them.
func TestPagesSayWhoServedThem(t *testing.T) {
	served := guided(t, "serverTiming")
	for name, call := range map[string]string{
		"segment": "await segment(" + strconv.Quote(served+guided(t, "addSourceMiddleware")) + ")",
		"posthog": "hog(" + strconv.Quote(served+guided(t, "posthog.init")) + ")",
	} {
		t.Run(name, func(t *testing.T) {
			p := newPlace(t)
			f, b := p.newFront(), openTab(t)
			pages := b.site.Config.Handler
			site := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { // as the edge tells them
				w.Header().Add("Server-Timing", "db;dur=3")
				if strings.HasSuffix(r.URL.Path, ".html") {
					w.Header().Add("Server-Timing", wire.TimingServed+`;desc="`+wire.Served("rel_1", "agt_2", "trf_3")+`"`)
				}
				pages.ServeHTTP(w, r)
			}))
			t.Cleanup(site.Close)
			b.site = site
			b.open("served.html", f, p.key, "")
			b.tell(call)
			p.until("a page and an order are taken", func() bool { return f.count() >= 2 })
			b.visit("about:blank")
			events, failed := p.logged()
			for _, e := range events {
				if e.Release != "rel_1" || strings.Contains(string(e.Properties)+string(e.Context), "rel_1") {
					t.Errorf("%s %q says it was served by %q: %s %s", e.Kind, e.Name, e.Release, e.Properties, e.Context)
				}
			}
			if len(failed) > 0 {
				t.Errorf("failed: %+v", failed)
			}
		})
	}
}

// A server says its own, by what its process is told.
func TestServersSayWhoServed(t *testing.T) {
	p := newPlace(t)
	lines := "import { Analytics } from '@segment/analytics-node';const analytics = new Analytics({ writeKey: '" + p.key + "', host: '" + p.server.URL() + "' });" +
		guided(t, "SLIPWAY_RELEASE") + ";await analytics.closeAndFlush()"
	cmd := exec.CommandContext(t.Context(), "node", "--input-type=module", "-e", lines)
	cmd.Env = append(os.Environ(), "SLIPWAY_RELEASE=rel_1", "SLIPWAY_HOST=agt_2")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	if events, _ := p.logged(); len(events) != 1 || events[0].Name != "order_completed" || events[0].Release != "rel_1" {
		t.Errorf("%+v", events)
	}
}
