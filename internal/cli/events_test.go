//go:build cgo

package cli

import (
	"encoding/json"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/slipwayhq/slipway/internal/apiclient"
	"github.com/slipwayhq/slipway/internal/apptest"
)

// A whole day with events: load, questions, the tail, what failed, and its repair.
func TestEventsFromTheCommandLine(t *testing.T) {
	alone(t)
	s, _ := shop(t)
	says := func(want int, line ...string) string {
		t.Helper()
		status, out, errs := run(t, "", line...)
		if status != want {
			t.Fatalf("slipway %s: status %d, %s%s", strings.Join(line, " "), status, out, errs)
		}
		return out + errs
	}
	has := func(text string, wants ...string) {
		t.Helper()
		for _, want := range wants {
			if !strings.Contains(strings.Join(strings.Fields(text), " "), want) {
				t.Errorf("%q is missing in:\n%s", want, text)
			}
		}
	}
	has(says(exitFailed, "load", "events"), "no source that takes events; add one")
	key := source(t, s.URL())
	has(says(exitDone, "load", "events", "--rate", "500", "--for", "2s", "--batch", "50"), "sent = 1000 in", "lost = 0, duplicated = 0")
	has(says(exitDone, "events", "trend", "--measure", "visitors", "--interval", "month", "--split", "plan"), "BUCKET SPLIT VALUE", "free", "team")
	has(says(exitDone, "events", "funnel", "page_viewed", "product_viewed", "order_completed", "--within", "1h"), "STEP EVENT VISITORS MEDIAN-TIME 1 page_viewed 340 2 product_viewed 201", "3 order_completed 30")
	has(says(exitDone, "events", "funnel", "page_viewed", "product_viewed?plan=pro&price>20"), "2 product_viewed?plan=pro&price>20 36")
	has(says(exitDone, "events", "retention", "--interval", "month"), "COHORT SIZE BUCKET VISITORS", "340")
	has(says(exitDone, "events", "top", "plan", "-n", "1"), "VALUE EVENTS VISITORS free 676 238")
	has(says(exitDone, "events", "top", "context.page.path", "--event", "page_viewed", "-n", "1"), "/ 152 125")
	has(says(exitDone, "events", "top", "context.page.path", "--event", "page_viewed", "--where", "plan=pro", "-n", "1"), "/ ")
	if all := says(exitDone, "events", "top", "plan", "--where", "plan=pro", "--where", "event.name!=page_viewed"); strings.Contains(all, "free") || !strings.Contains(all, "pro") {
		t.Errorf("of pro alone there are\n%s", all)
	}
	has(says(exitDone, "events", "retention", "--first", "?event.name=order_completed", "--back", "page_viewed?plan=pro", "--interval", "month"), "COHORT SIZE BUCKET VISITORS", " 30 ")
	has(says(exitDone, "events", "user", "user-43"), "SEQ TIME KIND", "cart_filled", "page_viewed")
	newest := strings.Fields(strings.Split(says(exitDone, "events", "user", "user-43", "-n", "3", "--csv"), "\n")[3])[0]
	last, _, _ := strings.Cut(newest, ",")
	if older := says(exitDone, "events", "user", "user-43", "--before", last, "--csv"); strings.Count(older, "\n") != 4 || strings.Contains(older, "\n"+newest) {
		t.Errorf("behind the newest three (%s) of six there are\n%s", last, older)
	}
	has(says(exitDone, "events", "sql", "SELECT name, count(*) AS n FROM events GROUP BY 1 ORDER BY 1", "--csv"), "name,n cart_filled,96 order_completed,36")
	has(says(exitDone, "events", "trend", "--show-sql"), "SELECT date_trunc('day', time)")
	must(t, os.WriteFile(filepath.Join(".", "q.sql"), []byte("SELECT 1 AS one"), 0o600))
	has(says(exitDone, "events", "sql", "@q.sql"), "one 1")
	has(says(exitDone, "events", "sql", `SELECT count(*), 'x y' AS "my_Col a"`), "count_star() my_Col a")
	has(says(exitDone, "events", "sql", "@q.sql", "--parquet", "q.parquet"), "q.parquet has the answer")
	file, err := os.ReadFile("q.parquet")
	must(t, err)
	if out := says(exitDone, "events", "sql", "@q.sql", "--parquet", "-"); !strings.HasPrefix(out, "PAR1") || !strings.HasPrefix(string(file), "PAR1") || !strings.HasSuffix(string(file), "PAR1") {
		t.Errorf("no Parquet: %q, %q", out, file)
	}
	has(says(exitDone, "events", "sql", "SELECT 1 FROM events", "-n", "2", "--parquet", "r.parquet"), "the first 2 rows")
	has(says(exitFailed, "events", "sql", "SELECT nothing", "--parquet", "no.parquet"), "nothing")
	if _, err := os.Stat("no.parquet"); !os.IsNotExist(err) {
		t.Errorf("what failed left a file: %v", err)
	}
	has(says(exitFailed, "events", "sql", "@q.sql", "--parquet", "nowhere/a.parquet"), "nowhere/a.parquet")
	var told map[string]any
	must(t, json.Unmarshal([]byte(says(exitDone, "events", "top", "plan", "--json")), &told))
	if told["sql"] == "" || told["rows"] == nil {
		t.Errorf("as JSON it is %v", told)
	}

	has(says(exitDone, "events", "saved"), "none")
	save(t, s.URL(), `{"name":"By name","kind":"sql","question":{"sql":"SELECT name, count(*) AS n FROM events GROUP BY 1 ORDER BY 1"}}`)
	save(t, s.URL(), `{"name":"All","kind":"trend","question":{"measure":"visitors","interval":"month","last":"7d"}}`)
	save(t, s.URL(), `{"name":"Shop","kind":"funnel","question":{"last":"7d","steps":[{"event":"page_viewed"},{"where":[{"property":"plan","is":"set"}]}],"within_seconds":60}}`)
	has(says(exitDone, "events", "saved"), "NAME KIND CHANGED BY", "All trend", "By name sql", "person:admin")
	has(says(exitDone, "events", "saved", "All"), "BUCKET VALUE", "340")
	has(says(exitDone, "events", "saved", "By name", "--csv"), "name,n cart_filled,96")
	has(says(exitDone, "events", "saved", "By name"), "name n cart_filled")
	has(says(exitDone, "events", "saved", "Shop"), "1 page_viewed", "2 (any)?plan")
	has(says(exitDone, "events", "sql", "--saved", "By name", "-n", "1"), "name n cart_filled 96 (the first 1 rows)")
	has(says(exitFailed, "events", "saved", "None"), `no saved question "None"; slipway events saved lists`)
	has(says(exitFailed, "events", "sql", "--saved", "All"), `is a trend; ask it with: slipway events saved "All"`)
	has(says(exitFailed, "events", "sql", "SELECT 1", "--saved", "All"), "not both")
	has(says(exitFailed, "events", "sql"), "a SELECT, or --saved NAME")

	has(says(exitDone, "events", "failed"), "none")
	post(t, s.URL()+"/v1/track", key, `{"event":"bought","user_id":"u1"}`)
	s.Until(t, "the failed event is stored", func() bool { return strings.Contains(says(exitDone, "events", "failed"), "no_user") })
	has(says(exitDone, "events", "failed"), "REASON STATE COUNT LAST no_user open 1")
	has(says(exitDone, "events", "failed", "--list"), "no_user: the event needs a userId", `"user_id":"u1"`)
	const program = ".userId = .user_id | del(.user_id)"
	has(says(exitDone, "events", "repair", program, "--try"), `"userId":"u1"`, "1 would be repaired, 0 left as they are, 0 still no events")
	has(says(exitDone, "events", "repair", "."), "needs a userId", "0 repaired, 0 left as they are, 1 still no events")
	has(says(exitDone, "events", "repair", program), "1 repaired")
	has(says(exitDone, "events", "failed", "--state", "repaired"), "no_user repaired 1")

	has(says(exitDone, "events", "forget-user", "user-43"), "6 events of user-43, from 2", "nothing is removed yet; --yes removes it")
	all := says(exitDone, "events", "export-user", "user-43")
	if lines := strings.Split(all, "\n"); len(lines) != 9 || !strings.Contains(lines[0], `"user":"user-43"`) || !strings.Contains(lines[6], `"seq":`) || !strings.Contains(all, "6 events of user-43") {
		t.Errorf("the export is\n%s", all)
	}
	has(says(exitDone, "events", "export-user", "user-43", "--to", "u.ndjson"), "6 events of user-43")
	if kept, err := os.ReadFile("u.ndjson"); err != nil || strings.Count(string(kept), "\n") != 7 || !strings.HasPrefix(all, string(kept)) {
		t.Errorf("the file has %q, %v", kept, err)
	}
	has(says(exitFailed, "events", "export-user", "user-43", "--to", "u.ndjson"), "u.ndjson: file exists")
	has(says(exitDone, "events", "forget-user", "user-43", "--yes", "--suppress", "--reason", "by letter"), "6 events of user-43 removed; no more are taken")
	has(says(exitDone, "events", "forget-user", "user-43"), "0 events of user-43 nothing is removed yet")
	has(says(exitDone, "events", "export-user", "nobody"), `"user":"nobody"`, "0 events of nobody")

	has(says(exitDone, "events", "rebuild", "shop"), "looking whether archive and log have all", "done: 0 events from the archive, and the log up to")
	has(says(exitDone, "events", "top", "plan", "-n", "1"), "free 676 238")
	has(says(exitDone, "events", "forget-user", "user-43"), "0 events of user-43")
	var over map[string]any
	must(t, json.Unmarshal([]byte(says(exitDone, "events", "rebuild", "shop", "--json")), &over))
	if over["state"] != "done" {
		t.Errorf("as JSON it is %v", over)
	}
	has(says(exitFailed, "events", "rebuild", "nowhere"), "nowhere")

	if told := says(exitFailed, "load", "events", "--key", "wk_none", "--for", "2s"); strings.Count(told, "the write key is not known") != 1 || strings.Count(told, "\n") != 2 || strings.Contains(told, "{") {
		t.Errorf("a wrong key is told so:\n%s", told)
	}
	for line, want := range map[string]string{
		"events trend --since yesterday": `"yesterday" is no time`,
		"events trend --where =pro":      "is no condition",
		"events trend --measure sum":     "which property the sum is of",
		"events trend paid?plan=pro&n>1": "slipway events trend paid --where 'plan=pro' --where 'n>1'",
		"events trend ?event.kind=page":  "slipway events trend --where 'event.kind=page'",
		"events top n --event paid?n>1":  "slipway events top n --event paid --where 'n>1'",
		"events retention --back paid?!": "is no condition",
		"events funnel one":              "a funnel has two to ten steps",
		"events sql DELETE":              "syntax",
		"events repair .[":               "not jq",
		"load events --rate 0":           "--rate",
		"events top plan --zone Mars":    "IANA",
	} {
		has(says(exitFailed, strings.Fields(line)...), want)
	}
}

