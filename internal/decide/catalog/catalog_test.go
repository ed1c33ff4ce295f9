package catalog

import (
	"context"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/slipwayhq/slipway/internal/blob"
	"github.com/slipwayhq/slipway/internal/db"
	"github.com/slipwayhq/slipway/internal/db/dbtest"
	"github.com/slipwayhq/slipway/internal/event"
	"github.com/slipwayhq/slipway/internal/fault"
	"github.com/slipwayhq/slipway/internal/pure/manifest"
	"github.com/slipwayhq/slipway/internal/vault"
)

// world is a catalog whose events are handled one by one, as the consumer would.
type world struct {
	*Service
	t *testing.T
	d *db.DB
}

func each(t *testing.T, fn func(t *testing.T, w world)) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		keys, err := vault.OpenKeyring(filepath.Join(t.TempDir(), "key"), "")
		if err != nil {
			t.Fatal(err)
		}
		w := world{New(d, vault.New(keys)), t, d}
		if _, err := w.CreateApp(t.Context(), "person:ana", "shop"); err != nil {
			t.Fatal(err)
		}
		fn(t, w)
	})
}

// see handles an event of production.
func (w world) see(p event.Payload) {
	w.t.Helper()
	ctx := w.t.Context()
	err := w.d.Tx(ctx, func(tx *db.Tx) error {
		ev, err := event.New(event.Meta{App: "shop", Env: "production", Actor: "system:test", Time: tx.Now()}, p)
		if err != nil {
			return err
		}
		return handle(ctx, tx, ev)
	})
	if err != nil {
		w.t.Fatalf("%T: %v", p, err)
	}
}

// build passes a build and gives its release.
func (w world) build(sha string) Release {
	w.t.Helper()
	w.see(event.BuildPassed{
		Build: "bld_" + sha, Head: sha, Commits: []event.Commit{{SHA: sha, Subject: "commit " + sha, Author: "Ana"}}, Artifact: artifact(sha), Size: 7, Manifest: []byte(`{"app":"shop"}`),
	})
	return w.newest()
}

func artifact(sha string) string { return strings.Repeat(sha, 64)[:64] }

func (w world) newest() Release {
	w.t.Helper()
	all, err := w.Releases(w.t.Context(), "shop", "production", 0, 1)
	if err != nil || len(all) == 0 {
		w.t.Fatalf("no release: %v", err)
	}
	return all[0]
}

// ship takes a release through a rollout.
func (w world) ship(r Release, outcome string) {
	w.t.Helper()
	rollout := "rol_" + r.ID
	w.see(event.RolloutQueued{Rollout: rollout, Release: r.ID})
	w.see(event.RolloutStarted{Rollout: rollout, Release: r.ID})
	w.see(event.RolloutMoved{Rollout: rollout, To: "watching", Step: 1, Share: 0.1})
	w.see(event.RolloutEnded{Rollout: rollout, Release: r.ID, Outcome: outcome, Verdict: "healthy"})
}

func (w world) states() string {
	w.t.Helper()
	all, err := w.Releases(w.t.Context(), "shop", "production", 0, 100)
	if err != nil {
		w.t.Fatal(err)
	}
	var out []string
	for _, r := range slices.Backward(all) {
		out = append(out, string(r.State))
	}
	return strings.Join(out, " ")
}

func (w world) emitted(kind string) []event.Event {
	w.t.Helper()
	events, err := db.Events(w.t.Context(), w.d, `SELECT seq, body FROM events WHERE type = $1 ORDER BY seq`, kind)
	if err != nil {
		w.t.Fatal(err)
	}
	return events
}

func TestAnAppComesWithProduction(t *testing.T) {
	each(t, func(t *testing.T, w world) {
		a, err := w.App(t.Context(), "shop")
		if err != nil || len(a.Environments) != 1 || a.Environments[0].Name != Production || a.Environments[0].Branch != MainBranch {
			t.Fatalf("%+v %v", a, err)
		}
		if _, err := w.CreateApp(t.Context(), "person:ana", "shop"); !fault.Is(err, fault.CodeConflict) {
			t.Errorf("a second shop: %v", err)
		}
		if len(w.emitted("app.created")) != 1 || len(w.emitted("environment.created")) != 1 {
			t.Error("events are missing, or told twice")
		}
		if _, err := w.App(t.Context(), "shoes"); !fault.Is(err, fault.CodeNotFound) {
			t.Errorf("no such app: %v", err)
		}
	})
}

