package blob

import (
	"bytes"
	"context"
	"io"
	"math/rand/v2"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/slipwayhq/slipway/internal/fault"
)

func add(t *testing.T, l *Logs, offset int64, text string) {
	t.Helper()
	if err := l.Append("b/l", offset, []byte(text)); err != nil {
		t.Fatal(err)
	}
}

func readLog(t *testing.T, l *Logs, offset int64) string {
	t.Helper()
	r, err := l.Open("b/l", offset)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	text, err := io.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func TestLogTakesEachByteOnce(t *testing.T) {
	l := newStore(t, Options{}).Logs
	add(t, l, 0, "one\n")
	add(t, l, 0, "one\n")      // sent twice
	add(t, l, 2, "e\ntwo\n")   // overlaps
	add(t, l, 4, "two\n")      // late
	add(t, l, 8, "\x00\xff\n") // whatever bytes
	const want = "one\ntwo\n\x00\xff\n"
	if got := readLog(t, l, 0); got != want {
		t.Fatalf("log is %q, want %q", got, want)
	}
	if err := l.Seal("b/l"); err != nil {
		t.Fatal(err)
	}
	if err := l.Seal("b/l"); err != nil {
		t.Fatalf("sealing twice: %v", err)
	}
	for offset := range int64(len(want)) + 2 {
		if got := readLog(t, l, offset); got != want[min(int(offset), len(want)):] {
			t.Errorf("sealed log from %d is %q", offset, got)
		}
	}
	if size, sealed, err := l.Size("b/l"); size != int64(len(want)) || !sealed || err != nil {
		t.Errorf("Size: %d, %v, %v", size, sealed, err)
	}
	if err := l.Append("b/l", 11, []byte("late")); !fault.Is(err, fault.CodeConflict) {
		t.Errorf("append to a sealed log: %v, want conflict", err)
	}
}

func TestLogGoesOnAfterARestart(t *testing.T) {
	dir := t.TempDir()
	s, err := Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	add(t, s.Logs, 0, "before\n")
	if s, err = Open(dir); err != nil {
		t.Fatal(err)
	}
	add(t, s.Logs, 3, "ore\nafter\n")
	if got := readLog(t, s.Logs, 0); got != "before\nafter\n" {
		t.Fatalf("log is %q", got)
	}
}

func TestLostBytesAreNoted(t *testing.T) {
	l := newStore(t, Options{}).Logs
	add(t, l, 0, "begin")
	add(t, l, 105, "end")
	got := readLog(t, l, 0)
	if len(got) != 108 || !strings.Contains(got, "[100 bytes of the log were lost here]") || !strings.HasSuffix(got, "end") {
		t.Errorf("log is %q", got)
	}
	add(t, l, 110, "!")
	if got := readLog(t, l, 108); got != "\n\n!" {
		t.Errorf("a gap too short for a note is %q", got)
	}
}

func TestLogStopsAtItsCap(t *testing.T) {
	l := newStore(t, Options{LogCap: 1 << 20}).Logs
	chunk := bytes.Repeat([]byte("x"), 100_000)
	for i := range int64(50) {
		if err := l.Append("b/l", i*100_000, chunk); err != nil {
			t.Fatal(err)
		}
	}
	if err := l.Append("b/l", 1<<50, chunk); err != nil { // far beyond: no note of that length
		t.Fatal(err)
	}
	if size, _, err := l.Size("b/l"); size != 1<<20 || err != nil {
		t.Fatalf("Size: %d, %v, want the cap", size, err)
	}
}

func TestBadKeysAndOffsetsAreRefused(t *testing.T) {
	l := newStore(t, Options{}).Logs
	for _, key := range []string{"", "/", "../x", "a/../b", "a//b", "/a", "A", "a.log", strings.Repeat("a", 201)} {
		if err := l.Append(key, 0, []byte("x")); !fault.Is(err, fault.CodeInvalid) {
			t.Errorf("Append %q: %v", key, err)
		}
		if _, err := l.Open(key, 0); !fault.Is(err, fault.CodeInvalid) {
			t.Errorf("Open %q: %v", key, err)
		}
		if _, _, err := l.Wait(t.Context(), key, 0); !fault.Is(err, fault.CodeInvalid) {
			t.Errorf("Wait %q: %v", key, err)
		}
		if err := l.Seal(key); !fault.Is(err, fault.CodeInvalid) {
			t.Errorf("Seal %q: %v", key, err)
		}
	}
	if err := l.Append("a", -1, []byte("x")); !fault.Is(err, fault.CodeInvalid) {
		t.Errorf("Append at -1: %v", err)
	}
}

// A reader that follows while a writer writes and seals sees every byte once.
func TestFollowing(t *testing.T) {
	l := newStore(t, Options{}).Logs
	random := rand.New(rand.NewPCG(1, 2))
	var want []byte
	for range 200 {
		want = append(want, bytes.Repeat([]byte{byte(random.IntN(256))}, random.IntN(500))...)
	}
	var wg sync.WaitGroup
	for range 3 {
		wg.Go(func() {
			var got []byte
			for {
				size, sealed, err := l.Wait(t.Context(), "b/l", int64(len(got)))
				if err != nil {
					t.Error(err)
					return
				}
				r, err := l.Open("b/l", int64(len(got)))
				if err != nil {
					t.Error(err)
					return
				}
				text, err := io.ReadAll(r)
				_ = r.Close() // read only
				if err != nil {
					t.Error(err)
					return
				}
				got = append(got, text...)
				if sealed && int64(len(got)) >= size {
					break
				}
			}
			if !bytes.Equal(got, want) {
				t.Errorf("followed %d bytes, want %d equal ones", len(got), len(want))
			}
		})
	}
	for at := 0; at < len(want); {
		n := min(1+random.IntN(700), len(want)-at)
		if err := l.Append("b/l", int64(at), want[at:at+n]); err != nil {
			t.Fatal(err)
		}
		at += n
	}
	if err := l.Seal("b/l"); err != nil {
		t.Fatal(err)
	}
	wg.Wait()
	if len(l.live) != 0 {
		t.Errorf("%d logs are still held in memory", len(l.live))
	}
}

func TestWaitEndsWithItsContext(t *testing.T) {
	l := newStore(t, Options{}).Logs
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if size, sealed, err := l.Wait(ctx, "b/l", 0); size != 0 || sealed || err != nil {
		t.Errorf("Wait: %d, %v, %v", size, sealed, err)
	}
}

func TestSealWithoutAnyOutput(t *testing.T) {
	l := newStore(t, Options{}).Logs
	if err := l.Seal("b/l"); err != nil {
		t.Fatal(err)
	}
	if size, sealed, err := l.Size("b/l"); size != 0 || !sealed || err != nil {
		t.Errorf("Size: %d, %v, %v", size, sealed, err)
	}
	if got := readLog(t, l, 0); got != "" {
		t.Errorf("log is %q", got)
	}
}

func TestPruneByAge(t *testing.T) {
	s := newStore(t, Options{})
	now := time.Now()
	for key, age := range map[string]time.Duration{"old/a": 40, "old/b": 35, "mixed/a": 31, "mixed/b": 1} {
		if err := s.Logs.Append(key, 0, []byte(key)); err != nil {
			t.Fatal(err)
		}
		if err := s.Logs.Seal(key); err != nil {
			t.Fatal(err)
		}
		at := now.Add(-age * 24 * time.Hour)
		if err := os.Chtimes(s.Logs.path(key, sealedExt), at, at); err != nil {
			t.Fatal(err)
		}
	}
	n, err := s.Logs.Prune(now.Add(-30 * 24 * time.Hour))
	if n != 3 || err != nil {
		t.Fatalf("Prune: %d, %v", n, err)
	}
	if got := files(t, s.Logs.dir()); len(got) != 1 || got[0] != "/mixed/b.log.zst" {
		t.Errorf("kept %v", got)
	}
	if _, err := os.Stat(s.Logs.path("old", "")); !os.IsNotExist(err) {
		t.Errorf("the empty folder of a build stayed: %v", err)
	}
}
