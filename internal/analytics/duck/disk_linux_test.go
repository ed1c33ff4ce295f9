//go:build cgo

package duck_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/slipwayhq/slipway/internal/analytics"
	"github.com/slipwayhq/slipway/internal/pure/capture"
)

// With room again, what was refused on a full disk is taken by whoever asks for the store again, and nothing that was stored is gone.
func TestAFullDiskIsGotOver(t *testing.T) {
	small := t.TempDir()
	if err := syscall.Mount("tmpfs", small, "tmpfs", 0, "size=32m"); err != nil {
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
	e := open(t, small)
	n := uint64(0)
	add := func(rows int) error {
		b := analytics.Batch{Through: n + uint64(rows)}
		for i := range rows {
			at := time.Date(2026, 11, 29, 12, 0, i, 0, time.UTC)
			b.Rows = append(b.Rows, analytics.Row{Sequence: n + uint64(i) + 1, Event: capture.Event{
				ID: fmt.Sprint(n, i), Name: "e", User: "u", Time: at, Received: at, Properties: fmt.Appendf(nil, `{"n":"%s%d"}`, strings.Repeat(fmt.Sprint(n, i), 20), i),
			}})
		}
		s, err := e.Store(t.Context(), "shop")
		if err == nil {
			err = s.Append(t.Context(), b)
		}
		if err == nil {
			n += uint64(rows)
		}
		return err
	}
	if err := add(100); err != nil {
		t.Fatal(err)
	}
	fill := filepath.Join(small, "fill")
	if err := os.WriteFile(fill, make([]byte, 24<<20), 0o600); err != nil {
		t.Fatal(err)
	}
	var full error
	for i := 0; i < 200 && full == nil; i++ {
		full = add(2000)
	}
	if full == nil {
		t.Fatal("the disk never became full")
	}
	if err := os.Remove(fill); err != nil {
		t.Fatal(err)
	}
	err := add(100)
	for i := 0; i < 3 && err != nil; i++ { // the one that finds it given up has it opened anew for the next
		err = add(100)
	}
	if err != nil {
		t.Fatalf("with room again: %v (after %v)", err, full)
	}
	s, err := e.Store(t.Context(), "shop")
	if err != nil {
		t.Fatal(err)
	}
	table, err := s.Query(t.Context(), analytics.Query{SQL: "SELECT count(*), count(DISTINCT seq) FROM events"})
	if err != nil || fmt.Sprint(table.Rows) != fmt.Sprintf("[[%d %d]]", n, n) {
		t.Errorf("%v of %d (%v)", table.Rows, n, err)
	}
	if aside, err := filepath.Glob(filepath.Join(small, "*.broken-*")); len(aside) != 0 || err != nil {
		t.Errorf("set aside: %v, %v", aside, err)
	}
}
