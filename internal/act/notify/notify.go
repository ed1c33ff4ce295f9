package notify

import (
	"context"
	"log/slog"
	"net/http"
	"net/url"
	"slices"
	"time"

	"github.com/slipwayhq/slipway/internal/access"
	"github.com/slipwayhq/slipway/internal/db"
	"github.com/slipwayhq/slipway/internal/event"
	"github.com/slipwayhq/slipway/internal/fault"
	"github.com/slipwayhq/slipway/internal/journal"
)

// Kinds of target.
const (
	KindWebhook = "webhook"
	KindSlack   = "slack"
)

// maxTargets bounds the targets of an environment.
const maxTargets = 20

// Target is where notices of an environment go.
type Target struct {
	Kind string `json:"kind" enum:"webhook,slack"`
	URL  string `json:"url" format:"uri"`
	// On lists the topics: red, held, returned.
	On []string `json:"on" enum:"red,held,returned"`
}

// Notice is one message to one target.
type Notice struct {
	ID      string    `json:"id"`
	Topic   string    `json:"topic"`
	Kind    string    `json:"kind"`
	Host    string    `json:"host" doc:"Of the target; the rest of its URL may be a secret"`
	State   string    `json:"state" enum:"waiting,sent,failed"`
	Tries   int       `json:"tries"`
	Error   string    `json:"error,omitempty"`
	At      time.Time `json:"at"`
	EndedAt time.Time `json:"ended_at,omitzero"`
}

// Service is the slice as the doors see it.
type Service struct {
	db   *db.DB
	j    *journal.Journal
	log  *slog.Logger
	base string
	http *http.Client
	wake chan struct{}
}

// New makes the slice; base is the URL of the pages that notices link to. Run it too.
func New(d *db.DB, j *journal.Journal, base string, log *slog.Logger) *Service {
	client := &http.Client{Timeout: sendTime, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	return &Service{db: d, j: j, log: log, base: base, http: client, wake: make(chan struct{}, 1)}
}

// Targets lists where an environment's notices go.
func (s *Service) Targets(ctx context.Context, app, env string) ([]Target, error) {
	return selectTargets(ctx, s.db, app, env)
}

// SetTargets replaces those that the caller saw; where they are others by now, it is a conflict.
func (s *Service) SetTargets(ctx context.Context, actor, app, env string, seen, targets []Target) error {
	if len(targets) > maxTargets {
		return fault.Invalid("an environment has at most %d targets", maxTargets).At("webhooks")
	}
	for _, t := range targets {
		if err := t.check(); err != nil {
			return err
		}
	}
	return s.db.Tx(ctx, func(tx *db.Tx) error {
		if err := tx.Lock(ctx, "notices:"+app+"/"+env); err != nil {
			return err
		}
		present, err := selectTargets(ctx, tx, app, env)
		if err != nil {
			return err
		}
		if !slices.EqualFunc(present, seen, Target.equal) {
			return fault.Conflict("where the notices of %s/%s go was changed by somebody else meanwhile; look at it again and repeat your change", app, env)
		}
		if err := replaceTargets(ctx, tx, app, env, targets); err != nil {
			return err
		}
		return access.Audit(ctx, tx, access.Entry{Actor: actor, Action: "notices.changed", App: app, Env: env, Detail: map[string]any{"targets": len(targets)}})
	})
}

func (t Target) equal(o Target) bool {
	return t.Kind == o.Kind && t.URL == o.URL && slices.Equal(t.On, o.On)
}

func (t Target) check() error {
	if t.Kind != KindWebhook && t.Kind != KindSlack {
		return fault.Invalid("there is no kind %q; use webhook or slack", t.Kind).At("kind")
	}
	u, err := url.Parse(t.URL)
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
		return fault.Invalid("a target's URL begins with https:// or http://").At("url")
	}
	for _, topic := range t.On {
		if !slices.Contains([]string{TopicRed, TopicHeld, TopicReturned}, topic) {
			return fault.Invalid("there is no topic %q; use red, held, returned", topic).At("on")
		}
	}
	return nil
}

// Test sends a notice to every target of the environment, so that one sees whether they work.
func (s *Service) Test(ctx context.Context, actor, app, env string) error {
	return s.db.Tx(ctx, func(tx *db.Tx) error {
		targets, err := selectTargets(ctx, tx, app, env)
		if err != nil {
			return err
		}
		if len(targets) == 0 {
			return fault.Conflict("%s/%s has no targets yet; add one first", app, env)
		}
		m := Message{
			Topic: TopicTest, App: app, Env: env, Title: "Slipway can reach you about " + app + "/" + env,
			Text: "This is a test, sent by " + access.Name(actor) + ".", URL: s.base + "/apps/" + app,
		}
		return s.enqueue(ctx, tx, event.Event{App: app, Env: env}, m, targets)
	})
}

// Log gives the newest notices of an environment, of those before an id where one is given.
func (s *Service) Log(ctx context.Context, app, env, before string, limit int) ([]Notice, error) {
	return selectNotices(ctx, s.db, app, env, before, limit)
}