// The tail prints what comes while it runs.
func TestTheTailOfEvents(t *testing.T) {
	alone(t)
	s, client := shop(t)
	key := source(t, s.URL())
	got := make(chan string, 1)
	stop := make(chan struct{})
	go func() {
		err := client.Tail(t.Context(), "shop", nil, func(_, kind string, data json.RawMessage) error {
			if kind == "event" && strings.Contains(string(data), `"bought"`) {
				got <- string(data)
				return os.ErrClosed
			}
			return nil
		})
		if err != os.ErrClosed { //nolint:errorlint // handed on as it is
			t.Errorf("the tail ended with %v", err)
		}
		close(stop)
	}()
	for {
		post(t, s.URL()+"/v1/track", key, `{"event":"bought","userId":"u1"}`)
		select {
		case <-got:
			<-stop
			return
		case <-time.After(50 * time.Millisecond):
		}
	}
}

// shop is a server with an app of that name, which the commands of the test speak to.
func shop(t *testing.T) (*apptest.Server, *apiclient.Client) {
	t.Helper()
	s := apptest.Start(t)
	t.Setenv("SLIPWAY_URL", s.URL())
	t.Setenv("SLIPWAY_TOKEN", apptest.Token)
	client, err := apiclient.New(apiclient.Options{URL: s.URL(), Token: apptest.Token})
	must(t, err)
	t.Cleanup(client.Close)
	_, err = client.CreateApp(t.Context(), "shop")
	must(t, err)
	return s, client
}

