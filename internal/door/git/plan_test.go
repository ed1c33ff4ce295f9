package git

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/slipwayhq/slipway/internal/decide/track"
	"github.com/slipwayhq/slipway/internal/pure/manifest"
)

func planned(app, section string) string { return good(app) + "events:\n  plan: events\n" + section }

// noted is the plan that a commit of the shop declares, as it is kept.
func (w *world) noted(commit string) string {
	w.t.Helper()
	var plan string
	if err := w.db.QueryRow(w.t.Context(), `SELECT COALESCE((SELECT d.plan FROM track_commits c JOIN track_declared d ON d.hash = c.hash WHERE c.app = 'shop' AND c.sha = $1), '')`, commit).Scan(&plan); err != nil {
		w.t.Fatal(err)
	}
	return plan
}

func TestAPushDeclaresThePlanOfEvents(t *testing.T) {
	w := open(t, nil)
	c, url := newClone(t), w.url("shop", adminToken)
	c.commit("one", ".slipway.yaml", planned("shop", ""))
	c.refused("this commit has no .json file there", url, "main")
	c.commit("two", "events/order placed.json", "{\n  \"properties\": {\"total\": {\"type\": \"numbr\"}}\n}\n", "events/shop/left.json", "{", "events/README.md", "What we send", "eventsx.json", "{")
	c.refused("the plan of events in events has 2 mistakes", url, "main")
	c.refused("events/order placed.json:2:28: /properties/total/type: this is no JSON Schema: is not one of", url, "main")
	c.refused("events/shop/left.json:1:2", url, "main")
	if len(w.pushed()) != 0 {
		t.Fatal("a plan with mistakes was taken")
	}
	head := c.commit("three", "events/order placed.json", `{"properties": {"total": {"type": "number"}}}`, "events/shop/left.json", "{}")
	c.must("push", url, "main")
	if _, p := w.lastPush(); !strings.Contains(string(p.Manifest), `"events":{"plan":"events","mode":"warn","environment":"production"}`) {
		t.Errorf("%s", p.Manifest)
	}
	const want = `{"mode":"warn","additional_events":false,"events":[{"kind":"track","name":"left","schema":{}},{"kind":"track","name":"order placed","schema":{"properties":{"total":{"type":"number"}}}}]}`
	if got := w.noted(head); got != want {
		t.Errorf("%s", got)
	}
	next := c.commit("four", ".slipway.yaml", good("shop"))
	c.must("push", url, "main")
	if got := w.noted(next); got != "" {
		t.Errorf("a commit that declares none has %s", got)
	}
	// A branch that no environment follows is nobody's concern yet.
	c.must("checkout", "--quiet", "-b", "try")
	c.commit("five", ".slipway.yaml", planned("shop", ""), "events/bad.json", "{")
	c.must("push", url, "try")
}

func TestALinkIsNoPlan(t *testing.T) {
	w := open(t, nil)
	c := newClone(t)
	c.commit("one", ".slipway.yaml", planned("shop", ""), "x", "{}")
	c.must("update-index", "--add", "--cacheinfo", "120000,"+c.must("hash-object", "-w", "x")+",events/a.json")
	c.must("commit", "--quiet", "-m", "a link")
	c.refused("events/a.json has to be a file of the repository, not a link", w.url("shop", adminToken), "main")
}

func TestWhatAPlanBreaksIsSaidAtThePush(t *testing.T) {
	var fail error
	w := open(t, func(o *Options) {
		o.ReviewPlan = func(_ context.Context, app string, p track.Plan, m *manifest.Manifest) ([]string, error) {
			return []string{app + " loses " + p.Events[0].Name + " of " + m.App}, fail
		}
	})
	c, url := newClone(t), w.url("shop", adminToken)
	c.commit("one", ".slipway.yaml", planned("shop", "  mode: reject\n"), "events/left.json", "true")
	if out := c.must("push", url, "main"); !strings.Contains(out, "Warning: when the plan in events counts: shop loses left of shop.") {
		t.Error(out)
	}
	// Where the plan never counts, it breaks nothing.
	c.commit("staging", ".slipway.yaml", planned("shop", "  mode: reject\nenvironments:\n  production: {branch: main}\n  staging: {branch: next}\n"))
	c.must("push", url, "main")
	if out := c.must("push", url, "main:next"); strings.Contains(out, "when the plan in") {
		t.Error(out)
	}
	fail = errors.New("the store of events is closed")
	c.commit("two")
	c.must("push", url, "main")
}

// A branch that is moved on the server itself declares its plan, too; with one that has mistakes it is told of, and not built, as with a bad manifest.
func TestAPlanThatWasMovedByHand(t *testing.T) {
	w := open(t, nil)
	c, url := newClone(t), w.url("shop", adminToken)
	c.commit("one", ".slipway.yaml", good("shop"))
	c.must("push", url, "main")
	for _, move := range []struct {
		schema, mode string
		declared     bool
	}{{"{", "warn", false}, {"true", "reject", true}} {
		head := c.commit("by hand "+move.mode, ".slipway.yaml", planned("shop", "  mode: "+move.mode+"\n"), "events/left.json", move.schema)
		c.must("push", "--quiet", w.door.repo("shop"), "main")
		if err := w.door.settleAll(t.Context()); err != nil {
			t.Fatal(err)
		}
		if _, p := w.lastPush(); p.After != head || (len(p.Manifest) > 0) != move.declared || (w.noted(head) != "") != move.declared {
			t.Errorf("with %s: %+v, %q", move.schema, p, w.noted(head))
		}
	}
}
