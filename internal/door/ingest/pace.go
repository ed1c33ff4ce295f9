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
	much   time.Time  // when a body of who sends much was last at work
	others [2]*sender // the last two of those who are not to wait
	sum    float64    // of the squares of how many times as long as usual each took, of those since begun
	n      int
	begun  time.Time
}

// usual is what a sender's bodies take when nothing of who sends much was at work within near: the mean of the seconds' squares, of late; 0 when it is not known.
type usual float64

const (
	// near is for how long work counts as beside what comes behind it.
	near = time.Second
	// No rest is longer than what a sender sends would take at leastRate, in bytes a second, and leastEach for each body, or than mostRest: on a busy machine what took long was mostly waiting, and others are not helped by more rest. It is some
	// 600 small bodies a second, or 20 of 30 KB, less what they take themselves.
	leastRate = 750_000
	leastEach = time.Millisecond
	mostRest  = 250 * time.Millisecond
	// tolerance is how much longer others' bodies may take. One of leastMet that takes three times as long is above it; as the factor grows by as much as eight falls take back, about one of a hundred is, so that their 99th percentile
	// stays below twice of what it is alone.
	tolerance = 1.3
	// They are looked at together when there are leastMet of them, and leastTime has passed. Where they are rare, what is found counts for the time that has passed, up to mostTimes of it.
	leastMet  = 10
	leastTime = 50 * time.Millisecond
	mostTimes = 20
	// The factor grows by half and falls by a twentieth at a time; below the least it is 0.
	mostFactor, leastFactor = 32.0, 0.25
	grow, fall              = 1.5, 0.95
	// memory is of how many bodies what is usual is the mean, where one that takes longer than four times as long as the others counts as such: a moment in which the disk stands still is not usual. Beside much work it only follows what is quicker, slowly, as chance makes some quick; and resign is how much of itself it adds each time where the longest rest
	// does not help: what has changed then is not the others' work.
	memory, outlier, quicker, resign = 64, 16, 16, 0.01
)

// answered is told how long a body of who is not to wait took, and what his take. What who sends much takes alone is no measure: they make one another wait.
func (p *pace) answered(now time.Time, who *sender, took time.Duration, of *usual) {
	if p.others[0] != who {
		p.others[1] = p.others[0]
	}
	p.others[0] = who
	seconds := max(took, time.Microsecond).Seconds()
	square := usual(seconds * seconds)
	beside, many := now.Sub(p.much) <= near, who.much()
	switch {
	case *of == 0 && (beside || !many): // or they were never alone
		*of = square
	case !beside && !many:
		*of += (min(square, outlier**of) - *of) / memory
	}
	if !beside {
		p.sum, p.n, p.begun = 0, 0, now
		return
	}
	p.sum += float64(square / *of)
	p.n++
	if passed := now.Sub(p.begun); p.n >= leastMet && passed >= leastTime {
		p.look(p.sum/float64(p.n), min(float64(passed/leastTime), mostTimes), of)
		p.sum, p.n, p.begun = 0, 0, now
	}
}

// look goes by the mean square of how many times as long as usual others' bodies take, for so many times; the last one was of who usually takes so long.
func (p *pace) look(mean, times float64, of *usual) {
	if mean < 1 {
		*of *= usual(1 + (mean-1)/quicker)
	}
	if mean <= tolerance*tolerance {
		if p.factor *= math.Pow(fall, times); p.factor < leastFactor {
			p.factor = 0
		}
		return
	}
	if p.factor >= mostFactor {
		*of *= 1 + resign
	}
	p.factor = min(max(leastFactor, p.factor)*math.Pow(grow, times), mostFactor)
}

// worked is told of work for a body of who sends much.
func (p *pace) worked(now time.Time) {
	if now.Sub(p.much) > near {
		p.factor = mostFactor
	}
	p.much = now
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
	for _, other := range p.others {
		if other != who && other.here(now) {
			return p.factor > 0
		}
	}
	return false
}
