package history_test

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/slipwayhq/slipway/internal/history"
	"github.com/slipwayhq/slipway/internal/pure/shadow"
)

const start = 1795910400 // 2026-11-29T00:00:00Z

// lines are requests, one a second.
func lines(from, n int64) string {
	var b strings.Builder
	for s := from; s < from+n; s++ {
		fmt.Fprintf(&b, "203.0.113.9 - - [%s] \"GET /a HTTP/1.1\" 200 612 \"-\" \"curl/8\"\n", time.Unix(s, 0).UTC().Format("02/Jan/2006:15:04:05 -0700"))
	}
	return b.String()
}

func packed(t *testing.T, text string) string {
	t.Helper()
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	_, err := z.Write([]byte(text))
	must(t, err)
	must(t, z.Close())
	return b.String()
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func write(t *testing.T, name, text string) string {
	t.Helper()
	must(t, os.MkdirAll(filepath.Dir(name), 0o755))
	must(t, os.WriteFile(name, []byte(text), 0o600))
	return name
}

// requests is how many are counted in all.
func requests(t *testing.T, traffic *shadow.Traffic) int64 {
	t.Helper()
	r, err := shadow.Judge(traffic, []shadow.Deploy{{Time: start, Release: "v"}}, shadow.Options{})
	must(t, err)
	return r.Requests
}

func TestLogsPlainPackedAndTwice(t *testing.T) {
	dir := t.TempDir()
	files := []string{
		write(t, filepath.Join(dir, "web-1", "access.log"), lines(start+100, 100)),
		write(t, filepath.Join(dir, "web-1", "access.log.1"), packed(t, lines(start, 100))), // rotated, and packed whatever its name
		write(t, filepath.Join(dir, "web-2", "access.log.gz"), packed(t, lines(start, 200))),
		"-",
	}
	l := history.Logs{Files: files[:3], HostFrom: regexp.MustCompile(`/(web-\d)/`)}
	traffic, s, err := l.Read(t.Context())
	must(t, err)
	if diff := cmp.Diff([]string{"web-1", "web-2"}, traffic.Hosts()); diff != "" || s.Entries != 400 {
		t.Error(diff, s)
	}
	// Without hosts the second file of another machine says the same, line by line, and counts once.
	traffic, _, err = history.Logs{Files: files, Stdin: strings.NewReader("rubbish\n" + lines(start+500, 50))}.Read(t.Context())
	must(t, err)
	if n := requests(t, traffic); n != 250 || traffic.Repeated != 200 {
		t.Errorf("%d requests, %d said twice", n, traffic.Repeated)
	}
	traffic, _, err = history.Logs{Files: files[:1], Since: time.Unix(start+110, 0), Until: time.Unix(start+120, 0)}.Read(t.Context())
	must(t, err)
	if n := requests(t, traffic); n != 10 {
		t.Errorf("%d requests within ten seconds", n)
	}
}

func TestWhatCannotBeReadIsSaid(t *testing.T) {
	dir := t.TempDir()
	half := packed(t, lines(start, 5000))
	for name, c := range map[string]struct {
		l    history.Logs
		want string
	}{
		"no file":       {history.Logs{Files: []string{filepath.Join(dir, "none")}}, "none: no such file"},
		"no log":        {history.Logs{Files: []string{write(t, filepath.Join(dir, "passwd"), "root:x:0:0\n")}}, "no access log"},
		"half a file":   {history.Logs{Files: []string{write(t, filepath.Join(dir, "half.gz"), half[:len(half)/2])}}, "ends in the middle"},
		"a folder":      {history.Logs{Files: []string{dir}}, "is a directory"},
		"no host":       {history.Logs{Files: []string{write(t, filepath.Join(dir, "a.log"), lines(start, 1))}, HostFrom: regexp.MustCompile("(web)")}, "finds no host"},
		"a useless key": {history.Logs{Keys: map[string]string{"colour": "x"}}, "FIELD is one of time, status"},
	} {
		if _, _, err := c.l.Read(t.Context()); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v", name, err)
		}
	}
	now := time.Unix(start, 0)
	for _, s := range []history.Source{{}, {Server: "http://x", Logs: history.Logs{Files: []string{"a"}}}, {Since: "yesterday", Server: "http://x"}, {Server: "x"}, {HostFrom: "(", Logs: history.Logs{Files: []string{"a"}}}} {
		if _, _, err := s.Read(t.Context(), now); err == nil {
			t.Errorf("%+v is taken", s)
		}
	}
}

func TestWhen(t *testing.T) {
	now := time.Unix(start, 0).UTC()
	for text, want := range map[string]time.Time{
		"": {}, "2026-11-28T23:00:00Z": now.Add(-time.Hour), "2026-11-28": now.Add(-24 * time.Hour), "7d": now.Add(-7 * 24 * time.Hour), "0.5d": now.Add(-12 * time.Hour), "90m": now.Add(-90 * time.Minute),
	} {
		if got, err := history.When(text, now); err != nil || !got.Equal(want) {
			t.Errorf("%q: %v, %v", text, got, err)
		}
	}
	for _, text := range []string{"soon", "-3h", "NaNd", "1e9d", "d"} {
		if got, err := history.When(text, now); err == nil {
			t.Errorf("%q: %v", text, got)
		}
	}
}

// git runs in a repository at a time.
func git(t *testing.T, dir string, at int64, args ...string) {
	t.Helper()
	c := exec.CommandContext(t.Context(), "git", append([]string{"-C", dir, "-c", "user.name=a", "-c", "user.email=a@b"}, args...)...)
	c.Env = append(os.Environ(), fmt.Sprintf("GIT_AUTHOR_DATE=%d +0200", at), fmt.Sprintf("GIT_COMMITTER_DATE=%d +0200", at), "GIT_CONFIG_GLOBAL=/dev/null")
	if out, err := c.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
}

func TestTagsAreDeploys(t *testing.T) {
	dir := t.TempDir()
	git(t, dir, start, "init", "-q")
	git(t, dir, start, "commit", "-q", "--allow-empty", "-m", "one")
	git(t, dir, start+10, "tag", "v1")                    // of the commit's time
	git(t, dir, start+3600, "tag", "-a", "v2", "-m", "x") // of its own
	git(t, dir, start+50, "tag", "-a", "nightly/1", "-m", "x")
	got, err := history.Deploys{Tags: dir, Match: "v*"}.Read(t.Context())
	if diff := cmp.Diff([]shadow.Deploy{{Time: start, Release: "v1"}, {Time: start + 3600, Release: "v2"}}, got); diff != "" || err != nil {
		t.Error(err, diff)
	}
	if all, err := history.Tags(t.Context(), dir, ""); err != nil || len(all) != 3 {
		t.Errorf("%v, %v", all, err)
	}
	for _, d := range []history.Deploys{{Tags: dir, Match: "w*"}, {Tags: t.TempDir()}, {Tags: dir, CSV: "x"}, {CSV: "none.csv"}, {Webhooks: write(t, filepath.Join(dir, "w"), "{")}, {CSV: write(t, filepath.Join(dir, "c"), "time,release\n")}} {
		if got, err := d.Read(t.Context()); err == nil {
			t.Errorf("%+v: %v", d, got)
		}
	}
	if got, err := (history.Deploys{}).Read(t.Context()); got != nil || err != nil {
		t.Errorf("%v, %v", got, err)
	}
}