func TestWhatAReleaseNeedNotHoldIsPassedOn(t *testing.T) {
	each(t, func(t *testing.T, w world) {
		w.see(event.BuildPassed{Build: "bld_1", Head: "a", Artifact: artifact("a"), Manifest: []byte(`{"app":"shop"}`), Diverged: true})
		if _, err := w.ChangeConfig(t.Context(), "person:ana", "shop", "production", 0, vault.Change{Settings: map[string]string{"A": "1"}}, "test"); err != nil {
			t.Fatal(err)
		}
		var got []bool
		for _, ev := range w.emitted("release.created") {
			r, err := event.Decode[event.ReleaseCreated](ev)
			if err != nil {
				t.Fatal(err)
			}
			got = append(got, r.Diverged)
		}
		if !slices.Equal(got, []bool{true, false}) {
			t.Errorf("diverged are %v: the build is, the change of its configuration is not", got)
		}
	})
}

func TestRolloutThatWaitsAgainIsNotUnderWay(t *testing.T) {
	each(t, func(t *testing.T, w world) {
		r := w.build("a")
		w.see(event.RolloutQueued{Rollout: "rol_1", Release: r.ID})
		w.see(event.RolloutStarted{Rollout: "rol_1", Release: r.ID})
		w.see(event.RolloutMoved{Rollout: "rol_0", To: "queued"}) // of another one
		if e, err := w.Environment(t.Context(), "shop", "production"); err != nil || e.Rollout == nil || w.states() != "rolling" {
			t.Errorf("%+v %s %v", e.Rollout, w.states(), err)
		}
		w.see(event.RolloutMoved{Rollout: "rol_1", To: "queued"})
		if e, err := w.Environment(t.Context(), "shop", "production"); err != nil || e.Rollout != nil || e.Waiting != 1 || w.states() != "waiting" {
			t.Errorf("it waits for a host, and yet: %+v %s %v", e.Rollout, w.states(), err)
		}
		w.see(event.RolloutStarted{Rollout: "rol_1", Release: r.ID})
		w.see(event.RolloutEnded{Rollout: "rol_1", Release: r.ID, Outcome: "promoted"})
		if w.states() != "live" {
			t.Errorf("states %s", w.states())
		}
	})
}

func TestReleasesFromBuildToVerdict(t *testing.T) {
	each(t, func(t *testing.T, w world) {
		one := w.build("a")
		if one.Number != 1 || one.Subject != "commit a" || one.Author != "Ana" || one.Why != "push" || one.State != Waiting {
			t.Errorf("release %+v", one)
		}
		w.ship(one, "promoted")
		two := w.build("b")
		w.see(event.RolloutStarted{Rollout: "rol_2", Release: two.ID})
		w.see(event.RolloutMoved{Rollout: "rol_2", To: "watching", Step: 1, Share: 0.1})
		w.see(event.RolloutJudged{Rollout: "rol_2", Verdict: "unknown"})
		w.see(event.RolloutHeld{Rollout: "rol_2"})
		e, err := w.Environment(t.Context(), "shop", Production)
		if err != nil || e.Live == nil || e.Live.Number != 1 || e.Rollout == nil || *e.Rollout != (RolloutSummary{"rol_2", two.ID, "held", 1, 0.1, "unknown"}) {
			t.Errorf("%+v %+v %v", e.Live, e.Rollout, err)
		}
		w.see(event.RolloutEnded{Rollout: "rol_2", Release: two.ID, Outcome: "rolled_back", Verdict: "regressed"})
		three := w.build("c")
		w.ship(three, "superseded")
		four := w.build("d")
		w.ship(four, "promoted")
		if got := w.states(); got != "good bad superseded live" {
			t.Errorf("states %s", got)
		}
		w.ship(one, "promoted") // somebody goes back
		if got := w.states(); got != "live bad superseded bad" {
			t.Errorf("states after going back: %s", got)
		}
		e, err = w.Environment(t.Context(), "shop", Production)
		if err != nil || e.Live.Number != 1 || e.Rollout != nil || e.Waiting != 0 {
			t.Errorf("%+v %v", e, err)
		}
		good, ok, err := LastGood(t.Context(), w.d, "shop", Production, 4)
		if err != nil || !ok || good.Number != 1 {
			t.Errorf("last good %+v %v %v", good, ok, err)
		}
		w.see(event.FreezeSet{Reason: "holidays"})
		if e, _ := w.Environment(t.Context(), "shop", Production); e.Frozen == nil || e.Frozen.Reason != "holidays" {
			t.Errorf("not frozen: %+v", e.Frozen)
		}
		w.see(event.FreezeLifted{})
		if e, _ := w.Environment(t.Context(), "shop", Production); e.Frozen != nil {
			t.Errorf("still frozen: %+v", e.Frozen)
		}
	})
}

