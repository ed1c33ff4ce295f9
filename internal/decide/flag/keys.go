package flag

import (
	"context"
	"crypto/rand"
	"database/sql"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"

	"github.com/slipwayhq/slipway/internal/access"
	"github.com/slipwayhq/slipway/internal/db"
	"github.com/slipwayhq/slipway/internal/event"
	"github.com/slipwayhq/slipway/internal/fault"
)

const (
	keyBytes    = 24 // nobody guesses 192 bits
	cipherBytes = 16 // AES-128, as GrowthBook's clients have it
)

func random(n int) []byte {
	b := make([]byte, n)
	_, _ = rand.Read(b) // never fails, as of Go 1.24
	return b
}

// Key finds what a client sends; ok is false for a key that is nobody's, or stopped.
func (s *Service) Key(key string) (k Key, ok bool) {
	k, ok = (*s.keys.Load())[key]
	return k, ok && !k.Stopped
}

// Keys lists those of an app by name.
func (s *Service) Keys(ctx context.Context, app string) ([]Key, error) { return keys(ctx, s.db, app) }

const keyColumns = `SELECT id, app, environment, name, key, kind, remote, encryption, stopped, created_at, created_by FROM flag_keys`

func scanKey(into func(...any) error) (k Key, err error) {
	var remote, stopped, at int64
	err = into(&k.ID, &k.App, &k.Environment, &k.Name, &k.Key, &k.Kind, &remote, &k.Encryption, &stopped, &at, &k.CreatedBy)
	k.Remote, k.Stopped, k.CreatedAt = remote != 0, stopped != 0, db.Time(at)
	return k, err
}

func keys(ctx context.Context, q db.Querier, app string) ([]Key, error) {
	rows, err := q.Query(ctx, keyColumns+` WHERE ($1 = '' OR app = $1) ORDER BY name, id`, app)
	return each(rows, err, "keys of flags", scanKey)
}

// Open reads the keys, so that whoever comes first is known.
func (s *Service) Open(ctx context.Context) error { return s.loadKeys(ctx) }

func (s *Service) loadKeys(ctx context.Context) error {
	s.loading.Lock()
	defer s.loading.Unlock()
	all, err := keys(ctx, s.db, "")
	if err != nil {
		return err
	}
	byKey := make(map[string]Key, len(all))
	for _, k := range all {
		byKey[k.Key] = k
	}
	s.keys.Store(&byKey)
	return nil
}

// CreateKey adds a key to an environment: of a server, or of clients that everybody can look into.
func (s *Service) CreateKey(ctx context.Context, actor string, k Key, encrypted bool) (Key, error) {
	k.Name = strings.TrimSpace(k.Name)
	if n := len([]rune(k.Name)); n == 0 || n > maxName {
		return k, fault.Invalid("a key needs a name of 1 to %d characters, such as \"web\" or \"backend\"", maxName).At("body.name")
	}
	prefix := map[string]string{"server": "sfk_", "client": "cfk_"}[k.Kind]
	switch {
	case prefix == "":
		return k, fault.Invalid("a key is of kind server or client; %q is none", k.Kind).At("body.kind")
	case encrypted && k.Remote:
		return k, fault.Invalid("clients that are told values for each visitor are sent no payload that could be encrypted; choose one of the two").At("body.encrypted")
	case encrypted:
		k.Encryption = base64.StdEncoding.EncodeToString(random(cipherBytes))
	}
	k.Key, k.CreatedBy, k.Stopped = prefix+base64.RawURLEncoding.EncodeToString(random(keyBytes)), actor, false
	err := s.db.Tx(ctx, func(tx *db.Tx) error {
		k.ID, k.CreatedAt = newID("fky_", tx), tx.Now()
		res, err := tx.Exec(ctx, `INSERT INTO flag_keys (id, app, environment, name, key, kind, remote, encryption, created_at, created_by) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)
			ON CONFLICT (app, name) DO NOTHING`, k.ID, k.App, k.Environment, k.Name, k.Key, k.Kind, number(k.Remote), k.Encryption, db.Micros(k.CreatedAt), k.CreatedBy)
		if err != nil {
			return fmt.Errorf("add key %s: %w", k.Name, err)
		}
		if n, err := res.RowsAffected(); err != nil || n == 0 {
			return fault.Conflict("%s has a key of flags named %q already; choose another name", k.App, k.Name).At("body.name").Because(err)
		}
		return tellKey(ctx, tx, actor, k, created, "")
	})
	if err != nil {
		return Key{}, err
	}
	return k, s.loadKeys(ctx)
}

func number(b bool) int {
	if b {
		return 1
	}
	return 0
}

func tellKey(ctx context.Context, tx *db.Tx, actor string, k Key, change, reason string) error {
	if _, err := tx.Emit(ctx, event.Meta{App: k.App, Env: k.Environment, Actor: actor}, event.FlagKeyChanged{Key: k.ID, Name: k.Name, Kind: k.Kind, Change: change, Reason: reason}); err != nil {
		return err
	}
	return access.Audit(ctx, tx, access.Entry{Actor: actor, Action: "flag_key." + change, App: k.App, Env: k.Environment, Target: k.Name, Reason: reason, Detail: map[string]any{"kind": k.Kind}})
}

// FindKey gives one key of an app by its id.
func (s *Service) FindKey(ctx context.Context, app, id string) (Key, error) {
	return oneKey(ctx, s.db, app, id)
}

func oneKey(ctx context.Context, q db.Querier, app, id string) (Key, error) {
	k, err := scanKey(q.QueryRow(ctx, keyColumns+` WHERE app = $1 AND id = $2`, app, id).Scan)
	if errors.Is(err, sql.ErrNoRows) {
		return k, fault.NotFound("%s has no key of flags %s", app, id)
	}
	return k, err
}

// ChangeKey turns a key ("turned": another one, and the old one is nobody's), stops it or resumes it.
func (s *Service) ChangeKey(ctx context.Context, actor, app, id, change, reason string) (Key, error) {
	var k Key
	err := s.db.Tx(ctx, func(tx *db.Tx) error {
		var err error
		if k, err = oneKey(ctx, tx, app, id); err != nil {
			return err
		}
		switch change {
		case "turned":
			k.Key = k.Key[:4] + base64.RawURLEncoding.EncodeToString(random(keyBytes))
		case "stopped", "resumed":
			k.Stopped = change == "stopped"
		default:
			return fault.Invalid("a key can be turned, stopped or resumed, not %q", change).At("body.change")
		}
		if _, err := tx.Exec(ctx, `UPDATE flag_keys SET key = $1, stopped = $2 WHERE id = $3`, k.Key, number(k.Stopped), k.ID); err != nil {
			return fmt.Errorf("change key %s: %w", k.Name, err)
		}
		return tellKey(ctx, tx, actor, k, change, reason)
	})
	if err != nil {
		return Key{}, err
	}
	return k, s.loadKeys(ctx)
}
