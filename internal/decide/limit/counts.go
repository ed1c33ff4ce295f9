package limit

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"
	"unicode/utf8"

	"github.com/slipwayhq/slipway/internal/db"
	"github.com/slipwayhq/slipway/internal/event"
	"github.com/slipwayhq/slipway/internal/takes"
)

const (
	// keptKeys is how many keys of a limit are counted in a minute at least, and shownKeys how many of them are kept of each list.
	keptKeys  = 500
	shownKeys = 20
	// keptFor is how long minutes are kept: a week can be looked at.
	keptFor = 8 * 24 * time.Hour
	// toldAgain is how long a key that came near its limit is not told of again, and toldMost how many are told in a minute.
	toldAgain = time.Hour
	toldMost  = 100
)

// Count is what was asked of something.
type Count struct {
	Asks   int64 `json:"asks" doc:"How many asked"`
	Asked  int64 `json:"asked" doc:"How much was asked for"`
	Given  int64 `json:"given" doc:"How much was given"`
	Denied int64 `json:"denied" doc:"How many asks the limit did not have, also where it only counts"`
	Near   int64 `json:"near" doc:"How many came near the limit"`
}

func (c *Count) add(o Count) {
	c.Asks, c.Asked, c.Given, c.Denied, c.Near = c.Asks+o.Asks, c.Asked+o.Asked, c.Given+o.Given, c.Denied+o.Denied, c.Near+o.Near
}

// watched is a limit in an environment.
type watched struct{ app, env, group string }

// minute is what was asked of a limit in a minute.
type minute struct {
	Count
	keys map[string]*Count
}

// counts is what was asked in the minute under way, and in those that are not yet kept.
type counts struct {
	mu   sync.Mutex
	open map[int64]map[watched]*minute // by when the minute began, in µs
	told map[toldOf]time.Time
	// what is being written down, out of open, and of which minute
	writing map[watched]*minute
	written int64
}

type toldOf struct {
	watched
	key string
}

// Fold counts what a store of takes wrote down. It is that store's Watch.
func (s *Service) Fold(at time.Time, rows []takes.Row) {
	c := &s.counts
	begin := db.Micros(at.Truncate(time.Minute))
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.open == nil {
		c.open, c.told = map[int64]map[watched]*minute{}, map[toldOf]time.Time{}
	}
	if c.open[begin] == nil {
		c.open[begin] = map[watched]*minute{}
	}
	for i := range rows {
		if r := &rows[i]; r.Asks > 0 {
			w := watched{r.App, r.Env, r.Limit}
			m := c.open[begin][w]
			if m == nil {
				m = &minute{keys: map[string]*Count{}}
				c.open[begin][w] = m
			}
			m.fold(storable(r.Group), Count{r.Asks, r.Asked, r.Given, r.Denied, r.Near})
		}
	}
}

// storable is a key as every store takes it: some refuse what is no UTF-8, or a zero byte.
func storable(key string) string {
	if strings.IndexByte(key, 0) < 0 && utf8.ValidString(key) {
		return key
	}
	return strings.ReplaceAll(strings.ToValidUTF8(key, "�"), "\x00", "�")
}

// fold counts a row. When there are too many keys those that asked least are forgotten: one that comes again counts anew, so that what is shown of a key is at most what it was.
func (m *minute) fold(key string, c Count) {
	m.add(c)
	k := m.keys[key]
	if k == nil {
		if len(m.keys) >= 4*keptKeys {
			m.thin()
		}
		k = &Count{}
		m.keys[key] = k
	}
	k.add(c)
}

func (m *minute) thin() {
	type of struct {
		key string
		*Count
	}
	all := make([]of, 0, len(m.keys))
	for k, c := range m.keys {
		all = append(all, of{k, c})
	}
	slices.SortFunc(all, func(a, b of) int {
		return cmp.Or(cmp.Compare(b.Denied, a.Denied), cmp.Compare(b.Asks, a.Asks), cmp.Compare(a.key, b.key))
	})
	keep := map[string]*Count{}
	for _, o := range all[:keptKeys] {
		keep[o.key] = o.Count
	}
	slices.SortFunc(all, func(a, b of) int { return cmp.Or(cmp.Compare(b.Asks, a.Asks), cmp.Compare(a.key, b.key)) })
	for _, o := range all[:keptKeys] {
		keep[o.key] = o.Count
	}
	m.keys = keep
}

// KeyCount is what one key of a limit asked.
type KeyCount struct {
	Key string `json:"key" doc:"The whole group"`
	Count
}

// most are the keys with most of something, that have any of it.
func most(keys map[string]*Count, n int, of func(*Count) int64) []KeyCount {
	out := []KeyCount{}
	for k, c := range keys {
		if of(c) > 0 {
			out = append(out, KeyCount{k, *c})
		}
	}
	slices.SortFunc(out, func(a, b KeyCount) int {
		return cmp.Or(cmp.Compare(of(&b.Count), of(&a.Count)), cmp.Compare(a.Key, b.Key))
	})
	return out[:min(n, len(out))]
}

func byAsks(c *Count) int64   { return c.Asks }
func byDenied(c *Count) int64 { return c.Denied }
func byNear(c *Count) int64   { return c.Near }

