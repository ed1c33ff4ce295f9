package ingest

import (
	"context"
	"fmt"
	"math"
	"testing"
	"time"
)

// machine is one on which a small body takes a millisecond, and more by what large ones leave of the processors.
type machine struct {
	pace
	now  time.Time
	took time.Duration // by a small body, beside large ones that do not rest
}

// run has 200 small bodies a second meet large ones for some seconds, and gives the mean of what the small ones took in the last second, in milliseconds.
func (m *machine) run(seconds int, large bool) (mean float64) {
	for i := range seconds * 200 {
		m.now = m.now.Add(5 * time.Millisecond)
		took := time.Millisecond
		if large {
			m.rest(m.now, "flood", time.Millisecond, turnBytes)
			took += time.Duration(float64(m.took) / (1 + m.factor))
		}
		m.answered(m.now, "small", took)
		if i >= (seconds-1)*200 {
			mean += took.Seconds() * 1000 / 200
		}
	}
	return mean
}

func TestALargeBodyRestsAsLongAsSmallOnesNeed(t *testing.T) {
	for _, c := range []struct {
		took        time.Duration
		least, most float64 // of the factor
	}{
		{0, 0, 0},
		{200 * time.Microsecond, 0, 0}, // within the tolerance
		{3 * time.Millisecond, 6, 18},
		{7 * time.Millisecond, 15, mostFactor},
	} {
		m := machine{now: time.Unix(1e9, 0), took: c.took}
		m.run(3, false)
		mean := m.run(10, true)
		if m.factor < c.least || m.factor > c.most || mean > 1.45 {
			t.Errorf("%v more: a factor of %.1f, and small ones take %.2f ms", c.took, m.factor, mean)
		}
		m.took = 0
		if m.run(5, true); m.factor > 0 {
			t.Errorf("%v more, and then none: a factor of %.1f", c.took, m.factor)
		}
	}
}

// Who begins while a flood is there is helped, too: a flood begins slowly, and the first that is seen stands for what it is alone.
func TestSmallBodiesThatWereNeverAlone(t *testing.T) {
	m := machine{now: time.Unix(1e9, 0), took: 7 * time.Millisecond}
	if mean := m.run(20, true); mean > 3 {
		t.Errorf("they take %.2f ms, with a factor of %.1f", mean, m.factor)
	}
}

// Where the longest rest does not help it is something else that has become slow, and large ones need not suffer for it.
func TestWhatLargeBodiesAreNotToBlameFor(t *testing.T) {
	m := machine{now: time.Unix(1e9, 0)}
	m.run(3, false)
	for range 200 * 60 {
		m.now = m.now.Add(5 * time.Millisecond)
		m.rest(m.now, "flood", time.Millisecond, turnBytes)
		m.answered(m.now, "small", 5*time.Millisecond)
	}
	if m.factor > 1 {
		t.Errorf("after a minute of a slow disk the factor is %.1f", m.factor)
	}
}

func TestNobodyRestsForHisOwnSmallBodies(t *testing.T) {
	now := time.Unix(1e9, 0)
	p := pace{factor: 2, large: now}
	if d := p.rest(now, "flood", time.Millisecond, turnBytes); d != 0 {
		t.Errorf("alone: %v", d)
	}
	p.answered(now, "flood", time.Millisecond)
	if d := p.rest(now, "flood", time.Millisecond, turnBytes); d != 0 {
		t.Errorf("beside small ones of its own: %v", d)
	}
	p.answered(now, "small", time.Millisecond)
	p.answered(now, "flood", time.Millisecond)
	p.answered(now, "flood", time.Millisecond)
	if d := p.rest(now, "flood", time.Millisecond, turnBytes); d != 2*time.Millisecond {
		t.Errorf("beside another's: %v", d)
	}
	if d := p.rest(now, "flood", time.Minute, leastRate/100); d != 10*time.Millisecond {
		t.Errorf("for a minute of work: %v", d)
	}
	if d := p.rest(now.Add(near), "flood", time.Millisecond, turnBytes); d != 0 {
		t.Errorf("once the other has gone: %v", d)
	}
}

// A disk that stands still for a moment is not what small bodies usually take.
func TestOneThatTookLongSaysLittleOfWhatIsUsual(t *testing.T) {
	m := machine{now: time.Unix(1e9, 0)}
	m.run(3, false)
	m.answered(m.now, "small", time.Second)
	if usual := math.Sqrt(m.alone) * 1000; usual > 1.2 {
		t.Errorf("they take %.2f ms", usual)
	}
}

