package notify

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/slipwayhq/slipway/internal/db"
	"github.com/slipwayhq/slipway/internal/db/dbtest"
	"github.com/slipwayhq/slipway/internal/event"
)

// TestEachTopicIsToldFromTheLog lets the service follow a real log, in which everything happens that people must hear of, and much that they need not. Each target gets
// what it asked for, with who, what, where, why, and the page where it can be seen.
func TestEachTopicIsToldFromTheLog(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		web, chat, red := newHook(t, 0), newHook(t, 0), newHook(t, 0)
		j := dbtest.Journal(t, d)
		s := New(d, j, "http://slipway", slog.New(slog.NewTextHandler(t.Output(), nil)))
		all := []string{TopicRed, TopicHeld, TopicReturned}
		err := d.Tx(t.Context(), func(tx *db.Tx) error {
			return replaceTargets(t.Context(), tx, "shop", "production", []Target{
				{Kind: KindWebhook, URL: web.URL, On: all}, {Kind: KindSlack, URL: chat.URL, On: all}, {Kind: KindWebhook, URL: red.URL, On: []string{TopicRed}},
			})
		})
		if err != nil {
			t.Fatal(err)
		}
		dbtest.Run(t, s.Run)
		commits := []event.Commit{
			{SHA: strings.Repeat("a", 40), Author: "Ana", Email: "ana@example.com", Subject: "Cheaper shipping"},
			{SHA: strings.Repeat("b", 40), Author: "Bob", Email: "bob@example.com", Subject: "Faster checkout"},
			{SHA: strings.Repeat("c", 40), Author: "Ana", Email: "ana@example.com", Subject: "Once more"},
		}
		why := []event.Reason{{Code: "x", Text: "the first reason"}, {Code: "y", Text: "the second reason"}}
		in := event.Meta{App: "shop", Env: "production", Actor: "system:test"}
		for _, p := range []event.Payload{
			event.BuildPassed{Build: "bld_0"},
			event.RolloutMoved{Rollout: "rol_1", To: "held"},
			event.RolloutEnded{Rollout: "rol_0", Outcome: "promoted", Reasons: why},
			event.RolloutEnded{Rollout: "rol_0", Outcome: "superseded", Reasons: why},
			event.BuildFailed{Build: "bld_1", Number: 7, Failed: []string{"cart", "price"}, Suspects: commits, Reasons: why},
			event.RolloutHeld{Rollout: "rol_1", Commits: commits, Reasons: why},
			event.RolloutEnded{Rollout: "rol_2", Outcome: "rolled_back", Path: "/checkout", Commits: commits, Reasons: why},
		} {
			dbtest.Emit(t, d, in, p)
		}
		in.Env = "staging" // nobody is told of that
		dbtest.Emit(t, d, in, event.BuildFailed{Build: "bld_2", Number: 8, Suspects: commits, Reasons: why})
		for _, h := range []struct {
			hook *hook
			n    int
		}{{web, 3}, {chat, 3}, {red, 1}} {
			for range h.n {
				select {
				case <-h.hook.came:
				case <-time.After(30 * time.Second):
					t.Fatal("a notice never came")
				}
			}
		}
		checkMessages(t, web.take(), commits)
		checkChat(t, chat.take())
		if got := red.take(); len(got) != 1 || !strings.Contains(got[0], `"topic":"red"`) {
			t.Errorf("who asked for red builds got %v", got)
		}
	})
}

// take gives what came.
func (h *hook) take() []string {
	h.mu.Lock()
	defer h.mu.Unlock()
	return slices.Clone(h.bodies)
}

func checkMessages(t *testing.T, bodies []string, commits []event.Commit) {
	t.Helper()
	want := map[string]struct{ title, text, route, url string }{
		TopicRed:      {"build #7", "", "", "/builds/bld_1"},
		TopicHeld:     {"held", "", "", "/rollouts/rol_1"},
		TopicReturned: {"rolled back", "\nerrors rose most on /checkout", "/checkout", "/rollouts/rol_2"},
	}
	for _, body := range bodies {
		var m Message
		if err := json.Unmarshal([]byte(body), &m); err != nil {
			t.Fatal(err)
		}
		w, ok := want[m.Topic]
		delete(want, m.Topic)
		if !ok || !strings.Contains(m.Title, w.title) || !strings.Contains(m.Title, "shop") || m.Text != "the first reason\nthe second reason"+w.text || m.Route != w.route {
			t.Errorf("told was %+v", m)
		}
		if m.App != "shop" || m.Env != "production" || m.URL != "http://slipway/apps/shop"+w.url || !slices.Equal(m.Commits, commits) || len(m.Reasons) != 2 ||
			fmt.Sprint(m.Authors) != "[Ana <ana@example.com> Bob <bob@example.com>]" {
			t.Errorf("%s was told with %+v", m.Topic, m)
		}
		if m.Topic == TopicRed && !strings.Contains(m.Title, "cart, price") {
			t.Errorf("the title does not say what failed: %s", m.Title)
		}
	}
	if len(want) > 0 {
		t.Errorf("not told were %v", want)
	}
}

func checkChat(t *testing.T, bodies []string) {
	t.Helper()
	all := strings.Join(bodies, "\n")
	for text, n := range map[string]int{
		"the first reason": 3, "the second reason": 3, "Cheaper shipping (Ana)": 3, "Faster checkout (Bob)": 3, "aaaaaaa": 3,
		"http://slipway/apps/shop/builds/bld_1": 1, "http://slipway/apps/shop/rollouts/rol_1": 1, "http://slipway/apps/shop/rollouts/rol_2": 1, "/checkout": 1,
	} {
		if got := strings.Count(all, text); got != n {
			t.Errorf("%q is in the chat %d times, want %d", text, got, n)
		}
	}
}