func source(t *testing.T, url string) (key string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, url+"/v1/apps/shop/sources", strings.NewReader(`{"name":"web"}`))
	must(t, err)
	req.Header.Set("Authorization", "Bearer "+apptest.Token)
	req.Header.Set("Content-Type", "application/json")
	res, err := http.DefaultClient.Do(req)
	must(t, err)
	defer res.Body.Close()
	var src apiclient.Source
	must(t, json.NewDecoder(res.Body).Decode(&src))
	return src.Key
}

func save(t *testing.T, url, body string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, url+"/v1/apps/shop/events/saved", strings.NewReader(body))
	must(t, err)
	req.Header.Set("Authorization", "Bearer "+apptest.Token)
	req.Header.Set("Content-Type", "application/json")
	res, err := http.DefaultClient.Do(req)
	must(t, err)
	defer res.Body.Close()
	if res.StatusCode != http.StatusOK {
		t.Fatal(res.Status)
	}
}

func post(t *testing.T, url, key, body string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, url, strings.NewReader(body))
	must(t, err)
	req.SetBasicAuth(key, "")
	res, err := http.DefaultClient.Do(req)
	must(t, err)
	defer res.Body.Close()
	if res.StatusCode != http.StatusOK {
		t.Fatal(res.Status)
	}
}
