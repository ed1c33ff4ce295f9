package catalog

import (
	"context"
	"fmt"
	"regexp"

	"github.com/slipwayhq/slipway/internal/access"
	"github.com/slipwayhq/slipway/internal/db"
	"github.com/slipwayhq/slipway/internal/event"
	"github.com/slipwayhq/slipway/internal/fault"
)

// slug is what apps and environments are named like: fit for a folder, a host name and a URL.
var slug = regexp.MustCompile(`^[a-z][a-z0-9-]{0,39}$`)

// CheckName tells why an app or environment cannot have this name, nil when it can.
func CheckName(kind, name string) error {
	if slug.MatchString(name) {
		return nil
	}
	return fault.Invalid("%q cannot be the name of an %s: it takes 1 to 40 of a-z, 0-9 and '-', and begins with a letter", name, kind).At("name")
}

// CreateApp makes an app with the environment production, which follows main.
func (s *Service) CreateApp(ctx context.Context, actor, name string) (App, error) {
	if err := s.db.Tx(ctx, func(tx *db.Tx) error { return CreateApp(ctx, tx, actor, name) }); err != nil {
		return App{}, err
	}
	return s.App(ctx, name)
}

// CreateApp does it in the caller's transaction.
func CreateApp(ctx context.Context, tx *db.Tx, actor, name string) error {
	if err := CheckName("app", name); err != nil {
		return err
	}
	res, err := tx.Exec(ctx, `INSERT INTO catalog_apps (name, created_at, revision) VALUES ($1, $2, 1) ON CONFLICT (name) DO NOTHING`, name, db.Micros(tx.Now()))
	if err != nil {
		return fmt.Errorf("add app %s: %w", name, err)
	}
	if n, err := res.RowsAffected(); err != nil || n == 0 {
		return fault.Conflict("there is an app named %s already", name).Because(err)
	}
	if _, err := tx.Emit(ctx, event.Meta{App: name, Actor: actor}, event.AppCreated{Name: name}); err != nil {
		return err
	}
	if err := access.Audit(ctx, tx, access.Entry{Actor: actor, Action: "app.created", App: name, Target: name}); err != nil {
		return err
	}
	return addEnvironment(ctx, tx, actor, Environment{App: name, Name: Production, Branch: MainBranch})
}

// Apps lists the apps that the caller may see, by name.
func (s *Service) Apps(ctx context.Context, visible func(app string) bool) ([]App, error) {
	apps, err := s.names(ctx)
	if err != nil {
		return nil, err
	}
	out := []App{}
	for _, a := range apps {
		if !visible(a.Name) {
			continue
		}
		if a.Environments, err = environments(ctx, s.db, a.Name); err != nil {
			return nil, err
		}
		out = append(out, a)
	}
	return out, nil
}

func (s *Service) names(ctx context.Context) ([]App, error) {
	rows, err := s.db.Query(ctx, `SELECT name, created_at FROM catalog_apps ORDER BY name`)
	if err != nil {
		return nil, fmt.Errorf("list apps: %w", err)
	}
	defer rows.Close()
	var apps []App
	for rows.Next() {
		var a App
		var created int64
		if err := rows.Scan(&a.Name, &created); err != nil {
			return nil, fmt.Errorf("list apps: %w", err)
		}
		a.CreatedAt = db.Time(created)
		apps = append(apps, a)
	}
	return apps, rows.Err()
}

// App gives one app.
func (s *Service) App(ctx context.Context, name string) (App, error) {
	a := App{Name: name}
	created, err := exists(ctx, s.db, name)
	if err != nil {
		return a, err
	}
	if created == 0 {
		return a, access.NoSuchApp(name)
	}
	a.CreatedAt = db.Time(created)
	a.Environments, err = environments(ctx, s.db, name)
	return a, err
}

// Exists tells whether there is an app of this name.
func Exists(ctx context.Context, q db.Querier, name string) (bool, error) {
	created, err := exists(ctx, q, name)
	return created != 0, err
}

// exists gives the time an app was made, 0 when there is none.
func exists(ctx context.Context, q db.Querier, name string) (int64, error) {
	var created int64
	if err := q.QueryRow(ctx, `SELECT COALESCE(MAX(created_at), 0) FROM catalog_apps WHERE name = $1`, name).Scan(&created); err != nil {
		return 0, fmt.Errorf("look for app %s: %w", name, err)
	}
	return created, nil
}
