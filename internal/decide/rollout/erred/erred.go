// Package erred gathers what edges tell of the visitors who erred, until a look at them is due and every edge has told of the same moment.
//
//	event.RouteSecond.Erred ──Hear──> Gathering ──a few seconds later──> judge.VisitorLook
//
// It reads nothing of the log and emits nothing: package machine calls it. Pure: the time is that of the seconds it hears. A Gathering is kept with its rollout. What comes too late is left out of the look, which costs power alone: when an edge's seconds come does not
// depend on who was drawn.
package erred

import (
	"maps"
	"slices"

	"github.com/slipwayhq/slipway/internal/pure/judge"
	"github.com/slipwayhq/slipway/internal/pure/stats/repeats"
)

// grace is how many seconds are waited for other edges.
const grace = 3

// Gathering is where it stands. The zero value is the beginning of a rollout.
type Gathering struct {
	// Step is the step that is looked at, Next its next look.
	Step int `json:"step"`
	Next int `json:"next"`
	// At is the moment that is gathered, a Unix second; 0 while none is. Share and Cells belong to it.
	At    int64          `json:"at,omitempty"`
	Share float64        `json:"share,omitempty"`
	Cells []repeats.Cell `json:"cells,omitempty"`
}

// Told is what is heard in one second of one edge.
type Told struct {
	Second int64
	// Cells are event.RouteSecond's Erred of the new release and the old one, under the present split; nil for nothing.
	New, Old [][5]int64
	// Step and Share are those of the rollout, Begun is from which Unix second on visitors count, 0 while they do not.
	Step  int
	Share float64
	Begun int64
}

// Hear takes what an edge tells, and gives a look once it is whole.
func (g *Gathering) Hear(t Told) (whole *judge.VisitorLook) {
	at := t.Second + 1
	if g.At > 0 && (at > g.At+grace || t.Step != g.Step) {
		whole = &judge.VisitorLook{Step: g.Step, Look: g.Next - 1, Share: g.Share, Cells: g.Cells}
		g.At, g.Share, g.Cells = 0, 0, nil
	}
	if len(t.New)+len(t.Old) == 0 || t.Begun == 0 {
		return whole
	}
	if t.Step != g.Step {
		g.Step, g.Next = t.Step, 0
	}
	look := repeats.Due(at - t.Begun)
	switch {
	case g.At == at:
		look = g.Next - 1
	case g.At > 0 || look < g.Next:
		return whole
	default:
		g.At, g.Share, g.Next = at, t.Share, look+1
	}
	g.add(look, t)
	return whole
}

// add adds the visitors who erred since the step began.
func (g *Gathering) add(look int, t Told) {
	type key struct{ errors, requests, before int }
	cells := map[key]repeats.Cell{}
	add := func(c repeats.Cell) {
		k := key{c.Errors, c.Requests, c.Before}
		c.New, c.Old = c.New+cells[k].New, c.Old+cells[k].Old
		cells[k] = c
	}
	for _, c := range g.Cells {
		add(c)
	}
	for side, told := range [][][5]int64{t.New, t.Old} {
		for _, c := range told {
			if c[0] > int64(look) {
				continue
			}
			n := repeats.Cell{Errors: int(c[1]), Requests: int(c[2]), Before: int(c[3]), Old: c[4]}
			if side == 0 {
				n.New, n.Old = n.Old, 0
			}
			add(n)
		}
	}
	g.Cells = slices.SortedFunc(maps.Values(cells), repeats.Compare)
}
