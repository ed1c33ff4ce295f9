//go:build cgo

package cli

import (
	"bufio"
	"context"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/slipwayhq/slipway/internal/db"
)

// Answers name sources as people do; programs get ids. What is long is cut, what is there is not written over, and what a plan rejects is said.
func TestEventsAreShownAsPeopleReadThem(t *testing.T) {
	alone(t)
	s, client := shop(t)
	key := source(t, s.URL())
	all, err := client.Sources(t.Context(), "shop")
	must(t, err)
	aRelease(t, s.Dir)
	post(t, s.URL()+"/v1/track", key, `{"event":"bought","userId":"u1","context":{"release":"rel_4"}}`)
	post(t, s.URL()+"/v1/page", key, `{"userId":"u1","context":{"page":{"path":"/shoes"}}}`)
	post(t, s.URL()+"/v1/track", key, `{"event":"bought","userId":"u2","properties":["`+strings.Repeat("x", 2000)+`"]}`)
	s.Until(t, "all is stored", func() bool {
		_, out, _ := run(t, "", "events", "failed")
		return strings.Contains(out, "wrong_type")
	})
	says := func(want int, line string) string {
		t.Helper()
		status, out, errs := run(t, "", strings.Fields(line)...)
		if status != want {
			t.Fatalf("slipway %s: status %d, %s%s", line, status, out, errs)
		}
		return strings.Join(strings.Fields(out+errs), " ")
	}
	for line, want := range map[string]string{
		"events trend bought --interval month --split event.source":          " web 1",
		"events top event.source":                                            "web 2 1",
		"events top event.release":                                           "#4 f67e128 1 1",
		"events user u1":                                                     "#4 f67e128",
		"events top event.source --csv":                                      all[0].Value.ID + ",2,1",
		"events trend bought --interval month --where event.source=web":      " 1",
		"events funnel bought ?event.kind=page --within 7d":                  "2 ?event.kind=page",
		"events failed --list":                                               "letters more; --whole shows all)",
		"events trend bought --interval day --zone Asia/Tokyo --since 2d":    "T00:00:00+09:00 1",
		"events retention --interval day --zone America/New_York --since 2d": "T00:00:00-0",
	} {
		if got := says(exitDone, line); !strings.Contains(got, want) && !strings.Contains(strings.ReplaceAll(got, "(any)", ""), want) {
			t.Errorf("slipway %s has no %q:\n%s", line, want, got)
		}
	}
	if got := says(exitDone, "events failed --list"); len(got) > 900 {
		t.Errorf("what came is not cut: %d letters", len(got))
	}
	if got := says(exitDone, "events failed --list --whole"); len(got) < 2000 || strings.Contains(got, "--whole") {
		t.Errorf("what came is not whole: %d letters", len(got))
	}
	for line, want := range map[string]string{
		"events funnel bought paid --within soon":            `"soon" is no time; write 90m, 24h or 7d`,
		"events trend bought --env prodution":                `no environment named "prodution"`,
		"events funnel bought paid --env prodution":          `no environment named "prodution"`,
		"events tail --env prodution":                        `no environment named "prodution"`,
		"events trend --since 2026-01-02 --until 2026-01-01": "later end, or an earlier beginning",
	} {
		if status, out, errs := run(t, "", strings.Fields(line)...); status == exitDone || !strings.Contains(errs, want) {
			t.Errorf("slipway %s: status %d, %s%s", line, status, out, errs)
		}
	}
	must(t, os.WriteFile("q.parquet", []byte("mine"), 0o600))
	if status, _, errs := run(t, "", "events", "sql", "SELECT 1", "--parquet", "q.parquet"); status == exitDone || !strings.Contains(errs, "q.parquet is there already") {
		t.Errorf("status %d, %s", status, errs)
	}
	if raw, err := os.ReadFile("q.parquet"); err != nil || string(raw) != "mine" {
		t.Errorf("the file was written over: %s, %v", raw, err)
	}
	must(t, os.WriteFile("plan.json", []byte(`{"mode":"reject","events":[{"name":"paid","schema":{"type":"object"}}]}`), 0o600))
	if got := says(exitDone, "events plan check plan.json"); !strings.Contains(got, "of 1 events that came, the plan does not have 1, which would be rejected: bought") {
		t.Errorf("a check says %s", got)
	}
	if got := says(exitDone, "events plan set plan.json"); !strings.Contains(got, "the plan does not have 1, which will be rejected from now on") {
		t.Errorf("set says %s", got)
	}
	must(t, os.WriteFile("plan.json", []byte(`{"mode":"reject","events":[{"name":"bought","schema":{"type":"object"}}]}`), 0o600))
	if got := says(exitDone, "events plan set plan.json"); strings.Contains(got, "rejected") {
		t.Errorf("set says %s", got)
	}
}

// aRelease is one that the server of a folder knows, as after a push.
func aRelease(t *testing.T, dir string) {
	t.Helper()
	d, err := db.Open(t.Context(), db.Options{Path: filepath.Join(dir, "state.db")})
	must(t, err)
	defer d.Close()
	must(t, d.Tx(t.Context(), func(tx *db.Tx) error {
		_, err := tx.Exec(t.Context(), `INSERT INTO catalog_releases
			(id, app, env, number, sha, subject, author, commits, artifact, size, config, why, build, manifest, hotfix, created_at, state, verdict, rollout, live_at, stored)
			VALUES ('rel_4', 'shop', 'production', 4, 'f67e1280123456789', 'Fourth', 'Ana', '[]', 'a', 1, 0, 'push', '', '{}', 'null', 0, 'good', '', '', 0, 0)`)
		return err
	}))
}

// Most page views have no name: the tail shows where they were.
func TestTheTailShowsThePathOfAPage(t *testing.T) {
	alone(t)
	s, _ := shop(t)
	key := source(t, s.URL())
	ctx, stop := context.WithCancel(t.Context())
	read, write := io.Pipe()
	p := &program{ctx: ctx, stdin: strings.NewReader(""), stdout: write, stderr: io.Discard}
	done := make(chan struct{})
	go func() {
		defer close(done)
		p.main([]string{"events", "tail"})
		_ = write.Close()
	}()
	lines := make(chan string)
	go func() {
		for scanner := bufio.NewScanner(read); scanner.Scan(); {
			lines <- scanner.Text()
		}
		close(lines)
	}()
	s.Until(t, "the tail has it", func() bool { // it begins with what comes from then on
		post(t, s.URL()+"/v1/page", key, `{"userId":"u1","context":{"page":{"path":"/shoes"}}}`)
		select {
		case line := <-lines:
			if !strings.Contains(line, "page") || !strings.Contains(line, "/shoes") {
				t.Errorf("the tail says %q", line)
			}
			return true
		default:
			return false
		}
	})
	stop()
	for range lines { // what came meanwhile
	}
	<-done
}
