package limit

import (
	"context"
	"fmt"
	"time"

	"github.com/slipwayhq/slipway/internal/db"
)

const (
	// byMinute is how long what keys asked is kept by minute; then it is kept by hour, of those keys alone that asked or were denied most in it.
	byMinute = 6 * time.Hour
	hourSpan = int64(time.Hour / time.Second)
	// mergeEvery is how often that is looked at, and mergeMost how many hours of limits are merged then.
	mergeEvery = 5 * time.Minute
	mergeMost  = 500
)

// merge makes hours of minutes.
func (s *Service) merge(ctx context.Context) error {
	before := db.Micros(s.db.Now().Add(-byMinute).Truncate(time.Hour))
	const hour = int64(time.Hour / time.Microsecond)
	type part struct {
		watched
		begin int64
	}
	var parts []part
	rows, err := s.db.Query(ctx, `SELECT DISTINCT app, environment, grp, minute / $1 FROM limit_keys WHERE span = 60 AND minute < $2 LIMIT $3`, hour, before, mergeMost)
	err = rowsOf(rows, err, "hours of limits", func(into func(...any) error) error {
		var p part
		err := into(&p.app, &p.env, &p.group, &p.begin)
		p.begin *= hour
		parts = append(parts, p)
		return err
	})
	if err != nil {
		return err
	}
	for _, p := range parts {
		err := s.db.Tx(ctx, func(tx *db.Tx) error { return mergeHour(ctx, tx, p.watched, p.begin, p.begin+hour) })
		if err != nil {
			return err
		}
	}
	return nil
}

func mergeHour(ctx context.Context, tx *db.Tx, w watched, from, to int64) error {
	m := &minute{keys: map[string]*Count{}}
	rows, err := tx.Query(ctx, `SELECT key, asks, given, denied, near FROM limit_keys WHERE app = $1 AND environment = $2 AND grp = $3 AND minute >= $4 AND minute < $5`, w.app, w.env, w.group, from, to)
	err = rowsOf(rows, err, "keys of limits", func(into func(...any) error) error {
		var key string
		var c Count
		err := into(&key, &c.Asks, &c.Given, &c.Denied, &c.Near)
		if m.keys[key] == nil {
			m.keys[key] = &Count{}
		}
		m.keys[key].add(c)
		return err
	})
	if err != nil {
		return err
	}
	if _, err := tx.Exec(ctx, `DELETE FROM limit_keys WHERE app = $1 AND environment = $2 AND grp = $3 AND minute >= $4 AND minute < $5`, w.app, w.env, w.group, from, to); err != nil {
		return fmt.Errorf("merge an hour of %s: %w", w.group, err)
	}
	return writeKeys(ctx, tx, from, hourSpan, w, m)
}
