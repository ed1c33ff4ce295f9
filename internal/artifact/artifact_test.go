package artifact

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// write makes files below dir: a trailing slash makes a folder, "a -> b" a link, "!x" an executable.
func write(t *testing.T, dir string, names ...string) {
	t.Helper()
	for _, name := range names {
		link, target, isLink := strings.Cut(name, " -> ")
		mode := fs.FileMode(0o640)
		if rest, ok := strings.CutPrefix(link, "!"); ok {
			link, mode = rest, 0o700
		}
		full := filepath.Join(dir, link)
		if err := os.MkdirAll(filepath.Dir(full), 0o700); err != nil {
			t.Fatal(err)
		}
		var err error
		switch {
		case isLink:
			err = os.Symlink(target, full)
		case strings.HasSuffix(name, "/"):
			err = os.MkdirAll(full, 0o700)
		default:
			err = os.WriteFile(full, []byte("content of "+link), mode)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
}

func pack(t *testing.T, root, path string) ([]byte, string) {
	t.Helper()
	var b bytes.Buffer
	sha, size, err := Pack(&b, root, path)
	if err != nil {
		t.Fatalf("Pack(%s): %v", path, err)
	}
	if size != int64(b.Len()) {
		t.Fatalf("Pack(%s) says %d bytes, wrote %d", path, size, b.Len())
	}
	return b.Bytes(), sha
}

// tree lists everything below dir as "mode name content".
func tree(t *testing.T, dir string) string {
	t.Helper()
	var b strings.Builder
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || path == dir {
			return err
		}
		rel, _ := filepath.Rel(dir, path)
		info, err := d.Info()
		if err != nil {
			return err
		}
		content := ""
		switch {
		case info.Mode()&fs.ModeSymlink != 0:
			content, err = os.Readlink(path)
			b.WriteString("link " + rel + " " + content + "\n")
			return err
		case info.Mode().IsRegular():
			data, err := os.ReadFile(path)
			if err != nil {
				return err
			}
			content = string(data)
		}
		b.WriteString(info.Mode().String() + " " + rel + " " + content + "\n")
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func TestThereAndBack(t *testing.T) {
	root := t.TempDir()
	long := strings.Repeat("long", 40)
	write(t, root, "!dist/shop", "dist/assets/app.1a2b.js", "dist/empty/", "dist/assets/now.js -> app.1a2b.js", "dist/assets/deep/up -> ../../shop",
		"dist/"+long+"/"+long, "dist/naïve \xff name", "dist/later -> not/there/yet", "elsewhere")
	data, sha := pack(t, root, "dist")

	dst := filepath.Join(t.TempDir(), "release")
	if err := Unpack(bytes.NewReader(data), sha, dst, Limits{}); err != nil {
		t.Fatal(err)
	}
	want := strings.NewReplacer("-rwx------", "-rwxr-xr-x", "-rw-r-----", "-rw-r--r--", "drwx------", "drwxr-xr-x").Replace(tree(t, filepath.Join(root, "dist")))
	if got := tree(t, dst); got != want {
		t.Errorf("unpacked\n%s\nwant\n%s", got, want)
	}
	again, shaAgain := pack(t, dst, ".")
	if shaAgain != sha || !bytes.Equal(again, data) {
		t.Errorf("what was unpacked packs to %s, not to %s", shaAgain, sha)
	}
}

func TestSameFilesSameBytes(t *testing.T) {
	a, b := t.TempDir(), t.TempDir()
	write(t, a, "x/one", "x/two", "!x/run", "x/in/three")
	write(t, b, "x/in/three", "!x/run", "x/two", "x/one")
	if err := os.Chtimes(filepath.Join(b, "x/one"), time.Unix(1, 0), time.Unix(2, 0)); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(filepath.Join(b, "x/two"), 0o666); err != nil {
		t.Fatal(err)
	}
	dataA, shaA := pack(t, a, "x")
	dataB, shaB := pack(t, b, "x")
	if shaA != shaB || !bytes.Equal(dataA, dataB) {
		t.Errorf("equal files packed to %s and %s", shaA, shaB)
	}
	write(t, b, "x/four")
	if _, sha := pack(t, b, "x"); sha == shaA {
		t.Error("one more file packed to the same hash")
	}
}

func TestSingleFileStandsByItsBaseName(t *testing.T) {
	root := t.TempDir()
	write(t, root, "!dist/shop", "dist/other", "link -> dist/shop")
	data, sha := pack(t, root, "dist/shop")
	dst := filepath.Join(t.TempDir(), "r")
	if err := Unpack(bytes.NewReader(data), sha, dst, Limits{}); err != nil {
		t.Fatal(err)
	}
	if got := tree(t, dst); got != "-rwxr-xr-x shop content of dist/shop\n" {
		t.Errorf("unpacked %q", got)
	}
}

func TestPackRefuses(t *testing.T) {
	root := t.TempDir()
	write(t, root, "out -> ..", "a/abs/l -> /etc/passwd", "b/up/l -> ../../../x", "c/mid/l -> x/../y", "d/ok")
	write(t, root, "pipe/")
	if err := syscall.Mkfifo(filepath.Join(root, "pipe/fifo"), 0o600); err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]string{
		"../x":      "stay in the repository",
		"/etc":      "stay in the repository",
		"missing":   "no such file",
		"out":       "escapes",
		"a":         "relative links that stay inside",
		"b":         "outside",
		"c":         "front of a link",
		"pipe":      "named pipe",
		"pipe/fifo": "named pipe",
	} {
		_, _, err := Pack(&bytes.Buffer{}, root, path)
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("Pack(%s) = %v, want it to say %q", path, err, want)
		}
	}
}

func TestPackReportsWhatTheWriterSays(t *testing.T) {
	root := t.TempDir()
	write(t, root, "f")
	full := errors.New("full")
	if _, _, err := Pack(failing{full}, root, "f"); !errors.Is(err, full) {
		t.Errorf("Pack = %v, want the writer's error", err)
	}
}

type failing struct{ err error }

func (f failing) Write([]byte) (int, error) { return 0, f.err }
func (f failing) Read([]byte) (int, error)  { return 0, f.err }

// BenchmarkUnpack is the host's part of a 20 MB release.
func BenchmarkUnpack(b *testing.B) {
	root := b.TempDir()
	noise := make([]byte, 20<<20)
	state := uint32(1)
	for i := range noise {
		state = state*1664525 + 1013904223
		noise[i] = byte(state >> 24)
	}
	if err := os.WriteFile(filepath.Join(root, "shop"), noise, 0o755); err != nil {
		b.Fatal(err)
	}
	var data bytes.Buffer
	sha, size, err := Pack(&data, root, "shop")
	if err != nil {
		b.Fatal(err)
	}
	b.SetBytes(size)
	for i := 0; b.Loop(); i++ {
		dst := filepath.Join(root, "rel")
		if err := Unpack(bytes.NewReader(data.Bytes()), sha, dst, Limits{}); err != nil {
			b.Fatal(err)
		}
		if err := os.RemoveAll(dst); err != nil {
			b.Fatal(err)
		}
	}
}
