package artifact

import (
	"archive/tar"
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/klauspost/compress/zstd"
)

// craft compresses a hand-made tar.
func craft(t testing.TB, entries ...tar.Header) []byte {
	t.Helper()
	var plain bytes.Buffer
	w := tar.NewWriter(&plain)
	for _, h := range entries {
		if err := w.WriteHeader(&h); err != nil {
			t.Fatal(err)
		}
		if _, err := io.CopyN(w, zeros{}, h.Size); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return compress(t, plain.Bytes())
}

func compress(t testing.TB, plain []byte) []byte {
	t.Helper()
	z, err := zstd.NewWriter(nil)
	if err != nil {
		t.Fatal(err)
	}
	return z.EncodeAll(plain, nil)
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) { clear(p); return len(p), nil }

func shaOf(b []byte) string {
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:])
}

func file(name string) tar.Header {
	return tar.Header{Typeflag: tar.TypeReg, Name: name, Mode: 0o644, Size: 3}
}
func dir(name string) tar.Header { return tar.Header{Typeflag: tar.TypeDir, Name: name, Mode: 0o755} }
func link(name, to string) tar.Header {
	return tar.Header{Typeflag: tar.TypeSymlink, Name: name, Linkname: to}
}

func TestUnpackRefuses(t *testing.T) {
	attacks := map[string]struct {
		entries []tar.Header
		want    string
	}{
		"up":                     {[]tar.Header{file("../evil")}, `".."`},
		"up in the middle":       {[]tar.Header{dir("a/"), file("a/../../evil")}, `".."`},
		"absolute":               {[]tar.Header{file("/tmp/evil")}, "absolute"},
		"dot":                    {[]tar.Header{dir("./")}, "no name"},
		"not clean":              {[]tar.Header{dir("a/"), file("a//b")}, "simplest form"},
		"link up":                {[]tar.Header{link("l", "../evil")}, "outside"},
		"link absolute":          {[]tar.Header{link("l", "/etc")}, "stay inside"},
		"link empty":             {[]tar.Header{link("l", "")}, "stay inside"},
		"link up late":           {[]tar.Header{dir("a/"), link("a/l", "b/../../..")}, "front of a link"},
		"through a link":         {[]tar.Header{dir("a/"), link("l", "a"), file("l/evil")}, "folder of the artifact"},
		"through a link out":     {[]tar.Header{link("l", "."), link("l/m", "..")}, "folder of the artifact"},
		"over a link":            {[]tar.Header{link("l", "x"), file("l")}, "twice"},
		"folder over a link":     {[]tar.Header{link("l", "x"), dir("l/")}, "twice"},
		"twice":                  {[]tar.Header{file("a"), file("a")}, "twice"},
		"file then folder":       {[]tar.Header{file("a"), dir("a/")}, "twice"},
		"below a file":           {[]tar.Header{file("a"), file("a/b")}, "folder of the artifact"},
		"no folder":              {[]tar.Header{file("a/b")}, "folder of the artifact"},
		"hard link":              {[]tar.Header{file("a"), {Typeflag: tar.TypeLink, Name: "b", Linkname: "a"}}, "neither"},
		"character device":       {[]tar.Header{{Typeflag: tar.TypeChar, Name: "null", Devmajor: 1, Devminor: 3}}, "neither"},
		"block device":           {[]tar.Header{{Typeflag: tar.TypeBlock, Name: "sda", Devmajor: 8}}, "neither"},
		"pipe":                   {[]tar.Header{{Typeflag: tar.TypeFifo, Name: "p"}}, "neither"},
		"too many":               {[]tar.Header{file("a"), file("b"), file("c"), file("d"), file("e"), file("f")}, "more than 5"},
		"too large":              {[]tar.Header{{Typeflag: tar.TypeReg, Name: "bomb", Size: 2 << 20}}, "larger than"},
		"too large together":     {[]tar.Header{{Typeflag: tar.TypeReg, Name: "a", Size: 900 << 10}, {Typeflag: tar.TypeReg, Name: "b", Size: 900 << 10}}, "larger than"},
		"a name that is no name": {[]tar.Header{file(strings.Repeat("n", 300))}, "longer than"},
	}
	for name, attack := range attacks {
		t.Run(name, func(t *testing.T) {
			data := craft(t, attack.entries...)
			err := unpackIn(t, data, shaOf(data), Limits{Size: 1 << 20, Entries: 5})
			if CodeOf(err) != CodeUnpack || !strings.Contains(err.Error(), attack.want) {
				t.Errorf("Unpack = %v (code %q), want code %q and %q", err, CodeOf(err), CodeUnpack, attack.want)
			}
		})
	}
}

