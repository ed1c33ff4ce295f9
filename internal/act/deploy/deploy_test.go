package deploy_test

import (
	"context"
	"encoding/json"
	"log/slog"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/slipwayhq/slipway/internal/act/deploy"
	"github.com/slipwayhq/slipway/internal/db"
	"github.com/slipwayhq/slipway/internal/db/dbtest"
	"github.com/slipwayhq/slipway/internal/event"
	"github.com/slipwayhq/slipway/internal/journal"
	"github.com/slipwayhq/slipway/internal/pure/manifest"
	"github.com/slipwayhq/slipway/internal/vault"
	"github.com/slipwayhq/slipway/internal/wire"
)

// Values that must never be in an event.
const (
	password = "correct-horse-battery"
	greeting = "hello-from-the-settings"
)

type world struct {
	t     *testing.T
	db    *db.DB
	j     *journal.Journal
	vault *vault.Vault
	*deploy.Service
}

func each(t *testing.T, fn func(t *testing.T, w *world)) {
	t.Helper()
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		keys, err := vault.OpenKeyring(filepath.Join(t.TempDir(), "key"), "")
		if err != nil {
			t.Fatal(err)
		}
		w := &world{t: t, db: d, j: dbtest.Journal(t, d), vault: vault.New(keys)}
		err = d.Tx(t.Context(), func(tx *db.Tx) error {
			return w.vault.Put(t.Context(), tx, "shop", "production", 3, map[string]string{"GREETING": greeting}, map[string]vault.Secret{"PASSWORD": password})
		})
		if err != nil {
			t.Fatal(err)
		}
		w.Service = w.fresh()
		dbtest.Run(t, w.Run)
		for _, id := range []string{"rel_1", "rel_2"} {
			w.release(id)
		}
		fn(t, w)
	})
}

// fresh is the service as it is after a restart.
func (w *world) fresh() *deploy.Service {
	return deploy.New(w.db, w.j, w.vault, slog.New(slog.NewTextHandler(w.t.Output(), nil)))
}

func (w *world) emit(p event.Payload) event.Event {
	w.t.Helper()
	return dbtest.Emit(w.t, w.db, event.Meta{App: "shop", Env: "production", Actor: "system:test"}, p)
}

func (w *world) release(id string) {
	w.t.Helper()
	text, err := json.Marshal(manifest.Manifest{App: "shop", Processes: map[string]manifest.Process{"web": {Run: "./shop", Health: "/healthz"}}})
	if err != nil {
		w.t.Fatal(err)
	}
	w.emit(event.ReleaseCreated{Release: id, Artifact: strings.Repeat("a", 64), Size: 7, Config: 3, Manifest: text})
}

// wish asks a host to hold and run releases, and waits until the host would hear of it.
func (w *world) wish(id, host string, after int64, releases ...string) wire.Desired {
	w.t.Helper()
	w.emit(event.DeployRequested{Deploy: id, Hosts: []string{host}, Hold: releases, Run: releases})
	return w.heard(host, after)
}

// heard waits until there is a wish beyond the generation.
func (w *world) heard(host string, after int64) wire.Desired {
	w.t.Helper()
	ctx, cancel := context.WithTimeout(w.t.Context(), 20*time.Second)
	defer cancel()
	d, ok, err := w.Desired(ctx, host, after)
	if err != nil || !ok {
		w.t.Fatalf("the wish of %s: %v, %v", host, ok, err)
	}
	return d
}

func (w *world) report(host, id string, converged bool, releases ...wire.ReportRelease) {
	w.t.Helper()
	rep := wire.Report{Environments: []wire.ReportEnv{{App: "shop", Env: "production", Deploy: id, Converged: converged, Releases: releases}}}
	if err := w.Report(w.t.Context(), host, rep); err != nil {
		w.t.Fatal(err)
	}
}

