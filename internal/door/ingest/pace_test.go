package ingest

import (
	"math"
	"math/rand/v2"
	"testing"
	"time"
)

// machine is one on which a small body takes a millisecond, and more by what large ones leave of the processors.
type machine struct {
	pace
	now  time.Time
	took time.Duration // by a small body, beside large ones that do not rest
	few  sender        // of small bodies
	much sender
}

// meets has a sender's body answered.
func (m *machine) meets(who *sender, took time.Duration) {
	who.until = m.now.Add(leastHere)
	m.answered(m.now, who, took, 0)
}

// run has 200 small bodies a second meet large ones for some seconds, and gives the mean of what the small ones took in the last second, in milliseconds.
func (m *machine) run(seconds int, large bool) (mean float64) {
	for i := range seconds * 200 {
		m.now = m.now.Add(5 * time.Millisecond)
		took := time.Millisecond
		if large {
			m.works(m.now, &m.much)
			took += time.Duration(float64(m.took) / (1 + m.factor))
		}
		m.meets(&m.few, took)
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
		m.works(m.now, &m.much)
		m.meets(&m.few, 5*time.Millisecond)
	}
	if m.factor > 1 {
		t.Errorf("after a minute of a slow disk the factor is %.1f", m.factor)
	}
}

func TestNobodyRestsForHisOwnSmallBodies(t *testing.T) {
	m := machine{now: time.Unix(1e9, 0), pace: pace{factor: 2, worked: time.Unix(1e9, 0)}}
	flood, ms := &m.much, work{took: time.Millisecond, bodies: 1, bytes: turnBytes}
	m.works(m.now, &m.much)
	rests := func(when string, after work, want time.Duration) {
		t.Helper()
		if d := m.rest(m.now, flood, after); d != want {
			t.Errorf("%s: %v, want %v", when, d, want)
		}
	}
	rests("alone", ms, 0)
	m.meets(flood, time.Millisecond)
	rests("beside small ones of its own", ms, 0)
	m.meets(&m.few, time.Millisecond)
	m.meets(flood, time.Millisecond)
	m.meets(flood, time.Millisecond)
	rests("beside another's", ms, 2*time.Millisecond)
	rests("for a minute of work", work{time.Minute, 3, leastRate / 100}, 10*time.Millisecond+3*leastEach)
	rests("for more", work{time.Minute, 3, leastRate}, mostRest)
	m.now = m.few.until
	rests("once the other has gone", ms, 0)
}

// A disk that stands still for a moment is not what small bodies usually take.
func TestOneThatTookLongSaysLittleOfWhatIsUsual(t *testing.T) {
	m := machine{now: time.Unix(1e9, 0)}
	m.run(3, false)
	m.meets(&m.few, time.Second)
	if usual := math.Sqrt(m.few.usual.square) * 1000; usual > 1.2 {
		t.Errorf("they take %.2f ms", usual)
	}
}

// What a flood of small bodies takes while it is alone is no measure of what one takes without it.
func TestAFloodIsNoMeasure(t *testing.T) {
	m := machine{now: time.Unix(1e9, 0), took: 7 * time.Millisecond}
	m.run(3, false)
	flood := &sender{most: 8000}
	for range 8000 * 3 {
		m.now = m.now.Add(time.Second / 8000)
		m.meets(flood, 8*time.Millisecond)
	}
	if mean := m.run(10, true); mean > 1.6 || m.factor < 10 {
		t.Errorf("beside the flood they take %.2f ms, with a factor of %.1f", mean, m.factor)
	}
}

