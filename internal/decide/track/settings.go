package track

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/slipwayhq/slipway/internal/access"
	"github.com/slipwayhq/slipway/internal/db"
	"github.com/slipwayhq/slipway/internal/event"
	"github.com/slipwayhq/slipway/internal/fault"
)

// What is kept of the address that an event came from.
const (
	IPTruncate = "truncate" // the network
	IPFull     = "full"
	IPNone     = "none"
)

// Limits of Settings.
const (
	maxKeepDays   = 36_500
	maxHidden     = 200
	maxHiddenName = 200 // bytes
)

// Settings are what an app wants of its events.
type Settings struct {
	KeepDays  int       `json:"keep_days" minimum:"0" maximum:"36500" doc:"Events are removed so many days after they were received; 0 keeps them for ever"`
	IP        string    `json:"ip" enum:"truncate,full,none" doc:"What is stored of the address that events come from: its network (the last 8 bits of an IPv4 address, and all but the first 48 of an IPv6 address, are left out), all of it, or nothing"`
	Hidden    []string  `json:"hidden" nullable:"false" doc:"Names of properties, traits and members of the context that are never stored; with dots they lead into objects"`
	ChangedAt time.Time `json:"changed_at,omitzero"`
	ChangedBy string    `json:"changed_by,omitempty"`
	Revision  int64     `json:"-"`
}

// usual is what counts for an app that has said nothing.
func usual() Settings { return Settings{IP: IPTruncate, Hidden: []string{}} }

// Settings gives those of an app.
func (s *Service) Settings(ctx context.Context, app string) (Settings, error) {
	return settingsOf(ctx, s.db, app)
}

// SetSettings changes those of an app. Its Revision is the one that the caller saw; another one means that somebody else was faster.
func (s *Service) SetSettings(ctx context.Context, actor, app, reason string, to Settings) (Settings, error) {
	if err := to.clean(); err != nil {
		return Settings{}, err
	}
	err := s.db.Tx(ctx, func(tx *db.Tx) error {
		to.ChangedAt, to.ChangedBy = tx.Now().UTC(), actor
		if err := setSettings(ctx, tx, app, to); err != nil {
			return err
		}
		to.Revision++
		told := event.CollectionChanged{KeepDays: to.KeepDays, IP: to.IP, Hidden: to.Hidden, Revision: to.Revision, Reason: reason}
		if _, err := tx.Emit(ctx, event.Meta{App: app, Actor: actor}, told); err != nil {
			return err
		}
		return access.Audit(ctx, tx, access.Entry{Actor: actor, Action: "collection.changed", App: app, Reason: reason, Detail: map[string]any{"keep_days": to.KeepDays, "ip": to.IP, "hidden": to.Hidden}})
	})
	if err != nil {
		return Settings{}, err
	}
	return to, s.Load(ctx)
}

func errFaster(app string) error {
	return fault.Conflict("what %s wants of its events was changed by somebody else meanwhile; look at it again", app)
}

// clean says what is wrong with settings, and puts their names in order.
func (s *Settings) clean() error {
	if s.KeepDays < 0 || s.KeepDays > maxKeepDays {
		return fault.Invalid("keep events for 1 to %d days, or 0 for ever", maxKeepDays).At("keep_days")
	}
	if s.IP != IPTruncate && s.IP != IPFull && s.IP != IPNone {
		return fault.Invalid("ip is truncate, full or none").At("ip")
	}
	if len(s.Hidden) > maxHidden {
		return fault.Invalid("at most %d names can be hidden", maxHidden).At("hidden")
	}
	names := []string{}
	for _, name := range s.Hidden {
		name = strings.TrimSpace(name)
		if name == "" || len(name) > maxHiddenName || slices.Contains(strings.Split(name, "."), "") {
			return fault.Invalid("%q is no name to hide; send the name of a property, such as \"email\" or \"card.number\", of at most %d bytes", name, maxHiddenName).At("hidden")
		}
		names = append(names, name)
	}
	slices.Sort(names)
	s.Hidden = slices.Compact(names)
	return nil
}
