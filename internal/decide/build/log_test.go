package build_test

import (
	"io"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/slipwayhq/slipway/internal/blob"
	"github.com/slipwayhq/slipway/internal/db"
	"github.com/slipwayhq/slipway/internal/db/dbtest"
	"github.com/slipwayhq/slipway/internal/decide/build"
	"github.com/slipwayhq/slipway/internal/fault"
)

func TestLogIsFollowedToItsEnd(t *testing.T) {
	each(t, func(w *world) {
		w.push(shop(one()))
		l := w.lease("agt_1")
		got := make(chan string, 1)
		go func() {
			var text []byte
			for {
				tail, err := w.ReadLog(w.t.Context(), "shop", l.Build, l.ID, int64(len(text)), true)
				if err != nil {
					got <- err.Error()
					return
				}
				more, err := io.ReadAll(tail.Text)
				_ = tail.Text.Close() // read only
				if err != nil {
					got <- err.Error()
					return
				}
				if text = append(text, more...); tail.End {
					got <- string(text)
					return
				}
			}
		}()
		for i, text := range []string{"one\n", "two\n", "two\n", "three\n"} {
			offset := []int64{0, 4, 4, 8}[i]
			if err := w.Log(w.t.Context(), "agt_1", l.ID, offset, []byte(text)); err != nil {
				w.t.Fatal(err)
			}
		}
		w.work("agt_1", l, nil)
		if text := <-got; text != "one\ntwo\nthree\n" {
			w.t.Errorf("followed %q", text)
		}
		if _, err := w.ReadLog(w.t.Context(), "shop", l.Build, "lse_none", 0, false); !fault.Is(err, fault.CodeNotFound) {
			w.t.Errorf("another lease's log: %v", err)
		}
		if _, err := w.ReadLog(w.t.Context(), "other", l.Build, l.ID, 0, false); !fault.Is(err, fault.CodeNotFound) {
			w.t.Errorf("another app's log: %v", err)
		}
		if _, err := w.ReadLog(w.t.Context(), "shop", l.Build, l.ID, -1, false); !fault.Is(err, fault.CodeInvalid) {
			w.t.Errorf("a negative offset: %v", err)
		}
	})
}

func TestOldLogsGo(t *testing.T) {
	d := dbtest.SQLite(t, db.Options{})
	dir := t.TempDir()
	blobs, err := blob.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, "logs", "bld_1", "lse_1.log.zst")
	if err := blobs.Logs.Seal("bld_1/lse_1"); err != nil {
		t.Fatal(err)
	}
	old := time.Now().Add(-8 * 24 * time.Hour)
	if err := os.Chtimes(path, old, old); err != nil {
		t.Fatal(err)
	}
	s := build.New(d, dbtest.Journal(t, d), blobs, build.Options{LogAge: 7 * 24 * time.Hour})
	dbtest.Run(t, s.Run)
	for end := time.Now().Add(20 * time.Second); ; time.Sleep(5 * time.Millisecond) {
		if _, err := os.Stat(path); os.IsNotExist(err) {
			return
		}
		if time.Now().After(end) {
			t.Fatal("the old log stays")
		}
	}
}

func TestOldResultsGo(t *testing.T) {
	each(t, func(w *world) {
		w.push(shop(goSuite()))
		b := w.finish("agt_1", 1, []string{"a", "b"}, "b")
		w.clock.pass(29 * 24 * time.Hour)
		if err := w.Prune(w.t.Context()); err != nil {
			w.t.Fatal(err)
		}
		if got := w.build(b.ID); len(got.Units) != 2 {
			w.t.Errorf("after 29 days: %+v", got.Units)
		}
		w.clock.pass(2 * 24 * time.Hour)
		if err := w.Prune(w.t.Context()); err != nil {
			w.t.Fatal(err)
		}
		if got := w.build(b.ID); len(got.Units) != 1 || got.Units[0].Unit != "b" || got.Total != 2 {
			w.t.Errorf("after 31 days: %+v", got.Units)
		}
	})
}
