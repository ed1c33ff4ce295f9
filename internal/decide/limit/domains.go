package limit

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"github.com/slipwayhq/slipway/internal/db"
	"github.com/slipwayhq/slipway/internal/event"
	"github.com/slipwayhq/slipway/internal/fault"
	"github.com/slipwayhq/slipway/internal/pure/envoylimit"
	"github.com/slipwayhq/slipway/internal/pure/rate"
)

// Domain is a file of Envoy's descriptors.
type Domain struct {
	App       string    `json:"-"`
	Name      string    `json:"name" doc:"The domain that Envoy's filter names; the file has the same"`
	YAML      string    `json:"yaml"`
	Revision  int64     `json:"revision"`
	ChangedAt time.Time `json:"changed_at"`
	ChangedBy string    `json:"changed_by"`
}

const (
	maxYAML    = 1 << 20 // bytes
	maxDomains = 1000
)

// configured is a domain in an environment.
type configured struct{ app, env, domain string }

// Config gives a domain's descriptors as they are asked in an environment; nil: there is no such domain.
func (s *Service) Config(app, env, name string) *envoylimit.Config {
	if c, ok := s.configs.Load(configured{app, env, name}); ok {
		return c.(*envoylimit.Config) //nolint:forcetypeassert // nothing else is in there
	}
	a := (*s.apps.Load())[app]
	if a == nil || a.domains[name] == nil {
		return nil
	}
	s.loading.Lock()
	defer s.loading.Unlock()
	a = (*s.apps.Load())[app]
	if a == nil || a.domains[name] == nil {
		return nil
	}
	return s.readConfig(configured{app, env, name}, a.domains[name])
}

// readConfig reads a file that was read when it was saved; it is called with loading locked.
func (s *Service) readConfig(of configured, d *Domain) *envoylimit.Config {
	c, problems := envoylimit.Read(of.app, of.env, []byte(d.YAML))
	if err := problems.Err(); err != nil {
		s.logger.Error("Envoy's descriptors are not asked, as they are faulty", "app", of.app, "domain", of.domain, "error", err)
		return nil
	}
	s.configs.Store(of, c)
	return c
}

// reread makes the configs of an app anew, and drops those whose domain is gone; it is called with loading locked.
func (s *Service) reread(name string) {
	s.configs.Range(func(k, _ any) bool {
		of := k.(configured) //nolint:forcetypeassert // nothing else is in there
		if name != "" && of.app != name {
			return true
		}
		if a := (*s.apps.Load())[of.app]; a == nil || a.domains[of.domain] == nil || s.readConfig(of, a.domains[of.domain]) == nil {
			s.configs.Delete(k)
		}
		return true
	})
}

// described is the limit of Envoy's descriptors that counts a group.
func (s *Service) described(app, env, group string) *rate.Defined {
	name, ok := envoylimit.DomainOf(group)
	if !ok {
		return nil
	}
	c := s.Config(app, env, name)
	if c == nil {
		return nil
	}
	return c.Find(group)
}

const domainColumns = `SELECT app, domain, yaml, revision, changed_at, changed_by FROM limit_domains`

func scanDomain(into func(...any) error) (*Domain, error) {
	d := &Domain{}
	var at int64
	err := into(&d.App, &d.Name, &d.YAML, &d.Revision, &at, &d.ChangedBy)
	d.ChangedAt = db.Time(at)
	return d, err
}

// loadDomains adds the domains of an app, or of all, to what was read.
func loadDomains(ctx context.Context, q db.Querier, name string, into map[string]*app) error {
	rows, err := q.Query(ctx, domainColumns+` WHERE ($1 = '' OR app = $1) ORDER BY domain`, name)
	return rowsOf(rows, err, "domains", func(scan func(...any) error) error {
		d, err := scanDomain(scan)
		if err != nil {
			return err
		}
		a := into[d.App]
		if a == nil {
			a = &app{}
			into[d.App] = a
		}
		if a.domains == nil {
			a.domains = map[string]*Domain{}
		}
		a.domains[d.Name] = d
		return nil
	})
}

