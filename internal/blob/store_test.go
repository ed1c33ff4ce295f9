package blob

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"

	"github.com/slipwayhq/slipway/internal/fault"
)

func newStore(t *testing.T, opts Options) *Store {
	t.Helper()
	s, err := OpenWith(t.TempDir(), opts)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func shaOf(text string) string {
	sum := sha256.Sum256([]byte(text))
	return hex.EncodeToString(sum[:])
}

func files(t *testing.T, dir string) []string {
	t.Helper()
	var all []string
	err := filepath.Walk(dir, func(path string, info os.FileInfo, err error) error {
		if err == nil && !info.IsDir() {
			all = append(all, strings.TrimPrefix(path, dir))
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

func TestArtifactThereAndBack(t *testing.T) {
	s := newStore(t, Options{})
	for range 2 { // the second time is the same artifact
		sha, size, err := s.Put(strings.NewReader("release"))
		if err != nil || sha != shaOf("release") || size != 7 {
			t.Fatalf("Put: %s, %d, %v", sha, size, err)
		}
	}
	if got := files(t, s.dir); len(got) != 1 {
		t.Fatalf("kept %v, want one file", got)
	}
	r, size, err := s.Open(shaOf("release"))
	if err != nil || size != 7 {
		t.Fatalf("Open: %d, %v", size, err)
	}
	defer r.Close()
	if err := s.Delete(shaOf("release")); err != nil {
		t.Fatal(err)
	}
	if _, err := r.Seek(3, io.SeekStart); err != nil {
		t.Fatal(err)
	}
	if got, err := io.ReadAll(r); err != nil || string(got) != "ease" {
		t.Fatalf("read %q, %v: an open artifact stays readable", got, err)
	}
	if _, ok := s.Has(shaOf("release")); ok {
		t.Error("it is deleted, and yet there")
	}
	if _, _, err := s.Open(shaOf("release")); !fault.Is(err, fault.CodeNotFound) {
		t.Errorf("Open of a deleted artifact: %v, want not found", err)
	}
	if err := s.Delete(shaOf("release")); err != nil {
		t.Errorf("deleting twice: %v", err)
	}
}

func TestArtifactUnderAWrongNameIsRefused(t *testing.T) {
	s := newStore(t, Options{})
	if _, err := s.PutAs(shaOf("this"), strings.NewReader("that")); !fault.Is(err, fault.CodeInvalid) {
		t.Errorf("PutAs: %v, want invalid", err)
	}
	for _, name := range []string{"", "../../etc/passwd", strings.Repeat("A", 64), strings.Repeat("a", 63), "../" + strings.Repeat("a", 61)} {
		if _, err := s.PutAs(name, strings.NewReader("x")); !fault.Is(err, fault.CodeInvalid) {
			t.Errorf("PutAs %q: %v, want invalid", name, err)
		}
		if _, _, err := s.Open(name); !fault.Is(err, fault.CodeInvalid) {
			t.Errorf("Open %q: %v, want invalid", name, err)
		}
		if _, ok := s.Has(name); ok {
			t.Errorf("Has %q", name)
		}
		if err := s.Delete(name); !fault.Is(err, fault.CodeInvalid) {
			t.Errorf("Delete %q: %v, want invalid", name, err)
		}
	}
	if got := files(t, s.dir); len(got) != 0 {
		t.Errorf("left %v behind", got)
	}
}

type brokenReader struct{}

func (brokenReader) Read([]byte) (int, error) { return 0, io.ErrUnexpectedEOF }

func TestBrokenUploadLeavesNothing(t *testing.T) {
	s := newStore(t, Options{})
	_, _, err := s.Put(io.MultiReader(strings.NewReader("half"), brokenReader{}))
	if !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("Put: %v", err)
	}
	if got := files(t, s.dir); len(got) != 0 {
		t.Errorf("left %v behind", got)
	}
}

func TestFullDiskIsSaidAndLeavesNothing(t *testing.T) {
	s := newStore(t, Options{})
	s.fillDisk(t)
	_, _, err := s.Put(bytes.NewReader(make([]byte, 1<<20)))
	if !fault.Is(err, fault.CodeLimited) || !errors.Is(err, syscall.ENOSPC) || !strings.Contains(fault.Message(err), "disk is full") {
		t.Errorf("Put on a full disk: %v", err)
	}
	if got := files(t, s.dir); len(got) != 0 {
		t.Errorf("left %v behind", got)
	}
}

// fillDisk lets every write fail as on a full disk. The store gets a link, so that it does not remove the machine's own /dev/full.
func (s *Store) fillDisk(t *testing.T) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "full")
	if err := os.Symlink("/dev/full", path); err != nil {
		t.Fatal(err)
	}
	s.create = func(string) (*os.File, error) { return os.OpenFile(path, os.O_WRONLY, 0) }
}

func TestOpenRemovesWhatACrashLeft(t *testing.T) {
	dir := t.TempDir()
	s, err := Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(s.tmp(), "part-1"), []byte("half"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, _, err := s.Put(strings.NewReader("whole")); err != nil {
		t.Fatal(err)
	}
	if s, err = Open(dir); err != nil {
		t.Fatal(err)
	}
	list, err := s.List()
	if err != nil || len(list) != 1 || list[0].SHA != shaOf("whole") || list[0].Size != 5 {
		t.Fatalf("List: %+v, %v", list, err)
	}
	if got := files(t, dir); len(got) != 1 {
		t.Errorf("left %v", got)
	}
}

func TestManyPutTheSameAtOnce(t *testing.T) {
	s := newStore(t, Options{})
	var wg sync.WaitGroup
	for i := range 16 {
		wg.Go(func() {
			if _, _, err := s.Put(strings.NewReader(fmt.Sprint(i % 2))); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if list, err := s.List(); err != nil || len(list) != 2 {
		t.Fatalf("List: %+v, %v", list, err)
	}
}