// unpackIn unpacks into a fresh place and, where that fails, checks that nothing is left anywhere.
func unpackIn(t *testing.T, data []byte, sha string, limits Limits) error {
	t.Helper()
	outer := t.TempDir()
	inner := filepath.Join(outer, "releases")
	if err := os.Mkdir(inner, 0o755); err != nil {
		t.Fatal(err)
	}
	err := Unpack(bytes.NewReader(data), sha, filepath.Join(inner, "rel"), limits)
	if err != nil {
		if left := tree(t, outer); left != "drwxr-xr-x releases \n" {
			t.Errorf("left behind:\n%s", left)
		}
	}
	return err
}

func TestUnpackRefusesOtherBytes(t *testing.T) {
	good := craft(t, file("a"))
	bomb := compress(t, make([]byte, 64<<20))
	damaged := bytes.Clone(good)
	damaged[len(damaged)/2] ^= 0xff
	for name, c := range map[string]struct {
		data []byte
		sha  string
		want Code
	}{
		"other bytes":       {good, shaOf([]byte("other")), CodeHash},
		"damaged":           {damaged, shaOf(good), CodeHash},
		"cut":               {good[:len(good)-9], shaOf(good), CodeHash},
		"more at the end":   {append(bytes.Clone(good), 0), shaOf(good), CodeHash},
		"empty":             {nil, shaOf(good), CodeHash},
		"not compressed":    {[]byte("hello"), shaOf([]byte("hello")), CodeUnpack},
		"not a tar":         {compress(t, []byte(strings.Repeat("hello", 500))), shaOf(compress(t, []byte(strings.Repeat("hello", 500)))), CodeUnpack},
		"zeros for ever":    {append(bytes.Clone(good), bomb...), shaOf(append(bytes.Clone(good), bomb...)), CodeUnpack},
		"too large to read": {make([]byte, 2<<20), shaOf(make([]byte, 2<<20)), CodeUnpack},
	} {
		t.Run(name, func(t *testing.T) {
			if err := unpackIn(t, c.data, c.sha, Limits{Packed: 1 << 20, Size: 1 << 20, Entries: 100}); CodeOf(err) != c.want {
				t.Errorf("Unpack = %v (code %q), want code %q", err, CodeOf(err), c.want)
			}
		})
	}
}

func TestUnpackTellsReaderFromDisk(t *testing.T) {
	cut := errors.New("connection cut")
	good := craft(t, file("a"))
	half := io.MultiReader(bytes.NewReader(good[:20]), failing{cut})
	err := Unpack(half, shaOf(good), filepath.Join(t.TempDir(), "rel"), Limits{})
	if !errors.Is(err, cut) || CodeOf(err) != "" {
		t.Errorf("Unpack = %v (code %q), want the reader's error without a code", err, CodeOf(err))
	}
	err = Unpack(bytes.NewReader(good), shaOf(good), filepath.Join(t.TempDir(), "no", "such", "folder"), Limits{})
	if CodeOf(err) != CodeDisk {
		t.Errorf("Unpack = %v (code %q), want code %q", err, CodeOf(err), CodeDisk)
	}
	dst := filepath.Join(t.TempDir(), "rel")
	if err := os.Mkdir(dst, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := Unpack(bytes.NewReader(good), shaOf(good), dst, Limits{}); !errors.Is(err, os.ErrExist) {
		t.Errorf("Unpack over an existing folder = %v", err)
	}
}

func TestManyFilesAreSynced(t *testing.T) {
	root := t.TempDir()
	for i := range syncEach + 10 {
		write(t, root, "x/"+strings.Repeat("f", i+1))
	}
	data, sha := pack(t, root, "x")
	if err := unpackIn(t, data, sha, Limits{}); err != nil {
		t.Fatal(err)
	}
}

// FuzzUnpack holds that no bytes whatever write outside of the destination, and that what is unpacked packs again.
func FuzzUnpack(f *testing.F) {
	for _, entries := range [][]tar.Header{
		{file("a"), dir("d/"), file("d/b"), link("d/l", "../a")},
		{link("l", ".."), file("l/x")},
		{file("../x")},
	} {
		z := craft(f, entries...)
		d, err := zstd.NewReader(nil)
		if err != nil {
			f.Fatal(err)
		}
		plain, err := d.DecodeAll(z, nil)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(plain)
	}
	f.Fuzz(func(t *testing.T, plain []byte) {
		data := compress(t, plain)
		outer := t.TempDir()
		dst := filepath.Join(outer, "in", "rel")
		if err := os.Mkdir(filepath.Dir(dst), 0o755); err != nil {
			t.Fatal(err)
		}
		err := Unpack(bytes.NewReader(data), shaOf(data), dst, Limits{Size: 1 << 20, Entries: 50})
		for _, place := range []string{outer, filepath.Dir(dst)} {
			names, readErr := os.ReadDir(place)
			if readErr != nil {
				t.Fatal(readErr)
			}
			want := 1
			if place != outer && err != nil {
				want = 0
			}
			if len(names) != want {
				t.Errorf("%s holds %v after %v", place, names, err)
			}
		}
		if err == nil {
			if _, _, err := Pack(io.Discard, dst, "."); err != nil {
				t.Errorf("what was unpacked does not pack: %v", err)
			}
		}
	})
}
