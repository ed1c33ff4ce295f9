package feed

import (
	"runtime"
	"time"
)

// gentle has who stores a part rest between pieces of the work. What is stored each second may take a tenth of it, in which there is one processor less, however often it lets others go first: most of the slowest of a
// hundred requests were those that met it. In pieces, with rests between them, the same work is hardly met. To rest only while requests are under way is worse, as those that come next meet a piece.
type gentle struct {
	piece time.Time     // when it began
	left  time.Duration // of the rests
	now   func() time.Time
	sleep func(time.Duration)
}

const (
	// After pieceTime of work comes a rest of pieceRest: who sleeps for less sleeps as long where nothing else is to do.
	pieceTime, pieceRest = 250 * time.Microsecond, time.Millisecond
	// mostRest is how long all rests of a part are at most: what comes meanwhile is not to become too much.
	mostRest = 500 * time.Millisecond
)

func newGentle() *gentle {
	return &gentle{piece: time.Now(), left: mostRest, now: time.Now, sleep: time.Sleep}
}

// between is called often.
func (g *gentle) between() {
	begin := g.now()
	if g.left <= 0 || begin.Sub(g.piece) < pieceTime {
		runtime.Gosched()
		return
	}
	g.sleep(pieceRest)
	g.piece = g.now()
	g.left -= g.piece.Sub(begin)
}
