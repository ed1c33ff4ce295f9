package ingest

import (
	"math"
	"time"
)

// senders are those who were here of late, by name.
type senders map[string]*sender

// sender is what is known of one.
type sender struct {
	at      time.Time
	small   float64 // bodies a second, of late
	busy    bool
	work    time.Duration // of the turn that he has, for bodies of so many bytes
	bytes   int
	resting int // how many of his turns rest
}

const (
	// Who sends more than manyBodies small bodies a second sends many, until they are fewer than fewBodies: who rests sends fewer.
	manyBodies, fewBodies = 500, 50
	// mostSenders are remembered before those are forgotten who were not here for a while.
	mostSenders = 1000
	forgetAfter = 10 * time.Second
)

// of gives a sender.
func (s senders) of(now time.Time, name string) *sender {
	who, known := s[name]
	if !known {
		if len(s) >= mostSenders {
			s.forget(now)
		}
		who = &sender{at: now}
		s[name] = who
	}
	return who
}

// forget leaves out who is not here any more.
func (s senders) forget(now time.Time) {
	for name, who := range s {
		if who.resting == 0 && now.Sub(who.at) > forgetAfter {
			delete(s, name)
		}
	}
}

// met counts a small body of a sender, and tells whether he sends many. The rate is a mean whose weights fall by e each second.
func (s senders) met(now time.Time, name string) (busy bool) {
	who := s.of(now, name)
	if passed := now.Sub(who.at).Seconds(); passed > 0 {
		who.small *= math.Exp(-passed)
		who.at = now
	}
	who.small++
	who.busy = who.small > manyBodies || who.busy && who.small > fewBodies
	return who.busy
}

// worked counts the work for a body that is no small one. When the turn is over it gives the work of all of it.
func (s senders) worked(now time.Time, name string, work time.Duration, bytes int) (turn time.Duration, over bool) {
	who := s.of(now, name)
	who.work += work
	if who.bytes += bytes; who.bytes < turnBytes {
		return 0, false
	}
	turn = who.work
	who.work, who.bytes = 0, 0
	return turn, true
}
