package journal_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/slipwayhq/slipway/internal/event"
	"github.com/slipwayhq/slipway/internal/journal"
)

// patience is how long a test waits for what must happen before it gives up.
const patience = 60 * time.Second

func TestMain(m *testing.M) {
	if run, ok := children()[os.Getenv(childVariable)]; ok {
		os.Exit(run())
	}
	os.Exit(m.Run())
}

// running is an open log whose Run is under way. stop ends Run, close also the log; both may be called again.
type running struct {
	*journal.Journal
	stop, close func()
}

func open(t testing.TB, opts journal.Options) *running {
	t.Helper()
	j, err := journal.Open(t.Context(), opts)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	var wg sync.WaitGroup
	wg.Go(func() {
		if err := j.Run(ctx); err != nil {
			t.Errorf("Run: %v", err)
		}
	})
	r := &running{Journal: j}
	r.stop = func() { cancel(); wg.Wait() }
	r.close = func() { r.stop(); j.Close() }
	t.Cleanup(r.close)
	return r
}

// telemetry reads n messages of a subject behind a sequence, then looks no further.
func telemetry(t testing.TB, j *journal.Journal, subject string, after uint64, n int) []journal.Telemetry {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	var out []journal.Telemetry
	err := j.ReadTelemetry(ctx, subject, after, func(m journal.Telemetry) error {
		if len(out) == n {
			return nil // was on its way already
		}
		if out = append(out, m); len(out) == n {
			cancel()
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(out) != n {
		t.Fatalf("%d messages of %q, want %d", len(out), subject, n)
	}
	return out
}

// positions makes state events at these positions.
func positions(t testing.TB, at ...int64) []event.Event {
	t.Helper()
	var out []event.Event
	for _, p := range at {
		ev, err := event.New(event.Meta{App: "shop", Actor: "system:test", Time: time.Unix(p, 0)}, event.AppCreated{Name: fmt.Sprint("app", p)})
		if err != nil {
			t.Fatal(err)
		}
		ev.Position = p
		out = append(out, ev)
	}
	return out
}

func publish(t testing.TB, j *journal.Journal, at ...int64) {
	t.Helper()
	if err := j.PublishState(t.Context(), positions(t, at...)); err != nil {
		t.Fatal(err)
	}
}

// state reads n state events behind a position, then looks no further.
func state(t testing.TB, j *journal.Journal, after int64, n int) []event.Event {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	var out []event.Event
	err := j.ReadState(ctx, after, func(ev event.Event) error {
		if len(out) == n {
			return nil // was on its way already
		}
		if out = append(out, ev); len(out) == n {
			cancel()
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(out) != n {
		t.Fatalf("%d events behind %d, want %d", len(out), after, n)
	}
	return out
}

func TestManyAppendAtOnce(t *testing.T) {
	j := open(t, journal.Options{Dir: t.TempDir()})
	const writers, each = 40, 50
	var wg sync.WaitGroup
	for w := range writers {
		wg.Go(func() {
			for i := range each {
				if err := j.Append(t.Context(), "edge", fmt.Appendf(nil, "%d/%d", w, i)); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	next := map[string]int{}
	for _, m := range telemetry(t, j.Journal, "edge", 0, writers*each) {
		writer, number, _ := strings.Cut(string(m.Data), "/")
		if number != fmt.Sprint(next[writer]) {
			t.Fatalf("writer %s: %s came when %d was next", writer, number, next[writer])
		}
		next[writer]++
	}
}

func TestAnAppendLargerThanABatchStaysInOrder(t *testing.T) {
	j := open(t, journal.Options{Dir: t.TempDir()})
	var data [][]byte
	for i := range 2503 {
		data = append(data, fmt.Appendf(nil, "%d", i))
	}
	if err := j.Append(t.Context(), "edge", data...); err != nil {
		t.Fatal(err)
	}
	if err := j.Append(t.Context(), "edge"); err != nil {
		t.Errorf("an append of nothing: %v", err)
	}
	for i, m := range telemetry(t, j.Journal, "edge", 0, len(data)) {
		if string(m.Data) != fmt.Sprint(i) {
			t.Fatalf("message %d is %s", i, m.Data)
		}
	}
}

func TestAMessageTooLargeFailsAlone(t *testing.T) {
	j := open(t, journal.Options{Dir: t.TempDir()})
	var wg sync.WaitGroup
	for i := range 20 {
		wg.Go(func() {
			if err := j.Append(t.Context(), "edge", fmt.Appendf(nil, "%d", i)); err != nil {
				t.Errorf("a small message beside a large one: %v", err)
			}
		})
		wg.Go(func() {
			err := j.Append(t.Context(), "edge", make([]byte, 9<<20))
			if err == nil || !strings.Contains(err.Error(), "9437184 bytes") {
				t.Errorf("a message of 9 MiB: %v", err)
			}
		})
	}
	wg.Wait()
	telemetry(t, j.Journal, "edge", 0, 20)
}

func TestTelemetryBySubjectAndSequence(t *testing.T) {
	j := open(t, journal.Options{Dir: t.TempDir()})
	for _, s := range []string{"edge", "other", "edge", "other", "edge"} {
		if err := j.Append(t.Context(), s, []byte(s)); err != nil {
			t.Fatal(err)
		}
	}
	all := telemetry(t, j.Journal, "edge", 0, 3)
	if all[0].Sequence != 1 || all[1].Sequence != 3 || all[2].Sequence != 5 {
		t.Errorf("sequences %d, %d, %d", all[0].Sequence, all[1].Sequence, all[2].Sequence)
	}
	if rest := telemetry(t, j.Journal, "edge", all[0].Sequence, 2); rest[0].Sequence != 3 {
		t.Errorf("behind %d comes %d", all[0].Sequence, rest[0].Sequence)
	}
	telemetry(t, j.Journal, "other", 0, 2)
}

func TestARestartKeepsEverything(t *testing.T) {
	dir := t.TempDir()
	for round := range int64(3) {
		j := open(t, journal.Options{Dir: dir})
		last, err := j.LastPosition(t.Context())
		if err != nil || last != 2*round {
			t.Fatalf("round %d: the last position is %d (%v)", round, last, err)
		}
		publish(t, j.Journal, last+1, last+2)
		if err := j.Append(t.Context(), "edge", fmt.Appendf(nil, "%d", round)); err != nil {
			t.Fatal(err)
		}
		for i, ev := range state(t, j.Journal, 0, int(last)+2) {
			if p, err := event.Decode[event.AppCreated](ev); err != nil || p.Name != fmt.Sprint("app", i+1) {
				t.Errorf("round %d, event %d: %+v, %v", round, i, p, err)
			}
		}
		telemetry(t, j.Journal, "edge", 0, int(round)+1)
		j.close()
	}
}

func TestStateFromAPosition(t *testing.T) {
	j := open(t, journal.Options{Dir: t.TempDir()})
	publish(t, j.Journal, 1, 2, 3)
	publish(t, j.Journal, 2, 3) // the pump came back from a crash
	publish(t, j.Journal, 4)
	for after := range int64(4) {
		for i, ev := range state(t, j.Journal, after, int(4-after)) {
			if want := after + int64(i) + 1; ev.Position != want {
				t.Errorf("behind %d: position %d, want %d", after, ev.Position, want)
			}
		}
	}
	if last, err := j.LastPosition(t.Context()); err != nil || last != 4 {
		t.Errorf("the last position is %d (%v)", last, err)
	}
}

func TestAReaderWaitsForMore(t *testing.T) {
	j := open(t, journal.Options{Dir: t.TempDir()})
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	got := make(chan int64)
	var wg sync.WaitGroup
	wg.Go(func() {
		err := j.ReadState(ctx, 0, func(ev event.Event) error {
			select {
			case got <- ev.Position:
			case <-ctx.Done():
			}
			return nil
		})
		if err != nil {
			t.Errorf("a reader whose context ends: %v", err)
		}
	})
	for p := int64(1); p <= 3; p++ {
		publish(t, j.Journal, p)
		select {
		case at := <-got:
			if at != p {
				t.Errorf("got %d, want %d", at, p)
			}
		case <-ctx.Done():
			t.Fatal("nothing came")
		}
	}
	cancel()
	wg.Wait()
}

// TestABatchIsWhatIsThere reads several at once: never more than asked for, in order, and one that is alone waits for no other.
func TestABatchIsWhatIsThere(t *testing.T) {
	j := open(t, journal.Options{Dir: t.TempDir()})
	const n, most = 25, 10
	var at []int64
	for p := range int64(n) {
		at = append(at, p+1)
	}
	publish(t, j.Journal, at...)
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	last, largest := int64(0), 0
	err := j.ReadStateBatches(ctx, 0, most, func(events []event.Event) error {
		largest = max(largest, len(events))
		for _, ev := range events {
			if ev.Position != last+1 {
				t.Errorf("%d came behind %d", ev.Position, last)
			}
			last = ev.Position
		}
		switch last {
		case n:
			publish(t, j.Journal, n+1) // alone
		case n + 1:
			cancel()
		}
		return nil
	})
	if err != nil || last != n+1 || largest < 2 || largest > most {
		t.Errorf("read to %d, %d at once (%v)", last, largest, err)
	}
}

func TestABatchEndsBeforeAGap(t *testing.T) {
	j := open(t, journal.Options{Dir: t.TempDir()})
	publish(t, j.Journal, 1, 2, 4)
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	seen := 0
	err := j.ReadStateBatches(ctx, 0, 10, func(events []event.Event) error {
		seen += len(events)
		return nil
	})
	if err == nil || !strings.Contains(err.Error(), "position 4 follows 2") || seen != 2 {
		t.Errorf("%d events, then: %v", seen, err)
	}
}

func TestTelemetryBatchesAreOfOneSubject(t *testing.T) {
	j := open(t, journal.Options{Dir: t.TempDir()})
	for i := range 20 {
		if err := j.Append(t.Context(), []string{"edge", "other"}[i%2], []byte{byte(i)}); err != nil {
			t.Fatal(err)
		}
	}
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	var got []byte
	largest := 0
	err := j.ReadTelemetryBatches(ctx, "edge", 0, 4, func(batch []journal.Telemetry) error {
		largest = max(largest, len(batch))
		for _, m := range batch {
			got = append(got, m.Data...)
		}
		if len(got) == 10 {
			cancel()
		}
		return nil
	})
	if want := []byte{0, 2, 4, 6, 8, 10, 12, 14, 16, 18}; err != nil || !bytes.Equal(got, want) || largest < 2 || largest > 4 {
		t.Errorf("got %v, %d at once (%v)", got, largest, err)
	}
}

func TestAGapIsFound(t *testing.T) {
	j := open(t, journal.Options{Dir: t.TempDir()})
	publish(t, j.Journal, 1, 2, 4)
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	var seen []int64
	err := j.ReadState(ctx, 0, func(ev event.Event) error {
		seen = append(seen, ev.Position)
		return nil
	})
	if err == nil || !strings.Contains(err.Error(), "position 4 follows 2") {
		t.Errorf("error %v", err)
	}
	if len(seen) != 2 {
		t.Errorf("handled %v", seen)
	}
}

func TestAReaderThatEndsBeforeItBeginsIsNoError(t *testing.T) {
	j := open(t, journal.Options{Dir: t.TempDir()})
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := j.ReadState(ctx, 0, func(event.Event) error { return nil }); err != nil {
		t.Error(err)
	}
}

func TestAReaderEndsWithItsHandler(t *testing.T) {
	j := open(t, journal.Options{Dir: t.TempDir()})
	publish(t, j.Journal, 1, 2)
	if err := j.Append(t.Context(), "edge", []byte("x")); err != nil {
		t.Fatal(err)
	}
	boom := errors.New("boom")
	if err := j.ReadState(t.Context(), 0, func(event.Event) error { return boom }); !errors.Is(err, boom) {
		t.Errorf("state: %v", err)
	}
	if err := j.ReadTelemetry(t.Context(), "edge", 0, func(journal.Telemetry) error { return boom }); !errors.Is(err, boom) {
		t.Errorf("telemetry: %v", err)
	}
}

func TestTelemetryIsBoundedStateIsNot(t *testing.T) {
	j := open(t, journal.Options{Dir: t.TempDir(), TelemetryBytes: 64 << 10})
	publish(t, j.Journal, 1)
	for range 40 {
		if err := j.Append(t.Context(), "edge", make([]byte, 8<<10)); err != nil {
			t.Fatal(err)
		}
	}
	if first := telemetry(t, j.Journal, "edge", 0, 1)[0]; first.Sequence < 30 {
		t.Errorf("the oldest message kept is number %d: 64 KiB hold seven of them", first.Sequence)
	}
	state(t, j.Journal, 0, 1)
}

func TestAppendAfterTheEndFails(t *testing.T) {
	j := open(t, journal.Options{Dir: t.TempDir()})
	j.stop()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	for range 200 { // more than one way out is ready, and Go draws lots
		if err := j.Append(ctx, "edge", []byte("late")); err == nil || ctx.Err() != nil {
			t.Fatalf("an append after the end of Run: %v", err)
		}
	}
}

func TestAppendsDuringTheEndAreToldTheTruth(t *testing.T) {
	dir := t.TempDir()
	j := open(t, journal.Options{Dir: dir})
	var mu sync.Mutex
	kept := map[string]bool{}
	first := make(chan struct{})
	once := sync.OnceFunc(func() { close(first) })
	var wg sync.WaitGroup
	for w := range 16 {
		wg.Go(func() {
			for i := 0; ; i++ {
				key := fmt.Sprintf("%d/%d", w, i)
				if err := j.Append(t.Context(), "edge", []byte(key)); err != nil {
					return
				}
				mu.Lock()
				kept[key] = true
				mu.Unlock()
				once()
			}
		})
	}
	<-first
	j.stop()
	wg.Wait()
	j.close()
	again := open(t, journal.Options{Dir: dir})
	for _, m := range telemetry(t, again.Journal, "edge", 0, len(kept)) {
		delete(kept, string(m.Data))
	}
	if len(kept) > 0 {
		t.Errorf("%d messages were acknowledged and are not in the log", len(kept))
	}
}

func TestStartAndStop(t *testing.T) {
	defer goleak.VerifyNone(t, goleak.IgnoreCurrent())
	dir := t.TempDir()
	for round := range 8 {
		j, err := journal.Open(t.Context(), journal.Options{Dir: dir})
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		var wg sync.WaitGroup
		wg.Go(func() { _ = j.Run(ctx) })
		for range round {
			wg.Go(func() { _ = j.Append(ctx, "edge", []byte("x")) })
			wg.Go(func() { _ = j.ReadTelemetry(ctx, "edge", 0, func(journal.Telemetry) error { return nil }) })
		}
		if round%2 == 0 { // every other time the log is closed under the feet of those who use it
			cancel()
			wg.Wait()
		}
		var closers sync.WaitGroup
		for range 3 {
			closers.Go(j.Close)
		}
		closers.Wait()
		cancel()
		wg.Wait()
		j.Close()
	}
}

func TestALogInAFileIsRefused(t *testing.T) {
	file := t.TempDir() + "/log"
	if err := os.WriteFile(file, []byte("x"), 0o600); err != nil {
		t.Fatal(err)
	}
	if j, err := journal.Open(t.Context(), journal.Options{Dir: file}); err == nil {
		j.Close()
		t.Error("a file was taken for the folder of the log")
	}
}

func BenchmarkAppend(b *testing.B) {
	for _, writers := range []int{1, 64} {
		b.Run(fmt.Sprint(writers, "_at_once"), func(b *testing.B) {
			j := open(b, journal.Options{Dir: b.TempDir()})
			data := make([]byte, 300)
			b.SetParallelism(writers)
			b.RunParallel(func(pb *testing.PB) {
				for pb.Next() {
					if err := j.Append(b.Context(), "edge", data); err != nil {
						b.Error(err)
						return
					}
				}
			})
		})
	}
}

// Events of one call are in a row, up to the sequence that the call is told, whoever else writes at the same time.
func TestEventsKnowTheirSequence(t *testing.T) {
	j := open(t, journal.Options{Dir: t.TempDir()})
	if _, last, err := j.EventsHeld(t.Context()); err != nil || last != 0 {
		t.Errorf("an empty log has had %d events: %v", last, err)
	}
	const writers, each = 12, 15
	var mu sync.Mutex
	told := map[uint64]string{}
	var wg sync.WaitGroup
	for w := range writers {
		wg.Go(func() {
			for i := range each {
				n := 1 + (w*7+i*13)%300 // many share a commit, and some lie across two
				records := make([]journal.Record, n)
				for k := range records {
					records[k] = journal.Record{Subject: fmt.Sprint("shop", w), Data: fmt.Appendf(nil, "%d/%d/%d", w, i, k)}
				}
				last, err := j.AppendEvents(t.Context(), records...)
				if err != nil {
					t.Error(err)
					return
				}
				mu.Lock()
				for k, r := range records {
					told[last-uint64(n-1-k)] = r.Subject + " " + string(r.Data)
				}
				mu.Unlock()
			}
		})
	}
	wg.Wait()
	if err := j.Append(t.Context(), "edge", []byte("beside")); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	read := 0
	err := j.ReadEvents(ctx, 0, 500, func(batch []journal.Telemetry) error {
		for _, m := range batch {
			if got := strings.TrimPrefix(m.Subject, "events.") + " " + string(m.Data); told[m.Sequence] != got {
				t.Fatalf("sequence %d is %s, told was %q", m.Sequence, got, told[m.Sequence])
			}
		}
		if read += len(batch); read == len(told) {
			cancel()
		}
		return nil
	})
	if err != nil || read != len(told) {
		t.Errorf("read %d of %d: %v", read, len(told), err)
	}
	if first, last, err := j.EventsHeld(t.Context()); err != nil || first != 1 || last != uint64(len(told)) {
		t.Errorf("it holds events %d to %d: %v", first, last, err)
	}
}

// A log that was lost goes on behind the events that others have of it, and one that has had events is left alone.
func TestEventsBeginBehindASequence(t *testing.T) {
	dir := t.TempDir()
	j := open(t, journal.Options{Dir: dir})
	if err := j.BeginEventsBehind(t.Context(), 1_000_000); err != nil {
		t.Fatal(err)
	}
	if first, last, err := j.EventsHeld(t.Context()); err != nil || first != 1_000_001 || last != 1_000_000 {
		t.Errorf("it holds events %d to %d: %v", first, last, err)
	}
	last, err := j.AppendEvents(t.Context(), journal.Record{Subject: "shop", Data: []byte("1")}, journal.Record{Subject: "shop", Data: []byte("2")})
	if err != nil || last != 1_000_002 {
		t.Errorf("the second event has %d: %v", last, err)
	}
	if err := j.BeginEventsBehind(t.Context(), 2_000_000); err == nil {
		t.Error("events are thrown away")
	}
	if first, last, err := j.EventsHeld(t.Context()); err != nil || first != 1_000_001 || last != 1_000_002 {
		t.Errorf("it holds events %d to %d: %v", first, last, err)
	}
}

// A full stream refuses what is new and keeps what it has.
func TestFullEventsAreRefused(t *testing.T) {
	j := open(t, journal.Options{Dir: t.TempDir(), EventsBytes: 64 << 10})
	var last uint64
	var err error
	for n := 0; err == nil; n++ {
		if n > 1000 {
			t.Fatal("it takes more than it may")
		}
		var at uint64
		if at, err = j.AppendEvents(t.Context(), journal.Record{Subject: "shop", Data: noise()}, journal.Record{Subject: "shop", Data: noise()}); err == nil {
			last = at
		}
	}
	if !errors.Is(err, journal.ErrRefused) || !strings.Contains(err.Error(), "maximum bytes") {
		t.Errorf("%v", err)
	}
	if first, held, err := j.EventsHeld(t.Context()); err != nil || first != 1 || held != last {
		t.Errorf("it holds %d to %d, and acknowledged %d: %v", first, held, last, err)
	}
	if err := j.Append(t.Context(), "edge", []byte("telemetry goes on")); err != nil {
		t.Error(err)
	}
}

func TestWhenAnEventWasWritten(t *testing.T) {
	j := open(t, journal.Options{Dir: t.TempDir()})
	if _, ok, err := j.EventTime(t.Context(), 1); ok || err != nil {
		t.Errorf("of nothing: %t, %v", ok, err)
	}
	begin := time.Now()
	last, err := j.AppendEvents(t.Context(), journal.Record{Subject: "shop.event", Data: []byte("a")}, journal.Record{Subject: "shop.event", Data: []byte("b")})
	if err != nil {
		t.Fatal(err)
	}
	for sequence, there := range map[uint64]bool{0: true, 1: true, last: true, last + 1: false} {
		at, ok, err := j.EventTime(t.Context(), sequence)
		if ok != there || err != nil || ok && (at.Before(begin.Add(-time.Second)) || at.After(time.Now().Add(time.Second))) {
			t.Errorf("%d: %v, %t, %v", sequence, at, ok, err)
		}
	}
}

// noise is what does not pack.
func noise() []byte {
	data := make([]byte, 1000)
	_, _ = rand.Read(data)
	return data
}
