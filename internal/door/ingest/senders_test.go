package ingest

import (
	"fmt"
	"testing"
	"time"
)

// Who sends much takes turns for who sends little, and only he.
func TestWhoSendsMuchDisturbsWhoSendsLittle(t *testing.T) {
	type each struct {
		name             string
		perSecond, bytes int
		disturbs         bool
	}
	for name, all := range map[string][]each{
		"one, with many":                   {{"much", 8000, 300, false}},
		"one with many, one with few":      {{"much", 8000, 300, true}, {"few", 200, 300, false}},
		"two with few":                     {{"more", 400, 300, false}, {"few", 10, 300, false}},
		"two with many":                    {{"much", 8000, 300, true}, {"many", 1000, 300, false}},
		"two with as many":                 {{"one", 2000, 300, false}, {"two", 1600, 300, false}},
		"several":                          {{"much", 8000, 300, true}, {"as much", 4000, 300, true}, {"many", 800, 300, false}, {"few", 10, 300, false}},
		"many small, beside large":         {{"large", 800, 30_000, true}, {"many", 1000, 300, false}, {"few", 10, 300, false}},
		"few of three KB, one with so":     {{"three", 500, 3000, true}, {"few", 10, 300, false}},
		"few large, beside many small":     {{"much", 8000, 300, true}, {"large", 5, 30_000, false}},
		"one who is rare, one with few":    {{"much", 8000, 300, true}, {"few", 10, 300, false}, {"rare", 1, 300, false}},
		"two with few, one is not known":   {{"more", 1000, 300, false}, {"?few", 10, 300, false}},
		"much, and much of who is unknown": {{"much", 2000, 300, true}, {"?much", 8000, 300, true}, {"few", 10, 300, false}},
	} {
		s, now := newSenders(), time.Unix(1e9, 0)
		for i := range 10 * 8000 { // ten seconds
			now = now.Add(time.Second / 8000)
			for _, e := range all {
				if i%(8000/e.perSecond) != 0 || e.name == "rare" && i/8000%3 != 0 {
					continue
				}
				if got := s.disturbs(now, s.met(now, e.name, e.name[0] != '?', e.bytes)); got != e.disturbs && i > 8000 {
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
				disturbs = s.disturbs(now, s.met(now, "flood", true, 300))
			}
			if i%(perSecond/10*10) == 0 {
				s.disturbs(now, s.met(now, "few", true, 300))
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
	one := s.met(now, "one", true, 300)
	half := work{time.Millisecond, 1, turnBytes/2 - bodyBytes}
	if turn, over := one.worked(half); over {
		t.Errorf("a turn is over early, after %+v", turn)
	}
	if turn, over := one.worked(half); !over || turn.size() != turnBytes || turn.took != 2*(time.Millisecond+bodyWork) {
		t.Errorf("a turn was %+v", turn)
	}
	one.resting = 1
	for i := range 2 * mostSenders {
		now = now.Add(time.Millisecond)
		s.met(now, fmt.Sprint("of many ", i), true, 300)
	}
	if len(s.byName) != mostSenders {
		t.Errorf("%d are known", len(s.byName))
	}
	now = now.Add(2 * forgetAfter)
	s.met(now, "late", true, 300)
	if s.of(now, "one") != one || len(s.byName) != 2 {
		t.Errorf("later %d are known, and who rests is one of them: %v", len(s.byName), s.byName["one"] == one)
	}
}

// Who comes each few seconds counts as here until he comes again, also where he comes twice each time.
func TestHowLongOneIsHere(t *testing.T) {
	s, begin := newSenders(), time.Unix(1e9, 0)
	var one *sender
	for _, at := range []time.Duration{0, time.Millisecond, 4 * time.Second, 4*time.Second + time.Millisecond} {
		one = s.met(begin.Add(at), "one", true, 300)
	}
	for after, want := range map[time.Duration]bool{5 * time.Second: true, 8900 * time.Millisecond: true, 9100 * time.Millisecond: false} {
		if got := one.here(begin.Add(after)); got != want {
			t.Errorf("after %v he is here: %v", after, got)
		}
	}
	often := s.met(begin, "often", true, 300)
	s.met(begin.Add(5*time.Millisecond), "often", true, 300)
	if often.here(begin.Add(leastHere + 6*time.Millisecond)) {
		t.Error("who comes often is here for longer than a second")
	}
}
