package ingest

import (
	"math"
	"time"
)

// senders are those who were here of late.
type senders struct {
	known              map[string]*sender
	lightest, heaviest *sender // of those who are here: of small bodies that were read at once, and of all
}

// sender is what is known of one.
type sender struct {
	name    string
	at      time.Time // when he was last here
	rate    float64   // what he sends a second, in small bodies of little
	most    float64   // the highest rate of late: who rests sends less
	work    time.Duration
	bytes   int // of the turn that he has, which was so much work
	resting int // how many of his turns rest
}

const (
	// manySmall bodies a second are many. Who sends many disturbs who sends timesLess, if nobody here sends as many times more than himself.
	manySmall = 500
	timesLess = 4
	// rateTime and mostTime are in what time what was falls to its e-th part.
	rateTime, mostTime = time.Second, 30 * time.Second
	// mostSenders are remembered before those are forgotten who were not here for a while.
	mostSenders = 1000
	forgetAfter = 10 * time.Second
)

func newSenders() *senders { return &senders{known: map[string]*sender{}} }

// of gives a sender.
func (s *senders) of(now time.Time, name string) *sender {
	who, known := s.known[name]
	if !known {
		if len(s.known) >= mostSenders {
			s.forget(now)
		}
		who = &sender{name: name, at: now}
		s.known[name] = who
	}
	return who
}

// forget leaves out who is not here any more.
func (s *senders) forget(now time.Time) {
	for name, who := range s.known {
		if who.resting == 0 && now.Sub(who.at) > forgetAfter {
			delete(s.known, name)
		}
	}
}

// here tells whether a sender was here of late.
func (who *sender) here(now time.Time) bool { return who != nil && now.Sub(who.at) < near }

// met counts a body of a sender.
func (s *senders) met(now time.Time, name string, size int) *sender {
	who := s.of(now, name)
	passed := max(0, now.Sub(who.at))
	who.rate = who.rate*math.Exp(-passed.Seconds()/rateTime.Seconds()) + 1 + float64(size)/bodyBytes
	who.most = max(who.rate, who.most*math.Exp(-passed.Seconds()/mostTime.Seconds()))
	if !s.heaviest.here(now) || who.most >= s.heaviest.most {
		s.heaviest = who
	}
	who.at = now
	return who
}

// disturbs tells whether the small bodies of a sender are so many that they are to take turns. If not, he may be whom others disturb.
func (s *senders) disturbs(now time.Time, who *sender) bool {
	others := s.lightest != who && s.lightest.here(now)
	if others && who.most > manySmall && who.most > timesLess*s.lightest.most && s.heaviest.most <= timesLess*who.most {
		return true
	}
	if !others || who.most <= s.lightest.most {
		s.lightest = who
	}
	return false
}

// worked counts the work for bodies that are no small ones. When the turn is over it gives what all of it was.
func (who *sender) worked(work time.Duration, bytes int) (turn time.Duration, of int) {
	who.work += work
	if who.bytes += bytes; who.bytes < turnBytes {
		return 0, 0
	}
	turn, of = who.work, who.bytes
	who.work, who.bytes = 0, 0
	return turn, of
}