func runs(id, state string) wire.ReportRelease {
	return wire.ReportRelease{Release: id, State: wire.ReleaseStaged, Processes: []wire.ReportProcess{{Process: "web", State: state, Addr: "127.0.0.1:20000"}}}
}

func failed(id, code, text string) wire.ReportRelease {
	return wire.ReportRelease{Release: id, State: wire.ReleaseFailed, Code: code, Text: text}
}

// told lists what the slice emitted, in short.
func (w *world) told() []string {
	w.t.Helper()
	var out []string
	for _, ev := range w.events() {
		if a, err := event.Decode[event.DeployApplied](ev); err == nil {
			out = append(out, "applied "+a.Deploy)
		}
		if f, err := event.Decode[event.DeployFailed](ev); err == nil {
			out = append(out, "failed "+f.Deploy+" "+f.Code)
		}
		if p, err := event.Decode[event.ProcessChanged](ev); err == nil {
			out = append(out, p.Release+" "+p.State)
		}
	}
	return out
}

func (w *world) events() []event.Event {
	w.t.Helper()
	events, err := db.Events(w.t.Context(), w.db, `SELECT COALESCE(position, 0), body FROM events ORDER BY seq`)
	if err != nil {
		w.t.Fatal(err)
	}
	return events
}

func (w *world) want(told ...string) {
	w.t.Helper()
	if got := w.told(); !slices.Equal(got, told) {
		w.t.Errorf("told\n  %s\nwant\n  %s", strings.Join(got, "\n  "), strings.Join(told, "\n  "))
	}
}

func TestAnswersAreToldOnceAndToTheirRequest(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		d := w.wish("dep_1", "h1", 0, "rel_1")
		w.report("h1", "", false)
		w.report("h1", "dep_1", false, runs("rel_1", wire.ProcessStarting))
		w.report("h1", "dep_1", true, runs("rel_1", wire.ProcessUp))
		w.report("h1", "dep_1", true, runs("rel_1", wire.ProcessUp)) // repeated
		first := []string{"rel_1 starting", "rel_1 up", "applied dep_1"}
		w.want(first...)

		w.wish("dep_2", "h1", d.Generation, "rel_1", "rel_2")
		w.report("h1", "dep_1", true, runs("rel_1", wire.ProcessUp)) // sent before it heard of the new wish
		w.want(first...)
		full := failed("rel_2", "disk", "no space left")
		w.report("h1", "dep_2", false, runs("rel_1", wire.ProcessUp), full)
		w.report("h1", "dep_2", false, runs("rel_1", wire.ProcessUp), full)
		w.report("h1", "dep_2", false, runs("rel_1", wire.ProcessUp), failed("rel_2", "fetch", "connection refused"))
		w.report("h1", "dep_2", true, runs("rel_1", wire.ProcessUp), runs("rel_2", wire.ProcessUp))
		w.report("h1", "dep_1", true, runs("rel_1", wire.ProcessUp)) // late: only what runs is believed
		w.report("h1", "dep_2", true, runs("rel_1", wire.ProcessUp), runs("rel_2", wire.ProcessUp))
		w.want(append(first, "failed dep_2 disk", "failed dep_2 fetch", "rel_2 up", "applied dep_2", "rel_2 stopped", "rel_2 up")...)

		// A restart of the server tells nothing again.
		w.Service = w.fresh()
		w.report("h1", "dep_2", true, runs("rel_1", wire.ProcessUp), runs("rel_2", wire.ProcessUp))
		if got := w.told(); len(got) != 9 {
			t.Errorf("told again after a restart: %v", got)
		}
	})
}

