package track

import (
	"context"
	"time"

	"github.com/slipwayhq/slipway/internal/pure/capture"
)

// Rules are what the doors follow of an app's wishes, at hand. They never change: another wish makes others.
type Rules struct {
	Settings Settings
	Privacy  capture.Privacy // what Settings.Hidden says
}

// Rules gives those of an app.
func (s *Service) Rules(app string) *Rules {
	if r := (*s.rules.Load())[app]; r != nil {
		return r
	}
	return &Rules{Settings: usual()}
}

// Leave tells that an event, read from the log, is not to be stored: it is older than its app keeps events.
func (s *Service) Leave(app string, e *capture.Event) bool {
	r := s.Rules(app)
	return r.tooOld(e.Received, s.db.Now())
}

func (r *Rules) tooOld(received, now time.Time) bool {
	return r.Settings.KeepDays > 0 && received.Before(r.Settings.keptFrom(now))
}

// keptFrom is when what was received before is removed.
func (s Settings) keptFrom(now time.Time) time.Time { return now.UTC().AddDate(0, 0, -s.KeepDays) }

// loadRules reads those of all apps.
func (s *Service) loadRules(ctx context.Context) error {
	settings, err := allSettings(ctx, s.db)
	if err != nil {
		return err
	}
	rules := make(map[string]*Rules, len(settings))
	for app, of := range settings {
		rules[app] = &Rules{Settings: of, Privacy: capture.NewPrivacy(of.Hidden)}
	}
	s.rules.Store(&rules)
	select {
	case s.changed <- struct{}{}:
	default: // somebody is told already
	}
	return nil
}
