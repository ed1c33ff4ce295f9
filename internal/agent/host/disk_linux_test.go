package host

import (
	"os"
	"strings"
	"syscall"
	"testing"

	"github.com/slipwayhq/slipway/internal/wire"
)

func TestDiskFull(t *testing.T) {
	small := t.TempDir()
	if err := syscall.Mount("tmpfs", small, "tmpfs", 0, "size=256k"); err != nil {
		if os.Getenv("SLIPWAY_REQUIRE") != "" {
			t.Fatalf("a full disk needs the right to mount: %v", err)
		}
		t.Skipf("a full disk needs the right to mount: %v", err)
	}
	t.Cleanup(func() { _ = syscall.Unmount(small, syscall.MNT_DETACH) })
	s := newServer(t)
	s.hostIn(small, nil)
	big := s.release("rel_1", "well")
	s.change(func() { s.blobs[big.Artifact] = make([]byte, 1<<20) })
	big.Size = 1 << 20
	s.wish(wire.DesiredEnv{Hold: []wire.HeldRelease{big}})
	report := s.until("failed", func(r wire.Report) bool { return findRelease(r, "rel_1").State == wire.ReleaseFailed })
	if got := findRelease(report, "rel_1"); got.Code != "disk" || !strings.Contains(got.Text, "no space left") {
		t.Errorf("%+v", got)
	}
	var free syscall.Statfs_t
	if err := syscall.Statfs(small, &free); err != nil || free.Bfree*uint64(free.Bsize) < 200<<10 {
		t.Errorf("%d bytes are free after the failure, %v", free.Bfree*uint64(free.Bsize), err)
	}
}
