package seen

import (
	"context"
	"encoding/binary"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/slipwayhq/slipway/internal/seen/run"
)

func opened(t *testing.T, dir string) *Index {
	t.Helper()
	x, err := Open(dir, func() time.Time { return time.Unix(1_780_000_000, 0) }, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = x.Close() })
	return x
}

// some are keys by number.
func some(from, to int) (keys []Key) {
	for n := from; n < to; n++ {
		keys = append(keys, KeyOf("shop", string(binary.AppendUvarint(nil, uint64(n)))))
	}
	return keys
}

// every is each so-manyth key.
func every(keys []Key, step int) (some []Key) {
	for i := 0; i < len(keys); i += step {
		some = append(some, keys[i])
	}
	return some
}

// fresh is how many of some keys the index does not know.
func (x *Index) fresh(t *testing.T, keys []Key) (n int) {
	t.Helper()
	for some := range slices.Chunk(keys, 1000) {
		c, err := x.Claim(t.Context(), some)
		if err != nil {
			t.Fatal(err)
		}
		for _, fresh := range c.Fresh {
			if fresh {
				n++
			}
		}
		c.Release()
	}
	return n
}

func (x *Index) learned(t *testing.T, at time.Time, keys []Key) {
	t.Helper()
	for some := range slices.Chunk(keys, 1000) {
		if err := x.Learn(at, some...); err != nil {
			t.Fatal(err)
		}
	}
}

func (x *Index) settled(t *testing.T, at uint64) {
	t.Helper()
	if err := x.Settle(t.Context(), func(context.Context) (uint64, error) { return at, nil }); err != nil {
		t.Fatal(err)
	}
}

// What fills memory several times over goes through files and merges, and each id is known all the time.
func TestIdsAreKnownWhereverTheyAre(t *testing.T) {
	dir := t.TempDir()
	x := opened(t, dir)
	const all, step = 10 * mostRecent, mostRecent/2 + 999
	keys := some(0, all)
	x.learned(t, x.now(), keys[:100])
	var asks sync.WaitGroup
	done := make(chan struct{})
	asks.Go(func() { // while they move
		for {
			select {
			case <-done:
				return
			case <-time.After(time.Millisecond):
				if n := x.fresh(t, keys[:100]); n != 0 {
					t.Errorf("%d of 100 are not known", n)
					return
				}
			}
		}
	})
	for at := 0; at < all; at += step {
		end := min(at+step, all)
		x.learned(t, x.now(), keys[at:end])
		for _, look := range []int{0, at, end - 500} {
			if n := x.fresh(t, keys[max(look, 0):max(look, 0)+500]); n != 0 {
				t.Fatalf("after %d, %d of 500 from %d on are not known", end, n, look)
			}
		}
	}
	close(done)
	asks.Wait()
	x.settled(t, all)
	if err := x.Close(); err != nil {
		t.Fatal(err)
	}
	y := opened(t, dir)
	if y.Position() != all {
		t.Errorf("position %d", y.Position())
	}
	if n := y.fresh(t, every(keys, 5)); n != 0 {
		t.Errorf("%d of %d are not known after a start", n, all/5)
	}
	if n := y.fresh(t, some(all, all+10_000)); n != 10_000 {
		t.Errorf("%d of 10000 that never came are new", n)
	}
	if err := y.files.merge(func() error { return nil }); err != nil {
		t.Fatal(err)
	}
	total := 0
	for _, one := range y.files.all {
		total += one.Len()
	}
	if total != all || len(y.files.all) > 12 {
		t.Errorf("%d ids in %d files", total, len(y.files.all))
	}
	for _, one := range y.files.all {
		if info, err := os.Stat(filepath.Join(dir, one.Name)); err != nil || float64(info.Size()) > 18.5*float64(one.Len())+3*4096 {
			t.Errorf("a file of %d ids: %v, %v", one.Len(), info.Size(), err)
		}
	}
	if n := y.fresh(t, every(keys, 7)); n != 0 {
		t.Errorf("%d of %d are not known once their files are one", n, all/7)
	}
}

