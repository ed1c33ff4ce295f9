package ingest

import (
	"math"
	"time"
)

// senders are those who were here of late.
type senders struct {
	byName             map[string]*sender
	lightest, heaviest *sender // of those who are here
	forgot             time.Time
}

// sender is what is known of one.
type sender struct {
	known     bool      // by his key; nobody is held up for who is only an address
	at        time.Time // when he was last here
	until     time.Time // when he counts as gone
	rate      float64   // what he sends a second, in small bodies of little
	most      float64   // the highest rate of late: who rests sends less
	disturbed bool      // others, when he was last here
	turn      work      // what he had of it
	resting   int       // how many of his turns rest
	waits     int       // bytes
	usual     usual
}

// work is what bodies were.
type work struct {
	took   time.Duration
	bodies int
	bytes  int
}

// size is what work counts of a turn.
func (w work) size() int { return w.bytes + w.bodies*bodyBytes }

const (
	// Who was here counts as here for four times as long as since he was last, for leastHere at least and mostHere at most.
	leastHere, mostHere = time.Second, 5 * time.Second
	// manySmall bodies a second are many; 2 KB more of a body count as another. Who sends many disturbs who sends timesLess, and until that is half as many times less, if nobody here sends as many times more than himself.
	manySmall = 500
	timesLess = 4
	// rateTime and mostTime are in what time what was falls to its e-th part.
	rateTime, mostTime = time.Second, 30 * time.Second
	// mostSenders are remembered; from a quarter of it on those are forgotten who were not here for a while, each second.
	mostSenders = 4000
	forgetAfter = 10 * time.Second
)

func newSenders() *senders { return &senders{byName: map[string]*sender{}} }

// of gives a sender. Where there are too many, he is not remembered.
func (s *senders) of(now time.Time, name string) *sender {
	who, here := s.byName[name]
	if here {
		return who
	}
	if len(s.byName) >= mostSenders/4 && now.Sub(s.forgot) >= time.Second {
		s.forget(now)
	}
	who = &sender{at: now}
	if len(s.byName) < mostSenders {
		s.byName[name] = who
	}
	return who
}

// forget leaves out who is not here any more.
func (s *senders) forget(now time.Time) {
	s.forgot = now
	for name, who := range s.byName {
		if who.resting == 0 && who.waits == 0 && now.Sub(who.at) > forgetAfter {
			delete(s.byName, name)
		}
	}
}

// here tells whether a sender was here of late.
func (who *sender) here(now time.Time) bool { return who != nil && now.Before(who.until) }

// much tells whether he sends much: then he rests, while others wait for it.
func (who *sender) much() bool { return who.most > manySmall }

// spared tells whether a sender sends little, or somebody here so much more that he is not to wait for that.
func (s *senders) spared(now time.Time, who *sender) bool {
	return !who.much() || s.heaviest.here(now) && s.heaviest.most > timesLess*who.most
}

// met counts a body of a sender.
func (s *senders) met(now time.Time, name string, known bool, size int) *sender {
	who := s.of(now, name)
	passed := max(0, now.Sub(who.at))
	who.at, who.known = now, known
	if until := now.Add(min(max(leastHere, 4*passed), mostHere)); until.After(who.until) {
		who.until = until
	}
	who.rate = who.rate*math.Exp(-passed.Seconds()/rateTime.Seconds()) + 1 + float64(size)/bodyBytes
	who.most = max(who.rate, who.most*math.Exp(-passed.Seconds()/mostTime.Seconds()))
	if !known {
		return who
	}
	if !s.heaviest.here(now) || who.most >= s.heaviest.most {
		s.heaviest = who
	}
	if !s.lightest.here(now) { // the next one may be anybody of those who are here
		s.lightest = who
		for _, other := range s.byName {
			if other.known && other.here(now) && other.most < s.lightest.most {
				s.lightest = other
			}
		}
	}
	if who.most < s.lightest.most {
		s.lightest = who
	}
	return who
}

// unpacked counts what a body has become.
func (who *sender) unpacked(more int) {
	who.rate += float64(more) / bodyBytes
	who.most = max(who.most, who.rate)
}

// disturbs tells whether the small bodies of a sender, who was just met, are so many that they are to take turns.
func (s *senders) disturbs(now time.Time, who *sender) bool {
	times := float64(timesLess)
	if who.disturbed {
		times /= 2
	}
	who.disturbed = s.lightest.here(now) && who.most > times*s.lightest.most && !s.spared(now, who)
	return who.disturbed
}

// worked counts the work for bodies that are no small ones. When he has had as much as a turn is worth, it gives what all of it was.
func (who *sender) worked(w work) (turn work, over bool) {
	who.turn.took += w.took + time.Duration(w.bodies)*bodyWork
	who.turn.bodies += w.bodies
	who.turn.bytes += w.bytes
	if who.turn.size()+w.size()/w.bodies <= turnBytes { // there is room for one more
		return work{}, false
	}
	turn, who.turn = who.turn, work{}
	return turn, true
}
