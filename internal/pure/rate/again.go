package rate

// Again is the takes of some time asked of another rule: what would have been given, and what denied. Each key counts by itself. It is not for concurrent limits: what was returned is not known to another rule.
type Again struct {
	rule  *Rule
	cells map[string]*Cell
}

// NewAgain begins with nothing taken.
func NewAgain(r *Rule) *Again {
	return &Again{rule: r, cells: map[string]*Cell{}}
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
	c := g.cells[key]
	if c == nil {
		c = &Cell{}
		g.cells[key] = c
	}
	return g.rule.Take(c, now, want, false)
}
