package track_test

import (
	"context"
	"encoding/json"
	"strings"
	"testing"

	"github.com/slipwayhq/slipway/internal/db"
	"github.com/slipwayhq/slipway/internal/db/dbtest"
	"github.com/slipwayhq/slipway/internal/decide/track"
	"github.com/slipwayhq/slipway/internal/event"
	"github.com/slipwayhq/slipway/internal/fault"
	"github.com/slipwayhq/slipway/internal/pure/capture"
	"github.com/slipwayhq/slipway/internal/pure/manifest"
)

// shipping is an app whose releases declare plans.
type shipping struct {
	t *testing.T
	d *db.DB
	s *track.Service
}

func ship(t *testing.T, d *db.DB) *shipping {
	j := dbtest.Journal(t, d)
	s := track.New(d)
	dbtest.Run(t, func(ctx context.Context) error { return s.Run(ctx, j) })
	dbtest.Run(t, func(ctx context.Context) error { return s.Follow(ctx, j) })
	return &shipping{t, d, s}
}

// release makes one of a commit of its own; the plan, where there is one, rejects all but the events named.
func (w *shipping) release(id, env string, names ...string) {
	w.t.Helper()
	m := manifest.Manifest{Rollout: manifest.DefaultRollout()}
	if names != nil {
		m.Events = &manifest.Events{Plan: "events", Mode: manifest.EventsReject, Environment: env}
		plan := track.Plan{Mode: track.Reject}
		for _, name := range names {
			plan.Events = append(plan.Events, track.PlannedEvent{Kind: capture.Track, Name: name, Schema: true})
		}
		if err := w.d.Tx(w.t.Context(), func(tx *db.Tx) error { return track.Declare(w.t.Context(), tx, "shop", "sha-"+id, plan) }); err != nil {
			w.t.Fatal(err)
		}
	}
	text, err := json.Marshal(m)
	if err != nil {
		w.t.Fatal(err)
	}
	w.emit(env, event.ReleaseCreated{Release: id, Number: 1, Commit: "sha-" + id, Manifest: text})
}

func (w *shipping) emit(env string, p event.Payload) {
	w.t.Helper()
	dbtest.Emit(w.t, w.d, event.Meta{App: "shop", Env: env, Actor: "system:test"}, p)
}

func (w *shipping) starts(id, env string) {
	w.emit(env, event.RolloutStarted{Rollout: "rol_" + id, Release: id})
}

func (w *shipping) ends(id, env, outcome string) {
	w.emit(env, event.RolloutEnded{Rollout: "rol_" + id, Release: id, Outcome: outcome})
}

// takes waits until exactly these of the events a, b and c are as planned.
func (w *shipping) takes(when, want string) {
	w.t.Helper()
	got := ""
	until(w.t, when, func() bool {
		got = ""
		for _, name := range []string{"a", "b", "c"} {
			if f, reject := w.s.Rules("shop").Check(&capture.Event{Kind: capture.Track, Name: name}); f == nil || !reject {
				got += name
			}
		}
		return got == want
	})
}

func TestTheRepositoryDeclaresThePlan(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		w := ship(t, d)
		if _, err := w.s.SetPlan(t.Context(), "person:ana", "shop", "", track.Plan{Mode: track.Reject, Events: []track.PlannedEvent{{Name: "c", Schema: true}}}); err != nil {
			t.Fatal(err)
		}
		w.takes("the plan of the page counts", "c")
		w.release("rel_1", "production", "a")
		w.starts("rel_1", "production")
		w.takes("while it is rolled out, what either plan has is as planned", "ac")
		w.ends("rel_1", "production", "promoted")
		w.takes("its plan counts once it is live", "a")
		plan, err := w.s.Plan(t.Context(), "shop")
		if err != nil || plan.From == nil || plan.From.Release != "rel_1" || plan.From.Folder != "events" || plan.From.Commit != "sha-rel_1" || plan.Revision != 1 {
			t.Fatalf("%+v, from %+v, %v", plan, plan.From, err)
		}
		if _, err := w.s.SetPlan(t.Context(), "person:ana", "shop", "", track.Plan{Mode: track.Observe, Revision: 1}); !fault.Is(err, fault.CodeConflict) || !strings.Contains(err.Error(), "folder events of its repository") {
			t.Errorf("a plan of the repository was changed on the page: %v", err)
		}

		w.release("rel_2", "production", "b")
		w.starts("rel_2", "production")
		w.takes("the next one is under way", "ab")
		w.ends("rel_2", "production", "rolled_back")
		w.takes("it came back, and its plan went with it", "a")
		w.starts("rel_2", "production")
		w.ends("rel_2", "production", "promoted")
		w.takes("it went out after all", "b")
		w.starts("rel_1", "production")
		w.ends("rel_1", "production", "promoted")
		w.takes("who goes back to a release goes back to its plan", "a")

		w.release("rel_3", "production")
		w.starts("rel_3", "production")
		w.takes("a release without a plan is under way", "ac")
		w.ends("rel_3", "production", "promoted")
		w.takes("the plan is the page's again", "c")
		if plan, err = w.s.Plan(t.Context(), "shop"); err != nil || plan.From != nil || plan.Revision != 1 {
			t.Errorf("%+v, %v", plan, err)
		}
	})
}

