package notify

import (
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/slipwayhq/slipway/internal/db"
	"github.com/slipwayhq/slipway/internal/db/dbtest"
	"github.com/slipwayhq/slipway/internal/event"
)

// hook is somebody else's service: it refuses the first calls, and keeps the others.
type hook struct {
	*httptest.Server
	mu     sync.Mutex
	refuse int
	bodies []string
	ids    []string
	came   chan struct{}
}

func newHook(t *testing.T, refuse int) *hook {
	h := &hook{refuse: refuse, came: make(chan struct{}, 100)}
	h.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		h.mu.Lock()
		defer h.mu.Unlock()
		defer func() { h.came <- struct{}{} }()
		h.ids = append(h.ids, r.Header.Get("Slipway-Notice"))
		if h.refuse > 0 {
			h.refuse--
			http.Error(w, "later", http.StatusServiceUnavailable)
			return
		}
		h.bodies = append(h.bodies, string(body))
	}))
	t.Cleanup(h.Close)
	return h
}

// clock is the store's time, moved by the test.
func ended() event.RolloutEnded {
	return event.RolloutEnded{
		Rollout: "rol_1", Outcome: "rolled_back", Verdict: "regressed", Vital: "errors", Path: "/checkout",
		Commits: []event.Commit{{SHA: "0123456789abcdef", Author: "Ana <x>", Email: "ana@example.com", Subject: "Faster & cheaper"}},
		Reasons: []event.Reason{{Code: "errors_regressed", Text: "errors: 4.1 times the old release's"}},
		Number:  39, Subject: "Faster & cheaper", Author: "Ana <x>",
	}
}

func TestAChangeOfConfigurationHasAnAuthor(t *testing.T) {
	e := ended()
	e.Commits, e.Author = nil, "bo"
	ev, err := event.New(event.Meta{App: "shop", Env: "production", Actor: "system:test", Time: time.Now()}, e)
	if err != nil {
		t.Fatal(err)
	}
	if m, _, err := message(ev, ""); err != nil || len(m.Authors) != 1 || m.Authors[0] != "bo" {
		t.Errorf("the authors are %v, %v", m.Authors, err)
	}
}

// The title tells what happened to whose work: a chat shows no more of a notice.
func TestTitlesNameTheRolloutAndWhoseItIs(t *testing.T) {
	old := ended()
	old.Number, old.Subject, old.Author = 0, "", ""
	long := ended()
	long.Subject = strings.Repeat("ü", 100)
	one := event.Commit{SHA: "1", Subject: "Round once", Author: "Bo"}
	for want, p := range map[string]event.Payload{
		"shop/production: rollout #39 was rolled back: “Faster & cheaper” by Ana <x>":                 ended(),
		"shop/production: a rollout was rolled back":                                                  old,
		"shop/production: rollout #39 was rolled back: “" + strings.Repeat("ü", 80) + "…” by Ana <x>": long,
		"shop/production: rollout #7 is held until somebody decides: “Round once” by Bo":              event.RolloutHeld{Rollout: "rol_7", Number: 7, Subject: "Round once", Author: "Bo"},
		"shop: build #3 is red: price after “Round once” by Bo":                                       event.BuildFailed{Number: 3, Failed: []string{"price"}, Suspects: []event.Commit{one}},
		"shop: build #3 is red: price":                                                                event.BuildFailed{Number: 3, Failed: []string{"price"}, Suspects: []event.Commit{one, one}},
	} {
		ev, err := event.New(event.Meta{App: "shop", Env: "production", Actor: "system:test", Time: time.Now()}, p)
		if err != nil {
			t.Fatal(err)
		}
		m, ok, err := message(ev, "")
		if err != nil || !ok || m.Title != want {
			t.Errorf("the title is %q, want %q (%v)", m.Title, want, err)
		}
	}
}

