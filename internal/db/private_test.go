package db_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/slipwayhq/slipway/internal/db"
)

// TestTheStoreIsItsOwnersAlone: new, and when it was left readable for everybody.
func TestTheStoreIsItsOwnersAlone(t *testing.T) {
	path := filepath.Join(t.TempDir(), "state.db")
	for range 2 {
		d, err := db.Open(t.Context(), db.Options{Path: path})
		if err != nil {
			t.Fatal(err)
		}
		for _, suffix := range []string{"", "-wal", "-shm"} {
			info, err := os.Stat(path + suffix)
			if err != nil || info.Mode().Perm() != 0o600 {
				t.Errorf("state.db%s: %v, %v", suffix, info, err)
			}
		}
		if err := d.Close(); err != nil {
			t.Fatal(err)
		}
		if err := os.Chmod(path, 0o644); err != nil {
			t.Fatal(err)
		}
	}
}
