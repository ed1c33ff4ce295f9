package rate

// Again is the takes of some time asked of another rule: what would have been given, and what denied. Each key counts by itself. It is not for limits that are given back before their
// time: returns are not known to another rule.
type Again struct {
	rule   *Rule
	cells  map[string]*Cell
	leases map[string][]Lease
}

// NewAgain begins with nothing taken.
func NewAgain(r *Rule) *Again {
	return &Again{rule: r, cells: map[string]*Cell{}, leases: map[string][]Lease{}}
}

// Take asks for amount in so many equal asks, the last ones a little more; it says how many of them would have been denied, and how much would have been given.
func (g *Again) Take(key string, now, asks, amount int64) (denied, given int64) {
	if asks <= 0 {
		return 0, 0
	}
	each, more := amount/asks, amount%asks
	for i := range asks {
		want := each
		if i >= asks-more {
			want++
		}
		a := g.one(key, now, want)
		if given += a.Got; a.Over {
			denied++
		}
	}
	return denied, given
}

func (g *Again) one(key string, now, want int64) Answer {
	if g.rule.Limit.Kind == Concurrent {
		out, a := g.rule.Lease(g.leases[key], now, want, false)
		g.leases[key] = out
		return a
	}
	c := g.cells[key]
	if c == nil {
		c = &Cell{}
		g.cells[key] = c
	}
	return g.rule.Take(c, now, want, false)
}

// Keys is how many keys have asked.
func (g *Again) Keys() int { return len(g.cells) + len(g.leases) }

// Forget drops keys that have nothing out: they are as if they had never asked.
func (g *Again) Forget(now int64) {
	for k, c := range g.cells {
		if g.rule.Idle(*c, now) {
			delete(g.cells, k)
		}
	}
	for k, l := range g.leases {
		if l = Ended(l, now); len(l) == 0 {
			delete(g.leases, k)
		}
	}
}
