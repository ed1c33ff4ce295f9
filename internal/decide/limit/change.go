package limit

import (
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"strings"

	"github.com/slipwayhq/slipway/internal/access"
	"github.com/slipwayhq/slipway/internal/db"
	"github.com/slipwayhq/slipway/internal/event"
	"github.com/slipwayhq/slipway/internal/fault"
	"github.com/slipwayhq/slipway/internal/takes"
)

// Create adds a limit; a group that has one already is a conflict.
func (s *Service) Create(ctx context.Context, actor, reason string, l Limit) (Limit, error) {
	l.Revision = 0
	return s.set(ctx, actor, reason, l)
}

// Set changes a limit of the revision that the caller saw. What was taken goes on to count, unless it is counted in another way.
func (s *Service) Set(ctx context.Context, actor, reason string, l Limit) (Limit, error) {
	return s.set(ctx, actor, reason, l)
}

func (s *Service) set(ctx context.Context, actor, reason string, l Limit) (Limit, error) {
	// Room is left for what is below it: an app's limit that no group could be under would be none.
	if err := checkGroup(l.Group, takes.Longest/2); err != nil {
		return l, err
	}
	if l.Note = strings.TrimSpace(l.Note); len(l.Note) > maxNote {
		return l, fault.Invalid("a note has at most %d bytes, not %d", maxNote, len(l.Note)).At("body.note")
	}
	if err := l.compile(); err != nil {
		return l, err
	}
	err := s.change(ctx, l.App, func(tx *db.Tx) (event.LimitChanged, error) {
		told := event.LimitChanged{Group: l.Group, Change: "changed", Words: l.Words, Reason: reason}
		before, err := one(ctx, tx, l.App, l.Group)
		switch {
		case fault.Is(err, fault.CodeNotFound) && l.Revision == 0:
			told.Change = "created"
			l.generation = rand.Int64() // one that was removed and comes back counts from nothing
			if err := few(ctx, tx, `SELECT count(*) FROM limit_limits WHERE app = $1`, maxLimits, "an app has at most %d limits; take one out that nobody needs", l.App); err != nil {
				return told, err
			}
		case err != nil:
			return told, err
		case l.Revision == 0:
			return told, fault.Conflict("%s has a limit for %q already; change that one", l.App, l.Group).At("body.group")
		case l.Revision != before.Revision:
			return told, errFaster("limit for " + l.Group)
		default:
			if l.generation = before.generation; recounts(before.Definition, l.Definition) {
				l.generation = rand.Int64()
			}
			for _, o := range before.Overrides {
				if _, err := l.with(o); err != nil {
					return told, fault.Invalid("the override for %s cannot go with this limit: %s", o.Group, err).At("body.definition")
				}
			}
			l.Overrides = before.Overrides
		}
		l.Revision++
		l.ChangedAt, l.ChangedBy, told.Revision = tx.Now(), actor, l.Revision
		return told, put(ctx, tx, l)
	}, actor)
	if l.Overrides == nil {
		l.Overrides = []Override{}
	}
	return l, err
}

// Get gives one limit.
func (s *Service) Get(ctx context.Context, app, group string) (Limit, error) {
	return one(ctx, s.db, app, group)
}

// Remove ends a limit of the revision that the caller saw, and its overrides: its groups are limited by a shorter one from now on, or by none.
func (s *Service) Remove(ctx context.Context, actor, app, group, reason string, revision int64) error {
	return s.change(ctx, app, func(tx *db.Tx) (event.LimitChanged, error) {
		told := event.LimitChanged{Group: group, Change: "removed", Reason: reason, Revision: revision}
		l, err := one(ctx, tx, app, group)
		if err != nil {
			return told, err
		}
		if l.Revision != revision {
			return told, errFaster("limit for " + group)
		}
		for _, q := range []string{`DELETE FROM limit_limits WHERE app = $1 AND grp = $2`, `DELETE FROM limit_overrides WHERE app = $1 AND grp = $2`} {
			if _, err := tx.Exec(ctx, q, app, group); err != nil {
				return told, fmt.Errorf("remove limit %s: %w", group, err)
			}
		}
		return told, nil
	}, actor)
}