// What each takes is compared with what his own take: who sends large bodies is helped as who sends small ones, and what takes long is no sign by itself.
func TestEachIsComparedWithHimself(t *testing.T) {
	for _, slow := range []bool{false, true} {
		m := machine{now: time.Unix(1e9, 0)}
		large := &sender{}
		for i := range 15 * 20 {
			m.now = m.now.Add(50 * time.Millisecond)
			if i > 10*20 {
				m.works(m.now, &m.much)
			}
			took := 8 * time.Millisecond
			if slow && i > 10*20 {
				took *= 3
			}
			large.until = m.now.Add(leastHere)
			m.answered(m.now, large, took*time.Duration(1+i%3), i%3*perBytes)
			m.meets(&m.few, time.Millisecond)
		}
		if rests := m.factor > mostFactor/2; rests != slow {
			t.Errorf("slow: %v, and the factor is %.1f", slow, m.factor)
		}
	}
}

// Who sends once a second is helped as who sends much oftener, and where there are processors enough a flood is free again as soon.
func TestOneASecondSaysAsMuchAsMany(t *testing.T) {
	for _, c := range []struct {
		took        time.Duration
		least, most float64
	}{{0, 0, 0}, {7 * time.Millisecond, 8, mostFactor}} {
		m := machine{now: time.Unix(1e9, 0)}
		for i := range 180 {
			m.now = m.now.Add(time.Second)
			took := time.Millisecond
			if i > 20 {
				m.works(m.now, &m.much)
				took += time.Duration(float64(c.took) / (1 + m.factor))
			}
			m.meets(&m.few, took)
		}
		if m.factor < c.least || m.factor > c.most {
			t.Errorf("%v more: after 160 seconds the factor is %.1f", c.took, m.factor)
		}
	}
}

// noisy is how long a body takes by chance: most about as long, one of a hundred three times as long, one of a thousand thirty times.
func noisy(r *rand.Rand) time.Duration {
	took := time.Duration(float64(time.Millisecond) * math.Exp(0.2*r.NormFloat64()))
	switch n := r.IntN(1000); {
	case n == 0:
		return 30 * took
	case n <= 10:
		return 3 * took
	}
	return took
}

// Where a flood holds nobody up, chance alone has it rest little, however often others come, and whether they were ever alone.
func TestChanceHasNobodyRest(t *testing.T) {
	for _, perSecond := range []int{200, 10, 1} {
		for _, alone := range []int{20, 0} {
			m, r := machine{now: time.Unix(1e9, 0)}, rand.New(rand.NewPCG(1, uint64(perSecond)))
			rested, all := 0.0, 2000
			for i := range perSecond * alone {
				m.now = m.now.Add(time.Second / time.Duration(perSecond))
				m.meets(&m.few, noisy(r))
				_ = i
			}
			for i := range perSecond * all {
				m.now = m.now.Add(time.Second / time.Duration(perSecond))
				m.works(m.now, &m.much)
				m.meets(&m.few, noisy(r))
				if i > perSecond*all/4 {
					rested += min(m.factor, 4) / 4
				}
			}
			if part := rested / float64(perSecond*all) * 4 / 3; part > 0.25 {
				t.Errorf("%d a second, %d s alone: the flood rests for %.0f %% of the time", perSecond, alone, 100*part)
			}
		}
	}
}

// Whose first bodies met a flood that did not rest is not held up for good.
func TestWhoComesSeldomAndMeetsAFloodFirst(t *testing.T) {
	for _, perSecond := range []int{20, 5, 1} {
		m := machine{now: time.Unix(1e9, 0)}
		m.few.usual.square = 64e-6 // eight milliseconds, which are seven more than alone
		late := 0
		for i := range perSecond * 300 {
			m.now = m.now.Add(time.Second / time.Duration(perSecond))
			m.works(m.now, &m.much)
			took := time.Millisecond + time.Duration(7*float64(time.Millisecond)/(1+m.factor))
			m.meets(&m.few, took)
			if i > perSecond*150 && took > 3*time.Millisecond {
				late++
			}
		}
		if part := float64(late) / float64(perSecond*150); part > 0.2 {
			t.Errorf("%d a second: %.0f %% wait for the flood", perSecond, 100*part)
		}
	}
}
