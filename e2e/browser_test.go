package e2e

import (
	"io"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/slipwayhq/slipway/internal/visitors"
)

// TestJourney goes the way of a few commits as one sees it on the pages.
func TestJourney(t *testing.T) {
	if _, err := os.Stat("../ui/dist/index.html"); err != nil {
		t.Fatalf("the page is not built; run make ui: %v", err)
	}
	j := newJourney(t)
	j.signIn()
	j.firstRelease()
	j.redBuild()
	j.goodRelease()
	j.badRelease()
	j.byHand()
	j.secret()
	j.machinesAndAudit()
	if lost := j.crowd.Stats().Total().Lost; lost != 0 {
		t.Errorf("%d visitors' requests were lost: %v", lost, j.crowd.Stats().Losses)
	}
}

// journey is a site, a developer's work tree, and the tab in which it is followed.
type journey struct {
	*tab
	site  *site
	tree  string
	crowd *crowd
}

func newJourney(t *testing.T) *journey {
	t.Helper()
	dir := t.TempDir()
	s, err := newSite(dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.stop(); err != nil {
			t.Error(err)
		}
		if t.Failed() {
			t.Log(s.log())
		}
	})
	if err := os.CopyFS(dir, os.DirFS("testdata/shop")); err != nil {
		t.Fatal(err)
	}
	if err := s.serve(); err != nil {
		t.Fatal(err)
	}
	j := &journey{tab: openTab(t), site: s, tree: filepath.Join(dir, "corner")}
	j.git("init", "-q", "-b", "main")
	j.git("add", "-A")
	j.git("commit", "-q", "-m", "A shop")
	j.git("remote", "add", "slipway", "http://ana:"+adminToken+"@"+s.listen+"/git/corner.git")
	return j
}

func (j *journey) git(args ...string) string {
	j.Helper()
	cmd := exec.Command("git", args...)
	cmd.Dir, cmd.Env = j.tree, append(os.Environ(), j.site.env()...)
	out, err := cmd.CombinedOutput()
	if err != nil {
		j.Fatalf("git %s: %v\n%s", strings.Join(args, " "), err, out)
	}
	return string(out)
}

// ship takes over a change, commits and pushes it; the push returns with the verdict of the tests.
func (j *journey) ship(change, file, subject string) {
	j.Helper()
	text, err := os.ReadFile(filepath.Join(filepath.Dir(j.tree), change, file))
	if err != nil {
		j.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(j.tree, file), text, 0o600); err != nil {
		j.Fatal(err)
	}
	j.git("commit", "-q", "-a", "--allow-empty", "-m", subject)
	j.git("push", "slipway", "main")
}

func (j *journey) path(path string) string { return j.site.url() + path }

// signIn uses the link that the server printed.
func (j *journey) signIn() {
	link := regexp.MustCompile(`http://\S+/login\?token=\S+`).FindString(j.site.server.out.String())
	if link == "" {
		j.Fatalf("the server printed no link:\n%s", &j.site.server.out)
	}
	j.visit(link)
	j.sees("git push", "slipway init")
	j.check("first-run")
}

// firstRelease has nothing to be compared with.
func (j *journey) firstRelease() {
	j.visit(j.path("/hosts"))
	j.press("Add a machine")
	j.press("Make the command")
	j.sees("slipway agent --server " + j.site.url() + " --join slj_")
	j.check("hosts-add")
	j.press("Done")
	if err := j.site.join("host", 3); err != nil {
		j.Fatal(err)
	}
	if err := j.site.join("work", 2); err != nil {
		j.Fatal(err)
	}
	j.sees("host-1", "host-2", "host-3", "work-4", "work-5") // by itself
	j.visit(j.path("/"))
	j.git("push", "slipway", "main")
	j.sees("#1 A shop is live")
	j.check("line-live")
	crowd, err := send(visitors.Options{Target: "http://" + j.site.edge, RPS: 150, Visitors: 1500, Seed: 1})
	if err != nil {
		j.Fatal(err)
	}
	j.crowd = crowd
	j.Cleanup(func() {
		if err := crowd.stop(); err != nil {
			j.Error(err)
		}
	})
}

// redBuild shows the failed test first, with what it printed.
func (j *journey) redBuild() {
	j.ship("red", "price.go", "Half price")
	j.visit(j.path("/apps/corner/builds"))
	j.sees("Half price", "A shop")
	j.check("builds")
	j.press("Half price")
	j.sees("1 unit of 1 failed", "half price is not for free", "Units by worker", "Retry build #2")
	j.check("build-red")
}

// goodRelease is seen on its way, from the line to the rollout's page, which moves by itself.
func (j *journey) goodRelease() {
	j.visit(j.path("/apps/corner/line"))
	j.ship("fix", "price.go", "Half price, rounded up")
	j.sees("is going out")
	j.check("line-moving")
	j.press("#2 Half price, rounded up")
	j.sees("Evidence", "old", "new")
	j.check("rollout-watched")
	j.sees("promoted")
	j.check("rollout-promoted")
	j.visit(j.path("/apps/corner/builds"))
	j.press("Half price, rounded up")
	j.sees("All 1 unit passed", "Log")
	if lines := ask[int](j.tab, "document.querySelectorAll('[role=log] .line').length"); lines == 0 {
		j.Error("the build shows no line of its log")
	}
	j.check("build-green")
}

