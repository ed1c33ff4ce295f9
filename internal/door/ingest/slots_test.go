package ingest

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// However many bodies of one sender wait, another's next is read after one of them.
func TestSendersTakeTurnsAtBeingRead(t *testing.T) {
	s := newSlots(1)
	hold, err := s.take(t.Context(), "flood", true, make([]byte, turnBytes))
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
				p, err := s.take(ctx, sender, true, make([]byte, turnBytes))
				defer p.give()
				mu.Lock()
				defer mu.Unlock()
				if err != nil && !errors.Is(err, errLater) {
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
	if _, err := s.take(t.Context(), "small", true, make([]byte, smallBody)); err != nil { // needs none
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

// who gives a place at the slots.
func who(t *testing.T, s *slots, sender string, size int) *place {
	p, err := s.take(t.Context(), sender, true, make([]byte, size))
	if err != nil {
		t.Error(err)
	}
	return p
}

// need makes that somebody who sends few needs others to rest, for the time of the test.
func need(s *slots) {
	s.mu.Lock()
	defer s.mu.Unlock()
	later := time.Now().Add(time.Hour)
	few := s.senders.met(later, "few", true, 300)
	s.pace.others.did(few, later)
	s.pace.factor, s.pace.worked = mostFactor, later
}

// much makes that some send much.
func much(s *slots, names ...string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, name := range names {
		s.senders.of(time.Now(), name).most = 100 * manySmall
	}
}

// Who rests has no slot, the others do, and he has one again by himself.
func TestASenderRests(t *testing.T) {
	s := newSlots(2)
	need(s)
	much(s, "flood", "brief")
	first := who(t, s, "flood", turnBytes)
	first.bytes, first.turn.begun = 1<<30, first.turn.begun.Add(-time.Hour) // so that it was much work, and rests for long
	if !first.give() {
		t.Error("who holds others up need not be patient")
	}
	s.mu.Lock()
	if s.senders.byName["flood"].resting != 1 || !s.waiting.Held("flood") {
		t.Error("it does not rest")
	}
	s.senders.byName["flood"].resting++ // of one that does not end
	s.mu.Unlock()
	for range 3 { // as often as they like
		who(t, s, "other", 1+smallBody).give()
		who(t, s, "third", 1+smallBody).give()
	}
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	p, err := s.take(ctx, "flood", true, make([]byte, turnBytes))
	if err == nil {
		t.Error("it did not rest")
	}
	p.give() // what it never had
	who(t, s, "brief", turnBytes).give()
	who(t, s, "brief", turnBytes).give() // waits for the end of its rest
	if who(t, s, "little", turnBytes).give() {
		t.Error("who sends little is to be patient")
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.waiting.Held("little") {
		t.Error("who sends little rests")
	}
	if flood := s.senders.byName["flood"]; s.free != 2 || flood.resting < 1 || flood.waits != 0 || s.waiting.Len() != 0 {
		t.Errorf("%d are free, %d wait, %+v rests", s.free, s.waiting.Len(), flood)
	}
}

// waiting waits until so many wait.
func waiting(s *slots, n int) {
	for got := -1; got != n; {
		s.mu.Lock()
		got = s.waiting.Len()
		s.mu.Unlock()
	}
}

// Small bodies of who sends many wait for a slot like a large one while somebody who sends few is here, together as many as are worth a turn; and then he rests.
func TestManySmallBodiesTakeTurns(t *testing.T) {
	s := newSlots(1)
	for range manySmall + 100 { // alone they need none
		if p := who(t, s, "many", 300); !p.small {
			t.Fatal("a small body waited without need")
		}
	}
	if !who(t, s, "few", 300).small {
		t.Error("who sends few needs a slot")
	}
	need(s)
	first := who(t, s, "many", 300)
	if first.small {
		t.Fatal("who sends many needs none")
	}
	const more = 20
	places := make(chan *place, more)
	for range more {
		go func() { places <- who(t, s, "many", 300) }()
	}
	waiting(s, more)
	s.mu.Lock()
	s.senders.byName["many"].turn = work{}
	first.bytes = -bodyBytes // it counts for nothing
	s.mu.Unlock()
	first.give()
	turn := make([]*place, turnBytes/(300+bodyBytes))
	for i := range turn {
		turn[i] = <-places
	}
	s.mu.Lock()
	if n := s.waiting.Len(); n != more-len(turn) || s.free != 0 {
		t.Errorf("%d wait, %d slots are free", n, s.free)
	}
	turn[0].bytes, turn[0].turn.begun = 1<<30, turn[0].turn.begun.Add(-time.Hour) // so that it rests for long
	s.mu.Unlock()
	for _, p := range turn {
		p.give()
		p.give()
		p.answered("many") // which says nothing of what small ones take
	}
	s.mu.Lock()
	if !s.waiting.Held("many") || s.free != 1 || s.pace.others[0].who != s.senders.byName["few"] {
		t.Errorf("it does not rest, or its slot is lost: %d are free", s.free)
	}
	s.mu.Unlock()
	for range more - len(turn) {
		(<-places).give()
	}
}

// Large bodies are read one by one for each slot, and of one sender only so many bytes wait.
func TestLargeBodiesAreReadOneByOne(t *testing.T) {
	s := newSlots(1)
	hold := who(t, s, "other", turnBytes)
	places := make(chan *place, 3)
	for range 3 {
		go func() { places <- who(t, s, "three", 2*smallBody) }()
	}
	waiting(s, 3)
	hold.give()
	for i := range 3 {
		p := <-places
		s.mu.Lock()
		if s.free != 0 || s.waiting.Len() != 2-i || p.turn.bodies != 1 {
			t.Errorf("%d are free, %d wait, %d are read together", s.free, s.waiting.Len(), p.turn.bodies)
		}
		s.mu.Unlock()
		p.give()
	}
	hold = who(t, s, "other", turnBytes)
	go func() { places <- who(t, s, "much", mostWaiting) }()
	waiting(s, 1)
	if p, err := s.take(t.Context(), "much", true, make([]byte, turnBytes)); !errors.Is(err, errCrowded) || p.give() {
		t.Errorf("of one sender more waits than may: %v", err)
	}
	go func() { places <- who(t, s, "little", turnBytes) }()
	waiting(s, 2)
	hold.give()
	(<-places).give()
	(<-places).give()
}

// What is packed counts as what it becomes: a flood is one, however small it comes.
func TestAPackedFloodIsMuch(t *testing.T) {
	var packed bytes.Buffer
	w := gzip.NewWriter(&packed)
	_, _ = w.Write(bytes.Repeat([]byte(`{"event":"x"},`), 20_000))
	_ = w.Close()
	s := newSlots(2)
	for range 10 {
		p, inside, err := s.unpacked(t.Context(), "packed", true, packed.Bytes())
		if err != nil || len(inside) != 280_000 || p.small {
			t.Fatal(len(inside), err, p.small)
		}
		p.give()
	}
	if who := s.senders.byName["packed"]; !who.much() {
		t.Errorf("%d bytes that become 280,000, ten times: %.0f", packed.Len(), who.most)
	}
}

// A body whose key is inside counts for who has the key, not for the address that it came from.
func TestWhoIsKnownByTheKeyInside(t *testing.T) {
	s := newSlots(2)
	for i := range 5 {
		p, err := s.take(t.Context(), fmt.Sprint("address ", i), false, make([]byte, 300))
		if err != nil {
			t.Fatal(err)
		}
		p.answered("wk_site")
	}
	if who := s.pace.others[0].who; who != s.senders.byName["wk_site"] || who.usual.alone != 5 || s.pace.others[1].who != nil {
		t.Errorf("others are %+v", s.pace.others)
	}
}
