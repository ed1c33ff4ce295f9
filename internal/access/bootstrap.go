package access

import (
	"context"
	"fmt"
	"strings"

	"github.com/slipwayhq/slipway/internal/db"
	"github.com/slipwayhq/slipway/internal/fault"
)

// Bootstrapped is what the first start prints, once.
type Bootstrapped struct {
	// Token of the first admin; empty when there were people before, or the token was given.
	Token string
	// Code for the link "/login?token=<code>"; empty when there were people before.
	Code string
}

// firstAdmin is the name of the first person.
const firstAdmin = "admin"

// Bootstrap makes the first admin when there is nobody yet. A token that is given (--admin-token) becomes, and stays at each start, a valid token of the first admin.
func (s *Service) Bootstrap(ctx context.Context, token string) (Bootstrapped, error) {
	if err := CheckToken(token); token != "" && err != nil {
		return Bootstrapped{}, err
	}
	var b Bootstrapped
	err := s.db.Tx(ctx, func(tx *db.Tx) error {
		b = Bootstrapped{}
		var people int
		if err := tx.QueryRow(ctx, `SELECT COUNT(*) FROM access_people`).Scan(&people); err != nil {
			return fmt.Errorf("count people: %w", err)
		}
		if people == 0 {
			if err := firstStart(ctx, tx, &b, token == ""); err != nil {
				return err
			}
		}
		if token == "" {
			return nil
		}
		return keepToken(ctx, tx, token)
	})
	return b, err
}

// CheckToken says what is wrong with a token that somebody made up.
func CheckToken(token string) error {
	if len(token) < 16 || strings.ContainsAny(token, " \t\r\n") {
		return fault.Invalid("the admin token must have at least 16 characters and no blanks; make one with: openssl rand -hex 32")
	}
	return nil
}

func firstStart(ctx context.Context, tx *db.Tx, b *Bootstrapped, withToken bool) error {
	p, err := addPerson(ctx, tx, firstAdmin, "", true)
	if err != nil {
		return err
	}
	b.Code = newSecret("slc_")
	if err := addCode(ctx, tx, p, b.Code); err != nil {
		return err
	}
	if withToken {
		b.Token = newSecret("slt_")
		if _, err := addToken(ctx, tx, p, b.Token, "first start", db.Time(0)); err != nil {
			return err
		}
	}
	return Audit(ctx, tx, Entry{Actor: "system:access", Action: "person.added", Target: firstAdmin, Reason: "first start", Detail: map[string]any{"admin": true}})
}

// keepToken makes the operator's token valid, whatever happened to it: who can start the server decides.
func keepToken(ctx context.Context, tx *db.Tx, token string) error {
	p, err := scanPerson(tx.QueryRow(ctx, `SELECT id, name, email, admin, created_at FROM access_people WHERE admin = 1 AND removed_at = 0 ORDER BY created_at, id LIMIT 1`))
	if err != nil {
		return fmt.Errorf("find the first admin: %w", err)
	}
	res, err := tx.Exec(ctx, `UPDATE access_tokens SET revoked_at = 0, expires_at = 0, person = $2 WHERE hash = $1`, hash(token), p.ID)
	if err != nil {
		return fmt.Errorf("keep the admin token: %w", err)
	}
	if n, err := res.RowsAffected(); err != nil || n > 0 {
		return err
	}
	if _, err := addToken(ctx, tx, p, token, "given at start", db.Time(0)); err != nil {
		return err
	}
	return Audit(ctx, tx, Entry{Actor: "system:access", Action: "token.made", Target: p.Name, Reason: "given at start"})
}
