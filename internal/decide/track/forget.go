package track

import (
	"context"
	"time"

	"github.com/slipwayhq/slipway/internal/access"
	"github.com/slipwayhq/slipway/internal/db"
	"github.com/slipwayhq/slipway/internal/event"
	"github.com/slipwayhq/slipway/internal/fault"
	"github.com/slipwayhq/slipway/internal/pure/capture"
)

// Forgotten is a user whose events are removed.
type Forgotten struct {
	User       string    `json:"user"`
	Aliases    []string  `json:"aliases" nullable:"false" doc:"Other ids that an alias says were the same person's: their events are removed, too"`
	Anonymous  []string  `json:"anonymous" nullable:"false" doc:"Anonymous ids that became known as them: their events without a user are removed, too"`
	Suppressed bool      `json:"suppressed" doc:"What comes of them is not taken"`
	At         time.Time `json:"forgotten_at"`
	By         string    `json:"forgotten_by"`
	Removed    *int64    `json:"removed,omitempty" doc:"How many events were removed; absent while they are still to be"`
	Dropped    int64     `json:"dropped" doc:"How many events of them were not taken since this server started"`

	keepAliases bool
}

// Forgetting is how somebody is to be forgotten.
type Forgetting struct {
	Suppress    bool
	KeepAliases bool
	Reason      string
}

// Forget remembers that a user is to be forgotten: what was received before is not stored any more, and the Keeper removes what is.
func (s *Service) Forget(ctx context.Context, actor, app, user string, how Forgetting) error {
	if user == "" || len(user) > capture.MaxName {
		return fault.Invalid("the id of a user has 1 to %d bytes", capture.MaxName).At("path.user")
	}
	err := s.db.Tx(ctx, func(tx *db.Tx) error {
		if err := addForgotten(ctx, tx, app, Forgotten{User: user, Suppressed: how.Suppress, At: tx.Now().UTC(), By: actor, keepAliases: how.KeepAliases}); err != nil {
			return err
		}
		if _, err := tx.Emit(ctx, event.Meta{App: app, Actor: actor}, event.UserForgotten{User: user, Suppressed: how.Suppress, Reason: how.Reason}); err != nil {
			return err
		}
		return access.Audit(ctx, tx, access.Entry{Actor: actor, Action: "user.forgotten", App: app, Target: user, Reason: how.Reason, Detail: map[string]any{"suppress": how.Suppress}})
	})
	if err != nil {
		return err
	}
	return s.Load(ctx)
}

// Lift takes events of a suppressed user again. What was removed stays so.
func (s *Service) Lift(ctx context.Context, actor, app, user, reason string) error {
	err := s.db.Tx(ctx, func(tx *db.Tx) error {
		lifted, err := lift(ctx, tx, app, user)
		if err != nil {
			return err
		}
		if !lifted {
			return fault.NotFound("the user %q is not suppressed", user)
		}
		if _, err := tx.Emit(ctx, event.Meta{App: app, Actor: actor}, event.SuppressionLifted{User: user, Reason: reason}); err != nil {
			return err
		}
		return access.Audit(ctx, tx, access.Entry{Actor: actor, Action: "suppression.lifted", App: app, Target: user, Reason: reason})
	})
	if err != nil {
		return err
	}
	return s.Load(ctx)
}

// Suppressed are the users of an app whose events are not taken.
func (s *Service) Suppressed(ctx context.Context, app string) ([]Forgotten, error) {
	all, err := forgotten(ctx, s.db, app)
	some := []Forgotten{}
	for _, f := range all[app] {
		if f.Suppressed {
			f.Dropped = s.dropped(app, f.User).Load()
			some = append(some, f)
		}
	}
	return some, err
}

// Exported has that all of a user was given out in the audit.
func (s *Service) Exported(ctx context.Context, actor, app, user string) error {
	return s.db.Tx(ctx, func(tx *db.Tx) error {
		return access.Audit(ctx, tx, access.Entry{Actor: actor, Action: "user.exported", App: app, Target: user})
	})
}
