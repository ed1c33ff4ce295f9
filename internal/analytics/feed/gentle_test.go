package feed

import (
	"testing"
	"time"
)

// Who stores a part rests after each piece of work, until all rests together are as long as they may be.
func TestStoringRests(t *testing.T) {
	now := time.Unix(0, 0)
	var slept []time.Duration
	g := &gentle{piece: now, left: mostRest, now: func() time.Time { return now }, sleep: func(d time.Duration) {
		slept = append(slept, d)
		now = now.Add(2 * d) // as a busy machine does
	}}
	g.between()
	now = now.Add(pieceTime - 1)
	if g.between(); len(slept) > 0 {
		t.Fatalf("it rested %v after less than a piece", slept)
	}
	now = now.Add(1)
	if g.between(); len(slept) != 1 || slept[0] != pieceRest {
		t.Fatalf("it rested %v after a piece, want once, %v", slept, pieceRest)
	}
	if g.between(); len(slept) != 1 {
		t.Fatal("it rested again, without work")
	}
	for range 10_000 {
		now = now.Add(pieceTime)
		g.between()
	}
	if want := int(mostRest / (2 * pieceRest)); len(slept) != want {
		t.Errorf("it rested %d times, want %d: no longer than %v in all", len(slept), want, mostRest)
	}
}