// Domains lists those of an app by name.
func (s *Service) Domains(ctx context.Context, name string) ([]Domain, error) {
	out := []Domain{}
	rows, err := s.db.Query(ctx, domainColumns+` WHERE app = $1 ORDER BY domain`, name)
	return out, rowsOf(rows, err, "domains", func(scan func(...any) error) error {
		d, err := scanDomain(scan)
		if err == nil {
			out = append(out, *d)
		}
		return err
	})
}

// Domain gives one domain.
func (s *Service) Domain(ctx context.Context, app, name string) (Domain, error) {
	return oneDomain(ctx, s.db, app, name)
}

func oneDomain(ctx context.Context, q db.Querier, app, name string) (Domain, error) {
	d, err := scanDomain(q.QueryRow(ctx, domainColumns+` WHERE app = $1 AND domain = $2`, app, name).Scan)
	if errors.Is(err, sql.ErrNoRows) {
		return *d, fault.NotFound("%s has no domain %q of Envoy's descriptors", app, short(name))
	}
	return *d, err
}

// SetDomain makes a domain, or changes the revision that the caller saw; 0 is for a new one. All mistakes of the file are told, with line and column.
func (s *Service) SetDomain(ctx context.Context, actor, reason string, d Domain) (Domain, error) {
	if len(d.YAML) > maxYAML {
		return d, fault.Invalid("a file of descriptors has at most %d bytes, not %d; part it into several domains", maxYAML, len(d.YAML)).At("body.yaml")
	}
	c, problems := envoylimit.Read(d.App, "", []byte(d.YAML))
	if err := problems.Err(); err != nil {
		return d, fault.Invalid("%s", err).At("body.yaml")
	}
	if c.Domain != d.Name {
		return d, fault.Invalid("the file is of the domain %q, and not of %q; call both alike", short(c.Domain), short(d.Name)).At("body.yaml")
	}
	err := s.change(ctx, d.App, func(tx *db.Tx) (event.LimitChanged, error) {
		told := event.LimitChanged{Group: d.Name, Change: "described", Reason: reason}
		if err := few(ctx, tx, `SELECT count(*) FROM limit_domains WHERE app = $1 AND domain <> $2`, maxDomains, "an app has at most %d domains; take one out that nobody needs", d.App, d.Name); err != nil {
			return told, err
		}
		d.ChangedAt, d.ChangedBy = tx.Now(), actor
		res, err := tx.Exec(ctx, `INSERT INTO limit_domains (app, domain, yaml, revision, changed_at, changed_by) VALUES ($1, $2, $3, $4 + 1, $5, $6)
			ON CONFLICT (app, domain) DO UPDATE SET yaml = excluded.yaml, revision = excluded.revision, changed_at = excluded.changed_at, changed_by = excluded.changed_by
			WHERE limit_domains.revision = $4`, d.App, d.Name, d.YAML, d.Revision, db.Micros(d.ChangedAt), actor)
		if err != nil {
			return told, fmt.Errorf("set domain %s: %w", d.Name, err)
		}
		if n, err := res.RowsAffected(); err != nil || n == 0 {
			return told, errFaster("domain " + d.Name)
		}
		d.Revision++
		told.Revision = d.Revision
		return told, nil
	}, actor)
	return d, err
}

// RemoveDomain ends a domain of the revision that the caller saw: everything passes that asks by it.
func (s *Service) RemoveDomain(ctx context.Context, actor, app, name, reason string, revision int64) error {
	return s.change(ctx, app, func(tx *db.Tx) (event.LimitChanged, error) {
		told := event.LimitChanged{Group: name, Change: "undescribed", Reason: reason, Revision: revision}
		res, err := tx.Exec(ctx, `DELETE FROM limit_domains WHERE app = $1 AND domain = $2 AND revision = $3`, app, name, revision)
		if err != nil {
			return told, fmt.Errorf("remove domain %s: %w", name, err)
		}
		if n, err := res.RowsAffected(); err != nil || n == 0 {
			return told, errFaster("domain " + name)
		}
		return told, nil
	}, actor)
}
