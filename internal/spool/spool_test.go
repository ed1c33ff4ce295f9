package spool

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/slipwayhq/slipway/internal/event"
)

func open(t *testing.T, dir, boot string, limit int64) *Spool {
	t.Helper()
	s, err := Open(dir, boot, limit, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func second(boot string, n int64) event.EdgeSecond {
	return event.EdgeSecond{Edge: "agt_1", Boot: boot, Number: n, Second: n}
}

// sink takes posts and answers as told.
type sink struct {
	mu    sync.Mutex
	got   []string // "boot/number" in order of arrival
	posts int
	say   func(n int, batch []event.EdgeSecond) error
}

func (s *sink) post(_ context.Context, body []byte) error {
	var batch []event.EdgeSecond
	if err := json.Unmarshal(body, &batch); err != nil {
		return fmt.Errorf("a batch that cannot be read: %w", err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.posts++
	if s.say != nil {
		if err := s.say(s.posts, batch); err != nil {
			return err
		}
	}
	for _, b := range batch {
		s.got = append(s.got, fmt.Sprintf("%s/%d", b.Boot, b.Number))
	}
	return nil
}

// drain posts until nothing is left.
func drain(t *testing.T, s *Spool, k *sink) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- s.Run(ctx, k.post) }()
	<-s.Empty()
	cancel()
	if err := <-done; err != nil {
		t.Error(err)
	}
}

func names(boot string, from, to int64) []string {
	var all []string
	for n := from; n <= to; n++ {
		all = append(all, fmt.Sprintf("%s/%d", boot, n))
	}
	return all
}

func files(t *testing.T, dir string) (list []string) {
	t.Helper()
	list, err := filepath.Glob(filepath.Join(dir, "*"))
	if err != nil {
		t.Fatal(err)
	}
	return list
}

func TestSecondsArriveInOrderOnceThoughTheServerFails(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir, "b1", 0)
	for n := range int64(300) {
		s.Put(second("b1", n+1))
	}
	k := &sink{say: func(n int, _ []event.EdgeSecond) error {
		if n%2 == 1 {
			return errors.New("not now")
		}
		return nil
	}}
	drain(t, s, k)
	if !slices.Equal(k.got, names("b1", 1, 300)) {
		t.Errorf("arrived: %v", k.got)
	}
	if st := s.Stats(); st != (Stats{}) {
		t.Errorf("left: %+v", st)
	}
	if err := s.Close(); err != nil || len(files(t, dir)) != 0 {
		t.Errorf("%v, files left: %v", err, files(t, dir))
	}
}

func TestWhatACrashLeavesIsTakenOver(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir, "b1", 0)
	for n := range int64(5) {
		s.Put(second("b1", n+1))
	}
	living := open(t, dir, "b2", 0)
	if st := living.Stats(); st.Queued != 0 {
		t.Fatalf("took %d seconds from a process that lives", st.Queued)
	}
	if err := s.Close(); err != nil { // the kernel does the same for one that dies
		t.Fatal(err)
	}
	left := files(t, dir)
	f, err := os.OpenFile(left[0], os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	_, _ = f.WriteString("no JSON\n{\"edge\":\"cut o") // and a write that was cut off
	_ = f.Close()
	next := open(t, dir, "b3", 0)
	next.Put(second("b3", 1))
	k := &sink{}
	drain(t, next, k)
	if want := append(names("b1", 1, 5), "b3/1"); !slices.Equal(k.got, want) {
		t.Errorf("arrived: %v", k.got)
	}
	for _, s := range []*Spool{next, living} {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	}
	if left := files(t, dir); len(left) != 0 {
		t.Errorf("files left: %v", left)
	}
}

func TestBeyondTheLimitTheOldestIsLostAndCounted(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir, "b1", 3*segmentSize)
	big := second("b1", 0)
	big.Routes = []event.RouteSecond{{App: strings.Repeat("x", 1<<20)}}
	const put = 30
	for n := range int64(put) {
		big.Number = n + 1
		s.Put(big)
	}
	st := s.Stats()
	if st.Bytes > 4*segmentSize || st.Dropped == 0 || int64(st.Queued)+st.Dropped != put {
		t.Errorf("%+v", st)
	}
	k := &sink{}
	drain(t, s, k)
	if want := names("b1", st.Dropped+1, put); !slices.Equal(k.got, want) {
		t.Errorf("arrived: %v, expected %v", k.got, want)
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
}

func TestASecondThatIsRefusedDoesNotHoldUpTheRest(t *testing.T) {
	s := open(t, t.TempDir(), "b1", 0)
	for n := range int64(10) {
		s.Put(second("b1", n+1))
	}
	k := &sink{say: func(_ int, batch []event.EdgeSecond) error {
		for _, b := range batch {
			if b.Number == 4 {
				return fmt.Errorf("%w: the fourth", ErrRefused)
			}
		}
		return nil
	}}
	drain(t, s, k)
	if want := append(names("b1", 1, 3), names("b1", 5, 10)...); !slices.Equal(k.got, want) || s.Stats().Dropped != 1 {
		t.Errorf("arrived: %v; %+v", k.got, s.Stats())
	}
}

func TestWithoutADiskSecondsAreKeptInMemory(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "spool")
	s := open(t, dir, "b1", 0)
	if err := os.RemoveAll(dir); err != nil {
		t.Fatal(err)
	}
	s.Put(second("b1", 1))
	s.Put(second("b1", 2))
	k := &sink{}
	drain(t, s, k)
	if !slices.Equal(k.got, names("b1", 1, 2)) {
		t.Errorf("arrived: %v", k.got)
	}
}
