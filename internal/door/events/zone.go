package events

import (
	"fmt"
	"time"

	"github.com/slipwayhq/slipway/internal/analytics"
	"github.com/slipwayhq/slipway/internal/pure/explore"
)

// zoneOf is the time zone by whose clock the intervals of an answer begin.
func zoneOf(q explore.Question) string {
	switch q := q.(type) {
	case explore.Trend:
		return q.Zone
	case explore.Retention:
		return q.Zone
	}
	return ""
}

// place makes the beginnings of intervals, which stores give by the clock of a zone, the moments that they are, with that zone's offset.
func place(table analytics.Table, zone string) error {
	if zone == "" || zone == "UTC" {
		return nil
	}
	location, err := time.LoadLocation(zone)
	if err != nil {
		return fmt.Errorf("load the time zone of a question: %w", err)
	}
	for i, c := range table.Columns {
		if c.Name != "bucket" && c.Name != "cohort" {
			continue
		}
		for _, row := range table.Rows {
			if shown, is := row[i].(time.Time); is {
				row[i] = begins(shown, location)
			}
		}
	}
	return nil
}

// begins is the moment at which a clock shows a time; where the clock leaps over it, the moment of the leap.
func begins(shown time.Time, location *time.Location) time.Time {
	wall := func(t time.Time) time.Time {
		return time.Date(t.Year(), t.Month(), t.Day(), t.Hour(), t.Minute(), t.Second(), t.Nanosecond(), time.UTC)
	}
	shown = wall(shown)
	t := time.Date(shown.Year(), shown.Month(), shown.Day(), shown.Hour(), shown.Minute(), shown.Second(), shown.Nanosecond(), location)
	switch from, until := t.ZoneBounds(); {
	case wall(t).Before(shown):
		return until
	case wall(t).After(shown):
		return from
	}
	return t
}