// badRelease comes back by itself, and the page says why.
func (j *journey) badRelease() {
	j.ship("bad", "price.go", "Prices from the new supplier")
	j.visit(j.path("/apps/corner/rollouts"))
	j.sees("Prices from the new supplier")
	j.press("Prices from the new supplier")
	j.sees("rolled back")
	j.sees("errors", "strong enough to act")
	j.check("rollout-back")
	j.visit(j.path("/apps/corner/line"))
	j.sees("#2 Half price, rounded up is live")
	j.check("line-returned")
}

// byHand takes a release back by the button.
func (j *journey) byHand() {
	j.ship("fix", "price.go", "The old supplier again")
	j.until(func() bool { return strings.Contains(j.rollouts(), `"number": 4`) }, "rollout #4")
	j.ship("slow", ".slipway.yaml", "Watched for an hour")
	j.until(func() bool { return strings.Contains(j.rollouts(), `"number": 5`) }, "rollout #5")
	j.visit(j.path("/apps/corner/rollouts"))
	j.press("Watched for an hour")
	j.sees("Pause", "Promote now")
	j.press("Roll back to ")
	j.sees("Everyone in production is back on")
	j.check("rollout-ask")
	j.fill("dialog[open] input", "the phones ring\r")
	j.sees("rolled back", "the phones ring")
	j.check("rollout-by-hand")
}

func (j *journey) rollouts() string {
	cmd := exec.Command("slipway", "rollouts", "--json", "--app", "corner")
	cmd.Env = append(os.Environ(), j.site.env()...)
	out, err := cmd.Output()
	if err != nil {
		j.Fatal(err)
	}
	return string(out)
}

func (j *journey) until(ok func() bool, what string) {
	j.Helper()
	for end := time.Now().Add(patience); time.Now().Before(end); time.Sleep(100 * time.Millisecond) {
		if ok() {
			return
		}
	}
	j.Fatalf("not within %s: %s", patience, what)
}

// secret is set in the settings, shipped as a release, and never shown again.
func (j *journey) secret() {
	j.visit(j.path("/apps/corner/settings/config"))
	j.press("Add a secret")
	j.fill(`input[aria-label="Name"]`, "SUPPLIER_KEY")
	j.fill(`input[aria-label="Value of SUPPLIER_KEY"]`, "correct-horse-battery-staple")
	j.fill("#config-reason", "The new supplier")
	j.press("Save 1 change")
	j.sees("Saved as version 1", "SUPPLIER_KEY", "The new supplier")
	if strings.Contains(ask[string](j.tab, "document.documentElement.outerHTML + [...document.querySelectorAll('input')].map((i) => i.value).join()"), "correct-horse") {
		j.Error("the page still has the secret")
	}
	j.check("settings-config")
	for _, name := range []string{"environment", "notices", "people", "tokens", "machines"} {
		j.visit(j.path("/apps/corner/settings/" + name))
		j.check("settings-" + name)
	}
}

func (j *journey) machinesAndAudit() {
	j.visit(j.path("/hosts"))
	j.sees("host-1", "work-5", "edge", "#6 ") // the release that the secret made
	j.check("hosts")
	j.visit(j.path("/audit"))
	j.sees("the phones ring", "The new supplier")
	j.check("audit")
}

// TestEventsOnThePage adds a source on the page, sends what somebody did with the key that it shows, and follows it from the live tail to a funnel.
func TestEventsOnThePage(t *testing.T) {
	j := newJourney(t)
	j.signIn()
	if status, body := j.post("/v1/apps", "Bearer "+adminToken, `{"name":"corner"}`); status != http.StatusOK {
		t.Fatal(status, body)
	}
	j.visit(j.path("/apps/corner/events"))
	j.sees("Nothing sends events of production yet")
	j.press("Add a source")
	j.sees("No event of production yet")
	key := regexp.MustCompile(`wk_[\w-]+`).FindString(j.text())
	status, body := j.post("/v1/events", "Bearer "+key, `{"events":[{"name":"cart_filled","user":"ana"},{"name":"cart_filled","user":"ben"},{"name":"order_completed","user":"ana"}]}`)
	if status != http.StatusOK {
		t.Fatalf("with the key %q of the page events are answered %d: %s", key, status, body)
	}
	j.sees("cart_filled", "order_completed", "ana", "ben") // by itself
	j.check("events")
	j.visit(j.path("/apps/corner/events/funnel?steps=" + url.QueryEscape(`[{"event":"cart_filled"},{"event":"order_completed"}]`)))
	j.sees("order_completed", "50")
	j.check("funnel")
	j.visit(j.path("/apps/corner/events/sql"))
	j.sees("message_id", "learned") // the schema
}

// post sends JSON to the server.
func (j *journey) post(path, authorization, body string) (status int, answer string) {
	j.Helper()
	req, err := http.NewRequestWithContext(j.Context(), http.MethodPost, j.path(path), strings.NewReader(body))
	if err != nil {
		j.Fatal(err)
	}
	req.Header.Set("Authorization", authorization)
	req.Header.Set("Content-Type", "application/json")
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		j.Fatal(err)
	}
	defer res.Body.Close()
	raw, err := io.ReadAll(res.Body)
	if err != nil {
		j.Fatal(err)
	}
	return res.StatusCode, string(raw)
}