func TestThePlanOfProductionGoesFirst(t *testing.T) {
	d := dbtest.SQLite(t, db.Options{})
	w := ship(t, d)
	w.release("rel_s", "eu", "b")
	w.starts("rel_s", "eu")
	w.ends("rel_s", "eu", "promoted")
	w.takes("a plan for eu", "b")
	w.release("rel_p", "production", "a")
	w.starts("rel_p", "production")
	w.ends("rel_p", "production", "promoted")
	w.takes("and one for production", "a")
	w.release("rel_t", "eu", "b")
	w.starts("rel_t", "eu")
	w.release("rel_q", "production", "a", "c")
	w.starts("rel_q", "production")
	w.takes("what goes on in eu changes nothing", "ac")
	again := track.New(d)
	if err := again.Load(t.Context()); err != nil {
		t.Fatal(err)
	}
	if f, _ := again.Rules("shop").Check(&capture.Event{Kind: capture.Track, Name: "b"}); f == nil {
		t.Error("a server that starts does not know the plan")
	}
}

func files(texts ...string) (out []track.File) {
	for i := 0; i < len(texts); i += 2 {
		out = append(out, track.File{Path: "events/" + texts[i], Text: []byte(texts[i+1])})
	}
	return out
}

func TestFilesOfAPlan(t *testing.T) {
	m := manifest.Events{Plan: "events", Mode: manifest.EventsWarn, AdditionalEvents: true, Environment: "production"}
	plan, problems := track.Declared(m, files("order placed.json", `{"required":["total"]}`, "who.json", `{"x-kind":"identify","type":"object"}`, "shop/slash.json", `{"x-name":"cart / left"}`, "seen.json", `{"x-kind":"page"}`, "any.json", "true"))
	if len(problems) > 0 || plan.Mode != "warn" || !plan.AdditionalEvents {
		t.Fatalf("%+v, %v", plan, problems)
	}
	var got []string
	for _, e := range plan.Events {
		got = append(got, string(e.Kind)+" "+e.Name)
	}
	if text := strings.Join(got, "; "); text != "identify ; page seen; track any; track cart / left; track order placed" {
		t.Error(text)
	}
}

func TestMistakesInFilesOfAPlan(t *testing.T) {
	for name, c := range map[string]struct{ text, want string }{
		"no JSON":             {"{\n  \"type\": object\n}", "events/a.json:2:12: this is not JSON: invalid character 'o'"},
		"cut off":             {"{\"type\":", "events/a.json:1:9: the file ends before its JSON does"},
		"empty":               {"", "events/a.json:1:1: the file ends before its JSON does"},
		"two documents":       {"{}\n{}", "events/a.json:2:2: a second document begins here"},
		"no schema":           {"7", "events/a.json:1:1: this is no JSON Schema"},
		"a type that is none": {"{\n  \"properties\": {\n    \"n\": {\"type\": \"numbr\"}\n  }\n}", "events/a.json:3:11: /properties/n/type: this is no JSON Schema"},
		"no such reference":   {`{"$ref": "file:///etc/passwd"}`, "references lead within the schema alone"},
		"an unknown kind":     {`{"x-kind": "flight"}`, `events/a.json:1:2: /x-kind: flight is no kind of event`},
		"a name that is none": {`{"x-name": 7}`, `events/a.json:1:2: /x-name: write the name of the event as a text`},
		"no name":             {`{"x-name": ""}`, "a track event needs a name"},
	} {
		_, problems := track.Declared(manifest.Events{Plan: "events"}, files("a.json", c.text))
		if len(problems) != 1 || !strings.Contains(problems.Text(), c.want) {
			t.Errorf("%s: %s", name, problems.Text())
		}
	}
	_, problems := track.Declared(manifest.Events{Plan: "events"}, files("a.json", "true", "b/a.json", "true", "c.json", "{"))
	if len(problems) != 2 || !strings.Contains(problems.Text(), `track "a" is planned in events/a.json already`) || !strings.Contains(problems.Text(), "events/c.json:1:2") {
		t.Error(problems.Text())
	}
	if p := problems[1]; p.Source != "{" {
		t.Errorf("%+v", p)
	}
}
