package vault

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/slipwayhq/slipway/internal/db"
	"github.com/slipwayhq/slipway/internal/fault"
)

// Vault keeps settings and secrets in the store.
type Vault struct {
	keys *Keyring
}

// New makes a Vault that seals with the keys.
func New(keys *Keyring) *Vault { return &Vault{keys: keys} }

// Keys gives the keyring, for what else has to be kept sealed.
func (v *Vault) Keys() *Keyring { return v.keys }

// Change is a difference between two versions. A name is in one of the three at most.
type Change struct {
	Settings map[string]string `json:"settings,omitempty"`
	Secrets  map[string]Secret `json:"secrets,omitempty"`
	Remove   []string          `json:"remove,omitempty"`
}

// Check tells what is wrong with the change, nil when nothing is. It knows nothing of the version before.
func (c Change) Check() error {
	seen := map[string]bool{}
	name := func(n string) error {
		if seen[n] {
			return fault.Invalid("%s is changed twice; a name is either set, or a secret, or removed", n).At(n)
		}
		seen[n] = true
		return CheckName(n)
	}
	for _, n := range slices.Sorted(maps.Keys(c.Settings)) {
		if err := name(n); err != nil {
			return err
		}
		if err := checkValue(n, c.Settings[n]); err != nil {
			return err
		}
	}
	for _, n := range slices.Sorted(maps.Keys(c.Secrets)) {
		if err := name(n); err != nil {
			return err
		}
		if err := checkValue(n, c.Secrets[n].Reveal()); err != nil {
			return err
		}
	}
	for _, n := range c.Remove {
		if seen[n] {
			return fault.Invalid("%s is set and removed in one change", n).At(n)
		}
		seen[n] = true
	}
	return nil
}

// Put writes a whole version.
func (v *Vault) Put(ctx context.Context, tx *db.Tx, app, env string, version int, settings map[string]string, secrets map[string]Secret) error {
	c := Change{Settings: settings, Secrets: secrets}
	if err := c.Check(); err != nil {
		return err
	}
	return v.write(ctx, tx, app, env, version, v.apply(nil, app, env, version, tx.Now(), c))
}

// Amend writes version to as version from with a change. What did not change is copied as it is, sealed.
func (v *Vault) Amend(ctx context.Context, tx *db.Tx, app, env string, from, to int, c Change) error {
	if err := c.Check(); err != nil {
		return err
	}
	before, err := values(ctx, tx, app, env, from)
	if err != nil {
		return err
	}
	for _, n := range c.Remove {
		if !slices.ContainsFunc(before, func(x value) bool { return x.name == n }) {
			return fault.Invalid("there is no setting or secret named %s in %s of %s, so that it cannot be removed", n, env, app).At(n)
		}
	}
	return v.write(ctx, tx, app, env, to, v.apply(before, app, env, to, tx.Now(), c))
}

// value is one row; text is sealed when secret is set.
type value struct {
	name   string
	secret bool
	text   string
	since  int
	at     time.Time
}

func (v *Vault) apply(before []value, app, env string, version int, now time.Time, c Change) []value {
	after := slices.DeleteFunc(before, func(x value) bool {
		_, setting := c.Settings[x.name]
		_, secret := c.Secrets[x.name]
		return setting || secret || slices.Contains(c.Remove, x.name)
	})
	for n, text := range c.Settings {
		after = append(after, value{name: n, text: text, since: version, at: now})
	}
	for n, s := range c.Secrets {
		after = append(after, value{name: n, secret: true, text: v.keys.Seal(s, "secret", app, env, n), since: version, at: now})
	}
	return after
}

func (v *Vault) write(ctx context.Context, tx *db.Tx, app, env string, version int, vals []value) error {
	total := 0
	for _, x := range vals {
		total += len(x.name) + len(x.text)
	}
	if len(vals) > MaxNames || total > MaxTotal {
		return fault.Invalid("%s of %s would have %d settings and secrets of %d bytes together; at most %d of %d bytes are kept", env, app, len(vals), total, MaxNames, MaxTotal)
	}
	for _, x := range vals {
		secret := 0
		if x.secret {
			secret = 1
		}
		_, err := tx.Exec(ctx, `INSERT INTO vault_values (app, env, version, name, secret, value, since, at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)`,
			app, env, version, x.name, secret, x.text, x.since, db.Micros(x.at))
		if err != nil {
			return fmt.Errorf("keep %s of %s/%s version %d: %w", x.name, app, env, version, err)
		}
	}
	return nil
}

// values reads a version by name. Version 0 is empty.
func values(ctx context.Context, q db.Querier, app, env string, version int) ([]value, error) {
	rows, err := q.Query(ctx, `SELECT name, secret, value, since, at FROM vault_values WHERE app = $1 AND env = $2 AND version = $3 ORDER BY name`, app, env, version)
	if err != nil {
		return nil, fmt.Errorf("read the configuration %d of %s/%s: %w", version, app, env, err)
	}
	defer rows.Close()
	var vals []value
	for rows.Next() {
		var x value
		var secret, at int64
		if err := rows.Scan(&x.name, &secret, &x.text, &x.since, &at); err != nil {
			return nil, fmt.Errorf("read the configuration %d of %s/%s: %w", version, app, env, err)
		}
		x.secret, x.at = secret == 1, db.Time(at)
		vals = append(vals, x)
	}
	return vals, rows.Err()
}

// Environ gives a version as NAME=value by name, secrets decrypted, for the process of a release. Version 0 is empty. Never log it.
func (v *Vault) Environ(ctx context.Context, q db.Querier, app, env string, version int) ([]string, error) {
	vals, err := values(ctx, q, app, env, version)
	if err != nil {
		return nil, err
	}
	environ := make([]string, len(vals))
	for i, x := range vals {
		text := x.text
		if x.secret {
			s, err := v.keys.Open(x.text, "secret", app, env, x.name)
			if err != nil {
				return nil, fmt.Errorf("%s of %s/%s version %d: %w", x.name, app, env, version, err)
			}
			text = s.Reveal()
		}
		environ[i] = x.name + "=" + text
	}
	return environ, nil
}

// Contents is what may be shown of a version: settings with values, secrets by name.
type Contents struct {
	Settings map[string]string `json:"settings"`
	Secrets  []SecretInfo      `json:"secrets"`
}

// SecretInfo is what is known of a secret: not its value.
type SecretInfo struct {
	Name string `json:"name"`
	// Version is the configuration version that set it.
	Version   int       `json:"version"`
	UpdatedAt time.Time `json:"updated_at"`
}

// Read gives what may be shown of a version.
func Read(ctx context.Context, q db.Querier, app, env string, version int) (Contents, error) {
	vals, err := values(ctx, q, app, env, version)
	if err != nil {
		return Contents{}, err
	}
	c := Contents{Settings: map[string]string{}, Secrets: []SecretInfo{}}
	for _, x := range vals {
		if x.secret {
			c.Secrets = append(c.Secrets, SecretInfo{Name: x.name, Version: x.since, UpdatedAt: x.at})
		} else {
			c.Settings[x.name] = x.text
		}
	}
	return c, nil
}
