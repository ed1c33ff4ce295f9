package shadow

import (
	"cmp"
	"slices"

	"github.com/slipwayhq/slipway/internal/pure/judge"
	"github.com/slipwayhq/slipway/internal/pure/replay"
)

const (
	// overlap is how many ticks both releases need to be there for a comparison side by side: five minutes.
	overlap = 300 / tick
	// window is the time before in which hosts show how they differ, in seconds.
	window = 3600
)

// arms says of what was counted which release it is of. It is the log's word where that names releases, and else the time at which each host got the release.
type arms struct {
	t    *Traffic
	push *push
	// column is the number of the push's release in the log, negative where the log does not name it.
	column int32
}

func (t *Traffic) arms(p *push) arms {
	a := arms{t: t, push: p, column: -1}
	if i, ok := t.releases.number[p.release]; ok && t.namesReleases() {
		a.column = i
	}
	return a
}

func (a arms) fresh(key cellKey) bool {
	if a.column >= 0 {
		return key.release == a.column
	}
	got := a.push.got(a.t.hosts.list[key.host])
	return got != never && key.tick >= floor(got+tick-1, tick)
}

// both are the ticks from start until end in which both releases had requests; the last of them, and how many they are.
func (a arms) both(start, end int64) (last int64, n int) {
	seen := map[int64]int{}
	for key, c := range a.t.cells {
		if key.tick < start || key.tick >= end || c.requests == 0 {
			continue
		}
		if a.fresh(key) {
			seen[key.tick] |= 1
		} else {
			seen[key.tick] |= 2
		}
	}
	for at, who := range seen {
		if who == 3 {
			n++
			last = max(last, at)
		}
	}
	return last, n
}

// sideBySide judges a push by the comparison of those who had it with those who did not; ok is false where both were not there for long enough.
func (t *Traffic) sideBySide(p *push, limits []int, until int64, o Options) (r replay.Result, ok bool, err error) {
	a := t.arms(p)
	end := min(until, p.start+day)
	last, n := a.both(p.start, end)
	if n < overlap {
		return r, false, nil
	}
	table := a.table(p.start-window, last+tick, limits)
	r, err = replay.Judge(table, replay.Options{Alpha: o.Alpha, Margin: margin, RuleOut: o.RuleOut, Settle: int64(o.Settle.Seconds())})
	return r, err == nil, err
}

// table makes what was counted into what package replay judges.
func (a arms) table(from, until int64, limits []int) *replay.Table {
	table := &replay.Table{Hosts: a.t.Hosts()}
	number := map[string]int{}
	for i, h := range table.Hosts {
		number[h] = i
	}
	slow := [3]int{-1, -1, -1} // the median, of which a log says little that the others do not, is left out
	for i, b := range limits {
		slow[i+1], table.Slow[i+1] = b, true
	}
	type place struct {
		tick int64
		host int
		new  bool
	}
	rows := map[place]*replay.Row{}
	for key, c := range a.t.cells {
		if key.tick < from || key.tick >= until || c.requests == 0 {
			continue
		}
		at := place{key.tick, number[a.t.hosts.list[key.host]], a.fresh(key)}
		r := rows[at]
		if r == nil {
			r = &replay.Row{Second: at.tick, Host: at.host, Route: -1, New: at.new}
			rows[at] = r
		}
		r.Requests += c.requests
		r.Errors += c.errors
		for i, b := range slow {
			if b >= 0 {
				n, _ := c.slower(b)
				r.Slow[i] += n
			}
		}
	}
	for _, r := range rows {
		table.Rows = append(table.Rows, *r)
	}
	slices.SortFunc(table.Rows, func(x, y replay.Row) int {
		older := 0
		switch {
		case x.New && !y.New:
			older = 1
		case !x.New && y.New:
			older = -1
		}
		return cmp.Or(cmp.Compare(x.Second, y.Second), cmp.Compare(x.Host, y.Host), older)
	})
	return table
}

// seriesOf is the series of a vital of package replay.
func (c *calendar) seriesOf(vital string) int {
	names := map[string]int{judge.Errors: 0, "slow90": 1, "slow99": len(c.limits)}
	return names[vital]
}
