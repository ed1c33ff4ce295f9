package peer

import "github.com/slipwayhq/slipway/sim/canary"

// ledger keeps what has arrived, by tick.
type ledger struct {
	setting *canary.Setting
	skip    int // seconds after the switch that are left out
	ticks   []entry
}

type entry struct {
	known [canary.Releases]bool
	count [canary.Releases]canary.Count
}

// begin empties the ledger. Settling, where the setting asks for it, is left out unless the peer knows no such thing.
func (l *ledger) begin(s *canary.Setting, settles bool) {
	l.setting, l.skip = s, 0
	if settles {
		l.skip = s.Settle
	}
	n := s.Seconds() / s.TickSeconds
	if cap(l.ticks) < n {
		l.ticks = make([]entry, n)
	}
	l.ticks = l.ticks[:n]
	clear(l.ticks)
}

func (l *ledger) observe(t *canary.Tick) {
	if t.Second-l.setting.TickSeconds < l.skip {
		return
	}
	e := &l.ticks[t.Number]
	e.known, e.count = t.Known, t.Ended
}

// sum adds up the ticks that ended in (from, to], in seconds, as far as they are known; any says for which releases one is.
func (l *ledger) sum(from, to int) (sum [canary.Releases]canary.Count, any [canary.Releases]bool) {
	for i := from / l.setting.TickSeconds; i < min(to/l.setting.TickSeconds, len(l.ticks)); i++ {
		e := &l.ticks[i]
		for r := range sum {
			sum[r].Add(&e.count[r])
			any[r] = any[r] || e.known[r]
		}
	}
	return sum, any
}
