package access

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
	"regexp"
	"strings"
	"time"

	"github.com/slipwayhq/slipway/internal/db"
	"github.com/slipwayhq/slipway/internal/event"
	"github.com/slipwayhq/slipway/internal/fault"
)

// Service keeps people and their rights.
type Service struct {
	db       *db.DB
	log      *slog.Logger
	failures *failures
}

// New makes the Service on a store.
func New(d *db.DB, log *slog.Logger) *Service {
	return &Service{db: d, log: log, failures: newFailures()}
}

// Person is somebody who can sign in.
type Person struct {
	ID        string    `json:"id"`
	Name      string    `json:"name"`
	Email     string    `json:"email"`
	Admin     bool      `json:"admin"`
	CreatedAt time.Time `json:"created_at"`
	Grants    []Grant   `json:"grants"`
}

// nameRule keeps names fit for "person:<name>", URLs and terminals.
var nameRule = regexp.MustCompile(`^[a-z0-9][a-z0-9._-]{0,39}$`)

// AddPerson adds somebody. The actor is audited, not checked: doors check.
func (s *Service) AddPerson(ctx context.Context, actor, name, email string, admin bool) (Person, error) {
	var p Person
	err := s.db.Tx(ctx, func(tx *db.Tx) error {
		var err error
		if p, err = addPerson(ctx, tx, name, email, admin); err != nil {
			return err
		}
		return Audit(ctx, tx, Entry{Actor: actor, Action: "person.added", Target: name, Detail: map[string]any{"admin": admin, "email": email}})
	})
	return p, err
}

func addPerson(ctx context.Context, tx *db.Tx, name, email string, admin bool) (Person, error) {
	if !nameRule.MatchString(name) {
		return Person{}, fault.Invalid("%q cannot be a person's name: it takes 1 to 40 of a-z, 0-9, '.', '_' and '-', and begins with a letter or digit", name).At("name")
	}
	if len(email) > 254 || strings.ContainsAny(email, "\r\n\x00") || email != "" && !strings.Contains(email, "@") {
		return Person{}, fault.Invalid("%q is not an email address", email).At("email")
	}
	var removed int64
	err := tx.QueryRow(ctx, `SELECT removed_at FROM access_people WHERE name = $1`, name).Scan(&removed)
	switch {
	case err == nil && removed == 0:
		return Person{}, fault.Conflict("there is a person named %s already", name).At("name")
	case err == nil:
		return Person{}, fault.Conflict("the name %s belonged to somebody who was removed, and stays theirs in the audit; take another", name).At("name")
	case !errors.Is(err, sql.ErrNoRows):
		return Person{}, fmt.Errorf("look for person %s: %w", name, err)
	}
	p := Person{ID: event.NewKey("per", tx.Now()), Name: name, Email: email, Admin: admin, CreatedAt: tx.Now(), Grants: []Grant{}}
	_, err = tx.Exec(ctx, `INSERT INTO access_people (id, name, email, admin, created_at) VALUES ($1, $2, $3, $4, $5)`,
		p.ID, p.Name, p.Email, number(p.Admin), db.Micros(p.CreatedAt))
	if err != nil {
		return Person{}, fmt.Errorf("add person %s: %w", name, err)
	}
	return p, nil
}

// RemovePerson takes all rights from somebody: tokens, sessions and grants end in the same moment. The last admin cannot be removed.
func (s *Service) RemovePerson(ctx context.Context, actor, name, reason string) error {
	return s.db.Tx(ctx, func(tx *db.Tx) error {
		p, err := personByName(ctx, tx, name)
		if err != nil {
			return err
		}
		if p.Admin {
			var others int
			if err := tx.QueryRow(ctx, `SELECT COUNT(*) FROM access_people WHERE admin = 1 AND removed_at = 0 AND id <> $1`, p.ID).Scan(&others); err != nil {
				return fmt.Errorf("count admins: %w", err)
			}
			if others == 0 {
				return fault.Conflict("%s is the last admin; make somebody else one first", name)
			}
		}
		now := db.Micros(tx.Now())
		for _, q := range []string{
			`UPDATE access_people SET removed_at = $2 WHERE id = $1`,
			`UPDATE access_tokens SET revoked_at = $2 WHERE person = $1 AND revoked_at = 0`,
			`UPDATE access_sessions SET expires_at = $2 WHERE person = $1`,
			`UPDATE access_codes SET expires_at = $2 WHERE person = $1`,
		} {
			if _, err := tx.Exec(ctx, q, p.ID, now); err != nil {
				return fmt.Errorf("remove person %s: %w", name, err)
			}
		}
		if _, err := tx.Exec(ctx, `DELETE FROM access_grants WHERE person = $1`, p.ID); err != nil {
			return fmt.Errorf("remove the grants of %s: %w", name, err)
		}
		return Audit(ctx, tx, Entry{Actor: actor, Action: "person.removed", Target: name, Reason: reason})
	})
}

// People lists everybody with their grants, by name.
func (s *Service) People(ctx context.Context) ([]Person, error) {
	rows, err := s.db.Query(ctx, `SELECT id, name, email, admin, created_at FROM access_people WHERE removed_at = 0 ORDER BY name`)
	if err != nil {
		return nil, fmt.Errorf("list people: %w", err)
	}
	defer rows.Close()
	people := []Person{}
	for rows.Next() {
		p, err := scanPerson(rows)
		if err != nil {
			return nil, err
		}
		people = append(people, p)
	}
	if err := rows.Err(); err != nil {
		return nil, fmt.Errorf("list people: %w", err)
	}
	for i := range people {
		if people[i].Grants, err = grantsOf(ctx, s.db, people[i].ID); err != nil {
			return nil, err
		}
	}
	return people, nil
}

func personByName(ctx context.Context, q db.Querier, name string) (Person, error) {
	p, err := scanPerson(q.QueryRow(ctx, `SELECT id, name, email, admin, created_at FROM access_people WHERE name = $1 AND removed_at = 0`, name))
	if errors.Is(err, sql.ErrNoRows) {
		return p, fault.NotFound("there is no person named %q", name)
	}
	return p, err
}

func scanPerson(row interface{ Scan(...any) error }) (Person, error) {
	var p Person
	var admin, created int64
	if err := row.Scan(&p.ID, &p.Name, &p.Email, &admin, &created); err != nil {
		return p, fmt.Errorf("read a person: %w", err)
	}
	p.Admin, p.CreatedAt, p.Grants = admin == 1, db.Time(created), []Grant{}
	return p, nil
}

func number(b bool) int64 {
	if b {
		return 1
	}
	return 0
}
