package ingest

import (
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
			m.worked(m.now)
			took += time.Duration(float64(m.took) / (1 + m.factor))
		}
		m.answered(m.now, "small", took, false)
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
		m.worked(m.now)
		m.answered(m.now, "small", 5*time.Millisecond, false)
	}
	if m.factor > 1 {
		t.Errorf("after a minute of a slow disk the factor is %.1f", m.factor)
	}
}

func TestNobodyRestsForHisOwnSmallBodies(t *testing.T) {
	now := time.Unix(1e9, 0)
	p := pace{factor: 2, large: now}
	p.worked(now)
	if d := p.rest(now, "flood", time.Millisecond, turnBytes); d != 0 {
		t.Errorf("alone: %v", d)
	}
	p.answered(now, "flood", time.Millisecond, false)
	if d := p.rest(now, "flood", time.Millisecond, turnBytes); d != 0 {
		t.Errorf("beside small ones of its own: %v", d)
	}
	p.answered(now, "small", time.Millisecond, false)
	p.answered(now, "flood", time.Millisecond, false)
	p.answered(now, "flood", time.Millisecond, false)
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
	m.answered(m.now, "small", time.Second, false)
	if usual := math.Sqrt(m.alone) * 1000; usual > 1.2 {
		t.Errorf("they take %.2f ms", usual)
	}
}

// What a flood of small bodies takes while it is alone is no measure of what one takes without it.
func TestAFloodIsNoMeasure(t *testing.T) {
	m := machine{now: time.Unix(1e9, 0), took: 7 * time.Millisecond}
	m.run(3, false)
	for range 8000 * 3 {
		m.now = m.now.Add(time.Second / 8000)
		m.answered(m.now, "flood", 8*time.Millisecond, true)
	}
	if mean := m.run(10, true); mean > 1.6 || m.factor < 10 {
		t.Errorf("beside the flood they take %.2f ms, with a factor of %.1f", mean, m.factor)
	}
}
