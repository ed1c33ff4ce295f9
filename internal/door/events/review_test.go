package events_test

import (
	"context"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/slipwayhq/slipway/internal/access"
	"github.com/slipwayhq/slipway/internal/db/dbtest"
	"github.com/slipwayhq/slipway/internal/decide/track"
	"github.com/slipwayhq/slipway/internal/door/events"
	"github.com/slipwayhq/slipway/internal/event"
	"github.com/slipwayhq/slipway/internal/pure/manifest"
)

// release makes one whose vitals count events, and begins or ends its rollout.
func (w *world) release(id, env string, number int, told func(id string) event.Payload, vitals ...manifest.Vital) {
	w.t.Helper()
	m := manifest.Manifest{Rollout: manifest.DefaultRollout()}
	m.Rollout.Vitals = append(m.Rollout.Vitals, vitals...)
	text, err := json.Marshal(m)
	if err != nil {
		w.t.Fatal(err)
	}
	meta := event.Meta{App: "shop", Env: env, Actor: "system:test"}
	dbtest.Emit(w.t, w.db, meta, event.ReleaseCreated{Release: id, Number: number, Commit: "c", Manifest: text})
	dbtest.Emit(w.t, w.db, meta, told(id))
}

func live(id string) event.Payload {
	return event.RolloutEnded{Rollout: "rol_" + id, Release: id, Outcome: "promoted"}
}

func underWay(id string) event.Payload {
	return event.RolloutStarted{Rollout: "rol_" + id, Release: id}
}

// A change of the plan names what would go blind by it.
func TestAPlanThatBreaksAVital(t *testing.T) {
	w := open(t)
	dan, vera := w.person("dan", "shop", access.Deployer), w.person("vera", "shop", access.Viewer)
	dbtest.Run(t, func(ctx context.Context) error { return w.sources.Follow(ctx, w.log) })
	order := manifest.Vital{Name: "ordered", Event: "ordered", Per: "page", Bad: manifest.Drop, Weight: 1}
	w.release("rel_1", "production", 7, live, order)
	w.release("rel_2", "staging", 9, underWay, manifest.Vital{Name: "refunded", Event: "refunded", Bad: manifest.Rise, Weight: 1})
	for {
		uses, err := w.sources.Vitals(t.Context(), "shop")
		if err != nil {
			t.Fatal(err)
		}
		if len(uses) == 3 {
			break
		}
		time.Sleep(5 * time.Millisecond)
	}

	const path = "/v1/apps/shop/events/plan"
	checked := func(body string) string {
		t.Helper()
		var c events.CheckedPlan
		w.do("POST", path+"/check", vera, body).into(t, &c)
		var texts []string
		for _, e := range c.Effects {
			texts = append(texts, e.Text)
		}
		return strings.Join(texts, "\n")
	}
	const gone = "the vital ordered per page (release 7, live in production) counts ordered, which the plan would not have: each one would be rejected, and nothing be counted\n" +
		"the vital refunded (release 9, under way to staging) counts refunded, which the plan would not have: each one would be rejected, and nothing be counted"
	if got := checked(`{"mode":"reject","events":[]}`); got != gone {
		t.Errorf("without events:\n%s", got)
	}
	for _, harmless := range []string{`{"mode":"warn","events":[]}`, `{"mode":"reject","events":[],"additional_events":true}`, `{"mode":"reject","events":[{"name":"ordered","schema":true},{"name":"refunded","schema":true}]}`} {
		if got := checked(harmless); got != "" {
			t.Errorf("%s: %s", harmless, got)
		}
	}
	refused(t, w.do("POST", path+"/check", vera, `{"mode":"reject","events":[{"name":"a","schema":7}]}`), 422)

	send := w.sender()
	for range 3 {
		send(`{"type":"track","event":"ordered","userId":"u1","properties":{"total":1}}`)
	}
	send(`{"type":"track","event":"ordered","userId":"u1","properties":{"total":1,"coupon":"x"}}`, `{"type":"page","userId":"u1","name":"Home"}`)
	w.has(`SELECT count(*) FROM events`, "[[5]]")
	const requires = `{"mode":"reject","additional_events":true,"events":[{"name":"ordered","schema":{"required":["coupon"]}},{"kind":"page","name":"Home","schema":{"required":["url"]}}]}`
	const mostly = "the vital ordered per page (release 7, live in production) counts ordered: of the newest 4, 3 would be rejected (missing: coupon)\n" +
		"the vital ordered per page (release 7, live in production) counts page events: of the newest 1, 1 would be rejected (missing: url)"
	if got := checked(requires); got != mostly {
		t.Errorf("with a property that most lack:\n%s", got)
	}
	var plan struct{ Effects []track.PlanEffect }
	w.do("PUT", path, dan, `{"mode":"reject","events":[{"name":"refunded","schema":true}]}`, "If-Match", "*").into(t, &plan)
	if len(plan.Effects) != 1 || plan.Effects[0].Rejected != 4 || plan.Effects[0].Of != 4 || !strings.Contains(plan.Effects[0].Text, "each of the newest 4 would be rejected") {
		t.Errorf("the change does not say what it broke: %+v", plan.Effects)
	}
	if got := checked(`{"mode":"reject","events":[{"name":"refunded","schema":true},{"name":"other","schema":true}]}`); got != "" {
		t.Errorf("what is so already is not the change's: %s", got)
	}
	const without = `{"mode":"reject","events":[{"name":"ordered","schema":true}]}`
	if got := checked(without); !strings.Contains(got, "counts refunded") {
		t.Errorf("an event that never came is taken out: %s", got)
	}
	refused(t, w.do("PUT", path, dan, without, "If-Match", "*"), 200)
	if got := checked(without); got != "" {
		t.Errorf("an event that never came is out already: %s", got)
	}
}

// A repository's plan is looked at with the vitals of its own commit, and looking makes no store for an app that has no events.
func TestAPushedPlanThatBreaksAVital(t *testing.T) {
	w := open(t)
	m := manifest.Manifest{Rollout: manifest.DefaultRollout(), Events: &manifest.Events{Plan: "events", Mode: manifest.EventsReject, Environment: "production"}}
	m.Rollout.Vitals = append(m.Rollout.Vitals, manifest.Vital{Name: "ordered", Event: "ordered", Bad: manifest.Drop, Weight: 1})
	r := &track.Reviewer{Sources: w.sources, Engine: w.engine}
	texts, err := r.Pushed(t.Context(), "blog", track.Plan{Mode: track.Reject}, &m)
	if err != nil || len(texts) != 1 || !strings.HasPrefix(texts[0], "the vital ordered (this commit) counts ordered, which the plan would not have") {
		t.Errorf("%v, %v", texts, err)
	}
	if apps, err := w.engine.Apps(t.Context()); err != nil || len(apps) != 0 {
		t.Errorf("stores of %v, %v", apps, err)
	}
}
