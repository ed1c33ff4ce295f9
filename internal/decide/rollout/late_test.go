package rollout_test

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/slipwayhq/slipway/internal/db/dbtest"
	"github.com/slipwayhq/slipway/internal/decide/rollout"
	"github.com/slipwayhq/slipway/internal/decide/rollout/machine"
	"github.com/slipwayhq/slipway/internal/event"
	"github.com/slipwayhq/slipway/internal/pure/manifest"
	"github.com/slipwayhq/slipway/internal/wire"
)

// byHosts splits by hosts, slowly.
func byHosts(_ *event.ReleaseCreated, m *manifest.Manifest) {
	m.Rollout.Canary = manifest.CanaryHosts
	m.Rollout.Steps[0].Watch = manifest.Every(20 * time.Second)
}

// lose tells that hosts are not heard of any more, and lets them be.
func (w *world) lose(hosts ...string) {
	w.t.Helper()
	w.mu.Lock()
	for _, h := range hosts {
		w.deaf[h] = true
	}
	w.mu.Unlock()
	for _, h := range hosts {
		dbtest.Emit(w.t, w.db, event.Meta{Actor: "system:fleet"}, event.AgentLost{Agent: h, Name: h, Roles: []string{wire.RoleHost}})
	}
}

// TestLostHostIsNotDrawn: which host is drawn is chance, so it is tried some times.
func TestLostHostIsNotDrawn(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		w.join("us1", "us2", "us3", "us4")
		w.ship(1, 0, "promoted")
		w.lose("us2", "us3")
		for n := range 3 {
			w.release(byHosts)
			v := w.reach(2+n, "watching")
			for _, h := range v.Hosts {
				if lost := slices.Contains([]string{"us2", "us3"}, h.ID); h.Canary && lost || h.LeftOut != lost || lost != (h.Text == "nothing was heard of it") {
					t.Errorf("#%d: host %s, canary %v, left out %v: %q", v.Number, h.ID, h.Canary, h.LeftOut, h.Text)
				}
			}
			if _, err := w.RollBackEnv(t.Context(), ana, app, env, "", "the next draw"); err != nil {
				t.Fatal(err)
			}
			w.end(2+n, .02, .02)
		}
	})
}

// TestHostThatDoesNotStartIsNotWaitedForForEver: the time is that of the manifest and a minute.
func TestHostThatDoesNotStartIsNotWaitedForForEver(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		w.join("us1", "us2")
		w.ship(1, 0, "promoted")
		w.mu.Lock()
		w.deaf["us2"] = true
		w.mu.Unlock()
		w.release(slow, func(_ *event.ReleaseCreated, m *manifest.Manifest) {
			web := m.Processes["web"]
			web.StartTimeout, web.StopTimeout = manifest.Every(time.Minute), manifest.Every(20*time.Second)
			m.Processes["web"] = web
		})
		w.until("us2 has fetched it and is asked to start it", func() bool {
			w.mu.Lock()
			run, deploy := strings.Join(w.wish["us2"], ","), w.asks["us2"]
			w.mu.Unlock()
			if run != "rel_1,rel_2" {
				w.emit(event.DeployApplied{Deploy: deploy, Host: "us2"})
			}
			return run == "rel_1,rel_2"
		})
		w.until("us1 has started it", func() bool { m := w.machine(); return m.State == machine.Starting && !m.Waiting["us1"] })
		w.pass(2*time.Minute + 10*time.Second)
		if v := w.nth(2); v.State != "starting" {
			t.Fatalf("#2 is %s: %v", v.State, v.Reasons)
		}
		w.pass(20 * time.Second)
		v := w.end(2, .02, .02)
		left := slices.IndexFunc(v.Hosts, func(h rollout.HostView) bool { return h.ID == "us2" && h.LeftOut })
		at := slices.IndexFunc(v.Decisions, func(d rollout.Decision) bool { return d.Reasons[0].Code == "up_partly" })
		if v.Outcome != "promoted" || left < 0 || v.Hosts[left].Text != "it did not answer" || at < 0 || !strings.Contains(v.Decisions[at].Reasons[0].Text, "us2 (it did not answer)") {
			t.Errorf("#2 ended %s: %+v", v.Outcome, v.Decisions)
		}
	})
}

// pass lets time pass in which somebody looks at the newest rollout.
func (w *world) pass(d time.Duration) {
	w.t.Helper()
	const step = 4 * time.Second
	for ; d > 0; d -= step {
		w.clock.pass(step)
		at := w.clock.now()
		w.emit(event.ProcessChanged{Host: "us1", Release: "rel_1", Process: "web", State: wire.ProcessUp, Addr: "127.0.0.1:1"})
		w.until("somebody has looked", func() bool { return !w.machine().Looked.Before(at) })
	}
}

// machine is the newest rollout as it is stored.
func (w *world) machine() *machine.Rollout {
	var body string
	var m machine.Rollout
	err := w.db.QueryRow(w.t.Context(), `SELECT machine FROM rollout_rollouts ORDER BY number DESC LIMIT 1`).Scan(&body)
	if err == nil {
		err = json.Unmarshal([]byte(body), &m)
	}
	if err != nil {
		w.t.Error(err)
	}
	return &m
}
