package app_test

import (
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/slipwayhq/slipway/internal/apptest"
)

// TestDiskFull: what cannot be kept is refused, nothing that was kept is lost, and with room it goes on by itself.
func TestDiskFull(t *testing.T) {
	small := t.TempDir()
	if err := syscall.Mount("tmpfs", small, "tmpfs", 0, "size=64m"); err != nil {
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
	s := apptest.Start(t, in(filepath.Join(small, "data")))
	fill := filepath.Join(small, "fill")
	full(t, fill)
	kept := 0
	create := func() (int, string) {
		return s.Call(t, "POST", "/v1/apps", map[string]string{"name": fmt.Sprintf("app-%d", kept)}, nil)
	}
	status, problem := create()
	for ; status/100 == 2 && kept < 10000; status, problem = create() { // room inside the files that are there
		kept++
	}
	if status != http.StatusInternalServerError {
		t.Fatalf("on a full disk: %d %s", status, problem)
	}
	if resp, err := http.Get(s.URL() + "/livez"); err != nil || resp.StatusCode != http.StatusOK {
		t.Errorf("the server is not alive: %v", err)
	}
	if err := os.Remove(fill); err != nil {
		t.Fatal(err)
	}
	s.Until(t, "it goes on when there is room", func() bool {
		status, problem = create()
		return status/100 == 2
	})
	kept++
	s.Until(t, "all that was kept is there, and told", func() bool {
		var list, events struct{ Items []any }
		s.Must(t, "GET", "/v1/apps?limit=500", nil, &list)
		s.Must(t, "GET", "/v1/events?limit=500", nil, &events)
		return len(list.Items) == kept && len(events.Items) >= min(kept, 500)
	})
	// What the slices tell one another comes through, too.
	last := fmt.Sprintf("/v1/apps/app-%d/environments/production", kept-1)
	s.Until(t, "rollouts hear of the environment", func() bool {
		status, problem = s.Call(t, "POST", last+"/freeze", map[string]string{"reason": "to see"}, nil)
		return status/100 == 2
	})
	s.Stop()
	apptest.Start(t, in(s.Dir))
}

// full writes until the disk is.
func full(t *testing.T, path string) {
	t.Helper()
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for size := 1 << 20; size >= 1; {
		if _, err = f.Write(make([]byte, size)); err == nil {
			continue
		}
		if !errors.Is(err, syscall.ENOSPC) {
			t.Fatal(err)
		}
		size /= 16
	}
}
