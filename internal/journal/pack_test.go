package journal

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// opened is a log that runs.
func opened(t *testing.T) *Journal {
	t.Helper()
	j, err := Open(t.Context(), Options{Dir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	var runs sync.WaitGroup
	runs.Go(func() { _ = j.Run(ctx) })
	t.Cleanup(func() { cancel(); runs.Wait(); j.Close() })
	return j
}

// eventsBehind is all that is there behind a sequence, of an app or of all, as "SEQUENCE SUBJECT DATA".
func (j *Journal) eventsBehind(t *testing.T, app string, after uint64, want int) (got []string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	take := func(batch []Telemetry) error {
		if len(batch) > 7 {
			t.Errorf("%d events at once", len(batch))
		}
		for _, m := range batch {
			got = append(got, fmt.Sprint(m.Sequence, " ", strings.TrimPrefix(m.Subject, eventsPrefix), " ", string(m.Data)))
		}
		if len(got) >= want {
			cancel()
		}
		return nil
	}
	var err error
	if app == "" {
		err = j.ReadEvents(ctx, after, 7, take)
	} else {
		err = j.ReadEventsOf(ctx, app, after, 7, take)
	}
	if err != nil {
		t.Error(err)
	}
	return got
}

func of(app, kind string, n int) (records []Record) {
	for i := range n {
		records = append(records, Record{app + "." + kind, fmt.Appendf(nil, "%s%d", app, i)})
	}
	return records
}

// A log that has events as messages of their own, as they were written once, goes on in packs, and is read from anywhere.
func TestEventsOfOldLogsAndPacksAreCountedOn(t *testing.T) {
	j := opened(t)
	var want []string
	note := func(records []Record) {
		for _, r := range records {
			want = append(want, fmt.Sprint(len(want)+1, " ", r.Subject, " ", string(r.Data)))
		}
	}
	for range 9 {
		old := of("shop", "event", 1)
		if _, _, err := j.commitBatch(t.Context(), []message{{subject: eventsPrefix + old[0].Subject, data: old[0].Data}}); err != nil {
			t.Fatal(err)
		}
		note(old)
	}
	for n := range 12 {
		records := slices.Concat(of("shop", "event", n), of("shop", "failed", 1), of("blog", "event", 3), of("shop", "event", 40*n))
		last, err := j.AppendEvents(t.Context(), records...)
		note(records)
		if err != nil || last != uint64(len(want)) {
			t.Fatalf("it has %d, not %d: %v", last, len(want), err)
		}
	}
	if first, last, err := j.EventsHeld(t.Context()); err != nil || first != 1 || last != uint64(len(want)) {
		t.Errorf("it holds %d to %d of %d: %v", first, last, len(want), err)
	}
	for _, after := range []int{0, 1, 8, 9, 10, 13, 14, 15, 100, len(want) / 2, len(want) - 1} {
		if got := j.eventsBehind(t, "", uint64(after), len(want)-after); !slices.Equal(got, want[after:]) {
			t.Errorf("behind %d: %d events, not %d; the first %v", after, len(got), len(want)-after, got[:min(3, len(got))])
		}
		own := slices.DeleteFunc(slices.Clone(want[after:]), func(s string) bool { return !strings.Contains(s, " blog.") })
		if len(own) > 0 {
			if got := j.eventsBehind(t, "blog", uint64(after), len(own)); !slices.Equal(got, own) {
				t.Errorf("of the blog behind %d: %v, not %v", after, got, own)
			}
		}
	}
	if _, ok, err := j.EventTime(t.Context(), uint64(len(want))); !ok || err != nil {
		t.Error(err)
	}
}

// Where another has written meanwhile, or it is not known whether a pack is there, the end is asked for, and no two events have one sequence.
func TestTwoServersGiveNoSequenceTwice(t *testing.T) {
	j := opened(t)
	other := &Journal{opts: j.opts, conn: j.conn, js: j.js, packer: j.packer}
	for n := range uint64(10) {
		last, err := j.AppendEvents(t.Context(), of("shop", "event", 2)...)
		if err != nil || last != 5*n+2 {
			t.Fatalf("%d: %v", last, err)
		}
		_, last, err = other.commitEvents(t.Context(), []message{{subject: "events.blog.event", data: []byte("a")}, {subject: "events.shop.event", data: []byte("b")}, {subject: "events.shop.event", data: []byte("c")}})
		if err != nil || last != 5*n+5 {
			t.Fatalf("%d: %v", last, err)
		}
	}
	j.endsAt(place{3, 1000})
	if last, err := j.AppendEvents(t.Context(), of("shop", "event", 1)...); err != nil || last != 51 {
		t.Errorf("with a wrong end in mind: %d, %v", last, err)
	}
}

// Sequences do not come again when all messages have become too old.
func TestSequencesOutliveTheirEvents(t *testing.T) {
	j := opened(t)
	empty := func(noted bool) {
		t.Helper()
		if _, err := j.AppendEvents(t.Context(), of("shop", "event", 10)...); err != nil {
			t.Fatal(err)
		}
		if noted {
			if err := j.noteEnd(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
		h, err := j.held(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if err := h.stream.Purge(t.Context()); err != nil {
			t.Fatal(err)
		}
		j.endsAt(place{})
	}
	empty(true)
	if first, last, err := j.EventsHeld(t.Context()); err != nil || first != 11 || last != 10 {
		t.Errorf("%d to %d: %v", first, last, err)
	}
	if err := j.BeginEventsBehind(t.Context(), 5); err == nil {
		t.Error("it begins anew")
	}
	if err := j.makeStreams(t.Context()); err != nil { // as a start does
		t.Fatal(err)
	}
	if last, err := j.AppendEvents(t.Context(), of("shop", "event", 1)...); err != nil || last != 11 {
		t.Errorf("with the note: %d, %v", last, err)
	}
	empty(false)
	if last, err := j.AppendEvents(t.Context(), of("shop", "event", 1)...); err != nil || last != 10+noteGap+1 {
		t.Errorf("with an old note: %d, %v", last, err)
	}
}

// A commit is one message, whoever shares it, unless it is long.
func TestPacksAreNotTooLong(t *testing.T) {
	p, err := newPacker()
	if err != nil {
		t.Fatal(err)
	}
	big := bytes.Repeat([]byte("x"), longPack/2+1)
	events := []message{{subject: "events.a.event", data: big}, {subject: "events.a.event", data: big}, {subject: "events.b.event", data: nil}, {subject: "events.b.failed", data: []byte("1")}, {subject: "events.a"}}
	var got []string
	for at := uint64(7); len(events) > 0; {
		m := p.pack(at, events[:together(events)])
		has, err := spanOf(Telemetry{Subject: m.subject, Data: m.data})
		first, next := has.first, has.behind
		unpacked, err2 := p.unpack(nil, Telemetry{Subject: m.subject, Data: m.data})
		if err != nil || err2 != nil || first != at || len(unpacked) != int(next-first) || unpacked[0].Sequence != first {
			t.Errorf("%v %v %d %d", err, err2, first, next)
		}
		for _, e := range unpacked {
			got = append(got, fmt.Sprint(m.subject, " ", e.Sequence, " ", e.Subject, " ", len(e.Data)))
		}
		if len(m.data) > len(big)/10 {
			t.Errorf("a pack of %d bytes takes %d", len(big), len(m.data))
		}
		events, at = events[together(events):], next
	}
	want := fmt.Sprintf("[events.a.pack 7 events.a.event %d events._.pack 8 events.a.event %d events._.pack 9 events.b.event 0 events._.pack 10 events.b.failed 1 events._.pack 11 events.a 0]", len(big), len(big))
	if fmt.Sprint(got) != want {
		t.Errorf("%v", got)
	}
}

// What is longer than a pack is written in several, and a call is told the sequence of its own last event.
func TestACallMayBeSeveralPacks(t *testing.T) {
	j := opened(t)
	big := bytes.Repeat([]byte("x"), longPack/3+1)
	var records []Record
	for range 8 {
		records = append(records, Record{"shop.event", big})
	}
	var calls sync.WaitGroup
	for range 5 {
		calls.Go(func() {
			if last, err := j.AppendEventsOf(t.Context(), Sender{Name: "shop"}, records...); err != nil || last < 8 {
				t.Errorf("%d: %v", last, err)
			}
			if _, err := j.AppendEventsOf(t.Context(), Sender{Name: "blog"}, of("blog", "event", 1)...); err != nil {
				t.Error(err)
			}
		})
	}
	calls.Wait()
	if got := j.eventsBehind(t, "", 0, 45); len(got) != 45 {
		t.Errorf("%d events", len(got))
	}
	if got := j.eventsBehind(t, "blog", 0, 5); len(got) != 5 {
		t.Errorf("%d of the blog", len(got))
	}
	if h, err := j.held(t.Context()); err != nil || h.messages < 5*4 || h.last.event != 45 {
		t.Errorf("%d messages up to %d, %v", h.messages, h.last.event, err)
	}
}

func FuzzUnpack(f *testing.F) {
	p, err := newPacker()
	if err != nil {
		f.Fatal(err)
	}
	for _, n := range []int{1, 3, 200} {
		var msgs []message
		for i := range n {
			msgs = append(msgs, message{subject: "events.shop.event", data: fmt.Appendf(nil, `{"n":%d}`, i)})
		}
		f.Add(p.pack(5, msgs).data)
	}
	f.Add(p.pack(5, []message{{subject: "events.shop.event", data: []byte("1")}, {subject: "events.blog.failed", data: []byte("2")}}).data)
	f.Add([]byte{packPlain, 1, 255, 255, 255, 255, 15, 0})
	f.Fuzz(func(t *testing.T, data []byte) {
		for _, app := range []string{"shop", severalApps} {
			m := Telemetry{Sequence: 3, Subject: eventsPrefix + app + "." + packKind, Data: data}
			events, err := p.unpack(nil, m)
			if err != nil {
				if !errors.Is(err, errPack) {
					t.Error(err)
				}
				continue
			}
			has, err := spanOf(m)
			if err != nil || int(has.behind-has.first) != len(events) || events[0].Sequence != has.first {
				t.Errorf("%d events, told %+v: %v", len(events), has, err)
			}
		}
	})
}
