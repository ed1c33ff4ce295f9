package catalog

import (
	"context"
	"maps"
	"regexp"
	"slices"
	"strings"

	"github.com/slipwayhq/slipway/internal/access"
	"github.com/slipwayhq/slipway/internal/db"
	"github.com/slipwayhq/slipway/internal/event"
	"github.com/slipwayhq/slipway/internal/fault"
)

// Change is a change of an environment: what is nil stays.
type Change struct {
	Branch         *string
	AllowForcePush *bool
	Labels         map[string]string
	Hosts          []string
	Domains        []string
	Reason         string
}

// Environment gives one environment.
func (s *Service) Environment(ctx context.Context, app, name string) (Environment, error) {
	return environment(ctx, s.db, app, name)
}

// Environments lists those of an app, production first.
func (s *Service) Environments(ctx context.Context, app string) ([]Environment, error) {
	a, err := s.App(ctx, app)
	return a.Environments, err
}

// CreateEnvironment adds an environment to an app.
func (s *Service) CreateEnvironment(ctx context.Context, actor string, e Environment) (Environment, error) {
	err := s.db.Tx(ctx, func(tx *db.Tx) error {
		if err := lock(ctx, tx, e.App); err != nil {
			return err
		}
		return addEnvironment(ctx, tx, actor, e)
	})
	if err != nil {
		return e, err
	}
	return s.Environment(ctx, e.App, e.Name)
}

// addEnvironment adds it in the transaction of a caller that holds the app's lock.
func addEnvironment(ctx context.Context, tx *db.Tx, actor string, e Environment) error {
	if err := CheckName("environment", e.Name); err != nil {
		return err
	}
	siblings, err := environments(ctx, tx, e.App)
	if err != nil {
		return err
	}
	if slices.ContainsFunc(siblings, func(o Environment) bool { return o.Name == e.Name }) {
		return fault.Conflict("%s has an environment named %s already", e.App, e.Name).At("name")
	}
	e = withEmpties(e)
	if err := check(ctx, tx, e, siblings); err != nil {
		return err
	}
	if err := insertEnvironment(ctx, tx, e); err != nil {
		return err
	}
	if _, err := tx.Emit(ctx, event.Meta{App: e.App, Env: e.Name, Actor: actor}, event.EnvironmentCreated{Name: e.Name, Spec: e.spec()}); err != nil {
		return err
	}
	return access.Audit(ctx, tx, access.Entry{
		Actor: actor, Action: "environment.created", App: e.App, Env: e.Name, Target: e.Name, Detail: map[string]any{"branch": e.Branch},
	})
}

// ChangeEnvironment changes what is set in c. revision is the one that the caller saw; another one means that somebody else was faster.
func (s *Service) ChangeEnvironment(ctx context.Context, actor, app, name string, revision int64, c Change) (Environment, error) {
	err := s.db.Tx(ctx, func(tx *db.Tx) error {
		if err := lock(ctx, tx, app); err != nil {
			return err
		}
		e, err := environment(ctx, tx, app, name)
		if err != nil {
			return err
		}
		if e.Revision != revision {
			return fault.Conflict("%s of %s was changed by somebody else meanwhile; look at it again", name, app)
		}
		return changeEnvironment(ctx, tx, actor, e, c)
	})
	if err != nil {
		return Environment{}, err
	}
	return s.Environment(ctx, app, name)
}

func changeEnvironment(ctx context.Context, tx *db.Tx, actor string, e Environment, c Change) error {
	after, fields := c.apply(e)
	if len(fields) == 0 {
		return nil
	}
	siblings, err := environments(ctx, tx, e.App)
	if err != nil {
		return err
	}
	if err := check(ctx, tx, after, siblings); err != nil {
		return err
	}
	if err := updateEnvironment(ctx, tx, after); err != nil {
		return err
	}
	m := event.Meta{App: e.App, Env: e.Name, Actor: actor}
	if _, err := tx.Emit(ctx, m, event.EnvironmentChanged{Name: e.Name, Spec: after.spec(), Fields: fields, Reason: c.Reason}); err != nil {
		return err
	}
	return access.Audit(ctx, tx, access.Entry{
		Actor: actor, Action: "environment.changed", App: e.App, Env: e.Name, Target: e.Name, Reason: c.Reason, Detail: map[string]any{"fields": fields},
	})
}

