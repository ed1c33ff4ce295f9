//go:build cgo

package duck

import (
	"fmt"
	"testing"
	"time"

	"github.com/slipwayhq/slipway/internal/analytics"
	"github.com/slipwayhq/slipway/internal/pure/capture"
)

// many are sights of five events, as many of each.
func many(of int) (out []analytics.Learned) {
	for i := range 5 * of {
		at := noon().Add(time.Duration(i) * time.Second)
		out = append(out, analytics.Learned{Kind: capture.Track, Name: fmt.Sprint("event ", i%5), First: at, Last: at, Count: 2})
	}
	return out
}

func learnt(t *testing.T, s *store, want string) {
	t.Helper()
	all, err := s.Learned(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if got := fmt.Sprintf("%d of %d, %s to %s", len(all), all[0].Count, all[0].First.Format(time.TimeOnly), all[0].Last.Format(time.TimeOnly)); got != want {
		t.Errorf("learnt %s, not %s", got, want)
	}
}

func kept(t *testing.T, s *store) (sights int) {
	t.Helper()
	if err := s.db.QueryRowContext(t.Context(), `SELECT count(*) FROM sights`).Scan(&sights); err != nil {
		t.Fatal(err)
	}
	return sights
}

// Sights that became many are summed up, and nothing is lost: neither by that, nor by another start before it.
func TestSightsAreSummedUp(t *testing.T) {
	_, open := place(t)
	s, e := open()
	const some = mostSights/15 + 1 // of five, so that three batches are more than there may be
	add := func(through uint64) {
		t.Helper()
		if err := s.Append(t.Context(), analytics.Batch{Learned: many(some), Through: through}); err != nil {
			t.Fatal(err)
		}
	}
	last := noon().Add((5*some - 5) * time.Second).Format(time.TimeOnly)
	add(1)
	add(2)
	learnt(t, s, fmt.Sprintf("5 of %d, 12:00:00 to %s", 4*some, last))
	if got := kept(t, s); got != 10*some {
		t.Errorf("%d sights are kept", got)
	}
	if err := e.Close(); err != nil {
		t.Fatal(err)
	}
	s, _ = open()
	add(3)
	learnt(t, s, fmt.Sprintf("5 of %d, 12:00:00 to %s", 6*some, last))
	if got := kept(t, s); got != 5 {
		t.Errorf("%d sights are kept, not the five sums", got)
	}
	add(4)
	if got := kept(t, s); got != 5+5*some {
		t.Errorf("%d sights are kept: they are summed up too often", got)
	}
}

// A file in which the sums are a table becomes one of sights.
func TestATableOfSumsIsTakenOver(t *testing.T) {
	_, open := place(t)
	s, e := open()
	for _, statement := range []string{
		`DROP VIEW learned`, `DROP TABLE sights`,
		`CREATE TABLE learned (kind VARCHAR NOT NULL, name VARCHAR NOT NULL, property VARCHAR NOT NULL, type VARCHAR NOT NULL, first TIMESTAMP NOT NULL, last TIMESTAMP NOT NULL, count BIGINT NOT NULL, PRIMARY KEY (kind, name, property, type))`,
		`INSERT INTO learned VALUES ('track', 'event 0', '', '', TIMESTAMP '2026-11-29 11:00:00', TIMESTAMP '2026-11-29 11:30:00', 7)`,
	} {
		if _, err := s.db.ExecContext(t.Context(), statement); err != nil {
			t.Fatal(err)
		}
	}
	if err := e.Close(); err != nil {
		t.Fatal(err)
	}
	for range 2 { // and then it is as if it had always been one
		s, e = open()
		learnt(t, s, "1 of 7, 11:00:00 to 11:30:00")
		if err := e.Close(); err != nil {
			t.Fatal(err)
		}
	}
	s, _ = open()
	if err := s.Append(t.Context(), analytics.Batch{Learned: many(1), Through: 1}); err != nil {
		t.Fatal(err)
	}
	learnt(t, s, "5 of 9, 11:00:00 to 12:00:00")
}
