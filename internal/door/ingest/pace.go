package ingest

import "time"

// pace says how long a sender rests after a turn of large bodies, so that one sender's flood holds up the small bodies of others no longer than they would take anyway: many at work leave nobody a moment of a processor, whoever's turn it is.
// The rest is in proportion to the work, and the factor is looked for: it grows while small bodies take more than tolerance times as long as they do without large ones, and falls while they do not. It begins with the most, as a
// flood's first moment would hold up hundreds. Where there are processors enough it comes to 0, and who is alone never rests.
type pace struct {
	factor float64
	alone  float64   // what a small body takes when no large one was at work within near: the mean of the seconds' squares, of late
	large  time.Time // when a large body was last at work
	small  [2]met    // the last two senders of small ones
	sum    float64   // of the seconds' squares, of those since begun
	n      int
	begun  time.Time
}

// met is when a sender was last here.
type met struct {
	sender string
	at     time.Time
}

const (
	// near is for how long a sender counts as here.
	near = time.Second
	// No rest is longer than what a sender sends would take at leastRate, in bytes a second, or than mostRest: on a busy machine what took long was mostly waiting, and others are not helped by more rest. It is some 600 small bodies a
	// second, or 45 of 30 KB, less what they take themselves.
	leastRate = 1_500_000
	mostRest  = 250 * time.Millisecond
	// tolerance is how much longer small bodies may take. One of leastMet that takes three times as long is above it; as the factor grows by as much as eight falls take back, about one of a hundred is, so that their 99th percentile
	// stays below twice of what it is alone.
	tolerance = 1.3
	// Small bodies are looked at together when there are leastMet of them, and leastTime has passed.
	leastMet  = 10
	leastTime = 50 * time.Millisecond
	// The factor grows by half and falls by a twentieth at a time; below the least it is 0.
	mostFactor, leastFactor = 16.0, 0.25
	grow, fall              = 1.5, 0.95
	// memory is how many small bodies alone makes its mean of, where one that takes longer than four times as long as the others counts as such: a moment in which the disk stands still is not what is usual. Beside large ones it only follows what is quicker, slowly, as chance makes some quick; and resign is how much of itself it adds each time where the longest rest
	// does not help: what has changed then is not the large bodies.
	memory, outlier, quicker, resign = 64, 16, 16, 0.01
)

// answered is told how long a small body took, and whether its sender sends many: what these take alone they make one another wait for.
func (p *pace) answered(now time.Time, sender string, took time.Duration, many bool) {
	if p.small[0].sender != sender {
		p.small[1] = p.small[0]
	}
	p.small[0] = met{sender, now}
	square := took.Seconds() * took.Seconds()
	if now.Sub(p.large) > near {
		switch {
		case many:
		case p.alone == 0:
			p.alone = square
		default:
			p.alone += (min(square, outlier*p.alone) - p.alone) / memory
		}
		p.sum, p.n, p.begun = 0, 0, now
		return
	}
	p.sum += square
	p.n++
	if p.n >= leastMet && now.Sub(p.begun) >= leastTime {
		p.look(p.sum / float64(p.n))
		p.sum, p.n, p.begun = 0, 0, now
	}
}

// look goes by the mean square of what small bodies take beside large ones.
func (p *pace) look(mean float64) {
	switch {
	case p.alone == 0: // they never were
		p.alone = mean
	case mean < p.alone:
		p.alone += (mean - p.alone) / quicker
	}
	if mean <= tolerance*tolerance*p.alone {
		if p.factor *= fall; p.factor < leastFactor {
			p.factor = 0
		}
		return
	}
	if p.factor >= mostFactor {
		p.alone *= 1 + resign
	}
	p.factor = min(max(leastFactor, p.factor)*grow, mostFactor)
}

// worked is told of work for a large body.
func (p *pace) worked(now time.Time) {
	if now.Sub(p.large) > near {
		p.factor = mostFactor
	}
	p.large = now
}

// rest is how long a sender rests after the work for a turn of so many bytes.
func (p *pace) rest(now time.Time, sender string, work time.Duration, bytes int) time.Duration {
	if !p.needed(now, sender) {
		return 0
	}
	return min(time.Duration(p.factor*float64(work)), time.Duration(bytes)*time.Second/leastRate, mostRest)
}

// needed tells whether small bodies of others are here, and take longer for this sender's large ones.
func (p *pace) needed(now time.Time, sender string) bool {
	for _, m := range p.small {
		if m.sender != sender && now.Sub(m.at) < near {
			return p.factor > 0
		}
	}
	return false
}
