package access

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"github.com/slipwayhq/slipway/internal/db"
	"github.com/slipwayhq/slipway/internal/fault"
)

const (
	// answerTime is how long an answer is kept for the same request sent again.
	answerTime = 24 * time.Hour
	// answerWait is how long a request without an answer counts as under way; after it, its server is taken for dead.
	answerWait = time.Minute
)

// Claim takes the name that a person gave to a request (Idempotency-Key) and returns "" when the request is to be carried out: then Answer or Unclaim must follow. It
// returns the answer when the same request was carried out before. request is a fingerprint: the same name for another request is refused.
func (s *Service) Claim(ctx context.Context, person, name, request string) (answer string, err error) {
	err = s.db.Tx(ctx, func(tx *db.Tx) error {
		now := tx.Now()
		if _, err := tx.Exec(ctx, `DELETE FROM access_answers WHERE at < $1 OR (answer = '' AND at < $2)`,
			db.Micros(now.Add(-answerTime)), db.Micros(now.Add(-answerWait))); err != nil {
			return fmt.Errorf("clear old answers: %w", err)
		}
		var first string
		err := tx.QueryRow(ctx, `INSERT INTO access_answers (person, name, request, at, answer) VALUES ($1, $2, $3, $4, '')
			ON CONFLICT (person, name) DO NOTHING RETURNING request`, person, name, request, db.Micros(now)).Scan(&first)
		if !errors.Is(err, sql.ErrNoRows) {
			return err
		}
		if err := tx.QueryRow(ctx, `SELECT request, answer FROM access_answers WHERE person = $1 AND name = $2`, person, name).Scan(&first, &answer); err != nil {
			return fmt.Errorf("look for an answer: %w", err)
		}
		switch {
		case first != request:
			return fault.Invalid("this Idempotency-Key was used for another request; take a new one for each request")
		case answer == "":
			return fault.Conflict("the same request is still under way; ask again in a moment")
		}
		return nil
	})
	return answer, err
}

// Answer keeps the answer of a claimed request.
func (s *Service) Answer(ctx context.Context, person, name, answer string) error {
	return s.db.Tx(ctx, func(tx *db.Tx) error {
		if _, err := tx.Exec(ctx, `UPDATE access_answers SET answer = $3 WHERE person = $1 AND name = $2`, person, name, answer); err != nil {
			return fmt.Errorf("keep an answer: %w", err)
		}
		return nil
	})
}

// Unclaim forgets a claimed request that changed nothing, so that it can be sent again.
func (s *Service) Unclaim(ctx context.Context, person, name string) error {
	return s.db.Tx(ctx, func(tx *db.Tx) error {
		if _, err := tx.Exec(ctx, `DELETE FROM access_answers WHERE person = $1 AND name = $2 AND answer = ''`, person, name); err != nil {
			return fmt.Errorf("forget a request: %w", err)
		}
		return nil
	})
}
