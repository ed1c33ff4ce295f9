package agents_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/slipwayhq/slipway/internal/db"
	"github.com/slipwayhq/slipway/internal/db/dbtest"
	"github.com/slipwayhq/slipway/internal/decide/fleet"
	"github.com/slipwayhq/slipway/internal/event"
	"github.com/slipwayhq/slipway/internal/wire"
)

// TestAgentsOfOtherVersionsAreUnderstood lets hosts tell more than this version knows, and less than the newest do. What they say is taken all the same.
func TestAgentsOfOtherVersionsAreUnderstood(t *testing.T) {
	for name, report := range map[string]string{
		"of a later version": `{"generation":1,"mood":{"good":true},"sample":{"cpu":0.5,"gpu":[1,2]},"environments":[{"app":"shop","environment":"production","deploy":"dep_1","converged":true,"since":"2026",
			"releases":[{"release":"rel_1","state":"staged","layers":["a"],"processes":[{"process":"web","state":"up","addr":"127.0.0.1:1","memory":{"rss":7},"since":"2026-11-01T12:00:00Z"}]}]}]}`,
		"of the version before": `{"environments":[{"app":"shop","environment":"production","deploy":"dep_1","converged":true,"releases":[{"release":"rel_1","state":"staged","processes":[{"process":"web","state":"up"}]}]}]}`,
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			host := w.join("h1", wire.RoleHost)
			meta := event.Meta{App: "shop", Env: "production", Actor: "system:test"}
			dbtest.Emit(t, w.db, meta, event.DeployRequested{Deploy: "dep_1", Hosts: []string{host.Agent}})
			if status, text := w.call("GET", "/agent/v1/host/desired?after=0&fancy=1", host.Credential, "1", nil); status != http.StatusOK {
				t.Fatalf("the wish: %d %s", status, text)
			}
			if status, text := w.call("POST", "/agent/v1/host/report", host.Credential, "1", strings.NewReader(report)); status != http.StatusNoContent {
				t.Fatalf("the report: %d %s", status, text)
			}
			told := ""
			events, err := db.Events(t.Context(), w.db, `SELECT COALESCE(position, 0), body FROM events ORDER BY seq`)
			if err != nil {
				t.Fatal(err)
			}
			for _, ev := range events {
				if p, err := event.Decode[event.ProcessChanged](ev); err == nil {
					told += fmt.Sprintf("%s of %s is %s. ", p.Process, p.Release, p.State)
				}
				if a, err := event.Decode[event.DeployApplied](ev); err == nil {
					told += a.Deploy + " is done."
				}
			}
			if told != "web of rel_1 is up. dep_1 is done." {
				t.Errorf("told was %q", told)
			}
			if status, text := w.call("POST", "/agent/v1/beat", host.Credential, "1", strings.NewReader(`{"sample":{"cpu":0.25,"gpu":1},"more":[]}`)); status != http.StatusNoContent {
				t.Errorf("the beat: %d %s", status, text)
			}
		})
	}
}

// joinToken makes a token for roles.
func (w *world) joinToken(roles ...string) string {
	w.t.Helper()
	_, token, err := w.fleet.CreateJoin(w.t.Context(), "person:ana", fleet.JoinToken{Roles: roles})
	if err != nil {
		w.t.Fatal(err)
	}
	return token
}

// TestAJoinOfAnotherVersionIsUnderstood: a machine may say of itself what this version does not ask for, or not say what later ones do.
func TestAJoinOfAnotherVersionIsUnderstood(t *testing.T) {
	w := newWorld(t)
	for i, more := range []string{`,"kernel":{"name":"linux"},"tags":["a"],"cpus":4`, ``} {
		body := fmt.Sprintf(`{"token":%q,"name":"h%d","key":%q,"roles":["host"]%s}`, w.joinToken(wire.RoleHost), i, strings.Repeat("a", 32), more)
		status, text := w.call("POST", "/agent/v1/join", "", "1", strings.NewReader(body))
		var a wire.JoinAnswer
		if err := json.Unmarshal([]byte(text), &a); status != http.StatusOK || err != nil || a.Credential == "" {
			t.Errorf("join %d: %d %s", i, status, text)
		}
	}
}
