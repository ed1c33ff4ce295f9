package limit

import (
	"context"
	"slices"
	"time"

	"github.com/slipwayhq/slipway/internal/db"
)

// Point is what was asked of a limit in a time.
type Point struct {
	At time.Time `json:"at" doc:"When it begins"`
	Count
}

// DeniedPoint is how often a key was denied in a time.
type DeniedPoint struct {
	At     time.Time `json:"at"`
	Denied int64     `json:"denied"`
}

// DeniedKey is how often a key was denied over time.
type DeniedKey struct {
	KeyCount
	Points []DeniedPoint `json:"points"`
}

// Use is what became of a limit in a time. The minute under way is in it.
type Use struct {
	StepSeconds int64       `json:"step_seconds" doc:"Length of a point; those of keys are an hour long where the time begins more than six hours ago"`
	Points      []Point     `json:"points"`
	Total       Count       `json:"total"`
	Top         []KeyCount  `json:"top" doc:"Keys that asked most; of each minute the first twenty are known"`
	Denied      []DeniedKey `json:"denied" doc:"Keys that were denied most"`
	Near        []KeyCount  `json:"near" doc:"Keys that came near the limit most"`
}

const (
	// mostPoints is how many points a chart has at most.
	mostPoints = 360
	listed     = 20
)

// Use gives what became of a limit in an environment between two times.
func (s *Service) Use(ctx context.Context, app, env, group string, from, to time.Time) (Use, error) {
	step := stepOf(to.Sub(from), mostPoints)
	u := Use{StepSeconds: int64(step / time.Second), Points: []Point{}, Denied: []DeniedKey{}}
	points := map[int64]*Count{}
	keyStep := step // keys are known by hour where the time begins before those that are known by minute
	if s.db.Now().Sub(from) > byMinute {
		keyStep = max(step, time.Hour)
	}
	at := func(minute int64) int64 { return db.Micros(db.Time(minute).Truncate(step)) }
	add := func(minute int64, c Count) {
		u.Total.add(c)
		if points[at(minute)] == nil {
			points[at(minute)] = &Count{}
		}
		points[at(minute)].add(c)
	}
	keys, denied := map[string]*Count{}, map[string]map[int64]int64{}
	addKey := func(minute int64, key string, c Count) {
		if keys[key] == nil {
			keys[key], denied[key] = &Count{}, map[int64]int64{}
		}
		keys[key].add(c)
		denied[key][db.Micros(db.Time(minute).Truncate(keyStep))] += c.Denied
	}
	err := s.each(ctx, watched{app, env, group}, db.Micros(from.Truncate(time.Minute)), db.Micros(to), add, addKey)
	for t := range points {
		u.Points = append(u.Points, Point{db.Time(t), *points[t]})
	}
	slices.SortFunc(u.Points, func(a, b Point) int { return a.At.Compare(b.At) })
	u.Top, u.Near = most(keys, listed, byAsks), most(keys, listed, byNear)
	for _, k := range most(keys, listed, byDenied) {
		d := DeniedKey{KeyCount: k, Points: []DeniedPoint{}}
		for t, n := range denied[k.Key] {
			if n > 0 {
				d.Points = append(d.Points, DeniedPoint{db.Time(t), n})
			}
		}
		slices.SortFunc(d.Points, func(a, b DeniedPoint) int { return a.At.Compare(b.At) })
		u.Denied = append(u.Denied, d)
	}
	return u, err
}

// each hands on what is kept of a limit, and what is not yet.
func (s *Service) each(ctx context.Context, w watched, from, to int64, add func(int64, Count), addKey func(int64, string, Count)) error {
	s.counts.mu.Lock()
	kept := map[int64]bool{} // what is just being written is counted once
	count := func(begin int64, m *minute) {
		if m == nil || begin < from || begin >= to {
			return
		}
		add(begin, m.Count)
		for k, c := range m.keys {
			addKey(begin, k, *c)
		}
	}
	for begin, all := range s.counts.open {
		count(begin, all[w])
	}
	if s.counts.writing != nil {
		kept[s.counts.written] = true
		count(s.counts.written, s.counts.writing[w])
	}
	s.counts.mu.Unlock()
	rows, err := s.db.Query(ctx, `SELECT minute, asks, asked, given, denied, near FROM limit_minutes WHERE app = $1 AND environment = $2 AND grp = $3 AND minute >= $4 AND minute < $5`,
		w.app, w.env, w.group, from, to)
	err = rowsOf(rows, err, "minutes of limits", func(into func(...any) error) error {
		var begin int64
		var c Count
		if err := into(&begin, &c.Asks, &c.Asked, &c.Given, &c.Denied, &c.Near); err != nil || kept[begin] {
			return err
		}
		add(begin, c)
		return nil
	})
	if err != nil {
		return err
	}
	rows, err = s.db.Query(ctx, `SELECT minute, key, asks, given, denied, near FROM limit_keys WHERE app = $1 AND environment = $2 AND grp = $3 AND minute >= $4 AND minute < $5`,
		w.app, w.env, w.group, from, to)
	return rowsOf(rows, err, "keys of limits", func(into func(...any) error) error {
		var begin int64
		var key string
		var c Count
		if err := into(&begin, &key, &c.Asks, &c.Given, &c.Denied, &c.Near); err != nil || kept[begin] {
			return err
		}
		addKey(begin, key, c)
		return nil
	})
}

// Totals is what was asked of each limit of an environment since a time, by group.
func (s *Service) Totals(ctx context.Context, app, env string, from time.Time) (map[string]Count, error) {
	out := map[string]Count{}
	add := func(group string, c Count) {
		sum := out[group]
		sum.add(c)
		out[group] = sum
	}
	s.counts.mu.Lock()
	for begin, all := range s.counts.open {
		for w, m := range all {
			if w.app == app && w.env == env && begin >= db.Micros(from) {
				add(w.group, m.Count)
			}
		}
	}
	for w, m := range s.counts.writing {
		if w.app == app && w.env == env && s.counts.written >= db.Micros(from) {
			add(w.group, m.Count)
		}
	}
	being := int64(-1)
	if s.counts.writing != nil {
		being = s.counts.written
	}
	s.counts.mu.Unlock()
	rows, err := s.db.Query(ctx, `SELECT grp, sum(asks), sum(asked), sum(given), sum(denied), sum(near) FROM limit_minutes WHERE app = $1 AND environment = $2 AND minute >= $3 AND minute <> $4 GROUP BY grp`,
		app, env, db.Micros(from), being)
	return out, rowsOf(rows, err, "totals of limits", func(into func(...any) error) error {
		var group string
		var c Count
		err := into(&group, &c.Asks, &c.Asked, &c.Given, &c.Denied, &c.Near)
		add(group, c)
		return err
	})
}