func TestWishesSurviveARestart(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		before := w.wish("dep_1", "h1", 0, "rel_1", "rel_2")
		w.Service = w.fresh()
		after, ok, err := w.Desired(t.Context(), "h1", 0)
		if err != nil || !ok || after.Generation != before.Generation || len(after.Environments) != 1 {
			t.Fatalf("the wish is %+v, %v, %v", after, ok, err)
		}
		e := after.Environments[0]
		if e.Deploy != "dep_1" || len(e.Hold) != 2 || !slices.Equal(e.Run, []string{"rel_1", "rel_2"}) {
			t.Errorf("the wish is %+v", e)
		}
		h := e.Hold[0]
		for _, want := range []string{"GREETING=" + greeting, "PASSWORD=" + password, "SLIPWAY_RELEASE=rel_1", "SLIPWAY_HOST=h1"} {
			if !slices.Contains(h.Environ, want) {
				t.Errorf("%s is not in the environment of the process", want)
			}
		}
		if h.Artifact != strings.Repeat("a", 64) || h.Processes["web"].Run != "./shop" || h.Processes["web"].Health != "/healthz" {
			t.Errorf("the release is %+v", h)
		}
		ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
		defer cancel()
		if _, ok, err := w.Desired(ctx, "h1", after.Generation); ok || err != nil {
			t.Errorf("there is something new behind the newest wish: %v, %v", ok, err)
		}
	})
}

func TestRemovedHostIsForgotten(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		w.wish("dep_1", "h1", 0, "rel_1")
		w.report("h1", "dep_1", true, runs("rel_1", wire.ProcessUp))
		removed := w.emit(event.AgentRemoved{Agent: "h1", Name: "h1", Roles: []string{wire.RoleHost}})
		for end := time.Now().Add(20 * time.Second); len(w.told()) < 3 && time.Now().Before(end); time.Sleep(2 * time.Millisecond) {
		}
		w.want("rel_1 up", "applied dep_1", "rel_1 stopped")
		if last := w.events()[len(w.events())-1]; last.Cause != removed.ID {
			t.Errorf("the process stopped because of %s, want %s", last.Cause, removed.ID)
		}
		if held, err := w.Held(t.Context()); err != nil || len(held) != 0 {
			t.Errorf("held is %v, %v", held, err)
		}
		if ps, err := w.Processes(t.Context()); err != nil || len(ps) != 0 {
			t.Errorf("processes are %v, %v", ps, err)
		}
	})
}

func TestWhatAHostDoesNotNameIsGone(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		w.wish("dep_1", "h1", 0, "rel_1")
		w.report("h1", "dep_1", true, runs("rel_1", wire.ProcessUp))
		if err := w.Report(t.Context(), "h1", wire.Report{}); err != nil {
			t.Fatal(err)
		}
		w.want("rel_1 up", "applied dep_1", "rel_1 stopped")
	})
}

func TestNoSecretIsEverInAnEvent(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		w.wish("dep_1", "h1", 0, "rel_1")
		crashed := runs("rel_1", wire.ProcessCrashed)
		crashed.Processes[0].Text = "exit status 1: cannot reach postgres://shop:" + password + "@db/shop"
		w.report("h1", "dep_1", false, crashed)
		w.report("h1", "dep_1", false, crashed, failed("rel_2", "start", "printed "+password))
		told := false
		for _, ev := range w.events() {
			text, err := json.Marshal(ev)
			if err != nil {
				t.Fatal(err)
			}
			if strings.Contains(string(text), password) || strings.Contains(string(text), greeting) {
				t.Errorf("the event %s has a secret or a setting in it: %s", ev.Type, text)
			}
			told = told || strings.Contains(string(text), "cannot reach postgres://shop:[secret]@db/shop")
		}
		if !told {
			t.Error("the process's last words are not told")
		}
		ps, err := w.Processes(t.Context())
		if err != nil || len(ps) != 1 || strings.Contains(ps[0].Text, password) {
			t.Errorf("the pages show %+v, %v", ps, err)
		}
	})
}

