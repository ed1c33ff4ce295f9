package run

import (
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"testing"
)

// hashes are n keys, the same ones for the same seed, in their order.
func hashes(seed uint64, n int) []Key {
	all := make([]Key, n)
	for i := range all {
		sum := sha256.Sum256(binary.BigEndian.AppendUint64(binary.BigEndian.AppendUint64(nil, seed), uint64(i)))
		copy(all[i][:], sum[:])
	}
	slices.SortFunc(all, func(a, b Key) int { return a.Compare(&b) })
	return all
}

func written(t testing.TB, most int, keys []Key) *Run {
	t.Helper()
	path := filepath.Join(t.TempDir(), "some.ids")
	w, err := Create(path, most)
	if err != nil {
		t.Fatal(err)
	}
	for _, k := range keys {
		if err := w.Add(k); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return opened(t, path)
}

func opened(t testing.TB, path string) *Run {
	t.Helper()
	r, err := Open(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = r.Close() })
	return r
}

// Keys hands on all keys in their order, until fn fails.
func (r *Run) Keys(fn func(Key) error) error {
	c := r.cursor()
	for {
		ok, err := c.next()
		if err != nil || !ok {
			return err
		}
		if err := fn(c.key); err != nil {
			return err
		}
	}
}

func TestAFileHasWhatWasWritten(t *testing.T) {
	for _, n := range []int{0, 1, 31, 254, 255, 256, 510, 511, 20_000} {
		for _, room := range []int{0, 1, 5000} {
			keys := hashes(1, n)
			r := written(t, n+room, append(slices.Clone(keys), keys[max(n-1, 0):]...)) // the last one twice
			if r.Len() != n {
				t.Errorf("of %d there are %d", n, r.Len())
			}
			for i := range keys {
				if has, err := r.Has(&keys[i]); !has || err != nil {
					t.Fatalf("of %d it has not number %d: %v", n, i, err)
				}
			}
			others, wrong := hashes(2, 20_000), 0
			for i := range others {
				if r.mayHave(&others[i]) {
					wrong++
				}
				if has, err := r.Has(&others[i]); has || err != nil {
					t.Fatalf("of %d it has what it has not: %v", n, err)
				}
			}
			if wrong > 40 { // of the 20 that are to be expected
				t.Errorf("of %d the filter lets %d of %d through", n, wrong, len(others))
			}
			var got []Key
			if err := r.Keys(func(k Key) error { got = append(got, k); return nil }); err != nil || !slices.Equal(got, keys) {
				t.Errorf("%d of %d keys, %v", len(got), n, err)
			}
		}
	}
}

// A hash may begin as another does: it is found all the same, whichever block it is in.
func TestKeysThatBeginAlike(t *testing.T) {
	keys := make([]Key, 3*blockKeys)
	for i := range keys {
		binary.BigEndian.PutUint64(keys[i][:8], 7)
		binary.BigEndian.PutUint64(keys[i][8:], uint64(i)<<40)
	}
	keys[0] = Key{}
	r := written(t, len(keys), keys)
	for i := range keys {
		if has, err := r.Has(&keys[i]); !has || err != nil {
			t.Fatalf("it has not number %d: %v", i, err)
		}
	}
	other := keys[9]
	other[15] = 1
	if has, err := r.Has(&other); has || err != nil {
		t.Errorf("%t, %v", has, err)
	}
}

func TestMergedFilesHaveAll(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 1))
	for _, sizes := range [][]int{{}, {0}, {1}, {0, 300}, {5, 5}, {1000, 1, 4000, 255, 0, 77, 256, 3000}} {
		var runs []*Run
		var want []Key
		for i, n := range sizes {
			keys := hashes(uint64(i), n)
			if len(want) > 0 && n > 0 { // some are in two
				keys = append(keys, want[rng.IntN(len(want))])
				slices.SortFunc(keys, func(a, b Key) int { return a.Compare(&b) })
			}
			runs, want = append(runs, written(t, len(keys), keys)), append(want, keys...)
		}
		slices.SortFunc(want, func(a, b Key) int { return a.Compare(&b) })
		want = slices.Compact(want)
		path := filepath.Join(t.TempDir(), "all.ids")
		if err := Merge(path, runs, func() error { return nil }); err != nil {
			t.Fatal(err)
		}
		var got []Key
		if err := opened(t, path).Keys(func(k Key) error { got = append(got, k); return nil }); err != nil || !slices.Equal(got, want) {
			t.Errorf("%d of %d keys, %v", len(got), len(want), err)
		}
	}
}