// Each eightfold of all ids is written once more; a span that is over comes to few files.
func TestWhichFilesAreMerged(t *testing.T) {
	dir := t.TempDir()
	f := &files{dir: dir}
	n := 0
	written := func(span uint32, size int) {
		t.Helper()
		path := f.path()
		g := generation{span: span, ids: map[Key]struct{}{}}
		for _, k := range some(n, n+size) {
			g.ids[k] = struct{}{}
		}
		n += size
		if err := errors.Join(g.write(path), f.add(path, span)); err != nil {
			t.Fatal(err)
		}
	}
	for range 7 {
		written(9, 100)
	}
	if len(alike(f.all)) != 0 {
		t.Error("seven small ones are to be merged")
	}
	written(9, 10_000)
	if len(alike(f.all)) != 0 {
		t.Error("a large one is alike")
	}
	written(9, 1)
	if got := alike(f.all); len(got) != 8 {
		t.Errorf("%d of eight", len(got))
	}
	for range 2 {
		written(8, 50)
	}
	if got := alike(f.all); len(got) != 2 && len(got) != 8 {
		t.Errorf("%d", len(got))
	}
	stop := errors.New("stop")
	if err := f.merge(func() error { return stop }); !errors.Is(err, stop) || len(f.all) != 11 {
		t.Errorf("%v, %d files", err, len(f.all))
	}
	if err := f.merge(func() error { return nil }); err != nil || len(f.all) != 3 {
		t.Errorf("%v, %d files", err, len(f.all))
	}
	if err := f.forget(9); err != nil || len(f.all) != 2 {
		t.Errorf("%v, %d files", err, len(f.all))
	}
	if err := f.close(); err != nil {
		t.Error(err)
	}
	found, err := filepath.Glob(filepath.Join(dir, "*"+ending))
	if err != nil || len(found) != 2 {
		t.Errorf("%v, %v", found, err)
	}
}

// What is damaged is made anew; what lies about is removed, and nothing that is not the index's.
func TestADamagedIndexIsMadeAnew(t *testing.T) {
	for name, damage := range map[string]func(dir, one string) error{
		"no file": func(_, one string) error { return os.Remove(one) },
		"cut off": func(_, one string) error { return os.Truncate(one, 5000) },
		"no list": func(dir, _ string) error { return os.WriteFile(filepath.Join(dir, listName), []byte("{"), 0o600) },
		"other list": func(dir, _ string) error {
			return os.WriteFile(filepath.Join(dir, listName), []byte(`{"version":2}`), 0o600)
		},
		"a block": func(_, one string) error {
			f, err := os.OpenFile(one, os.O_RDWR, 0)
			if err != nil {
				return err
			}
			_, err = f.WriteAt([]byte("xxxx"), 4096+100)
			return errors.Join(err, f.Close())
		},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			for _, other := range []string{"MANIFEST-000001", "000004.sst", "README", "000000000099.ids", ".new-123"} {
				if err := os.WriteFile(filepath.Join(dir, other), nil, 0o600); err != nil {
					t.Fatal(err)
				}
			}
			x := opened(t, dir)
			x.learned(t, x.now(), some(0, 200))
			x.settled(t, 200)
			if err := x.Close(); err != nil {
				t.Fatal(err)
			}
			found, err := os.ReadDir(dir)
			if err != nil || len(found) != 3 { // the list, the file, README
				t.Fatalf("%v, %v", found, err)
			}
			one, err := filepath.Glob(filepath.Join(dir, "*"+ending))
			if err != nil || len(one) != 1 {
				t.Fatalf("%v, %v", one, err)
			}
			if err := damage(dir, one[0]); err != nil {
				t.Fatal(err)
			}
			if name == "a block" { // is found when it is read: nobody is told that an id is new that may not be
				y := opened(t, dir)
				if _, err := y.Claim(t.Context(), some(0, 200)); !errors.Is(err, run.ErrDamaged) || !strings.Contains(err.Error(), "start the server anew") {
					t.Errorf("%v", err)
				}
				if n := y.fresh(t, some(200, 210)); n != 10 {
					t.Errorf("%d of 10 others are new", n)
				}
				if err := y.Close(); err != nil {
					t.Fatal(err)
				}
			}
			y := opened(t, dir)
			if y.Position() != 0 || len(y.files.all) != 0 {
				t.Errorf("position %d, %d files", y.Position(), len(y.files.all))
			}
			y.learned(t, y.now(), some(0, 200))
			y.settled(t, 200)
			if n := y.fresh(t, some(0, 300)); n != 100 {
				t.Errorf("%d of 100 are new", n)
			}
			if err := y.Close(); err != nil {
				t.Fatal(err)
			}
			if z := opened(t, dir); z.Position() != 200 || z.fresh(t, some(0, 200)) != 0 {
				t.Errorf("position %d", z.Position())
			}
		})
	}
}