// Keep writes minutes down when they are over, tells of keys that came near their limits, and drops what is old, until ctx ends; then it writes the rest.
func (s *Service) Keep(ctx context.Context) error {
	tick, merge := time.NewTicker(5*time.Second), time.NewTicker(mergeEvery)
	defer tick.Stop()
	defer merge.Stop()
	for {
		select {
		case <-merge.C:
			if err := s.merge(ctx); err != nil && ctx.Err() == nil {
				s.logger.Error("minutes of limits could not be made hours; it is tried again", "error", err)
			}
		case <-tick.C:
			s.keep(ctx, s.db.Now().Truncate(time.Minute))
		case <-ctx.Done():
			last, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
			defer cancel()
			s.keep(last, s.db.Now().Add(time.Minute))
			return nil
		}
	}
}

// keep writes down the minutes that began before a time. One that cannot be written is kept, and what comes for it meanwhile is added to it.
func (s *Service) keep(ctx context.Context, before time.Time) {
	for {
		begin, m := s.counts.take(db.Micros(before))
		if m == nil {
			return
		}
		err := s.write(ctx, begin, m)
		s.counts.done(err == nil)
		if err != nil {
			s.logger.Error("a minute of limits could not be written down; it is tried again", "error", err)
			return
		}
	}
}

// take takes the oldest minute that began before a time out of those that are counted in.
func (c *counts) take(before int64) (begin int64, m map[watched]*minute) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for b := range c.open {
		if b < before && (m == nil || b < begin) {
			begin, m = b, c.open[b]
		}
	}
	delete(c.open, begin)
	c.writing, c.written = m, begin
	return begin, m
}

// done says what became of the minute that was taken: it is written, or goes back to be tried again.
func (c *counts) done(written bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !written {
		if c.open[c.written] == nil {
			c.open[c.written] = map[watched]*minute{}
		}
		for w, m := range c.writing {
			if now := c.open[c.written][w]; now != nil { // what came meanwhile
				for k, n := range now.keys {
					m.fold(k, *n)
				}
			}
			c.open[c.written][w] = m
		}
	}
	c.writing = nil
}

func (s *Service) write(ctx context.Context, begin int64, all map[watched]*minute) error {
	near := s.counts.near(all, s.db.Now())
	err := s.db.Tx(ctx, func(tx *db.Tx) error {
		for w, m := range all {
			_, err := tx.Exec(ctx, `INSERT INTO limit_minutes (app, environment, grp, minute, asks, asked, given, denied, near) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)
				ON CONFLICT (app, environment, grp, minute) DO UPDATE SET asks = limit_minutes.asks + excluded.asks, asked = limit_minutes.asked + excluded.asked, given = limit_minutes.given + excluded.given,
					denied = limit_minutes.denied + excluded.denied, near = limit_minutes.near + excluded.near`, w.app, w.env, w.group, begin, m.Asks, m.Asked, m.Given, m.Denied, m.Near)
			if err != nil {
				return fmt.Errorf("keep a minute of %s: %w", w.group, err)
			}
			if err := writeKeys(ctx, tx, begin, int64(time.Minute/time.Second), w, m); err != nil {
				return err
			}
		}
		for _, n := range near {
			c := all[n.watched].keys[n.key]
			if _, err := tx.Emit(ctx, event.Meta{App: n.app, Env: n.env, Actor: "system:limits"}, event.LimitNeared{Group: n.group, Key: n.key, Denied: c.Denied, Near: c.Near}); err != nil {
				return err
			}
		}
		old := db.Micros(tx.Now().Add(-keptFor))
		for _, q := range []string{`DELETE FROM limit_minutes WHERE minute < $1`, `DELETE FROM limit_keys WHERE minute < $1`} {
			if _, err := tx.Exec(ctx, q, old); err != nil {
				return fmt.Errorf("drop old minutes of limits: %w", err)
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	s.counts.mu.Lock()
	defer s.counts.mu.Unlock()
	for _, n := range near {
		s.counts.told[n] = s.db.Now()
	}
	return nil
}

func writeKeys(ctx context.Context, tx *db.Tx, begin, span int64, w watched, m *minute) error {
	kept := map[string]bool{}
	for _, of := range []func(*Count) int64{byAsks, byDenied, byNear} {
		for _, k := range most(m.keys, shownKeys, of) {
			if kept[k.Key] {
				continue
			}
			kept[k.Key] = true
			_, err := tx.Exec(ctx, `INSERT INTO limit_keys (app, environment, grp, minute, key, asks, given, denied, near, span) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)
				ON CONFLICT (app, environment, grp, minute, key) DO UPDATE SET asks = limit_keys.asks + excluded.asks, given = limit_keys.given + excluded.given, denied = limit_keys.denied + excluded.denied,
					near = limit_keys.near + excluded.near`, w.app, w.env, w.group, begin, k.Key, k.Asks, k.Given, k.Denied, k.Near, span)
			if err != nil {
				return fmt.Errorf("keep what %s asked: %w", k.Key, err)
			}
		}
	}
	return nil
}

// near are the keys to tell of.
func (c *counts) near(all map[watched]*minute, now time.Time) (out []toldOf) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for t, at := range c.told {
		if now.Sub(at) >= toldAgain {
			delete(c.told, t)
		}
	}
	for w, m := range all {
		for _, k := range most(m.keys, toldMost, func(c *Count) int64 { return c.Denied + c.Near }) {
			t := toldOf{w, k.Key}
			if _, ok := c.told[t]; !ok && len(out) < toldMost {
				out = append(out, t)
			}
		}
	}
	return out
}
