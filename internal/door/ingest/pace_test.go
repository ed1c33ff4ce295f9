package ingest

import (
	"context"
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
			m.rest(m.now, "flood", time.Millisecond)
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
		m.rest(m.now, "flood", time.Millisecond)
		m.answered(m.now, "small", 5*time.Millisecond)
	}
	if m.factor > 1 {
		t.Errorf("after a minute of a slow disk the factor is %.1f", m.factor)
	}
}

func TestNobodyRestsForHisOwnSmallBodies(t *testing.T) {
	now := time.Unix(1e9, 0)
	p := pace{factor: 2, large: now}
	if d := p.rest(now, "flood", time.Millisecond); d != 0 {
		t.Errorf("alone: %v", d)
	}
	p.answered(now, "flood", time.Millisecond)
	if d := p.rest(now, "flood", time.Millisecond); d != 0 {
		t.Errorf("beside small ones of its own: %v", d)
	}
	p.answered(now, "small", time.Millisecond)
	p.answered(now, "flood", time.Millisecond)
	p.answered(now, "flood", time.Millisecond)
	if d := p.rest(now, "flood", time.Millisecond); d != 2*time.Millisecond {
		t.Errorf("beside another's: %v", d)
	}
	if d := p.rest(now, "flood", time.Minute); d != mostRest {
		t.Errorf("for a minute of work: %v", d)
	}
	if d := p.rest(now.Add(near), "flood", time.Millisecond); d != 0 {
		t.Errorf("once the other has gone: %v", d)
	}
}

// Who rests has no slot, the others do, and he has one again by himself.
func TestASenderRests(t *testing.T) {
	s := newSlots(2)
	s.answered("small", smallBody, time.Now())
	s.answered("large", smallBody+1, time.Now()) // counts for nothing
	s.pace.small[0].at = time.Now().Add(time.Hour)
	take := func(sender string) (give func()) {
		t.Helper()
		give, err := s.take(t.Context(), sender, turnBytes)
		if err != nil {
			t.Fatal(err)
		}
		return give
	}
	for range 2 {
		take("flood")
	}
	s.rest("flood", time.Now())
	s.rest("flood", time.Now())
	s.mu.Lock()
	s.resting["flood"]++ // of one that does not end
	s.waiting.Hold("flood")
	s.mu.Unlock()
	for range 3 { // as often as they like
		take("other")()
		take("third")()
	}
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if _, err := s.take(ctx, "flood", turnBytes); err == nil {
		t.Error("it did not rest")
	}
	take("brief")
	s.rest("brief", time.Now().Add(-time.Millisecond))
	take("brief")() // waits for the end of its rest
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.free != 2 || s.resting["flood"] < 1 || s.waiting.Len() != 0 {
		t.Errorf("%d are free, %d wait, %v rest", s.free, s.waiting.Len(), s.resting)
	}
}