func TestAChangeOfConfigurationIsARelease(t *testing.T) {
	each(t, func(t *testing.T, w world) {
		ctx := t.Context()
		change := func(version int, c vault.Change) (Config, error) {
			return w.ChangeConfig(ctx, "person:ana", "shop", Production, version, c, "because")
		}
		if _, err := change(0, vault.Change{Settings: map[string]string{"COLOR": "red"}, Secrets: map[string]vault.Secret{"PAY_KEY": "hunter2"}}); err != nil {
			t.Fatal(err)
		}
		if len(w.emitted("release.created")) != 0 {
			t.Error("a release without an artifact")
		}
		one := w.build("a")
		if one.Config != 1 {
			t.Errorf("the first release has configuration %d", one.Config)
		}
		w.ship(one, "promoted")
		bad := w.build("b")
		w.ship(bad, "rolled_back")
		c, err := change(1, vault.Change{Settings: map[string]string{"COLOR": "blue"}})
		if err != nil || c.Version != 2 || c.Settings["COLOR"] != "blue" || len(c.Secrets) != 1 || c.Secrets[0].Version != 1 || len(c.History) != 2 || c.History[0].Reason != "because" {
			t.Fatalf("%+v %v", c, err)
		}
		r := w.newest()
		if r.Number != 3 || r.Why != "config" || r.Config != 2 || r.Artifact != one.Artifact || r.Commit != "a" || len(r.Commits) != 0 {
			t.Errorf("release %+v", r)
		}
		for _, r := range []Release{r, must(t)(w.Release(ctx, "shop", r.ID))} {
			if r.Change == nil || r.Change.By != "person:ana" || !slices.Equal(r.Change.Settings, []string{"COLOR"}) || r.Change.Reason != "because" || r.Author != "ana" || r.Subject != "configuration 2: COLOR" {
				t.Errorf("it does not say who changed what: %+v, %+v", r, r.Change)
			}
		}
		if one := must(t)(w.Release(ctx, "shop", one.ID)); one.Change != nil {
			t.Errorf("a push changed %+v", one.Change)
		}
		if _, err := change(1, vault.Change{Remove: []string{"COLOR"}}); !fault.Is(err, fault.CodeConflict) {
			t.Errorf("somebody else was faster: %v", err)
		}
		if _, err := change(2, vault.Change{Remove: []string{"SHAPE"}}); !fault.Is(err, fault.CodeInvalid) {
			t.Errorf("removing what is not there: %v", err)
		}
		if _, err := change(2, vault.Change{}); !fault.Is(err, fault.CodeInvalid) {
			t.Errorf("an empty change: %v", err)
		}
		if w.newest().Number != 3 {
			t.Error("a refused change made a release")
		}
		environ, err := w.vault.Environ(ctx, w.d, "shop", Production, 1)
		if err != nil || !slices.Equal(environ, []string{"COLOR=red", "PAY_KEY=hunter2"}) {
			t.Errorf("version 1 is %v by now, %v", environ, err)
		}
		for _, ev := range w.emitted("config.changed") {
			if strings.Contains(string(ev.Data), "hunter2") || strings.Contains(string(ev.Data), "red") {
				t.Errorf("a value is in an event: %s", ev.Data)
			}
		}
	})
}

