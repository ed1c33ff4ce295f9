package durable_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/slipwayhq/slipway/internal/durable"
)

func TestAFileIsReplacedWholeOrNotAtAll(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "file")
	for _, text := range []string{"one", "", "three"} {
		if err := durable.WriteFile(path, []byte(text)); err != nil {
			t.Fatal(err)
		}
		if b, err := os.ReadFile(path); err != nil || string(b) != text {
			t.Errorf("%q, %v", b, err)
		}
	}
	info, err := os.Stat(path)
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("%v, %v", info.Mode(), err)
	}
	if err := durable.SyncFolder(dir); err != nil {
		t.Error(err)
	}
	taken := filepath.Join(dir, "taken") // by a folder that has something
	if err := os.MkdirAll(filepath.Join(taken, "more"), 0o700); err != nil {
		t.Fatal(err)
	}
	if durable.WriteFile(taken, nil) == nil || durable.WriteFile(filepath.Join(dir, "no", "file"), nil) == nil || durable.SyncFolder(filepath.Join(dir, "no")) == nil {
		t.Error("what cannot be done is not told")
	}
	left, err := os.ReadDir(dir)
	if err != nil || len(left) != 2 {
		t.Errorf("%v are left, %v", left, err)
	}
}
