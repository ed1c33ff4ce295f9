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

// Who asks can make DuckDB say anything. Only what it finds itself has a file set aside.
func TestWordsDoNotBreakAFile(t *testing.T) {
	dir := t.TempDir()
	e := open(t, dir)
	s, err := e.Store(t.Context(), "shop")
	if err != nil {
		t.Fatal(err)
	}
	for _, words := range []string{"Corrupt database file", "IO Error: Corrupt database file", "database has been invalidated", "INTERNAL Error: x", "FATAL Error: x", "Serialization Error"} {
		if _, err := s.Query(t.Context(), analytics.Query{SQL: "SELECT error('" + words + "')", Foreign: true}); err == nil {
			t.Errorf("%q is no error", words)
		}
		if again, err := e.Store(t.Context(), "shop"); again != s || err != nil {
			t.Errorf("after %q there is another store, %v", words, err)
		}
	}
	if aside, err := filepath.Glob(filepath.Join(dir, "*.broken-*")); len(aside) != 0 || err != nil {
		t.Errorf("set aside: %v, %v", aside, err)
	}
}