func must(t *testing.T) func(Release, error) Release {
	return func(r Release, err error) Release {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return r
	}
}

func TestManifestAndSettingsPageShareTheEnvironments(t *testing.T) {
	each(t, func(t *testing.T, w world) {
		apply := func(envs string) ([]string, error) {
			m, problems := manifest.Parse([]byte("app: shop\nenvironments:\n" + envs))
			if len(problems) > 0 {
				t.Fatal(problems)
			}
			return inTx(t, w.d, func(ctx context.Context, tx *db.Tx) ([]string, error) {
				return ApplyManifest(ctx, tx, "person:ana", "shop", m)
			})
		}
		branch := func(env string) string {
			e, err := w.Environment(t.Context(), "shop", env)
			if err != nil {
				t.Fatal(err)
			}
			return e.Branch
		}
		const both = "  production: {branch: main}\n  staging: {branch: develop}\n"
		if said, err := apply(both); err != nil || len(said) != 1 || branch("staging") != "develop" {
			t.Fatalf("%v %v", said, err)
		}
		// What was set by hand before the first push stays: the manifest says nothing of it, or what was so from the start.
		p, _ := w.Environment(t.Context(), "shop", Production)
		trunk, labels := "release", map[string]string{"tier": "web"}
		if _, err := w.ChangeEnvironment(t.Context(), "person:ana", "shop", Production, p.Revision, Change{Branch: &trunk, Labels: labels}); err != nil {
			t.Fatal(err)
		}
		if said, err := apply(both); err != nil || len(said) != 0 || branch(Production) != "release" {
			t.Errorf("a manifest with nothing new undid a change by hand: %v %v", said, err)
		}
		const forced = "  production: {branch: main, allow_force_push: true}\n  staging: {branch: develop}\n"
		if _, err := apply(forced); err != nil {
			t.Fatal(err)
		}
		if p, _ = w.Environment(t.Context(), "shop", Production); p.Branch != "release" || !p.AllowForcePush || p.Labels["tier"] != "web" {
			t.Errorf("one new word of the manifest changed more than that: %+v", p)
		}
		e, _ := w.Environment(t.Context(), "shop", "staging")
		next := "next"
		if _, err := w.ChangeEnvironment(t.Context(), "person:ana", "shop", "staging", e.Revision, Change{Branch: &next}); err != nil {
			t.Fatal(err)
		}
		if said, err := apply(forced); err != nil || len(said) != 0 || branch("staging") != "next" {
			t.Errorf("the same file again undid a change by hand: %v %v", said, err)
		}
		if said, err := apply("  production: {branch: main, allow_force_push: true}\n  staging: {branch: trunk}\n"); err != nil || len(said) != 1 || branch("staging") != "trunk" {
			t.Errorf("a change of the file did not win: %v %v", said, err)
		}
		if _, err := apply("  staging: {branch: release}\n"); !fault.Is(err, fault.CodeConflict) {
			t.Errorf("two environments follow main: %v", err)
		}
		if _, ok, err := EnvironmentFor(t.Context(), w.d, "shop", "trunk"); !ok || err != nil {
			t.Errorf("nothing follows trunk: %v", err)
		}
	})
}

func inTx[T any](t *testing.T, d *db.DB, fn func(context.Context, *db.Tx) (T, error)) (T, error) {
	var out T
	err := d.Tx(t.Context(), func(tx *db.Tx) error {
		var err error
		out, err = fn(t.Context(), tx)
		return err
	})
	return out, err
}