func TestReturnedReleaseIsToldInEachForm(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		ctx := context.Background()
		web, chat := newHook(t, 0), newHook(t, 0)
		s := New(d, nil, "http://slipway", slog.New(slog.DiscardHandler))
		err := s.SetTargets(ctx, "person:ana", "shop", "production", nil, []Target{
			{Kind: KindWebhook, URL: web.URL, On: []string{TopicReturned}}, {Kind: KindSlack, URL: chat.URL, On: []string{TopicReturned, TopicRed}},
		})
		if err != nil {
			t.Fatal(err)
		}
		hear(t, s, ended())
		if _, err := s.sendDue(ctx); err != nil {
			t.Fatal(err)
		}
		var m Message
		if err := json.Unmarshal([]byte(web.bodies[0]), &m); err != nil {
			t.Fatal(err)
		}
		if m.Route != "/checkout" || m.URL != "http://slipway/apps/shop/rollouts/rol_1" || m.Authors[0] != "Ana <x> <ana@example.com>" || !strings.Contains(m.Text, "4.1 times") {
			t.Errorf("the webhook got %+v", m)
		}
		for _, want := range []string{"Faster \\u0026amp; cheaper", "button", "rol_1", "/checkout"} {
			if !strings.Contains(chat.bodies[0], want) {
				t.Errorf("the chat's message lacks %q: %s", want, chat.bodies[0])
			}
		}
		log, err := s.Log(ctx, "shop", "production", "", 10)
		if err != nil || len(log) != 2 || log[0].State != "sent" {
			t.Errorf("log %+v, %v", log, err)
		}
	})
}

// hear handles an event as the log would bring it.
func hear(t *testing.T, s *Service, p event.Payload) {
	t.Helper()
	err := s.db.Tx(context.Background(), func(tx *db.Tx) error {
		ev, err := event.New(event.Meta{App: "shop", Env: "production", Actor: "system:test", Time: tx.Now()}, p)
		if err != nil {
			return err
		}
		return s.handle(context.Background(), tx, ev)
	})
	if err != nil {
		t.Fatal(err)
	}
}

func TestRefusedNoticeIsTriedAgainAndThenFails(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		ctx := context.Background()
		h := newHook(t, maxTries)
		s := New(d, nil, "http://slipway", slog.New(slog.DiscardHandler))
		if err := s.SetTargets(ctx, "person:ana", "shop", "production", nil, []Target{{Kind: KindWebhook, URL: h.URL + "/secret", On: []string{TopicReturned}}}); err != nil {
			t.Fatal(err)
		}
		hear(t, s, ended())
		now := d.Now()
		for range maxTries {
			rows, next, err := due(ctx, d, now)
			if err != nil {
				t.Fatal(err)
			}
			if len(rows) == 0 {
				now = next // as if that much time had passed
				rows, _, err = due(ctx, d, now)
			}
			if err != nil || len(rows) != 1 {
				t.Fatalf("due %v, %v", rows, err)
			}
			if err := s.send(ctx, rows[0]); err != nil {
				t.Fatal(err)
			}
			now = now.Add(time.Millisecond)
		}
		log, err := s.Log(ctx, "shop", "production", "", 10)
		if err != nil || log[0].State != "failed" || log[0].Tries != maxTries || !strings.Contains(log[0].Error, "503") || strings.Contains(log[0].Error, "secret") {
			t.Errorf("log %+v, %v", log, err)
		}
		for _, id := range h.ids {
			if id != h.ids[0] {
				t.Errorf("a try under another id: %v", h.ids)
			}
		}
	})
}

func TestNothingToTell(t *testing.T) {
	good := ended()
	good.Outcome = "promoted"
	ev, err := event.New(event.Meta{App: "shop", Actor: "system:test", Time: time.Now()}, good)
	if err != nil {
		t.Fatal(err)
	}
	if _, ok, err := message(ev, ""); ok || err != nil {
		t.Errorf("a promotion was told: %v", err)
	}
}

func TestBadTargetsAreRefused(t *testing.T) {
	for _, target := range []Target{{Kind: "pager", URL: "http://x"}, {Kind: KindSlack, URL: "ftp://x"}, {Kind: KindSlack, URL: "http://"}, {Kind: KindWebhook, URL: "http://x", On: []string{"green"}}} {
		if target.check() == nil {
			t.Errorf("%+v was taken", target)
		}
	}
}
