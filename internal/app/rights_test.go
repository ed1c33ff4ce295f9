package app_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/slipwayhq/slipway/internal/apptest"
	"github.com/slipwayhq/slipway/internal/decide/build"
)

// person adds somebody with a role in an environment, and gives a function that asks as them and tells the status.
func person(t *testing.T, s *apptest.Server, name, env string) func(method, path, body string) int {
	t.Helper()
	s.Must(t, "POST", "/v1/people", map[string]string{"name": name}, nil)
	s.Must(t, "PUT", "/v1/apps/tiny/grants/"+name, map[string]string{"environment": env, "role": "deployer"}, nil)
	var made struct{ Token string }
	s.Must(t, "POST", "/v1/tokens", map[string]string{"person": name, "label": "test"}, &made)
	return func(method, path, body string) int {
		t.Helper()
		req, err := http.NewRequestWithContext(t.Context(), method, s.URL()+path, strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Authorization", "Bearer "+made.Token)
		req.Header.Set("Content-Type", "application/json")
		res, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		_ = res.Body.Close()
		return res.StatusCode
	}
}

func TestARoleInOneEnvironmentChangesNoOther(t *testing.T) {
	s := apptest.Start(t)
	startAgents(t, s, 1, 1)
	c := checkout{t: t, dir: t.TempDir(), url: s.GitURL("tiny")}
	c.must("init", "-q", "-b", "main")
	c.ship("one", 50)
	rolled := ended(t, s, 1)
	var builds struct{ Items []build.Build }
	s.Must(t, "GET", "/v1/apps/tiny/builds", nil, &builds)
	s.Must(t, "POST", "/v1/apps/tiny/environments", map[string]string{"name": "staging", "branch": "next"}, nil)

	prod, stage := person(t, s, "paula", "production"), person(t, s, "sten", "staging")
	const app = "/v1/apps/tiny"
	of := func(env string) string { return app + "/environments/" + env }
	b, r := app+"/builds/"+builds.Items[0].ID, app+"/rollouts/"+rolled.ID
	for _, op := range []struct{ method, path, body string }{
		{"POST", b + "/cancel", `{}`},
		{"POST", b + "/retry", ``},
		{"POST", b + "/hotfix", `{"skip_tests":true,"reason":"now"}`},
		{"POST", r + "/pause", `{"reason":"x"}`},
		{"POST", r + "/resume", `{"reason":"x"}`},
		{"POST", r + "/promote", `{"reason":"x"}`},
		{"POST", r + "/rollback", `{"reason":"x"}`},
		{"PUT", r + "/assessment", `{"word":"right"}`},
		{"DELETE", r + "/assessment", ``},
		{"POST", of("production") + "/freeze", `{"reason":"x"}`},
		{"POST", of("production") + "/unfreeze", `{"reason":"x"}`},
		{"POST", of("production") + "/rollback", `{"reason":"x"}`},
		{"PATCH", of("production") + "/config", `{"settings":{"A":"b"}}`},
		{"GET", of("production") + "/notices", ``},
		{"POST", of("production") + "/notices/test", `{}`},
	} {
		if got := stage(op.method, op.path, op.body); got != http.StatusForbidden {
			t.Errorf("the deployer of staging: %s %s: %d", op.method, op.path, got)
		}
		if got := prod(op.method, op.path, op.body); got == http.StatusForbidden || got == http.StatusNotFound || got >= 500 {
			t.Errorf("the deployer of production: %s %s: %d", op.method, op.path, got)
		}
	}
	for _, op := range []struct{ method, path, body string }{
		{"PATCH", of("staging"), `{"branch":"main2"}`}, // where it runs and what it follows is the app's matter
		{"POST", app + "/environments", `{"name":"qa","branch":"qa"}`},
	} {
		if got := stage(op.method, op.path, op.body); got != http.StatusForbidden {
			t.Errorf("the deployer of one environment: %s %s: %d", op.method, op.path, got)
		}
	}
	if got := stage("POST", of("staging")+"/freeze", `{"reason":"x"}`); got != http.StatusOK {
		t.Errorf("the deployer of staging freezes it: %d", got)
	}
	if got := stage("POST", app+"/builds/bld_none/cancel", `{}`); got != http.StatusNotFound {
		t.Errorf("a build that is not there: %d", got)
	}
	if got := stage("GET", of("production")+"/config", ``); got != http.StatusOK {
		t.Errorf("who sees an app sees all of it: %d", got)
	}
}