func TestDomainsLeadToOnePlace(t *testing.T) {
	each(t, func(t *testing.T, w world) {
		ctx := t.Context()
		if _, err := w.CreateApp(ctx, "person:ana", "shoes"); err != nil {
			t.Fatal(err)
		}
		set := func(app string, domains ...string) error {
			e, err := w.Environment(ctx, app, Production)
			if err != nil {
				t.Fatal(err)
			}
			_, err = w.ChangeEnvironment(ctx, "person:ana", app, Production, e.Revision, Change{Domains: domains})
			return err
		}
		if err := set("shop", "shop.example.com", "www.shop.example.com"); err != nil {
			t.Fatal(err)
		}
		if err := set("shoes", "shop.example.com"); !fault.Is(err, fault.CodeConflict) {
			t.Errorf("taken: %v", err)
		}
		for _, bad := range []string{"Shop.example.com", "http://x.example.com", "x.example.com:80", "localhost", "*.example.com", "a..example.com"} {
			if err := set("shoes", bad); !fault.Is(err, fault.CodeInvalid) {
				t.Errorf("%s: %v", bad, err)
			}
		}
	})
}

func TestSweep(t *testing.T) {
	each(t, func(t *testing.T, w world) {
		dir := t.TempDir()
		blobs, err := blob.Open(dir)
		if err != nil {
			t.Fatal(err)
		}
		put := func(text string, old bool) string {
			sha, _, err := blobs.Put(strings.NewReader(text))
			if err != nil {
				t.Fatal(err)
			}
			if old {
				paths, _ := filepath.Glob(filepath.Join(dir, "artifacts", "??", sha))
				then := time.Now().Add(-2 * sweepAge)
				if err := os.Chtimes(paths[0], then, then); err != nil {
					t.Fatal(err)
				}
			}
			return sha
		}
		release := func(sha, outcome string) Release {
			w.see(event.BuildPassed{Head: sha, Artifact: sha, Manifest: []byte(`{}`)})
			r := w.newest()
			w.ship(r, outcome)
			return w.newest()
		}
		shas := map[string]string{}
		for _, name := range []string{"forgotten", "good", "live", "bad", "held", "newest"} {
			shas[name] = put(name, true)
		}
		shas["young"] = put("young", false)
		release(shas["forgotten"], "promoted")
		release(shas["good"], "promoted")
		release(shas["bad"], "rolled_back")
		release(shas["young"], "rolled_back")
		held := release(shas["held"], "rolled_back")
		release(shas["live"], "promoted")
		release(shas["newest"], "rolled_back")
		dropped, err := w.Sweep(t.Context(), blobs, map[string]bool{held.ID: true}, 1)
		if err != nil {
			t.Fatal(err)
		}
		for name, sha := range shas {
			_, there := blobs.Has(sha)
			if want := name != "forgotten" && name != "bad"; there != want {
				t.Errorf("%s is there: %v", name, there)
			}
		}
		if len(dropped) != 2 || dropped[0].Reason == "" {
			t.Errorf("dropped %+v", dropped)
		}
		stored := 0
		all, _ := w.Releases(t.Context(), "shop", Production, 0, 100)
		for _, r := range all {
			stored += int(number(r.Stored))
		}
		if stored != 5 {
			t.Errorf("%d releases count as stored", stored)
		}
	})
}

func TestJanitorSweepsAtOnceAndStops(t *testing.T) {
	each(t, func(t *testing.T, w world) {
		dir := t.TempDir()
		blobs, err := blob.Open(dir)
		if err != nil {
			t.Fatal(err)
		}
		sha, _, err := blobs.Put(strings.NewReader("nobody's"))
		if err != nil {
			t.Fatal(err)
		}
		paths, _ := filepath.Glob(filepath.Join(dir, "artifacts", "??", sha))
		then := time.Now().Add(-2 * sweepAge)
		if err := os.Chtimes(paths[0], then, then); err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		log := &said{words: make(chan string, 1)}
		j := Janitor{Catalog: w.Service, Blobs: blobs, Logger: slog.New(slog.NewTextHandler(log, nil)), Held: func(context.Context) (map[string]bool, error) { return nil, nil }}
		ended := make(chan error, 1)
		go func() { ended <- j.Run(ctx) }()
		if line := <-log.words; !strings.Contains(line, "artifact dropped") || !strings.Contains(line, "no release has it") {
			t.Errorf("logged %s", line)
		}
		if _, there := blobs.Has(sha); there {
			t.Error("it is still there")
		}
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
}

// said passes on what is logged.
type said struct{ words chan string }

func (s *said) Write(p []byte) (int, error) {
	s.words <- string(p)
	return len(p), nil
}
