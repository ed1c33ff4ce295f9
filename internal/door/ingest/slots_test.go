package ingest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
)

// However many bodies of one sender wait, another's next is read after one of them.
func TestSendersTakeTurnsAtBeingRead(t *testing.T) {
	s := newSlots(1)
	hold, err := s.take(t.Context(), "flood", turnBytes)
	if err != nil {
		t.Fatal(err)
	}
	var mu sync.Mutex
	var order []string
	var all sync.WaitGroup
	waits := func(ctx context.Context, sender string, n int) {
		s.mu.Lock()
		before := s.waiting.Len()
		s.mu.Unlock()
		for range n {
			all.Go(func() {
				p, err := s.take(ctx, sender, turnBytes)
				defer p.give()
				mu.Lock()
				defer mu.Unlock()
				if err != nil && !errors.Is(err, context.Canceled) {
					t.Error(err)
				}
				order = append(order, fmt.Sprint(sender, err != nil))
			})
		}
		for there := 0; there < before+n; {
			s.mu.Lock()
			there = s.waiting.Len()
			s.mu.Unlock()
		}
	}
	if _, err := s.take(t.Context(), "small", smallBody); err != nil { // needs none
		t.Fatal(err)
	}
	waits(t.Context(), "flood", 50)
	ctx, cancel := context.WithCancel(t.Context())
	waits(ctx, "gone", 3)
	waits(t.Context(), "other", 1)
	cancel()
	for left := 3; left > 0; { // who gives up leaves the line
		mu.Lock()
		left = 3 - len(order)
		mu.Unlock()
	}
	hold.give()
	hold.give() // once is enough
	all.Wait()
	if i := slices.Index(order, "otherfalse"); i < 3 || i > 4 || len(order) != 54 {
		t.Errorf("of %d the other's was number %d: %v", len(order), i-3, order)
	}
	if s.free != 1 || s.waiting.Len() != 0 {
		t.Errorf("%d are free and %d wait", s.free, s.waiting.Len())
	}
}

// What is packed is not small, however short it is.
func TestAPackedBodyWaitsForASlot(t *testing.T) {
	for body, small := range map[string]bool{`{"event":"x"}`: true, "\x1f\x8b\x08": false, "\x28\xb5\x2f\xfd\x00": false, "data=H4sI": false, strings.Repeat("x", smallBody+1): false} {
		if (weight([]byte(body)) <= smallBody) != small {
			t.Errorf("%.10q weighs %d", body, weight([]byte(body)))
		}
	}
}
