package host

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/slipwayhq/slipway/internal/wire"
)

func TestArtifactThatTheDiskChanged(t *testing.T) {
	s := newServer(t)
	dir := t.TempDir()
	s.hostIn(dir, nil)
	one := s.release("rel_1", "well")
	two := one
	two.Release = "rel_2"
	s.wish(wire.DesiredEnv{Hold: []wire.HeldRelease{one}})
	s.until("staged", converged(1))
	if err := os.WriteFile(filepath.Join(dir, "blobs", one.Artifact), []byte("rust"), 0o600); err != nil {
		t.Fatal(err)
	}
	s.wish(wire.DesiredEnv{Hold: []wire.HeldRelease{one, two}})
	s.until("found out", func(r wire.Report) bool { return findRelease(r, "rel_2").Code == "hash" })
	s.until("fetched anew", converged(2))
}

// What somebody left in a release's place is in nobody's way. It came after the host had looked around.
func TestAFolderInTheReleasesPlace(t *testing.T) {
	s := newServer(t)
	dir := t.TempDir()
	one, two := s.release("rel_1", "well"), s.release("rel_2", "well")
	s.hostIn(dir, nil)
	s.wish(wire.DesiredEnv{Hold: []wire.HeldRelease{one}})
	s.until("staged", converged(1))
	place := filepath.Join(dir, "releases", "shop", "production", "rel_2")
	if err := os.MkdirAll(filepath.Join(place, "half"), 0o700); err != nil {
		t.Fatal(err)
	}
	s.wish(wire.DesiredEnv{Hold: []wire.HeldRelease{one, two}})
	s.until("staged beside", converged(2))
	if who, err := os.ReadFile(filepath.Join(place, "who")); err != nil || string(who) != "rel_2" || !gone(filepath.Join(place, "half")) {
		t.Errorf("the release holds %q, %v", who, err)
	}
}

func TestHalfAnArtifactIsTakenUp(t *testing.T) {
	s := newServer(t)
	dir := t.TempDir()
	one := s.releaseOf("rel_1", "well", 100_000)
	blob := s.blobs[one.Artifact]
	if err := os.MkdirAll(filepath.Join(dir, "blobs"), 0o700); err != nil {
		t.Fatal(err)
	}
	part := filepath.Join(dir, "blobs", one.Artifact+partSuffix)
	if err := os.WriteFile(part, blob[:60_000], 0o600); err != nil {
		t.Fatal(err)
	}
	s.hostIn(dir, nil)
	s.wish(wire.DesiredEnv{Hold: []wire.HeldRelease{one}})
	s.until("staged", converged(1))
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.ranged != "bytes=60000-" {
		t.Errorf("asked for %q", s.ranged)
	}
	if !gone(part) {
		t.Error("the half is still there")
	}
}

func TestLogsAreRotatedAndForgotten(t *testing.T) {
	s := newServer(t)
	dir := t.TempDir()
	now := time.Now()
	h, err := New(Options{Dir: dir, Client: s.client(dir), LogSize: 100, LogKeep: time.Hour, Clock: func() time.Time { return now }})
	if err != nil {
		t.Fatal(err)
	}
	h.releases[rel("r1")] = &release{place: staged}
	held, err := h.openLog(svc("r1"))
	if err != nil {
		t.Fatal(err)
	}
	defer held.Close()
	old, err := h.openLog(svc("r0"))
	if err != nil {
		t.Fatal(err)
	}
	defer old.Close()
	write := func(line string) {
		t.Helper()
		if _, err := held.WriteString(line); err != nil {
			t.Fatal(err)
		}
	}
	read := func(path string) string {
		t.Helper()
		data, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		return string(data)
	}
	path := h.logPath(svc("r1"))
	write(strings.Repeat("x", 99) + "\n")
	h.rotateLogs()
	if got := read(path); len(got) != 100 {
		t.Errorf("rotated before it was full: %d bytes left", len(got))
	}
	write("more\n")
	h.rotateLogs()
	write("after\n")
	if got := read(path); got != "after\n" {
		t.Errorf("after the rotation: %q", got)
	}
	if got := read(path + ".1"); !strings.HasSuffix(got, "x\nmore\n") {
		t.Errorf("the older one: %q", got)
	}
	now = now.Add(2 * time.Hour)
	h.rotateLogs()
	if gone(path) || !gone(h.logPath(svc("r0"))) {
		t.Errorf("held release's log gone: %v; dropped release's log gone: %v", gone(path), gone(h.logPath(svc("r0"))))
	}
}

func TestNamesThatAreNoFileNames(t *testing.T) {
	sha := strings.Repeat("a", 64)
	good := wire.DesiredEnv{App: "shop", Env: "production", Hold: []wire.HeldRelease{{Release: "rel_1", Artifact: sha, Processes: map[string]wire.ProcessSpec{"web": {}}}}}
	if err := checkDesired(&wire.Desired{Environments: []wire.DesiredEnv{good}}); err != nil {
		t.Error(err)
	}
	for _, bad := range []wire.DesiredEnv{
		{App: "..", Env: "e"}, {App: "a", Env: ""}, {App: "a/b", Env: "e"}, {App: ".hidden", Env: "e"}, {App: strings.Repeat("a", 101), Env: "e"},
		{App: "a", Env: "e", Hold: []wire.HeldRelease{{Release: "current", Artifact: sha}}},
		{App: "a", Env: "e", Hold: []wire.HeldRelease{{Release: "../../x", Artifact: sha}}},
		{App: "a", Env: "e", Hold: []wire.HeldRelease{{Release: "r", Artifact: "../../etc/passwd"}}},
		{App: "a", Env: "e", Hold: []wire.HeldRelease{{Release: "r", Artifact: sha, Processes: map[string]wire.ProcessSpec{"a/b": {}}}}},
	} {
		if checkDesired(&wire.Desired{Environments: []wire.DesiredEnv{bad}}) == nil {
			t.Errorf("accepted %+v", bad)
		}
	}
}
