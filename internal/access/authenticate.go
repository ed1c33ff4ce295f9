package access

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strings"

	"github.com/slipwayhq/slipway/internal/fault"
)

// errNobody is an unknown, expired or revoked credential: one answer for all three.
var errNobody = fault.Unauthorized("the credential is not valid: it may have been mistyped, revoked or expired")

// Authenticate finds out who asks: by "Authorization: Bearer slt_…", by Basic (the password is the token, the user name is ignored: that is how git sends it), or by
// the session cookie. A request without any of them gives the zero Identity and no error; one with a wrong credential an Unauthorized error, or a
// Limited one after many wrong ones from the same address. A right credential is never limited.
func (s *Service) Authenticate(ctx context.Context, r *http.Request) (Identity, error) {
	secret, ok, err := Credential(r)
	if err != nil {
		return Identity{}, err
	}
	if ok {
		return s.limited(r.RemoteAddr, secret, func() (Identity, error) { return s.byToken(ctx, secret) })
	}
	c, err := r.Cookie(CookieName)
	if err != nil || c.Value == "" {
		return Identity{}, nil
	}
	id, err := s.bySession(ctx, c.Value)
	if errors.Is(err, errNobody) {
		return Identity{}, nil // an old cookie is no attempt: the browser just has to sign in again
	}
	return id, err
}

// Credential reads a token or an agent's credential from the request's Authorization header. ok tells whether there is one.
func Credential(r *http.Request) (secret string, ok bool, err error) {
	header := r.Header.Get("Authorization")
	if header == "" {
		return "", false, nil
	}
	if _, password, basic := r.BasicAuth(); basic {
		return password, true, nil
	}
	scheme, token, _ := strings.Cut(header, " ")
	if !strings.EqualFold(scheme, "Bearer") || token == "" {
		return "", false, fault.Unauthorized("the Authorization header is not understood: send \"Bearer <token>\", or Basic with the token as password")
	}
	return strings.TrimSpace(token), true, nil
}

// identity loads a person with their grants.
func (s *Service) identity(ctx context.Context, person, token string) (Identity, error) {
	p, err := scanPerson(s.db.QueryRow(ctx, `SELECT id, name, email, admin, created_at FROM access_people WHERE id = $1 AND removed_at = 0`, person))
	if err != nil {
		return Identity{}, fmt.Errorf("load person %s: %w", person, err)
	}
	if p.Grants, err = grantsOf(ctx, s.db, person); err != nil {
		return Identity{}, err
	}
	return Identity{Person: p, Token: token}, nil
}

// limited runs find, and holds up wrong credentials when many came from the address. A right one always passes: whoever sends it is no guesser, and people share addresses with
// guessers. What it costs is a look at the store for each guess; that is by the secret's hash, so its time tells nothing.
func (s *Service) limited(addr, secret string, find func() (Identity, error)) (Identity, error) {
	id, err := find()
	if !errors.Is(err, errNobody) {
		return id, err
	}
	host, _, splitErr := net.SplitHostPort(addr)
	if splitErr != nil {
		host = addr
	}
	now := s.db.Now()
	if wait := s.failures.wait(host, now); wait > 0 {
		return Identity{}, fault.Limited("too many wrong credentials from %s; wait %d seconds", host, int(wait.Seconds())+1)
	}
	s.failures.add(host, hash(secret), now)
	return id, err
}
