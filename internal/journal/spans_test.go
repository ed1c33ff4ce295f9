package journal

import (
	"fmt"
	"math/bits"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"
)

func TestTheMiddleIsMostlyTheSame(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 1))
	for range 10_000 {
		first := 1 + rng.Uint64N(1<<rng.UintN(40))
		last := first + 1 + rng.Uint64N(1<<rng.UintN(40))
		at := middle(first, last)
		if at < first || at >= last {
			t.Fatalf("%d is not among %d to %d", at, first, last)
		}
		if next := uint64(1) << bits.TrailingZeros64(at); at+next < last || at >= first+next { // those beside it with more zeros
			t.Fatalf("of %d to %d it is %d", first, last, at)
		}
	}
}

// A search finds each event in its message, and asks for no message twice; whatever became too old is not looked for.
func TestFindingAnEvent(t *testing.T) {
	j := opened(t)
	var in []uint64 // the message of each event
	last := uint64(0)
	for n := range 60 {
		records := make([]Record, 1+n%3)
		for i := range records {
			records[i] = Record{Subject: "shop.event", Data: fmt.Append(nil, n, i)}
		}
		at, err := j.AppendEvents(t.Context(), records...)
		if err != nil || at != last+uint64(len(records)) {
			t.Fatalf("%d, %v", at, err)
		}
		for last < at {
			in, last = append(in, uint64(n+1)), last+1
		}
	}
	look := func(gone uint64) {
		t.Helper()
		h, err := j.held(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		for i, want := range in {
			at, err := j.find(t.Context(), h, uint64(i)+1)
			if err != nil || at != max(want, gone+1) {
				t.Errorf("event %d is in message %d, %v; want %d", i+1, at, err, max(want, gone+1))
			}
		}
		if at, err := j.find(t.Context(), h, last+1); err != nil || at != 61 {
			t.Errorf("what is not there yet is in message %d, %v", at, err)
		}
	}
	look(0)
	if n := len(j.spans.of); n > 60 {
		t.Errorf("%d messages of 60 were asked for", n)
	}
	stream, err := j.js.Stream(t.Context(), eventsStream)
	if err != nil {
		t.Fatal(err)
	}
	if err := stream.Purge(t.Context(), jetstream.WithPurgeSequence(21)); err != nil {
		t.Fatal(err)
	}
	look(20)
}

func TestSpansAreBoundedAndOfOneStream(t *testing.T) {
	var s spans
	now := time.Now()
	for i := range uint64(3 * mostSpans) {
		s.put(now, i, span{i, i + 1})
		if got, ok := s.get(now, i); !ok || got.first != i {
			t.Fatalf("%d: %v, %t", i, got, ok)
		}
	}
	if len(s.of) > mostSpans {
		t.Errorf("%d are kept", len(s.of))
	}
	if _, ok := s.get(now.Add(1), 3*mostSpans-1); ok {
		t.Error("another stream's is known")
	}
	if s.put(now.Add(1), 7, span{}); len(s.of) != 1 {
		t.Errorf("%d are kept of two streams", len(s.of))
	}
}