func TestAMergeThatIsEndedLeavesNothing(t *testing.T) {
	path, stop := filepath.Join(t.TempDir(), "all.ids"), errors.New("stop")
	if err := Merge(path, []*Run{written(t, 9, hashes(1, 9)), written(t, 9, hashes(2, 9))}, func() error { return stop }); !errors.Is(err, stop) {
		t.Errorf("%v", err)
	}
	if _, err := os.Stat(path); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("%v", err)
	}
}

func TestWhatAWriterRefuses(t *testing.T) {
	keys := hashes(1, 3)
	path := filepath.Join(t.TempDir(), "some.ids")
	w, err := Create(path, 2)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := Create(path, 2); err == nil {
		t.Error("the same file twice")
	}
	if err := errors.Join(w.Add(keys[1]), w.Add(keys[1])); err != nil {
		t.Error(err)
	}
	if w.Add(keys[0]) == nil {
		t.Error("keys out of their order")
	}
	if err := w.Add(keys[2]); err != nil {
		t.Error(err)
	}
	if w.Add(Key{255, 255, 255, 255, 255, 255, 255, 255, 255}) == nil {
		t.Error("more than there is room for")
	}
	if err := w.Close(); err != nil || opened(t, path).Len() != 2 {
		t.Errorf("%v", err)
	}
}

// Whatever is done to a file, it is told as damaged, or a filter that lies says that it has not what it has: it never has what it has not.
func TestADamagedFileIsTold(t *testing.T) {
	keys, others := hashes(1, 2000), hashes(2, 500)
	dir := t.TempDir()
	path := filepath.Join(dir, "some.ids")
	w, err := Create(path, len(keys))
	if err != nil {
		t.Fatal(err)
	}
	for _, k := range keys {
		if err := w.Add(k); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	whole, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	broken := filepath.Join(dir, "broken.ids")
	rng := rand.New(rand.NewPCG(1, 1))
	s := shapeFor(uint64(len(keys)), uint64(len(keys)))
	for round := range 400 {
		b := slices.Clone(whole)
		at := rng.IntN(len(b))
		switch round % 4 {
		case 0:
			at = rng.IntN(32)
		case 1:
			b = b[:at]
		case 2:
			b = append(b, 0)
		}
		if at < len(b) {
			b[at] ^= 1 << rng.IntN(8)
		}
		if err := os.WriteFile(broken, b, 0o600); err != nil {
			t.Fatal(err)
		}
		r, err := Open(broken)
		if err != nil {
			if !errors.Is(err, ErrDamaged) {
				t.Fatalf("byte %d: %v", at, err)
			}
			continue
		}
		inFilter := int64(at) >= s.filter && int64(at) < s.fences
		err = r.Keys(func(Key) error { return nil })
		if padding := at < headSize || (at-headSize)%blockSize >= blockKeys*16+4; err == nil && !inFilter && !padding || err != nil && !errors.Is(err, ErrDamaged) {
			t.Fatalf("byte %d: %v", at, err)
		}
		for i := range others {
			if has, err := r.Has(&others[i]); has || err != nil && !errors.Is(err, ErrDamaged) {
				t.Fatalf("byte %d: %t, %v", at, has, err)
			}
		}
		if err := r.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

func BenchmarkNotThere(b *testing.B) {
	r := written(b, 1_000_000, hashes(1, 1_000_000))
	others := hashes(2, 1<<16)
	rand.New(rand.NewPCG(1, 1)).Shuffle(len(others), func(i, j int) { others[i], others[j] = others[j], others[i] })
	n := 0
	for b.Loop() {
		if has, err := r.Has(&others[n&(1<<16-1)]); has || err != nil {
			b.Fatal(has, err)
		}
		n++
	}
}

func BenchmarkMerge(b *testing.B) {
	var runs []*Run
	for i := range 8 {
		runs = append(runs, written(b, 100_000, hashes(uint64(i), 100_000)))
	}
	dir := b.TempDir()
	n := 0
	for b.Loop() {
		path := filepath.Join(dir, "all.ids")
		if err := Merge(path, runs, func() error { return nil }); err != nil {
			b.Fatal(err)
		}
		n += 8 * 100_000
		if err := os.Remove(path); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(n), "ns/key")
}
