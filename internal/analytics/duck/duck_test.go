//go:build cgo

package duck_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/slipwayhq/slipway/internal/analytics"
	"github.com/slipwayhq/slipway/internal/analytics/analyticstest"
	"github.com/slipwayhq/slipway/internal/analytics/duck"
)

func open(t *testing.T, dir string) analytics.Engine {
	t.Helper()
	e, err := duck.Open(duck.Options{Dir: dir, Memory: 128, Threads: 1})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := e.Close(); err != nil {
			t.Error(err)
		}
	})
	return e
}

func TestConformance(t *testing.T) {
	analyticstest.Run(t, func(t *testing.T) analyticstest.Opener {
		dir := t.TempDir()
		return func(t *testing.T) analytics.Engine { return open(t, dir) }
	})
}

func TestABrokenFileIsSetAside(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "shop.duckdb"), []byte("this is no database, and was one once, before the disk broke; it is longer than a header"), 0o600); err != nil {
		t.Fatal(err)
	}
	s, err := open(t, dir).Store(t.Context(), "shop")
	if err != nil {
		t.Fatal(err)
	}
	if at, err := s.Position(t.Context()); at != 0 || err != nil {
		t.Errorf("the new one begins at %d (%v)", at, err)
	}
	if aside, err := filepath.Glob(filepath.Join(dir, "shop.duckdb.broken-*")); len(aside) != 1 || err != nil {
		t.Errorf("set aside: %v, %v", aside, err)
	}
}