// TestAnswersMeetNewWishes lets a host's answers and new wishes come at once: the last wish must be answered.
func TestAnswersMeetNewWishes(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		var gen int64
		for round := range 25 {
			first, second := "dep_a"+string(rune('a'+round)), "dep_b"+string(rune('a'+round))
			gen = w.wish(first, "h1", gen, "rel_1").Generation
			asked := make(chan struct{})
			go func() {
				defer close(asked)
				w.emit(event.DeployRequested{Deploy: second, Hosts: []string{"h1"}, Hold: []string{"rel_1"}, Run: []string{"rel_1"}})
			}()
			for range 3 { // new to the server each time
				w.report("h1", first, true, runs("rel_1", wire.ProcessUp))
				w.report("h1", first, false, runs("rel_1", wire.ProcessUp))
			}
			<-asked
			gen = w.heard("h1", gen).Generation
			w.report("h1", second, true, runs("rel_1", wire.ProcessUp))
			if got := w.told(); got[len(got)-1] != "applied "+second {
				t.Fatalf("round %d: the wish %s is never answered; told last: %s", round, second, got[len(got)-1])
			}
		}
	})
}

// TestOneProcessTakesThePlaceOfAnother: the wish with its start number survives a restart; of two processes of a release the one is told of that visitors should be sent to, and nobody hears of a moment
// in which there is none.
func TestOneProcessTakesThePlaceOfAnother(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		w.wish("dep_1", "h1", 0, "rel_1")
		two := func(old string, addr string, fresh ...wire.ReportProcess) wire.ReportRelease {
			r := runs("rel_1", old)
			r.Processes[0].Addr = addr
			r.Processes = append(r.Processes, fresh...)
			return r
		}
		anew := func(state string) wire.ReportProcess {
			return wire.ReportProcess{Process: "web", Start: 7, State: state, Addr: "127.0.0.1:20001"}
		}
		w.report("h1", "dep_1", true, two(wire.ProcessUp, "127.0.0.1:20000"))
		w.emit(event.DeployRequested{Deploy: "dep_2", Hosts: []string{"h1"}, Hold: []string{"rel_1"}, Run: []string{"rel_1"}, Starts: map[string]int64{"rel_1": 7}})
		w.heard("h1", 1)
		if d, ok, err := w.fresh().Desired(t.Context(), "h1", 1); err != nil || !ok || d.Environments[0].Starts["rel_1"] != 7 {
			t.Errorf("the wish is %+v, %v, %v", d, ok, err)
		}
		for _, r := range []wire.ReportRelease{
			two(wire.ProcessUp, "127.0.0.1:20000", anew(wire.ProcessStarting)),
			two(wire.ProcessUp, "127.0.0.1:20000", anew(wire.ProcessCrashed)),
			two(wire.ProcessUp, "127.0.0.1:20000", anew(wire.ProcessUp)),
			two(wire.ProcessStopping, "127.0.0.1:20000", anew(wire.ProcessUp)),
			two(wire.ProcessStopped, "", anew(wire.ProcessUp)),
		} {
			w.report("h1", "dep_2", false, r)
		}
		w.report("h1", "dep_2", true, wire.ReportRelease{Release: "rel_1", State: wire.ReleaseStaged, Processes: []wire.ReportProcess{anew(wire.ProcessUp)}})
		w.want("rel_1 up", "applied dep_1", "rel_1 up", "applied dep_2")
		p, err := event.Decode[event.ProcessChanged](w.events()[len(w.events())-2])
		if err != nil || p.Start != 7 || p.Addr != "127.0.0.1:20001" {
			t.Errorf("told of %+v, %v", p, err)
		}

		// Without a number whatever runs will do; of two that are up the newer one serves.
		w.emit(event.DeployRequested{Deploy: "dep_3", Hosts: []string{"h1"}, Hold: []string{"rel_1"}, Run: []string{"rel_1"}})
		if d := w.heard("h1", 2); len(d.Environments[0].Starts) != 0 {
			t.Errorf("the wish is %+v", d.Environments[0])
		}
		w.report("h1", "dep_3", true, two(wire.ProcessUp, "127.0.0.1:20000", anew(wire.ProcessUp)))
		w.want("rel_1 up", "applied dep_1", "rel_1 up", "applied dep_2", "applied dep_3")
	})
}
