package vitals

import (
	"context"
	"slices"
	"time"

	"github.com/slipwayhq/slipway/internal/pure/manifest"
)

const (
	// anew is after how long visitors count again while one release serves alone.
	anew = 10 * time.Minute
	// mostVisitors bounds those of a vital that are remembered.
	mostVisitors = 1 << 17
)

// vital is one vital of an environment, and who had its event.
type vital struct {
	manifest.Vital
	compares string
	since    time.Time // when visitors began to count anew
	begun    time.Time // when the tally was
	tally    map[reason]int64
	seen     map[uint64]bool
	// sample has the bits that a visitor's hash must not have to be counted: each halves them.
	sample uint64
	most   int
}

// reason is why an event counts, or does not.
type reason int

const (
	counted     reason = iota
	unnamed            // it names no release
	elsewhere          // it names one that does not serve
	nobody             // it names no visitor
	long               // it happened long ago
	earlier            // its page was loaded under another split
	undated            // its page does not say under which
	homeless           // it does not say on which host
	again              // its visitor had it before
	outOfSample        // its visitor is not in the sample
	reasons            // how many there are
)

// place tells where an event counts, or why it does not.
func (v *vital) place(w *wanted, d *done) (cell, reason) {
	at := cell{app: d.app, env: d.env, release: w.Release(d.release)}
	who := d.who[0]
	if who == 0 {
		who = d.who[1]
	}
	switch {
	case d.release == "":
		return at, unnamed
	case at.release == "":
		return at, elsewhere
	case who == 0:
		return at, nobody
	case d.late:
		return at, long
	case w.Compares != "" && d.split != "" && d.split != w.Split:
		return at, earlier
	case w.Compares != "" && d.split == "" && d.host == "" && d.browser: // a server that passes on who asked it names its host
		return at, undated
	}
	if w.ByHost {
		if at.host = w.Host(d.host); at.host == "" {
			return at, homeless
		}
	}
	switch {
	case who&v.sample != 0:
		return at, outOfSample
	case v.seen[d.who[0]] || v.seen[d.who[1]]:
		return at, again
	}
	return at, counted
}

// had notes a visitor who had the event. Where there is no room for more, half of the visitors are left out from then on: which half says nothing of their release.
func (v *vital) had(who [2]uint64) {
	for _, id := range who {
		if id != 0 {
			v.seen[id] = true
		}
	}
	if len(v.seen) <= v.most {
		return
	}
	v.sample = v.sample<<1 | 1
	for id := range v.seen {
		if id&v.sample != 0 {
			delete(v.seen, id)
		}
	}
}

// refresh asks what is wanted now. Who is remembered stays so while the same is compared.
func (c *Counter) refresh(ctx context.Context, now time.Time) error {
	all, err := c.Rollouts.EventQueries(ctx)
	if err != nil {
		return err
	}
	next, vitals := map[place]*wanted{}, map[place][]*vital{}
	for _, q := range all {
		w := &wanted{Queries: q, names: map[string]bool{}}
		at := place{q.App, q.Env}
		next[at] = w
		for _, spec := range q.Vitals {
			w.names[spec.Event], w.names[spec.Per] = true, true
			w.any = w.any || spec.Per == ""
			vitals[at] = append(vitals[at], c.keep(at, spec, q.Compares, now))
		}
		delete(w.names, "")
	}
	c.wanted.Store(&next)
	c.vitals = vitals
	return nil
}

// keep gives the vital as it is, or one that remembers nobody.
func (c *Counter) keep(at place, spec manifest.Vital, compares string, now time.Time) *vital {
	i := slices.IndexFunc(c.vitals[at], func(v *vital) bool { return v.Event == spec.Event && v.Per == spec.Per && v.compares == compares })
	if i < 0 {
		return &vital{Vital: spec, compares: compares, since: now, begun: now, tally: map[reason]int64{}, seen: map[uint64]bool{}, most: mostVisitors}
	}
	v := c.vitals[at][i]
	if compares == "" && now.Sub(v.since) >= anew {
		v.since, v.sample = now, 0
		clear(v.seen)
	}
	return v
}
