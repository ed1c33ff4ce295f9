package access

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"database/sql"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/slipwayhq/slipway/internal/db"
	"github.com/slipwayhq/slipway/internal/event"
	"github.com/slipwayhq/slipway/internal/fault"
)

// usedEvery is how coarse a token's last use is known: a write for each request would cost more than the request.
const usedEvery = 10 * time.Minute

// Token is what is known of a token: everything but the token.
type Token struct {
	ID        string     `json:"id"`
	Person    string     `json:"person"`
	Label     string     `json:"label"`
	CreatedAt time.Time  `json:"created_at"`
	ExpiresAt *time.Time `json:"expires_at"`
	// UsedAt is the last use, known to ten minutes.
	UsedAt *time.Time `json:"used_at"`
}

// newSecret makes 256 random bits with a prefix that tells people, and scanners of leaked secrets, what it is.
func newSecret(prefix string) string {
	var b [32]byte
	_, _ = rand.Read(b[:]) // crypto/rand.Read never fails: it ends the program instead
	return prefix + base64.RawURLEncoding.EncodeToString(b[:])
}

// hash is what is stored of a secret. The secrets have 256 bits, so that no salt and no slow hash is needed.
func hash(secret string) string {
	sum := sha256.Sum256([]byte(secret))
	return hex.EncodeToString(sum[:])
}

// NewToken makes a token for a person and returns it beside its description: it cannot be shown again. The zero expires means never.
func (s *Service) NewToken(ctx context.Context, actor, person, label string, expires time.Time) (Token, string, error) {
	secret := newSecret("slt_")
	var t Token
	err := s.db.Tx(ctx, func(tx *db.Tx) error {
		p, err := personByName(ctx, tx, person)
		if err != nil {
			return err
		}
		if !expires.IsZero() && !expires.After(tx.Now()) {
			return fault.Invalid("the token would expire at %s, which is past", expires.UTC().Format(time.RFC3339)).At("expires_at")
		}
		if t, err = addToken(ctx, tx, p, secret, label, expires); err != nil {
			return err
		}
		return Audit(ctx, tx, Entry{Actor: actor, Action: "token.made", Target: t.ID, Detail: map[string]any{"person": person, "label": label}})
	})
	if err != nil {
		return Token{}, "", err
	}
	return t, secret, nil
}

func addToken(ctx context.Context, tx *db.Tx, p Person, secret, label string, expires time.Time) (Token, error) {
	if len(label) > 100 || strings.ContainsAny(label, "\x00\r\n") {
		return Token{}, fault.Invalid("a label is one line of at most 100 bytes").At("label")
	}
	t := Token{ID: event.NewKey("tok", tx.Now()), Person: p.Name, Label: label, CreatedAt: tx.Now(), ExpiresAt: timeOrNil(db.Micros(expires))}
	_, err := tx.Exec(ctx, `INSERT INTO access_tokens (id, person, hash, label, created_at, expires_at) VALUES ($1, $2, $3, $4, $5, $6)`,
		t.ID, p.ID, hash(secret), label, db.Micros(t.CreatedAt), db.Micros(expires))
	if err != nil {
		return Token{}, fmt.Errorf("add a token of %s: %w", p.Name, err)
	}
	return t, nil
}

// Tokens lists the valid tokens, newest first: those of one person, or of everybody when person is "".
func (s *Service) Tokens(ctx context.Context, person string) ([]Token, error) {
	rows, err := s.db.Query(ctx, `SELECT t.id, p.name, t.label, t.created_at, t.expires_at, t.used_at
		FROM access_tokens t JOIN access_people p ON p.id = t.person
		WHERE t.revoked_at = 0 AND (t.expires_at = 0 OR t.expires_at > $1) AND ($2 = '' OR p.name = $2) ORDER BY t.id DESC`,
		db.Micros(s.db.Now()), person)
	if err != nil {
		return nil, fmt.Errorf("list tokens: %w", err)
	}
	defer rows.Close()
	tokens := []Token{}
	for rows.Next() {
		var t Token
		var created, expires, used int64
		if err := rows.Scan(&t.ID, &t.Person, &t.Label, &created, &expires, &used); err != nil {
			return nil, fmt.Errorf("list tokens: %w", err)
		}
		t.CreatedAt, t.ExpiresAt, t.UsedAt = db.Time(created), timeOrNil(expires), timeOrNil(used)
		tokens = append(tokens, t)
	}
	return tokens, rows.Err()
}

// RevokeToken makes a token void, and the sessions it opened. Somebody without the right to administer can revoke their own only.
func (s *Service) RevokeToken(ctx context.Context, by Identity, id string) error {
	return s.db.Tx(ctx, func(tx *db.Tx) error {
		var person, label string
		err := tx.QueryRow(ctx, `SELECT p.name, t.label FROM access_tokens t JOIN access_people p ON p.id = t.person
			WHERE t.id = $1 AND t.revoked_at = 0`, id).Scan(&person, &label)
		if err != nil && !errors.Is(err, sql.ErrNoRows) {
			return fmt.Errorf("look for token %s: %w", id, err)
		}
		if err != nil || person != by.Person.Name && !by.Can(Administer, "") {
			return fault.NotFound("there is no token %q", id)
		}
		if _, err := tx.Exec(ctx, `UPDATE access_tokens SET revoked_at = $2 WHERE id = $1`, id, db.Micros(tx.Now())); err != nil {
			return fmt.Errorf("revoke token %s: %w", id, err)
		}
		if _, err := tx.Exec(ctx, `DELETE FROM access_sessions WHERE token = $1`, id); err != nil {
			return fmt.Errorf("end the sessions of token %s: %w", id, err)
		}
		return Audit(ctx, tx, Entry{Actor: by.Actor(), Action: "token.revoked", Target: id, Detail: map[string]any{"person": person, "label": label}})
	})
}

// byToken finds whose token it is, and notes its use.
func (s *Service) byToken(ctx context.Context, secret string) (Identity, error) {
	var id, person string
	var used int64
	now := s.db.Now()
	err := s.db.QueryRow(ctx, `SELECT id, person, used_at FROM access_tokens WHERE hash = $1 AND revoked_at = 0 AND (expires_at = 0 OR expires_at > $2)`,
		hash(secret), db.Micros(now)).Scan(&id, &person, &used)
	if errors.Is(err, sql.ErrNoRows) {
		return Identity{}, errNobody
	}
	if err != nil {
		return Identity{}, fmt.Errorf("look for a token: %w", err)
	}
	if now.Sub(db.Time(used)) > usedEvery {
		s.noteUse(ctx, id)
	}
	return s.identity(ctx, person, id)
}

// noteUse is a courtesy: that it cannot be written must not keep anyone out.
func (s *Service) noteUse(ctx context.Context, id string) {
	err := s.db.Tx(ctx, func(tx *db.Tx) error {
		_, err := tx.Exec(ctx, `UPDATE access_tokens SET used_at = $2 WHERE id = $1`, id, db.Micros(tx.Now()))
		return err
	})
	if err != nil && ctx.Err() == nil {
		s.log.Warn("last use of a token not noted", "token", id, "error", err)
	}
}

func timeOrNil(us int64) *time.Time {
	if us == 0 {
		return nil
	}
	t := db.Time(us)
	return &t
}
