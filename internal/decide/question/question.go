package question

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"strings"
	"time"

	"github.com/slipwayhq/slipway/internal/access"
	"github.com/slipwayhq/slipway/internal/db"
	"github.com/slipwayhq/slipway/internal/event"
	"github.com/slipwayhq/slipway/internal/fault"
	"github.com/slipwayhq/slipway/internal/pure/explore"
)

// SavedQuestion is a question with a name.
type SavedQuestion struct {
	ID        string          `json:"id"`
	Name      string          `json:"name"`
	Kind      string          `json:"kind" enum:"sql,trend,funnel,retention"`
	Question  json.RawMessage `json:"question" doc:"What …/events/KIND takes; a time that goes up to now is written as last, such as 7d, in the place of from and to"`
	SavedAt   time.Time       `json:"saved_at"`
	SavedBy   string          `json:"saved_by"`
	ChangedAt time.Time       `json:"changed_at" doc:"When it was saved, or changed last"`
	ChangedBy string          `json:"changed_by"`
	Revision  int64           `json:"-"`
}

// Ask is the question as it is asked at a moment.
func (q SavedQuestion) Ask(now time.Time) (explore.Question, error) {
	asked, err := explore.Kept{Kind: q.Kind, Question: q.Question}.At(now)
	return asked, told(err)
}

// Service is what the doors call. The actor of a method is audited, not checked: doors check.
type Service struct{ db *db.DB }

// New makes the Service on a store.
func New(d *db.DB) *Service { return &Service{db: d} }

const (
	// maxName is the length of the longest name, in characters.
	maxName = 100
	// most is how many an app can have.
	most = 1000
)

// List gives those of an app by name.
func (s *Service) List(ctx context.Context, app string) ([]SavedQuestion, error) {
	return list(ctx, s.db, app)
}

// Find gives one of an app.
func (s *Service) Find(ctx context.Context, app, id string) (SavedQuestion, error) {
	return one(ctx, s.db, app, id)
}

// Save keeps a question under a name that no other one of the app has.
func (s *Service) Save(ctx context.Context, actor, app, reason string, q SavedQuestion) (SavedQuestion, error) {
	if err := q.clean(s.db.Now()); err != nil {
		return q, err
	}
	err := s.db.Tx(ctx, func(tx *db.Tx) error {
		q.ID = "qst_" + strings.ReplaceAll(event.NewID(tx.Now()), "-", "")
		q.Revision, q.SavedAt, q.SavedBy = 1, tx.Now().UTC(), actor
		q.ChangedAt, q.ChangedBy = q.SavedAt, actor
		n, err := count(ctx, tx, app)
		if err != nil {
			return err
		}
		if n >= most {
			return fault.Conflict("%s has %d saved questions, and more are not kept; remove some first", app, n)
		}
		if err := insert(ctx, tx, app, q); err != nil {
			return err
		}
		return tell(ctx, tx, actor, app, "question.saved", reason, q)
	})
	return q, err
}

// Change makes a saved question another one, or gives it another name. Its Revision is the one that the caller saw; another one means that somebody else was faster.
func (s *Service) Change(ctx context.Context, actor, app, reason string, to SavedQuestion) (SavedQuestion, error) {
	if err := to.clean(s.db.Now()); err != nil {
		return to, err
	}
	err := s.db.Tx(ctx, func(tx *db.Tx) error {
		now, err := one(ctx, tx, app, to.ID)
		if err != nil {
			return err
		}
		if now.Revision != to.Revision {
			return errFaster(now.Name)
		}
		to.SavedAt, to.SavedBy = now.SavedAt, now.SavedBy
		to.Revision, to.ChangedAt, to.ChangedBy = to.Revision+1, tx.Now().UTC(), actor
		if err := update(ctx, tx, app, to); err != nil {
			return err
		}
		return tell(ctx, tx, actor, app, "question.changed", reason, to)
	})
	return to, err
}

// Remove forgets a saved question, of the revision that the caller saw.
func (s *Service) Remove(ctx context.Context, actor, app, id, reason string, revision int64) error {
	return s.db.Tx(ctx, func(tx *db.Tx) error {
		q, err := one(ctx, tx, app, id)
		if err != nil {
			return err
		}
		if q.Revision != revision {
			return errFaster(q.Name)
		}
		if err := remove(ctx, tx, app, q); err != nil {
			return err
		}
		if _, err := tx.Emit(ctx, event.Meta{App: app, Actor: actor}, event.QuestionRemoved{Question: id, Name: q.Name, Reason: reason}); err != nil {
			return err
		}
		return access.Audit(ctx, tx, access.Entry{Actor: actor, Action: "question.removed", App: app, Target: q.Name, Reason: reason, Detail: map[string]any{"kind": q.Kind}})
	})
}

// tell has a change in the log and in the audit.
func tell(ctx context.Context, tx *db.Tx, actor, app, action, reason string, q SavedQuestion) error {
	if _, err := tx.Emit(ctx, event.Meta{App: app, Actor: actor}, event.QuestionSaved{Question: q.ID, Name: q.Name, Kind: q.Kind, Revision: q.Revision, Reason: reason}); err != nil {
		return err
	}
	return access.Audit(ctx, tx, access.Entry{Actor: actor, Action: action, App: app, Target: q.Name, Reason: reason, Detail: map[string]any{"kind": q.Kind}})
}

// clean says what is wrong with a question.
func (q *SavedQuestion) clean(now time.Time) error {
	q.Name = strings.TrimSpace(q.Name)
	if n := len([]rune(q.Name)); n == 0 || n > maxName || strings.ContainsAny(q.Name, "\n\r\t\x00") {
		return fault.Invalid("a saved question needs a name of 1 to %d characters in one line, such as \"Orders by plan\"", maxName).At("body.name")
	}
	var flat bytes.Buffer
	if err := json.Compact(&flat, q.Question); err != nil {
		return fault.Invalid("send the question as a JSON object").At("body.question")
	}
	q.Question = flat.Bytes()
	asked, err := q.Ask(now)
	if err != nil {
		return err
	}
	_, err = explore.Checked(asked, Zone)
	return told(err)
}

// Zone tells whether a time zone is known.
func Zone(name string) error {
	_, err := time.LoadLocation(name)
	return err
}

// told makes a mistake in a question the asker's.
func told(err error) error {
	var m *explore.Mistake
	if !errors.As(err, &m) {
		return err
	}
	field := m.Field
	if field != "kind" && field != "question" && !strings.HasPrefix(field, "question.") {
		field = "question." + field
	}
	return fault.Invalid("%s", m.Message).At("body." + field)
}

func errFaster(name string) error {
	return fault.Conflict("the saved question %q was changed by somebody else meanwhile; look at it again", name)
}

func noSuch(id string) error { return fault.NotFound("there is no saved question %s", id) }

func nameTaken(app, name string) *fault.Error {
	return fault.Conflict("%s has a saved question named %q already; choose another name", app, name).At("body.name")
}