// apply gives the environment after the change, and the names of what differs.
func (c Change) apply(e Environment) (Environment, []string) {
	var fields []string
	differs := func(name string, yes bool) bool {
		if yes {
			fields = append(fields, name)
		}
		return yes
	}
	if c.Branch != nil && differs("branch", *c.Branch != e.Branch) {
		e.Branch = *c.Branch
	}
	if c.AllowForcePush != nil && differs("allow_force_push", *c.AllowForcePush != e.AllowForcePush) {
		e.AllowForcePush = *c.AllowForcePush
	}
	if c.Labels != nil && differs("labels", !maps.Equal(c.Labels, e.Labels)) {
		e.Labels = c.Labels
	}
	if c.Hosts != nil && differs("hosts", !slices.Equal(c.Hosts, e.Hosts)) {
		e.Hosts = c.Hosts
	}
	if c.Domains != nil && differs("domains", !slices.Equal(c.Domains, e.Domains)) {
		e.Domains = c.Domains
	}
	return e, fields
}

// domainRule is a host name of at least two parts, in lower case, without a port.
var domainRule = regexp.MustCompile(`^([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$`)

// check tells what is wrong with an environment among its siblings.
func check(ctx context.Context, tx *db.Tx, e Environment, siblings []Environment) error {
	if !branchFits(e.Branch) {
		return fault.Invalid("%q cannot be the name of a branch", e.Branch).At("branch")
	}
	for _, o := range siblings {
		if o.Name != e.Name && o.Branch == e.Branch {
			return fault.Conflict("branch %s is followed by the environment %s already; no two follow one branch", e.Branch, o.Name).At("branch")
		}
	}
	for k, v := range e.Labels {
		if k == "" || v == "" || len(k) > 63 || len(v) > 63 {
			return fault.Invalid("a host label is a name and a value of 1 to 63 bytes each, not %q: %q", k, v).At("labels")
		}
	}
	return checkDomains(ctx, tx, e)
}

// checkDomains sees to it that a domain leads to one environment only.
func checkDomains(ctx context.Context, tx *db.Tx, e Environment) error {
	if len(e.Domains) == 0 {
		return nil
	}
	// Every app is locked: domains are unique across them.
	if _, err := tx.Exec(ctx, `UPDATE catalog_apps SET revision = revision + 1`); err != nil {
		return err
	}
	rows, err := tx.Query(ctx, `SELECT app, name, domains FROM catalog_environments WHERE NOT (app = $1 AND name = $2)`, e.App, e.Name)
	if err != nil {
		return err
	}
	defer rows.Close()
	taken := map[string]bool{}
	for rows.Next() {
		var app, name, text string
		var domains []string
		if err := rows.Scan(&app, &name, &text); err != nil {
			return err
		}
		if err := decode(text, &domains); err != nil {
			return err
		}
		for _, d := range domains {
			taken[d] = true
		}
	}
	for i, d := range e.Domains {
		switch {
		case len(d) > 253 || !domainRule.MatchString(d):
			return fault.Invalid("%q is not a domain: write it in lower case, without a scheme or a port, such as shop.example.com", d).At("domains")
		case taken[d] || slices.Contains(e.Domains[:i], d):
			return fault.Conflict("the domain %s leads somewhere already", d).At("domains")
		}
	}
	return rows.Err()
}

// branchFits follows the rules of git-check-ref-format that a name could break by mistake.
func branchFits(b string) bool {
	if b == "" || len(b) > 200 || strings.HasPrefix(b, "-") || strings.HasSuffix(b, ".lock") || strings.Contains(b, "..") || strings.Contains(b, "@{") {
		return false
	}
	for part := range strings.SplitSeq(b, "/") {
		if part == "" || strings.HasPrefix(part, ".") || strings.HasSuffix(part, ".") {
			return false
		}
	}
	return !strings.ContainsFunc(b, func(r rune) bool { return r <= ' ' || r == 0x7f || strings.ContainsRune(`~^:?*[\`, r) })
}

// withEmpties makes lists and maps that were left out empty: they are shown as [] and {}.
func withEmpties(e Environment) Environment {
	if e.Labels == nil {
		e.Labels = map[string]string{}
	}
	e.Hosts, e.Domains = notNil(e.Hosts), notNil(e.Domains)
	return e
}

// spec is the environment as events tell of it.
func (e Environment) spec() event.EnvironmentSpec {
	return event.EnvironmentSpec{Branch: e.Branch, Hosts: e.Hosts, Labels: e.Labels, Domains: e.Domains, AllowForcePush: e.AllowForcePush}
}
