package host

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/slipwayhq/slipway/internal/wire"
)

func TestSwitchKeepsTheOldOneAsLongAsItIsWished(t *testing.T) {
	s := newServer(t)
	dir := t.TempDir()
	s.hostIn(dir, nil)
	old, fresh := s.release("rel_1", "well"), s.release("rel_2", "well")

	s.wish(wire.DesiredEnv{Deploy: "dep_1", Hold: []wire.HeldRelease{old}, Run: []string{"rel_1"}, Current: "rel_1"})
	first := s.until("rel_1 is up", converged(1))
	if e := first.Environments[0]; e.Deploy != "dep_1" || e.Current != "rel_1" || web(first, "rel_1").PID == 0 {
		t.Errorf("report %+v", e)
	}
	env := get(t, web(first, "rel_1").Addr, "/env")
	if !strings.Contains(env, "SECRET=rel_1-swordfish") || !strings.Contains(env, "SLIPWAY_RELEASE=rel_1") || strings.Contains(env, "HOST_TEST_DIR") {
		t.Errorf("environment %s", env)
	}

	s.wish(wire.DesiredEnv{Deploy: "dep_2", Hold: []wire.HeldRelease{old, fresh}, Run: []string{"rel_1", "rel_2"}, Current: "rel_2"})
	both := s.until("both are up", converged(2))
	if web(both, "rel_1").PID != web(first, "rel_1").PID || web(both, "rel_1").State != wire.ProcessUp {
		t.Errorf("the old one did not go on: %+v", both)
	}
	if link, err := os.Readlink(filepath.Join(dir, "releases/shop/production/current")); link != "rel_2" {
		t.Errorf("current names %q, %v", link, err)
	}
	if who, err := os.ReadFile(filepath.Join(dir, "releases/shop/production/current/who")); string(who) != "rel_2" {
		t.Errorf("current is %q, %v", who, err)
	}

	s.wish(wire.DesiredEnv{Deploy: "dep_3", Hold: []wire.HeldRelease{fresh}, Run: []string{"rel_2"}, Current: "rel_2"})
	s.until("rel_1 is stopping, still with its address", func(r wire.Report) bool {
		return web(r, "rel_1").State == wire.ProcessStopping && web(r, "rel_1").Addr != ""
	})
	s.until("only rel_2 is left", func(r wire.Report) bool { return converged(3)(r) && findRelease(r, "rel_1").Release == "" })
	eventually(t, "rel_1 and its artifact are gone", func() bool {
		return gone(filepath.Join(dir, "releases/shop/production/rel_1")) && gone(filepath.Join(dir, "blobs", old.Artifact))
	})
	if gone(filepath.Join(dir, "blobs", fresh.Artifact)) {
		t.Error("the artifact in use is gone")
	}

	s.change(func() { s.desired = wire.Desired{Generation: 4} })
	eventually(t, "the environment is gone", func() bool { return gone(filepath.Join(dir, "releases/shop")) })
	secrets(t, dir)
}

// secrets looks for settings where none may be.
func secrets(t *testing.T, dir string) {
	t.Helper()
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() {
			return err
		}
		data, err := os.ReadFile(path)
		if err == nil && strings.Contains(string(data), "swordfish") && filepath.Base(path) != desiredFile {
			t.Errorf("%s holds a secret", path)
		}
		return err
	})
	if err != nil {
		t.Error(err)
	}
	if info, err := os.Stat(filepath.Join(dir, desiredFile)); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("%s: %v, %v", desiredFile, info, err)
	}
}

func TestNobodyIsStoppedBeforeTheServerKnows(t *testing.T) {
	s := newServer(t)
	s.hostIn(t.TempDir(), nil)
	one := s.release("rel_1", "well")
	s.wish(wire.DesiredEnv{Hold: []wire.HeldRelease{one}, Run: []string{"rel_1"}})
	up := web(s.until("up", converged(1)), "rel_1")

	s.change(func() { s.mute = true })
	s.wish(wire.DesiredEnv{Hold: []wire.HeldRelease{one}})
	s.wish(wire.DesiredEnv{Hold: []wire.HeldRelease{one}, Run: []string{"rel_1"}}) // changes its mind
	s.wish(wire.DesiredEnv{Hold: []wire.HeldRelease{one}})
	for range 20 {
		get(t, up.Addr, "/healthz")
	}
	s.change(func() { s.mute = false })
	s.until("stopping is known", isState("rel_1", wire.ProcessStopping))
	s.until("stopped", func(r wire.Report) bool { return isState("rel_1", wire.ProcessStopped)(r) && converged(4)(r) })
}

func TestOneArtifactIsFetchedOnceForAllReleases(t *testing.T) {
	s := newServer(t)
	s.hostIn(t.TempDir(), nil)
	one := s.release("rel_1", "well")
	two := one
	two.Release = "rel_2"
	s.wish(wire.DesiredEnv{Hold: []wire.HeldRelease{one, two}})
	s.until("both staged", converged(1))
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.gets != 1 {
		t.Errorf("fetched %d times", s.gets)
	}
}

func TestDeafProcessIsKilled(t *testing.T) {
	s := newServer(t)
	s.hostIn(t.TempDir(), nil)
	deaf := s.release("rel_1", "deaf")
	spec := deaf.Processes["web"]
	spec.StopTimeout = 50e6
	deaf.Processes["web"] = spec
	s.wish(wire.DesiredEnv{Hold: []wire.HeldRelease{deaf}, Run: []string{"rel_1"}})
	pid := web(s.until("up", converged(1)), "rel_1").PID
	s.wish(wire.DesiredEnv{Hold: []wire.HeldRelease{deaf}})
	s.until("stopped", isState("rel_1", wire.ProcessStopped))
	if err := syscall.Kill(pid, 0); !errors.Is(err, syscall.ESRCH) {
		t.Errorf("process %d is still there: %v", pid, err)
	}
}

func TestRemovedAgentSaysSo(t *testing.T) {
	s := newServer(t)
	c := s.client(t.TempDir())
	h, err := New(Options{Dir: t.TempDir(), Client: c})
	if err != nil {
		t.Fatal(err)
	}
	s.change(func() { s.status = 401 })
	if err := h.Run(t.Context()); err == nil || !strings.Contains(err.Error(), "join again") {
		t.Errorf("Run = %v", err)
	}
}

// BenchmarkSwitch is the time from a wish for a 20 MB release, not here yet, to the report that it is up next to the old one. The process's own start is in it.
func BenchmarkSwitch(b *testing.B) {
	s := newServer(b)
	s.hostIn(b.TempDir(), nil)
	size := 20 << 20
	for i := 0; b.Loop(); i++ {
		b.StopTimer()
		held := s.releaseOf("rel_"+strconv.Itoa(i), "well", size)
		b.StartTimer()
		s.wish(wire.DesiredEnv{Hold: []wire.HeldRelease{held}, Run: []string{held.Release}, Current: held.Release})
		s.until("up", isState(held.Release, wire.ProcessUp))
	}
}
