package access

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/slipwayhq/slipway/internal/db"
	"github.com/slipwayhq/slipway/internal/fault"
)

const (
	// CookieName of the session.
	CookieName = "slipway_session"
	// SessionTime is how long a session lasts after it was last used.
	SessionTime = 30 * 24 * time.Hour
	// CodeTime is how long a printed link can be used.
	CodeTime = 24 * time.Hour
	// slideEvery is how often a used session is prolonged.
	slideEvery = 24 * time.Hour
)

// SignIn opens a session with a token. addr is the caller's address, for the limit on failures.
func (s *Service) SignIn(ctx context.Context, addr, token string, secure bool) (*http.Cookie, Identity, error) {
	id, err := s.limited(addr, token, func() (Identity, error) { return s.byToken(ctx, token) })
	if err != nil {
		return nil, Identity{}, err
	}
	secret := newSecret("sls_")
	err = s.db.Tx(ctx, func(tx *db.Tx) error {
		return addSession(ctx, tx, id.Person, secret, id.Token)
	})
	if err != nil {
		return nil, Identity{}, err
	}
	return cookie(secret, secure), id, nil
}

// SignInByCode opens a session with the code of a printed link, and uses the code up.
func (s *Service) SignInByCode(ctx context.Context, addr, code string, secure bool) (*http.Cookie, Identity, error) {
	secret := newSecret("sls_")
	id, err := s.limited(addr, code, func() (Identity, error) {
		var person string
		// A guess must not hold up those who write: the transaction is for a code that is there.
		err := s.db.QueryRow(ctx, `SELECT person FROM access_codes WHERE hash = $1`, hash(code)).Scan(&person)
		if errors.Is(err, sql.ErrNoRows) {
			return Identity{}, errNobody
		}
		if err != nil {
			return Identity{}, fmt.Errorf("look for a login code: %w", err)
		}
		err = s.db.Tx(ctx, func(tx *db.Tx) error {
			var expires int64
			err := tx.QueryRow(ctx, `DELETE FROM access_codes WHERE hash = $1 RETURNING person, expires_at`, hash(code)).Scan(&person, &expires)
			if errors.Is(err, sql.ErrNoRows) || err == nil && expires <= db.Micros(tx.Now()) {
				return errNobody
			}
			if err != nil {
				return fmt.Errorf("use a login code: %w", err)
			}
			return addSession(ctx, tx, Person{ID: person}, secret, "")
		})
		if err != nil {
			return Identity{}, err
		}
		return s.identity(ctx, person, "")
	})
	if fault.Is(err, fault.CodeUnauthorized) {
		return nil, Identity{}, fault.Unauthorized("this link was used already, or is too old; sign in with a token, or ask an admin for a new link")
	}
	if err != nil {
		return nil, Identity{}, err
	}
	return cookie(secret, secure), id, nil
}

func addSession(ctx context.Context, tx *db.Tx, p Person, secret, token string) error {
	now := tx.Now()
	if _, err := tx.Exec(ctx, `DELETE FROM access_sessions WHERE expires_at <= $1`, db.Micros(now)); err != nil {
		return fmt.Errorf("clear ended sessions: %w", err)
	}
	_, err := tx.Exec(ctx, `INSERT INTO access_sessions (hash, person, token, created_at, expires_at) VALUES ($1, $2, $3, $4, $5)`,
		hash(secret), p.ID, token, db.Micros(now), db.Micros(now.Add(SessionTime)))
	if err != nil {
		return fmt.Errorf("open a session: %w", err)
	}
	return nil
}

// cookie outlives the session: the server's expiry is what counts, and slides.
func cookie(secret string, secure bool) *http.Cookie {
	return &http.Cookie{
		Name: CookieName, Value: secret, Path: "/", MaxAge: int((400 * 24 * time.Hour).Seconds()),
		HttpOnly: true, Secure: secure, SameSite: http.SameSiteStrictMode,
	}
}

// SignOut ends the request's session, if it has one, and returns the cookie that makes the browser forget it.
func (s *Service) SignOut(ctx context.Context, r *http.Request) (*http.Cookie, error) {
	gone := cookie("", r.TLS != nil)
	gone.MaxAge = -1
	c, err := r.Cookie(CookieName)
	if err != nil {
		return gone, nil
	}
	err = s.db.Tx(ctx, func(tx *db.Tx) error {
		_, err := tx.Exec(ctx, `DELETE FROM access_sessions WHERE hash = $1`, hash(c.Value))
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("end a session: %w", err)
	}
	return gone, nil
}

// bySession finds whose session it is, and prolongs it once a day.
func (s *Service) bySession(ctx context.Context, secret string) (Identity, error) {
	var person, token string
	var expires int64
	now := s.db.Now()
	// A token that expires, or is revoked, ends the sessions it opened.
	err := s.db.QueryRow(ctx, `SELECT s.person, s.token, s.expires_at FROM access_sessions s LEFT JOIN access_tokens t ON t.id = s.token
		WHERE s.hash = $1 AND s.expires_at > $2 AND (s.token = '' OR t.revoked_at = 0 AND (t.expires_at = 0 OR t.expires_at > $2))`,
		hash(secret), db.Micros(now)).Scan(&person, &token, &expires)
	if errors.Is(err, sql.ErrNoRows) {
		return Identity{}, errNobody
	}
	if err != nil {
		return Identity{}, fmt.Errorf("look for a session: %w", err)
	}
	if db.Time(expires).Sub(now) < SessionTime-slideEvery {
		s.slide(ctx, secret)
	}
	id, err := s.identity(ctx, person, token)
	id.ByCookie = true
	return id, err
}

func (s *Service) slide(ctx context.Context, secret string) {
	err := s.db.Tx(ctx, func(tx *db.Tx) error {
		_, err := tx.Exec(ctx, `UPDATE access_sessions SET expires_at = $2 WHERE hash = $1`, hash(secret), db.Micros(tx.Now().Add(SessionTime)))
		return err
	})
	if err != nil && ctx.Err() == nil {
		s.log.Warn("session not prolonged", "error", err)
	}
}

// LoginCode makes a code for a link that signs a person in, once, within CodeTime: "/login?token=<code>".
func (s *Service) LoginCode(ctx context.Context, actor, person string) (string, error) {
	code := newSecret("slc_")
	err := s.db.Tx(ctx, func(tx *db.Tx) error {
		p, err := personByName(ctx, tx, person)
		if err != nil {
			return err
		}
		if err := addCode(ctx, tx, p, code); err != nil {
			return err
		}
		return Audit(ctx, tx, Entry{Actor: actor, Action: "link.made", Target: person})
	})
	return code, err
}

func addCode(ctx context.Context, tx *db.Tx, p Person, code string) error {
	_, err := tx.Exec(ctx, `INSERT INTO access_codes (hash, person, expires_at) VALUES ($1, $2, $3)`, hash(code), p.ID, db.Micros(tx.Now().Add(CodeTime)))
	if err != nil {
		return fmt.Errorf("add a login code: %w", err)
	}
	return nil
}
