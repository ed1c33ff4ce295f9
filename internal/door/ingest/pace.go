package ingest

import (
	"math"
	"time"
)

// pace says how long who sends much rests after a turn, so that his flood holds up the bodies of others no longer than they would take anyway: many at work leave nobody a moment of a processor, whoever's turn it is.
// The rest is in proportion to the work, and the factor is looked for: it grows while others' bodies take more than tolerance times as long as they do without much at work, and falls while they do not. It begins with the most, as a
// flood's first moment would hold up hundreds. Where there are processors enough it comes to 0, and who is alone never rests.
type pace struct {
	factor float64
	worked time.Time // when a body of who sends much was last at work
	much   lately    // who sends much
	others lately    // those who are not to wait
	seen   looks
}

// lately are the last two senders who did something, and until when that counts.
type lately [2]struct {
	who   *sender
	until time.Time
}

func (l *lately) did(who *sender, until time.Time) {
	if l[0].who != who {
		l[1] = l[0]
	}
	l[0].who, l[0].until = who, until
}

// another tells whether somebody else did.
func (l *lately) another(who *sender, now time.Time) bool {
	for _, one := range l {
		if one.who != nil && one.who != who && now.Before(one.until) {
			return true
		}
	}
	return false
}

// looks are how long bodies took, in times of what is usual, until there are enough of them to look at.
type looks struct {
	sum   float64 // of the squares
	n     int
	begun time.Time
}

// add gives their mean square when there are enough, and for how many times of leastTime that counts.
func (l *looks) add(now time.Time, square float64) (mean, times float64, enough bool) {
	if l.n == 0 && now.Sub(l.begun) > near {
		l.begun = now
	}
	l.sum += square
	l.n++
	passed := now.Sub(l.begun)
	if l.n < leastMet || passed < leastTime {
		return 0, 0, false
	}
	mean, times = l.sum/float64(l.n), min(float64(passed/leastTime), mostTimes)
	*l = looks{begun: now}
	return mean, times, true
}

// usual is what a sender's bodies take where nobody else sends much.
type usual struct {
	square float64 // the mean of the seconds' squares, for a body of next to nothing; 0 when it is not known
	alone  int     // how many it is the mean of; 0 where it was first seen beside others
	seen   looks
}

const (
	// near is for how long work counts as beside what comes behind it; after as long without any, a flood is a new one.
	near = time.Second
	// No rest is longer than what a sender sends would take at leastRate, in bytes a second, and leastEach for each body, or than mostRest: on a busy machine what took long was mostly waiting, and others are not helped by more rest. It is some
	// 600 small bodies a second, or 40 of 17 KB, less what they take themselves.
	leastRate = 750_000
	leastEach = time.Millisecond
	mostRest  = 250 * time.Millisecond
	// tolerance is how much longer others' bodies may take. One of leastMet that takes three times as long is above it; as the factor grows by as much as eight falls take back, about one of a hundred is, so that their 99th percentile
	// stays below twice of what it is alone.
	tolerance = 1.3
	// They are looked at together when there are leastMet of them, and leastTime has passed. Where they are rare, a look counts for the time that has passed, up to mostTimes of it, or up to mostGrow where it is chance that is rare.
	leastMet            = 10
	leastTime           = 50 * time.Millisecond
	mostTimes, mostGrow = 20, 4
	// The factor grows by half and falls by a twentieth at a time; below the least it is 0.
	mostFactor, leastFactor = 32.0, 0.25
	grow, fall              = 1.5, 0.95
	// memory is of how many bodies what is usual is the mean, where one that takes longer than four times as long as the others counts as such: a moment in which the disk stands still is not usual. Who was never seen alone is taken for
	// what his first body took, and then for what is clearly quicker, not by chance, a quickerth at a time; and resign is how much of itself it adds each time where the longest rest does not help: what has changed then is not the others' work.
	memory, outlier, clearly, quicker, resign = 64, 16, 0.7, 16, 0.01
	// perBytes take as long as a body of next to nothing takes besides.
	perBytes = 16 << 10
)

// answered is told how long a body of who is not to wait took, and its bytes. What who sends much takes alone is no measure: they make one another wait.
func (p *pace) answered(now time.Time, who *sender, took time.Duration, bytes int) {
	p.others.did(who, who.until)
	seconds := max(took, time.Microsecond).Seconds() / (1 + float64(bytes)/perBytes)
	square, of := seconds*seconds, &who.usual
	if !p.much.another(who, now) {
		if !who.much() {
			of.learn(square)
		}
		p.seen, of.seen = looks{begun: now}, looks{begun: now}
		return
	}
	if of.square == 0 { // it says nothing of itself
		of.square = square
		return
	}
	times := square / of.square
	if mean, so, enough := of.seen.add(now, times); enough {
		of.beside(mean, so, p.factor >= mostFactor)
	}
	if mean, so, enough := p.seen.add(now, times); enough {
		p.look(mean, so)
	}
}

// learn is of a body that was alone.
func (u *usual) learn(square float64) {
	switch {
	case u.alone == 0:
		u.square = square
	case u.alone >= leastMet:
		square = min(square, outlier*u.square)
		fallthrough
	default:
		u.square += (square - u.square) / float64(u.alone+1)
	}
	u.alone = min(u.alone+1, memory-1)
}

// beside is of bodies that were beside much work, for so many times.
func (u *usual) beside(mean, times float64, longest bool) {
	switch {
	case mean < clearly && u.alone == 0:
		u.square *= math.Pow(1+(mean-1)/quicker, times)
	case mean > tolerance*tolerance && longest:
		u.square *= math.Pow(1+resign, times)
	}
}

// look goes by the mean square of how many times as long as usual others' bodies take, for so many times.
func (p *pace) look(mean, times float64) {
	if mean > tolerance*tolerance {
		p.factor = min(max(leastFactor, p.factor)*math.Pow(grow, min(times, mostGrow)), mostFactor)
	} else if p.factor *= math.Pow(fall, times); p.factor < leastFactor {
		p.factor = 0
	}
}

// works is told of a body of who sends much.
func (p *pace) works(now time.Time, who *sender) {
	if now.Sub(p.worked) > near {
		p.factor = mostFactor
	}
	p.worked = now
	p.much.did(who, now.Add(near))
}

// rest is how long a sender rests after the work of a turn.
func (p *pace) rest(now time.Time, who *sender, turn work) time.Duration {
	if !p.needed(now, who) {
		return 0
	}
	return min(time.Duration(p.factor*float64(turn.took)), time.Duration(turn.bytes)*time.Second/leastRate+time.Duration(turn.bodies)*leastEach, mostRest)
}

// needed tells whether others are here, and take longer for what this sender sends.
func (p *pace) needed(now time.Time, who *sender) bool {
	return p.factor > 0 && p.others.another(who, now)
}
