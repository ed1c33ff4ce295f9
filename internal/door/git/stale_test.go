package git

import (
	"bytes"
	"context"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/slipwayhq/slipway/internal/decide/catalog"
)

// lines is a log that can be read while it is written.
type lines struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (l *lines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.Write(p)
}

func (l *lines) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.String()
}

// logged opens a world whose log is kept.
func logged(t *testing.T) (*world, *lines) {
	l := &lines{}
	return open(t, func(o *Options) { o.Logger = slog.New(slog.NewTextHandler(l, nil)) }), l
}

// TestOneBrokenRepositoryStopsNothing: one that git cannot read is complained of, once, and all the others are served; where it is an empty folder, a push fills it.
func TestOneBrokenRepositoryStopsNothing(t *testing.T) {
	w, log := logged(t)
	c := newClone(t)
	c.commit("one", ".slipway.yaml", good("shop"))
	c.must("push", w.url("shop", adminToken), "main")
	w.stop()
	for _, dir := range []string{"aaa.git", "bbb.git"} {
		if err := os.Mkdir(filepath.Join(w.opts.Dir, dir), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.WriteFile(filepath.Join(w.opts.Dir, "bbb.git", "readme"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	head := c.commit("two")
	c.must("push", "--quiet", w.door.repo("shop"), "main") // by hand, on the server itself
	w.start()
	w.waitSettled()
	if _, p := w.lastPush(); p.After != head {
		t.Errorf("the app behind the broken ones was not looked at: %+v", p)
	}
	if err := w.door.settleAll(t.Context()); err != nil {
		t.Error(err)
	}
	for _, app := range []string{"app=aaa", "app=bbb"} {
		if n := strings.Count(log.String(), app); n != 1 {
			t.Errorf("%s is complained of %d times:\n%s", app, n, log)
		}
	}
	c.commit("first of bbb", ".slipway.yaml", good("bbb"))
	c.refused("error: 500", w.url("bbb", adminToken), "main")
	c.commit("first of aaa", ".slipway.yaml", good("aaa"))
	c.must("push", w.url("aaa", adminToken), "main")
	if err := w.door.settleAll(t.Context()); err != nil || !strings.Contains(log.String(), `msg="repository looked at again" app=aaa`) {
		t.Errorf("aaa is there now: %v\n%s", err, log)
	}
}

// TestDamagedRefIsNoDeletion: git does not list a branch whose ref is garbage. That must not be told as its end, which nothing would take back.
func TestDamagedRefIsNoDeletion(t *testing.T) {
	w, log := logged(t)
	c := newClone(t)
	head := c.commit("one", ".slipway.yaml", good("shop"))
	c.must("push", w.url("shop", adminToken), "main", "main:refs/heads/other")
	before := len(w.pushed())
	ref := filepath.Join(w.door.repo("shop"), "refs", "heads", "main")
	for _, damage := range []string{"garbage\n", ""} { // an empty file is what the loss of power leaves
		if err := os.WriteFile(ref, []byte(damage), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := w.door.settleAll(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	if n := len(w.pushed()); n != before {
		_, p := w.lastPush()
		t.Fatalf("a ref that cannot be read was told of as %+v", p)
	}
	if !strings.Contains(log.String(), "main cannot be read; it was at "+head) {
		t.Errorf("nobody is told:\n%s", log)
	}
	c.must("--git-dir", w.door.repo("shop"), "update-ref", "refs/heads/third", head) // the others are told of
	if err := w.door.settleAll(t.Context()); err != nil {
		t.Fatal(err)
	}
	if _, p := w.lastPush(); p.Branch != "third" || len(w.pushed()) != before+1 {
		t.Errorf("told of %+v", p)
	}
	if err := os.WriteFile(ref, []byte(head+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	c.commit("two")
	c.must("push", w.url("shop", adminToken), "main")
	if _, p := w.lastPush(); p.Branch != "main" || p.Before != head {
		t.Errorf("mended, it goes on with %+v", p)
	}
}

// TestLeftoverLocksAreRemoved: a git that was killed leaves lock files, and git refuses every push to their refs for as long as they are there.
func TestLeftoverLocksAreRemoved(t *testing.T) {
	w := open(t, nil)
	c := newClone(t)
	c.commit("one", ".slipway.yaml", good("shop"))
	c.must("push", w.url("shop", adminToken), "main")
	w.stop()
	repo := w.door.repo("shop")
	locks := []string{"HEAD.lock", "packed-refs.lock", "refs/heads/main.lock", "refs/heads/new.lock"}
	put := func(age time.Duration) {
		for _, name := range locks {
			path := filepath.Join(repo, name)
			if err := os.WriteFile(path, nil, 0o600); err != nil {
				t.Fatal(err)
			}
			if err := os.Chtimes(path, time.Time{}, time.Now().Add(-age)); err != nil {
				t.Fatal(err)
			}
		}
	}
	left := func() (n int) {
		for _, name := range locks {
			if _, err := os.Stat(filepath.Join(repo, name)); err == nil {
				n++
			}
		}
		return n
	}
	put(time.Hour)
	w.start()
	c.commit("two")
	c.must("push", w.url("shop", adminToken), "main", "main:refs/heads/new")
	if n := left(); n != 0 {
		t.Errorf("%d locks from before the start are there still", n)
	}
	// A young one may be of a git that outlived its server: it is given time.
	put(0)
	now := time.Now()
	if err := w.door.dropLocks(now.Add(-lockGrace)); err != nil || left() != len(locks) {
		t.Errorf("%d of %d young locks are left, %v", left(), len(locks), err)
	}
	if err := w.door.dropLocks(now.Add(time.Hour)); err != nil || left() != 0 {
		t.Errorf("%d locks are left in the end, %v", left(), err)
	}
}

func TestFirstPushOfATagMakesTheApp(t *testing.T) {
	w := open(t, nil)
	c := newClone(t)
	head := c.commit("one", "a", "a")
	c.must("tag", "v1")
	cleo := w.person("cleo", "tagonly", "deployer")
	c.must("push", w.url("tagonly", cleo), "v1")
	if got := strings.Fields(c.must("ls-remote", w.url("tagonly", adminToken), "refs/tags/v1")); len(got) == 0 || got[0] != head {
		t.Errorf("the tag is at %v", got)
	}
	var actor string
	if err := w.db.QueryRow(t.Context(), `SELECT actor FROM access_audit WHERE action = 'app.created'`).Scan(&actor); err != nil || actor != "person:cleo" {
		t.Errorf("made by %q, %v", actor, err)
	}
}

// TestRefusedFirstPushLeavesNothing: neither an app nor an empty repository under a name that somebody tried.
func TestRefusedFirstPushLeavesNothing(t *testing.T) {
	w := open(t, nil)
	c := newClone(t)
	c.commit("no manifest", "a.txt", "a")
	gone := func(app string) {
		t.Helper()
		if _, err := os.Stat(w.door.repo(app)); !os.IsNotExist(err) {
			t.Errorf("%s is there: %v", w.door.repo(app), err)
		}
	}
	c.refused("slipway init", w.url("shop", adminToken), "main")
	gone("shop")
	w.stop()
	if err := w.door.initRepo(t.Context(), w.door.repo("admin")); err != nil { // as an older server left it
		t.Fatal(err)
	}
	half := filepath.Join(w.opts.Dir, newPrefix+"123")
	if err := os.Mkdir(half, 0o700); err != nil {
		t.Fatal(err)
	}
	w.start()
	c.commit("good", ".slipway.yaml", good("shop"))
	c.must("push", w.url("shop", adminToken), "main")
	gone("admin")
	if _, err := os.Stat(half); !os.IsNotExist(err) {
		t.Errorf("half a repository is left: %v", err)
	}
	w.stop()
	w.start()
	c.must("ls-remote", "--exit-code", w.url("shop", adminToken), "main")
	if ok, err := catalog.Exists(t.Context(), w.db, "admin"); ok || err != nil {
		t.Errorf("there is an app admin: %v", err)
	}
}

// TestUnusedRepositoryOfTwoPushers: who is refused must not take the repository from somebody who is about to fill it.
func TestUnusedRepositoryOfTwoPushers(t *testing.T) {
	w := open(t, nil)
	w.door.mu.Lock()
	w.door.pushes["another"] = &push{app: "shop", life: context.Background()}
	w.door.mu.Unlock()
	c := newClone(t)
	c.commit("no manifest", "a.txt", "a")
	c.refused("slipway init", w.url("shop", adminToken), "main")
	if !w.door.hasRepo("shop") {
		t.Error("the repository was removed beneath another push")
	}
}
