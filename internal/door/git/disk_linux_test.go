package git

import (
	"crypto/rand"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// TestPushToAFullDisk: what there is no room for is refused and told of to nobody; with room the same push is accepted.
func TestPushToAFullDisk(t *testing.T) {
	small := t.TempDir()
	if err := syscall.Mount("tmpfs", small, "tmpfs", 0, "size=8m"); err != nil {
		if os.Getenv("SLIPWAY_REQUIRE") != "" {
			t.Fatalf("a full disk needs the right to mount: %v", err)
		}
		t.Skipf("a full disk needs the right to mount: %v", err)
	}
	t.Cleanup(func() {
		if err := syscall.Unmount(small, syscall.MNT_DETACH); err != nil {
			t.Error(err)
		}
	})
	w := open(t, func(o *Options) { o.Dir = filepath.Join(small, "git") })
	c := newClone(t)
	first := c.commit("one", ".slipway.yaml", good("shop"))
	c.must("push", w.url("shop", adminToken), "main")
	fill := filepath.Join(small, "fill")
	if err := os.WriteFile(fill, make([]byte, 16<<20), 0o600); !errors.Is(err, syscall.ENOSPC) {
		t.Fatalf("the disk is not full: %v", err)
	}
	data := make([]byte, 1<<20)
	_, _ = rand.Read(data)
	head := c.commit("two", "data", string(data))
	if out, err := c.run("push", w.url("shop", adminToken), "main"); err == nil {
		t.Fatalf("accepted on a full disk:\n%s", out)
	}
	if _, p := w.lastPush(); len(w.pushed()) != 1 || p.After != first {
		t.Errorf("told of %+v", p)
	}
	if got := strings.Fields(c.must("ls-remote", w.url("shop", adminToken), "refs/heads/main"))[0]; got != first {
		t.Errorf("main is at %s", got)
	}
	if err := os.Remove(fill); err != nil {
		t.Fatal(err)
	}
	c.must("push", w.url("shop", adminToken), "main")
	if _, p := w.lastPush(); len(w.pushed()) != 2 || p.After != head {
		t.Errorf("told of %+v", p)
	}
}
