//go:build cgo

package duck

import (
	"context"
	"database/sql"
	"fmt"
	"strings"
)

// number gives numbers to the visitors of a part of the events, and to those who became known since. All visitors are looked through once for it.
func number(ctx context.Context, conn *sql.Conn, part string) error {
	for _, statement := range []string{
		`CREATE OR REPLACE TEMP TABLE met AS
			WITH ids AS MATERIALIZED (
				SELECT VISITOR AS id FROM stored WHERE THESE
				UNION SELECT anonymous_id FROM people WHERE anonymous_no IS NULL
				UNION SELECT user_id FROM people WHERE anonymous_no IS NULL)
			SELECT id, v.no IS NULL AS fresh, coalesce(v.no, (SELECT coalesce(max(no), -1) FROM visitors) + row_number() OVER (PARTITION BY v.no IS NULL)) AS no
			FROM ids LEFT JOIN visitors v USING (id)`,
		`INSERT INTO visitors SELECT no, id FROM met WHERE fresh`,
		`UPDATE stored SET visitor_no = met.no FROM met WHERE met.id = VISITOR AND THESE`,
		`UPDATE people SET anonymous_no = a.no, user_no = u.no FROM met a, met u WHERE a.id = people.anonymous_id AND u.id = people.user_id AND people.anonymous_no IS NULL`,
		`DROP TABLE met`,
	} {
		if _, err := conn.ExecContext(ctx, strings.NewReplacer("VISITOR", visitor, "THESE", part).Replace(statement)); err != nil {
			return fmt.Errorf("number visitors: %w", err)
		}
	}
	return nil
}

// removed takes back the numbers of those whose events are gone, and has all numbered anew where most numbers are nobody's.
func (s *store) removed(ctx context.Context, conn *sql.Conn) error {
	s.readAgain()
	s.gave(1)
	for _, statement := range []string{
		`DELETE FROM visitors WHERE id NOT IN (SELECT ` + visitor + ` FROM stored) AND id NOT IN (SELECT anonymous_id FROM people) AND id NOT IN (SELECT user_id FROM people)`,
		`UPDATE made SET through = 0 WHERE property = '' AND (SELECT coalesce(max(no), 0) > 4 * count(*) + 1000 FROM visitors)`,
		`UPDATE people SET anonymous_no = NULL, user_no = NULL WHERE (SELECT through = 0 FROM made WHERE property = '')`,
		`DELETE FROM visitors WHERE (SELECT through = 0 FROM made WHERE property = '')`,
	} {
		if _, err := conn.ExecContext(ctx, statement); err != nil {
			return fmt.Errorf("take numbers back: %w", err)
		}
	}
	return nil
}
