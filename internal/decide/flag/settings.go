package flag

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"github.com/slipwayhq/slipway/internal/access"
	"github.com/slipwayhq/slipway/internal/db"
	"github.com/slipwayhq/slipway/internal/event"
	"github.com/slipwayhq/slipway/internal/fault"
	"github.com/slipwayhq/slipway/internal/pure/waffle"
)

// Settings are what an app wants of its flags.
type Settings struct {
	Approvals     []string `json:"approvals,omitempty" maxItems:"100" doc:"Environments where a change needs somebody else's approval; switching off never does"`
	StaleDays     int      `json:"stale_days,omitempty" minimum:"0" maximum:"3650" doc:"A flag is stale after so many days without a change; 0: after 30"`
	CreateMissing bool     `json:"create_missing,omitempty" doc:"Flags, switches and samples that waffle's clients ask for, and that there are not, are made, as they are where they are missing"`
	MissingOn     bool     `json:"missing_on,omitempty" doc:"What a flag is for waffle's clients where there is none: on"`
	Override      bool     `json:"override,omitempty" doc:"?NAME=1 decides, whatever the flag says: WAFFLE_OVERRIDE"`
	Insecure      bool     `json:"insecure_cookies,omitempty" doc:"Waffle's cookies go over plain HTTP as well"`
	Revision      int64    `json:"-"`
}

// usualStaleDays is how long a flag may go without a change where nobody says otherwise.
const usualStaleDays = 30

// Waffle gives the settings as package waffle has them.
func (s Settings) Waffle() waffle.Settings {
	return waffle.Settings{Override: s.Override, FlagDefault: s.MissingOn, Insecure: s.Insecure}
}

// Settings gives those of an app.
func (s *Service) Settings(ctx context.Context, app string) (Settings, error) {
	return settingsOf(ctx, s.db, app)
}

func settingsOf(ctx context.Context, q db.Querier, app string) (out Settings, err error) {
	var raw string
	err = q.QueryRow(ctx, `SELECT settings, revision FROM flag_apps WHERE app = $1`, app).Scan(&raw, &out.Revision)
	switch {
	case errors.Is(err, sql.ErrNoRows):
		return out, nil
	case err != nil:
		return out, fmt.Errorf("read the settings of flags: %w", err)
	}
	return out, json.Unmarshal([]byte(raw), &out)
}

// approvals tells whether a change in an environment needs somebody else's.
func approvals(ctx context.Context, q db.Querier, app, env string) (bool, error) {
	s, err := settingsOf(ctx, q, app)
	return slices.Contains(s.Approvals, env), err
}

// SetSettings changes those of an app, in the place of the revision that they name.
func (s *Service) SetSettings(ctx context.Context, actor, app, reason string, to Settings) (Settings, error) {
	slices.Sort(to.Approvals)
	to.Approvals = slices.Compact(to.Approvals)
	raw, err := json.Marshal(to)
	if err != nil {
		return to, fmt.Errorf("encode the settings of flags: %w", err)
	}
	err = s.db.Tx(ctx, func(tx *db.Tx) error {
		if _, err := bump(ctx, tx, app); err != nil {
			return err
		}
		res, err := tx.Exec(ctx, `UPDATE flag_apps SET settings = $1, revision = revision + 1 WHERE app = $2 AND revision = $3`, string(raw), app, to.Revision)
		if err != nil {
			return fmt.Errorf("change the settings of flags: %w", err)
		}
		if n, err := res.RowsAffected(); err != nil || n == 0 {
			return fault.Conflict("the settings of flags were changed by somebody else meanwhile; look at them again")
		}
		to.Revision++
		if _, err := tx.Emit(ctx, event.Meta{App: app, Actor: actor}, event.FlagsConfigured{Approvals: to.Approvals, Revision: to.Revision, Reason: reason}); err != nil {
			return err
		}
		return access.Audit(ctx, tx, access.Entry{Actor: actor, Action: "flag_settings.changed", App: app, Reason: reason, Detail: map[string]any{"settings": to}})
	})
	if err != nil {
		return to, err
	}
	return to, s.Load(ctx, app)
}
