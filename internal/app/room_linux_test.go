package app_test

import (
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/slipwayhq/slipway/internal/apptest"
)

// A disk that is nearly full takes no events, says so, and takes them again by itself.
func TestNoEventsOnADiskThatIsNearlyFull(t *testing.T) {
	small := t.TempDir()
	if err := syscall.Mount("tmpfs", small, "tmpfs", 0, "size=256m"); err != nil {
		if os.Getenv("SLIPWAY_REQUIRE") != "" {
			t.Fatalf("a small disk needs the right to mount: %v", err)
		}
		t.Skipf("a small disk needs the right to mount: %v", err)
	}
	t.Cleanup(func() {
		if err := syscall.Unmount(small, syscall.MNT_DETACH); err != nil {
			t.Error(err)
		}
	})
	s := apptest.Start(t, in(filepath.Join(small, "data")))
	if status, problem := s.Call(t, "POST", "/v1/apps", map[string]string{"name": "shop"}, nil); status/100 != 2 {
		t.Fatal(status, problem)
	}
	var src struct {
		Key string `json:"write_key"`
	}
	if status, problem := s.Call(t, "POST", "/v1/apps/shop/sources", map[string]string{"name": "web"}, &src); status/100 != 2 {
		t.Fatal(status, problem)
	}
	send := func() *http.Response {
		res, err := http.Post(s.URL()+"/v1/track", "application/json", strings.NewReader(`{"writeKey":"`+src.Key+`","event":"e","userId":"u"}`))
		if err != nil {
			t.Fatal(err)
		}
		if err := res.Body.Close(); err != nil {
			t.Fatal(err)
		}
		return res
	}
	if res := send(); res.StatusCode != http.StatusOK {
		t.Fatalf("with room: %s", res.Status)
	}
	var disk syscall.Statfs_t
	if err := syscall.Statfs(small, &disk); err != nil {
		t.Fatal(err)
	}
	fill := filepath.Join(small, "fill")
	f, err := os.Create(fill)
	if err != nil {
		t.Fatal(err)
	}
	if err := syscall.Fallocate(int(f.Fd()), 0, 0, int64(disk.Bavail)*disk.Bsize-4<<20); err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	s.Until(t, "events are refused", func() bool {
		res := send()
		return res.StatusCode == http.StatusServiceUnavailable && res.Header.Get("Retry-After") != ""
	})
	var state struct{ Refused string }
	if status, _ := s.Call(t, "GET", "/v1/apps/shop/events/state", nil, &state); status != http.StatusOK || !strings.Contains(state.Refused, "nearly full") {
		t.Errorf("%d %+v", status, state)
	}
	if err := os.Remove(fill); err != nil {
		t.Fatal(err)
	}
	s.Until(t, "events are taken again", func() bool { return send().StatusCode == http.StatusOK })
}