// Where nothing can be written ids stay in memory, are known, and nothing is promised; then it is made up for.
func TestIdsThatCannotBeWritten(t *testing.T) {
	// The folder is taken away: root may write wherever there is one.
	dir := filepath.Join(t.TempDir(), "index")
	x := opened(t, dir)
	aside := dir + ".aside"
	if err := os.Rename(dir, aside); err != nil {
		t.Fatal(err)
	}
	x.learned(t, x.now(), some(0, 2000))
	if err := x.Settle(t.Context(), func(context.Context) (uint64, error) { return 2000, nil }); err == nil {
		t.Error("it settled on nothing")
	}
	if x.Position() != 0 || x.fresh(t, some(0, 2001)) != 1 {
		t.Errorf("position %d", x.Position())
	}
	var err error
	for n := 2000; err == nil && n < 4*mostRecent; n += 1000 {
		err = x.Learn(x.now(), some(n, n+1000)...)
	}
	if err == nil {
		t.Error("memory has no bound")
	}
	if err := os.Rename(aside, dir); err != nil {
		t.Fatal(err)
	}
	x.settled(t, 2000)
	if err := x.Close(); err != nil {
		t.Fatal(err)
	}
	if y := opened(t, dir); y.Position() != 2000 || y.fresh(t, some(0, 2000)) != 0 {
		t.Errorf("position %d", y.Position())
	}
}

// A file that the list on disk has stays until another list is there, whatever fails; and a copy of the folder at any moment, as a power failure leaves it, knows all up to its position.
func TestNoFileGoesBeforeTheListIsThere(t *testing.T) {
	dir := t.TempDir()
	x := opened(t, dir)
	crashed := func(want uint64) {
		t.Helper()
		other := filepath.Join(t.TempDir(), "copy")
		if err := os.CopyFS(other, os.DirFS(dir)); err != nil {
			t.Fatal(err)
		}
		y := opened(t, other)
		if n := y.fresh(t, some(0, int(want))); y.Position() != want || n != 0 {
			t.Errorf("position %d, and %d of %d are not known", y.Position(), n, want)
		}
	}
	at := uint64(0)
	for range mostAlike - 1 {
		x.learned(t, x.now(), some(int(at), int(at)+100))
		crashed(at)
		at += 100
		x.settled(t, at)
		crashed(at)
	}
	path := x.files.path()
	g := generation{span: x.files.all[0].Span, ids: map[Key]struct{}{KeyOf("shop", "one more"): {}}}
	if err := errors.Join(g.write(path), x.files.add(path, g.span)); err != nil {
		t.Fatal(err)
	}
	list, aside := filepath.Join(dir, listName), filepath.Join(dir, "aside")
	if err := errors.Join(os.Rename(list, aside), os.Mkdir(list, 0o700)); err != nil { // nothing can take a folder's place
		t.Fatal(err)
	}
	if err := x.files.merge(func() error { return nil }); err == nil {
		t.Error("merged without a list")
	}
	if err := x.files.forget(g.span + 1); err == nil {
		t.Error("forgotten without a list")
	}
	if err := errors.Join(os.Remove(list), os.Rename(aside, list)); err != nil {
		t.Fatal(err)
	}
	crashed(at)
	if err := x.files.save(); err != nil {
		t.Fatal(err)
	}
	found, err := filepath.Glob(filepath.Join(dir, "*"+ending))
	if err != nil || len(found) != 0 || len(x.files.gone) != 0 {
		t.Errorf("%v are left, %v", found, err)
	}
}