// who gives a place at the slots.
func who(t *testing.T, s *slots, sender string, size int) *place {
	t.Helper()
	p, err := s.take(t.Context(), sender, size)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// need makes that somebody who sends few needs others to rest, for the time of the test.
func need(s *slots) {
	s.mu.Lock()
	defer s.mu.Unlock()
	later := time.Now().Add(time.Hour)
	s.pace.small[0] = met{"few", later}
	s.senders.lightest = s.senders.met(later, "few", 300)
}

// Who rests has no slot, the others do, and he has one again by himself.
func TestASenderRests(t *testing.T) {
	s := newSlots(2)
	need(s)
	who(t, s, "flood", turnBytes).give()
	s.mu.Lock()
	s.senders.known["flood"].resting++ // of one that does not end
	s.waiting.Hold("flood")
	s.mu.Unlock()
	for range 3 { // as often as they like
		who(t, s, "other", 1+smallBody).give()
		who(t, s, "third", 1+smallBody).give()
	}
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	p, err := s.take(ctx, "flood", turnBytes)
	if err == nil {
		t.Error("it did not rest")
	}
	p.give() // what it never had
	who(t, s, "brief", turnBytes).give()
	who(t, s, "brief", turnBytes).give() // waits for the end of its rest
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.free != 2 || s.senders.known["flood"].resting < 1 || s.waiting.Len() != 0 {
		t.Errorf("%d are free, %d wait, %+v rests", s.free, s.waiting.Len(), s.senders.known["flood"])
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
	need(s)
	if !who(t, s, "few", 300).small {
		t.Error("who sends few needs a slot")
	}
	first := who(t, s, "many", 300)
	if first.small {
		t.Fatal("who sends many needs none")
	}
	const more = 20
	places := make(chan *place, more)
	for range more {
		go func() { places <- who(t, s, "many", 300) }()
	}
	for n := 0; n < more; {
		s.mu.Lock()
		n = s.waiting.Len()
		s.mu.Unlock()
	}
	first.give()
	turn := make([]*place, turnBytes/(300+bodyBytes))
	for i := range turn {
		turn[i] = <-places
	}
	s.mu.Lock()
	if n := s.waiting.Len(); n != more-len(turn) || s.free != 0 {
		t.Errorf("%d wait, %d slots are free", n, s.free)
	}
	s.mu.Unlock()
	for _, p := range turn {
		p.give()
		p.give()
		p.answered() // which says nothing of what small ones take
	}
	s.mu.Lock()
	if !s.waiting.Held("many") || s.free != 1 || s.pace.small[0].sender != "few" {
		t.Errorf("it does not rest, or its slot is lost: %d are free", s.free)
	}
	s.mu.Unlock()
	for range more - len(turn) {
		(<-places).give()
	}
}

// Who sends much takes turns for who sends little, and only he.
func TestWhoSendsMuchDisturbsWhoSendsLittle(t *testing.T) {
	type each struct {
		name             string
		perSecond, bytes int
		disturbs         bool
	}
	for name, all := range map[string][]each{
		"one, with many":               {{"much", 8000, 300, false}},
		"one with many, one with few":  {{"much", 8000, 300, true}, {"few", 200, 300, false}},
		"two with few":                 {{"more", 400, 300, false}, {"few", 10, 300, false}},
		"two with many":                {{"much", 8000, 300, true}, {"many", 1000, 300, false}},
		"two with as many":             {{"one", 2000, 300, false}, {"two", 1500, 300, false}},
		"several":                      {{"much", 8000, 300, true}, {"as much", 7000, 300, true}, {"many", 1000, 300, false}, {"few", 10, 300, false}},
		"many small, beside large":     {{"large", 700, 30_000, true}, {"many", 1000, 300, false}, {"few", 10, 300, false}},
		"few of three KB, one with so": {{"three", 500, 3000, true}, {"few", 10, 300, false}},
	} {
		s, now := newSenders(), time.Unix(1e9, 0)
		for i := range 10 * 8000 { // ten seconds
			now = now.Add(time.Second / 8000)
			for _, e := range all {
				if i%(8000/e.perSecond) != 0 {
					continue
				}
				if got := s.disturbs(now, s.met(now, e.name, e.bytes)); got != e.disturbs && i > 8000 {
					t.Fatalf("%s: after %d ms %s disturbs: %v", name, i/8, e.name, got)
				}
			}
		}
	}
}

// Who sends less because he rests is still who sends much; half a minute after he has become like others, he is one of them.
func TestWhoRestsStillDisturbs(t *testing.T) {
	s, now := newSenders(), time.Unix(1e9, 0)
	send := func(perSecond, seconds int) (disturbs bool) {
		for i := range 10 * perSecond * seconds {
			now = now.Add(time.Second / time.Duration(10*perSecond))
			if i%10 == 0 {
				disturbs = s.disturbs(now, s.met(now, "flood", 300))
			}
			if i%(10*perSecond/10) == 0 {
				s.disturbs(now, s.met(now, "few", 300))
			}
		}
		return disturbs
	}
	for _, c := range []struct {
		perSecond, seconds int
		disturbs           bool
	}{{5000, 1, true}, {50, 20, true}, {50, 90, false}, {5000, 1, true}} {
		if got := send(c.perSecond, c.seconds); got != c.disturbs {
			t.Errorf("after %d seconds with %d bodies each: %v", c.seconds, c.perSecond, got)
		}
	}
}

func TestSendersAreForgotten(t *testing.T) {
	s, now := newSenders(), time.Unix(1e9, 0)
	one := s.met(now, "one", 300)
	if work, bytes := one.worked(time.Millisecond, turnBytes-1); bytes > 0 {
		t.Errorf("a turn is over early, after %v", work)
	}
	if work, bytes := one.worked(time.Millisecond, 1); bytes != turnBytes || work != 2*time.Millisecond {
		t.Errorf("a turn was %d bytes in %v", bytes, work)
	}
	one.resting = 1
	for i := range 3 * mostSenders {
		if i == mostSenders {
			now = now.Add(2 * forgetAfter)
		}
		s.met(now, fmt.Sprint("of many ", i), 300)
	}
	if s.of(now, "one") != one || len(s.known) > 2*mostSenders+1 {
		t.Errorf("%d are known, and who rests is one of them: %v", len(s.known), s.known["one"] == one)
	}
}
