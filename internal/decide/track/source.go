package track

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"strings"

	"github.com/slipwayhq/slipway/internal/access"
	"github.com/slipwayhq/slipway/internal/db"
	"github.com/slipwayhq/slipway/internal/event"
	"github.com/slipwayhq/slipway/internal/fault"
)

// keyBytes are random: nobody guesses 192 bits.
const keyBytes = 24

// newKey begins with what tells people what it is.
func newKey() string {
	b := make([]byte, keyBytes)
	_, _ = rand.Read(b) // never fails, as of Go 1.24
	return "wk_" + base64.RawURLEncoding.EncodeToString(b)
}

// maxName is the length of the longest name of a source, in characters.
const maxName = 100

// Create adds a source to an environment.
func (s *Service) Create(ctx context.Context, actor, app, env, name string) (Source, error) {
	name = strings.TrimSpace(name)
	if n := len([]rune(name)); n == 0 || n > maxName {
		return Source{}, fault.Invalid("a source needs a name of 1 to %d characters, such as \"web\" or \"iOS app\"", maxName).At("name")
	}
	src := Source{App: app, Environment: env, Name: name, Key: newKey(), CreatedBy: actor, Revision: 1}
	err := s.db.Tx(ctx, func(tx *db.Tx) error {
		src.CreatedAt = tx.Now().UTC()
		src.ID = "src_" + strings.ReplaceAll(event.NewID(tx.Now()), "-", "")
		if err := insert(ctx, tx, src); err != nil {
			return err
		}
		if _, err := tx.Emit(ctx, event.Meta{App: app, Env: env, Actor: actor}, event.SourceCreated{Source: src.ID, Name: name}); err != nil {
			return err
		}
		return access.Audit(ctx, tx, access.Entry{Actor: actor, Action: "source.created", App: app, Env: env, Target: name})
	})
	if err != nil {
		return Source{}, err
	}
	return src, s.Load(ctx)
}

// Rotate gives a source another key. The old one is refused from then on.
func (s *Service) Rotate(ctx context.Context, actor, app, id, reason string) (Source, error) {
	return s.change(ctx, actor, app, id, "key", reason, func(src *Source) { src.Key = newKey() })
}

// Stop makes a source take no events; Resume makes it take them again.
func (s *Service) Stop(ctx context.Context, actor, app, id, reason string) (Source, error) {
	return s.change(ctx, actor, app, id, "stopped", reason, func(src *Source) { src.Stopped = true })
}

// Resume makes a stopped source take events again.
func (s *Service) Resume(ctx context.Context, actor, app, id, reason string) (Source, error) {
	return s.change(ctx, actor, app, id, "resumed", reason, func(src *Source) { src.Stopped = false })
}

// maxLimit is more than any source sends.
const maxLimit = 10_000_000

// SetLimit bounds how many events a second a source takes; 0 bounds nothing.
func (s *Service) SetLimit(ctx context.Context, actor, app, id string, perSecond int64, reason string) (Source, error) {
	if perSecond < 0 || perSecond > maxLimit {
		return Source{}, fault.Invalid("%d events a second is no limit; give 1 to %d, or 0 for none", perSecond, maxLimit).At("limit")
	}
	return s.change(ctx, actor, app, id, "limit", reason, func(src *Source) { src.Limit = perSecond })
}

// change changes a source. One that is stopped and to be stopped stays as it is, without an event.
func (s *Service) change(ctx context.Context, actor, app, id, what, reason string, do func(*Source)) (Source, error) {
	var src Source
	err := s.db.Tx(ctx, func(tx *db.Tx) error {
		var err error
		if src, err = one(ctx, tx, app, id); err != nil {
			return err
		}
		before := src
		if do(&src); src == before {
			return nil
		}
		src.Revision++
		if err := update(ctx, tx, src); err != nil {
			return err
		}
		if _, err := tx.Emit(ctx, event.Meta{App: app, Env: src.Environment, Actor: actor}, event.SourceChanged{Source: id, Name: src.Name, Change: what, Reason: reason}); err != nil {
			return err
		}
		return access.Audit(ctx, tx, access.Entry{Actor: actor, Action: "source.changed", App: app, Env: src.Environment, Target: src.Name, Reason: reason, Detail: map[string]any{"change": what}})
	})
	if err != nil {
		return Source{}, err
	}
	return src, s.Load(ctx)
}

// Audit keeps that somebody is about to change what is stored of an app's events, which is in no table of ours: before it is done, so that nothing is changed without a row.
func (s *Service) Audit(ctx context.Context, actor, app, action string, detail map[string]any) error {
	return s.db.Tx(ctx, func(tx *db.Tx) error {
		return access.Audit(ctx, tx, access.Entry{Actor: actor, Action: action, App: app, Detail: detail})
	})
}

// Sources lists those of an app, oldest first.
func (s *Service) Sources(ctx context.Context, app string) ([]Source, error) {
	return list(ctx, s.db, app)
}

// Find gives one source of an app.
func (s *Service) Find(ctx context.Context, app, id string) (Source, error) {
	return one(ctx, s.db, app, id)
}

func noSuchSource(id string) error {
	return fault.NotFound("there is no source %s", id)
}

func nameTaken(app, name string) *fault.Error {
	return fault.Conflict("%s has a source named %q already", app, name).At("name")
}
