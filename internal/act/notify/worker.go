package notify

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/slipwayhq/slipway/internal/db"
	"github.com/slipwayhq/slipway/internal/event"
)

const (
	// sendTime is how long a target may take to answer.
	sendTime = 10 * time.Second
	// maxTries are spread over about an hour: 5 s, 15 s, 45 s, … apart.
	maxTries  = 8
	firstWait = 5 * time.Second
)

// Run follows the log and sends what waits, until ctx ends.
func (s *Service) Run(ctx context.Context) error {
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() error {
		return s.db.Consume(ctx, s.j, db.Consumer{
			Name:   "notify",
			Types:  []event.Type{event.BuildFailed{}.EventType(), event.RolloutEnded{}.EventType(), event.RolloutHeld{}.EventType()},
			Handle: s.handle,
		})
	})
	g.Go(func() error { return s.db.Single(ctx, "notify/send", s.sendAll) })
	return g.Wait()
}

func (s *Service) handle(ctx context.Context, tx *db.Tx, ev event.Event) error {
	m, ok, err := message(ev, s.base)
	if err != nil || !ok {
		return err
	}
	targets, err := selectTargets(ctx, tx, ev.App, ev.Env)
	if err != nil {
		return err
	}
	targets = slices.DeleteFunc(targets, func(t Target) bool { return !slices.Contains(t.On, m.Topic) })
	return s.enqueue(ctx, tx, ev, m, targets)
}

// enqueue stores one notice a target, to be sent once the transaction is on disk.
func (s *Service) enqueue(ctx context.Context, tx *db.Tx, ev event.Event, m Message, targets []Target) error {
	for _, t := range targets {
		body, err := form(t.Kind, m)
		if err != nil {
			return fmt.Errorf("encode a notice: %w", err)
		}
		r := row{id: event.NewKey("ntc", tx.Now()), app: ev.App, env: ev.Env, kind: t.Kind, url: t.URL, topic: m.Topic, body: string(body), cause: ev.ID}
		if err := insertNotice(ctx, tx, r); err != nil {
			return err
		}
	}
	tx.OnCommit(func() {
		select {
		case s.wake <- struct{}{}:
		default:
		}
	})
	return nil
}

// sendAll sends what is due, and waits for more.
func (s *Service) sendAll(ctx context.Context) error {
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		select {
		case <-timer.C:
		case <-s.wake:
		case <-ctx.Done():
			return nil
		}
		next, err := s.sendDue(ctx)
		if err != nil && ctx.Err() == nil {
			s.log.Error("notices not looked after, trying again", "error", err)
		}
		wait := time.Minute
		if !next.IsZero() {
			wait = min(wait, max(next.Sub(s.db.Now()), time.Millisecond))
		}
		timer.Reset(wait)
	}
}

// sendDue sends what is due, several at a time so that one dead target does not hold up the others, and gives the time of the next try.
func (s *Service) sendDue(ctx context.Context) (next time.Time, err error) {
	rows, next, err := due(ctx, s.db, s.db.Now())
	if err != nil {
		return next, err
	}
	var g errgroup.Group
	g.SetLimit(8)
	for _, r := range rows {
		g.Go(func() error { return s.send(ctx, r) })
	}
	if err := g.Wait(); err != nil {
		return next, err
	}
	if len(rows) > 0 {
		return s.db.Now(), nil // some may have a next try sooner than what was seen
	}
	return next, nil
}

// send tries one notice and notes what came of it.
func (s *Service) send(ctx context.Context, r row) error {
	problem := s.post(ctx, r)
	if ctx.Err() != nil {
		return nil // it was not the target's fault
	}
	return s.db.Tx(ctx, func(tx *db.Tx) error {
		m := event.Meta{App: r.app, Env: r.env, Actor: "system:notify", Cause: r.cause}
		if problem == nil {
			if _, err := tx.Emit(ctx, m, event.NoticeSent{Notice: r.id, Target: hostOf(r.url), About: r.topic}); err != nil {
				return err
			}
			return setNotice(ctx, tx, r.id, "sent", r.tries+1, tx.Now(), "")
		}
		if r.tries+1 < maxTries {
			wait := firstWait
			for range r.tries {
				wait *= 3
			}
			return setNotice(ctx, tx, r.id, "waiting", r.tries+1, tx.Now().Add(wait), problem.Error())
		}
		if _, err := tx.Emit(ctx, m, event.NoticeFailed{Notice: r.id, Target: hostOf(r.url), About: r.topic, Text: problem.Error()}); err != nil {
			return err
		}
		return setNotice(ctx, tx, r.id, "failed", r.tries+1, tx.Now(), problem.Error())
	})
}

// post gives nil when the target answered 2xx. Its error never holds the URL: a chat hook's is a secret.
func (s *Service) post(ctx context.Context, r row) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, r.url, bytes.NewReader([]byte(r.body)))
	if err != nil {
		return errors.New("the target's URL cannot be used")
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("User-Agent", "slipway")
	req.Header.Set("Slipway-Notice", r.id)
	resp, err := s.http.Do(req)
	if err != nil {
		var u *url.Error
		if errors.As(err, &u) {
			err = u.Err
		}
		return fmt.Errorf("no answer: %w", err)
	}
	defer resp.Body.Close()
	text, _ := io.ReadAll(io.LimitReader(resp.Body, 200)) // only to say more
	if resp.StatusCode/100 != 2 {
		return fmt.Errorf("it answered %s: %s", resp.Status, bytes.TrimSpace(text))
	}
	return nil
}
