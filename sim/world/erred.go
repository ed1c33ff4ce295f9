package world

import (
	"math"
	"math/rand/v2"

	"github.com/slipwayhq/slipway/internal/pure/stats/repeats"
	"github.com/slipwayhq/slipway/sim/canary"
	"github.com/slipwayhq/slipway/sim/draw"
)

// span is a step, with the visitors who erred in it for the first time as one looks at them.
type span struct {
	from, until float64
	looks       []float64 // seconds since the switch
	erred       [][]canary.Erred
}

func spansOf(steps []canary.Step) (all []span) {
	from := 0.0
	for _, step := range steps {
		s := span{from: from, until: from + float64(step.Seconds)}
		for i := range repeats.Looks() {
			// Ticks are whole: a look is at the end of the one in which it is due.
			at := from + math.Ceil(float64(repeats.Second(i))/TickSeconds)*TickSeconds
			if at <= s.until {
				s.looks = append(s.looks, at)
			}
		}
		s.erred = make([][]canary.Erred, len(s.looks))
		all, from = append(all, s), s.until
	}
	return all
}

// past draws the errors of a visitor before the push, who had been there for up to window seconds.
func (c *crowd) past(window, failing float64) int64 {
	if window == 0 {
		return 0
	}
	v := c.s.Traffic.Visitors
	if v.Stay > 0 {
		window = min(window, c.extra.ExpFloat64()*v.Stay)
	}
	return draw.Poisson(c.extra, failing*window) * int64(1+v.Retries)
}

// release is the one that a cell has at a time.
func (c *crowd) release(i int, at float64) int {
	if c.cells[i].switches <= at {
		return canary.New
	}
	return canary.Old
}

// follow follows a visitor from the first error to the end of the step. The zero value follows nobody.
type follow struct {
	span *span
	look int // the next one
	at   float64
	fine float64 // requests a second that do not fail
	who  canary.Erred
	dice *rand.Rand
}

func (c *crowd) follow(at, fine float64, who canary.Erred) follow {
	f := follow{at: at, fine: fine, who: who, dice: c.extra}
	for i := range c.spans {
		if s := &c.spans[i]; at < s.until {
			f.span = s
			break
		}
	}
	for f.span != nil && f.look < len(f.span.looks) && f.span.looks[f.look] <= at {
		f.look++
	}
	return f
}

// fail counts a request that failed with all its repeats, after the looks that came before it.
func (f *follow) fail(at float64, requests int64) {
	if f.span == nil {
		return
	}
	f.until(at)
	f.who.Errors += requests
	f.who.Requests += requests
}

// until takes the looks up to a time.
func (f *follow) until(at float64) {
	for ; f.look < len(f.span.looks) && f.span.looks[f.look] <= at; f.look++ {
		f.pass(f.span.looks[f.look])
		f.span.erred[f.look] = append(f.span.erred[f.look], f.who)
	}
}

// pass draws the fine requests up to a time.
func (f *follow) pass(at float64) {
	if at > f.at {
		f.who.Requests += draw.Poisson(f.dice, f.fine*(at-f.at))
		f.at = at
	}
}

// leave ends the visit: what was counted stays until the step is over.
func (f *follow) leave(at float64) {
	if f.span == nil {
		return
	}
	f.until(at)
	f.pass(min(at, f.span.until))
	f.fine = 0
	f.until(f.span.until)
}

// erredAt are the visitors that one looks at at the end of a tick, nil when one does not look.
func (c *crowd) erredAt(t *canary.Tick) []canary.Erred {
	s := &c.spans[t.Step]
	for k, at := range s.looks {
		if at == float64(t.Second) {
			return s.erred[k]
		}
	}
	return nil
}