// Override gives one group of a limit another amount, at once.
func (s *Service) Override(ctx context.Context, actor, app, group string, o Override) (Limit, error) {
	if err := checkGroup(o.Group, takes.Longest); err != nil {
		return Limit{}, err
	}
	if o.Group != group && !strings.HasPrefix(o.Group, group+":") {
		return Limit{}, fault.Invalid("the limit for %q does not count %q; the group of an override is the limit's own, or begins with it and a colon", short(group), short(o.Group)).At("body.group")
	}
	var l Limit
	err := s.change(ctx, app, func(tx *db.Tx) (event.LimitChanged, error) {
		told := event.LimitChanged{Group: group, Key: o.Group, Change: "overridden", Reason: o.Reason}
		var err error
		if l, err = one(ctx, tx, app, group); err != nil {
			return told, err
		}
		if _, err := l.with(o); err != nil {
			return told, err
		}
		if !o.Until.IsZero() && !o.Until.After(tx.Now()) {
			return told, fault.Invalid("an override ends in the future; %s is over", o.Until.Format("2006-01-02 15:04:05")).At("body.until")
		}
		if _, err := tx.Exec(ctx, `DELETE FROM limit_overrides WHERE app = $1 AND grp = $2 AND until <> 0 AND until <= $3`, app, group, db.Micros(tx.Now())); err != nil {
			return told, fmt.Errorf("drop overrides of %s that are over: %w", group, err)
		}
		if err := few(ctx, tx, `SELECT count(*) FROM limit_overrides WHERE app = $1 AND grp = $2 AND key <> $3`, maxOverrides, "a limit has at most %d overrides; lift one, or make a limit of its own for those that are alike", app, group, o.Group); err != nil {
			return told, err
		}
		o.SetAt, o.SetBy = tx.Now(), actor
		told.Revision, told.Words = l.Revision, number(o.Amount)+" instead of "+number(l.Definition.Amount)
		if err := putOverride(ctx, tx, app, group, o); err != nil {
			return told, err
		}
		l, err = one(ctx, tx, app, group)
		return told, err
	}, actor)
	return l, err
}

// Lift ends an override.
func (s *Service) Lift(ctx context.Context, actor, app, group, key, reason string) (Limit, error) {
	var l Limit
	err := s.change(ctx, app, func(tx *db.Tx) (event.LimitChanged, error) {
		told := event.LimitChanged{Group: group, Key: key, Change: "lifted", Reason: reason}
		res, err := tx.Exec(ctx, `DELETE FROM limit_overrides WHERE app = $1 AND grp = $2 AND key = $3`, app, group, key)
		if err != nil {
			return told, fmt.Errorf("lift the override of %s: %w", key, err)
		}
		if n, err := res.RowsAffected(); err != nil || n == 0 {
			return told, fault.NotFound("the limit for %q has no override for %q", short(group), short(key)).Because(err)
		}
		l, err = one(ctx, tx, app, group)
		told.Revision = l.Revision
		return told, err
	}, actor)
	return l, err
}

// Forgotten writes down that somebody made as if a group had taken nothing.
func (s *Service) Forgotten(ctx context.Context, actor, app, env, group, key, reason string) error {
	return s.db.Tx(ctx, func(tx *db.Tx) error {
		told := event.LimitChanged{Group: group, Key: key, Change: "forgotten", Reason: reason}
		if _, err := tx.Emit(ctx, event.Meta{App: app, Env: env, Actor: actor}, told); err != nil {
			return err
		}
		return access.Audit(ctx, tx, access.Entry{Actor: actor, Action: "limit.forgotten", App: app, Env: env, Target: key, Reason: reason})
	})
}

// change makes a change in a transaction, tells and audits it, and has this server know it before it comes back.
func (s *Service) change(ctx context.Context, app string, make func(tx *db.Tx) (event.LimitChanged, error), actor string) error {
	err := s.db.Tx(ctx, func(tx *db.Tx) error {
		if err := tx.Lock(ctx, "limits of "+app); err != nil {
			return err
		}
		told, err := make(tx)
		if err != nil {
			return err
		}
		if _, err := tx.Emit(ctx, event.Meta{App: app, Actor: actor}, told); err != nil {
			return err
		}
		detail := map[string]any{"words": told.Words}
		if told.Key != "" {
			detail["key"] = told.Key
		}
		return access.Audit(ctx, tx, access.Entry{Actor: actor, Action: "limit." + told.Change, App: app, Target: told.Group, Reason: told.Reason, Detail: detail})
	})
	if err != nil {
		return err
	}
	return s.Load(ctx, app)
}

func errFaster(what string) error {
	return fault.Conflict("somebody changed the %s meanwhile; look at it again", what)
}

// few refuses what would be one too many.
func few(ctx context.Context, tx *db.Tx, query string, most int, sentence string, args ...any) error {
	var n int
	if err := tx.QueryRow(ctx, query, args...).Scan(&n); err != nil {
		return fmt.Errorf("count limits: %w", err)
	}
	if n >= most {
		return fault.Conflict(sentence, most)
	}
	return nil
}

func encode(v any) (string, error) {
	b, err := json.Marshal(v)
	return string(b), err
}
