package api

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/slipwayhq/slipway/internal/access"
	"github.com/slipwayhq/slipway/internal/db"
	"github.com/slipwayhq/slipway/internal/decide/rollout"
	"github.com/slipwayhq/slipway/internal/decide/rollout/machine"
	"github.com/slipwayhq/slipway/internal/decide/rollout/past"
	"github.com/slipwayhq/slipway/internal/decide/rollout/score"
	"github.com/slipwayhq/slipway/internal/event"
)

// past puts an ended rollout into the store, as the slice keeps it, and gives its id.
func (w *world) past(number int, env, outcome string, by score.By) string {
	w.t.Helper()
	id, release := fmt.Sprintf("rol_%026d", number), fmt.Sprintf("rel_%d", number)
	now := w.db.Now()
	m := machine.Rollout{ID: id, Number: number, App: "shop", Env: env, Release: release, State: machine.State(outcome), Outcome: outcome, EndedAt: now}
	f := score.Facts{
		Rollout: id, Number: number, App: "shop", Env: env, ReleaseID: release, Judged: true, Outcome: outcome, By: by, Verdict: "unknown", Text: "so it is", Alpha: .01, PerDay: .1, Ended: now,
		Met: now.Add(-time.Minute), Decided: now.Add(-time.Second),
	}
	if by == score.Judge && outcome == "rolled_back" {
		f.Harm = &score.Harm{Kind: score.Failed, Done: 9, Spared: 90, Least: 30, Second: 3, Rest: 30}
	}
	text := func(v any) string {
		data, err := json.Marshal(v)
		if err != nil {
			w.t.Fatal(err)
		}
		return string(data)
	}
	err := w.db.Tx(w.t.Context(), func(tx *db.Tx) error {
		for _, row := range []struct {
			sql  string
			args []any
		}{
			{`INSERT INTO rollout_releases (release, app, env, number, body) VALUES ($1, 'shop', $2, $3, $4)`,
				[]any{release, env, number, text(event.ReleaseCreated{Release: release, Number: number, Commit: "c0ffee", Commits: []event.Commit{{SHA: "c0ffee", Subject: "Change", Author: "Ana"}}})}},
			{`INSERT INTO rollout_rollouts (rollout, app, env, number, release, state, machine, created_at, started_at, ended_at) VALUES ($1, 'shop', $2, $3, $4, $5, $6, 1, 1, $7)`,
				[]any{id, env, number, release, outcome, text(m), db.Micros(now)}},
			{`INSERT INTO rollout_verdicts (rollout, app, env, ended_at, judged, outcome, ended_by, body) VALUES ($1, 'shop', $2, $3, 1, $4, $5, $6)`,
				[]any{id, env, db.Micros(now), outcome, string(by), text(f)}},
		} {
			if _, err := tx.Exec(w.t.Context(), row.sql, row.args...); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		w.t.Fatal(err)
	}
	return id
}

// scored is a door with three verdicts.
func scored(t *testing.T) (w *world, back, byHand, staged string) {
	w = open(t)
	w.server.MountRollouts(rollout.New(w.db, nil, slog.New(slog.DiscardHandler)))
	w.want(200, "POST", "/v1/apps", `{"name":"shop"}`)
	w.want(200, "POST", "/v1/apps/shop/environments", `{"name":"staging","branch":"next"}`)
	return w, w.past(1, "production", "rolled_back", score.Judge), w.past(2, "production", "rolled_back", score.Person), w.past(3, "staging", "promoted", score.Judge)
}

func TestTheScoreByAPI(t *testing.T) {
	w, back, byHand, staged := scored(t)
	var s score.Score
	w.want(200, "GET", "/v1/apps/shop/score?environment=production", "").into(t, &s)
	if s.Days != 30 || len(s.ByDay) != 30 || s.Judged != 2 || s.ByJudge != 1 || s.ByPerson != 1 || s.Unsaid != 1 || s.Budget != 3 || s.Failed.Spared != 90 || s.Env != "production" {
		t.Errorf("the score is %+v", s)
	}
	w.want(200, "GET", "/v1/apps/shop/score?days=7", "").into(t, &s)
	if s.Days != 7 || s.Judged != 3 || s.Promoted != 1 || s.Budget != 1.4 || s.Env != "" {
		t.Errorf("the score of all environments is %+v", s)
	}
	ids := func(query string) (list string) {
		t.Helper()
		for {
			var page struct {
				Items []struct {
					ID      string
					Release struct{ Subject string }
				}
				Next string
			}
			w.want(200, "GET", "/v1/apps/shop/verdicts?"+query, "").into(t, &page)
			for _, v := range page.Items {
				list += v.ID + " "
				if v.Release.Subject != "Change" {
					t.Errorf("the release is %+v", v.Release)
				}
			}
			if page.Next == "" {
				return strings.TrimSpace(list)
			}
			query = "limit=1&after=" + page.Next
		}
	}
	for query, want := range map[string]string{
		"": staged + " " + byHand + " " + back, "limit=1": staged + " " + byHand + " " + back, "environment=staging": staged,
		"show=rolled_back": byHand + " " + back, "show=to_say": back,
	} {
		if got := ids(query); got != want {
			t.Errorf("%q gives %s, not %s", query, got, want)
		}
	}
	for path, status := range map[string]int{
		"/v1/apps/shop/score?environment=qa": 404, "/v1/apps/none/score": 404, "/v1/apps/shop/score?days=0": 422, "/v1/apps/shop/score?days=366": 422,
		"/v1/apps/shop/verdicts?environment=qa": 404, "/v1/apps/shop/verdicts?show=some": 422, "/v1/apps/shop/verdicts?after=3": 422, "/v1/apps/shop/rollouts/rol_none/assessment": 404,
	} {
		if res := w.do("GET", path, adminToken, ""); res.StatusCode != status {
			t.Errorf("%s: %d %s", path, res.StatusCode, res.body)
		}
	}
}

func TestAWordByAPI(t *testing.T) {
	w, back, byHand, staged := scored(t)
	path := func(id string) string { return "/v1/apps/shop/rollouts/" + id + "/assessment" }
	var v rollout.Verdict
	res := w.want(200, "GET", path(back), "")
	res.into(t, &v)
	if v.Assessment.Word != "" || !v.CanBeSaid || v.Harm == nil || v.Harm.Spared != 90 || res.Header.Get("ETag") != `"0"` {
		t.Errorf("before anybody said anything: %s %s", res.body, res.Header.Get("ETag"))
	}
	w.want(428, "PUT", path(back), `{"word":"wrong"}`)
	res = w.want(200, "PUT", path(back), `{"word":"wrong","note":"a crawler"}`, "If-Match", `"0"`)
	res.into(t, &v)
	if a := v.Assessment; a.Word != score.Wrong || a.Note != "a crawler" || a.By != "admin" || a.At.IsZero() || res.Header.Get("ETag") != `"1"` {
		t.Errorf("the answer is %s %s", res.body, res.Header.Get("ETag"))
	}
	w.want(412, "PUT", path(back), `{"word":"right"}`, "If-Match", `"0"`)
	w.want(412, "DELETE", path(back), "", "If-Match", `"0"`)
	var s score.Score
	w.want(200, "GET", "/v1/apps/shop/score", "").into(t, &s)
	if s.Wrong != 1 || s.Unsaid != 0 || s.Failed.Spared != 0 {
		t.Errorf("the score is %+v", s)
	}
	if res := w.want(200, "GET", "/v1/apps/shop/verdicts?show=to_say", ""); string(res.body) != "{\"items\":[]}\n" {
		t.Errorf("nothing is to be said any more: %s", res.body)
	}
	res = w.want(200, "DELETE", path(back), "", "If-Match", `"1"`)
	v = rollout.Verdict{}
	res.into(t, &v)
	if v.Assessment != (past.Assessment{Revision: 2}) || res.Header.Get("ETag") != `"2"` {
		t.Errorf("taken back, it is %s", res.body)
	}
	w.want(422, "PUT", path(back), `{"word":"perhaps"}`, "If-Match", "*")
	w.want(422, "PUT", path(back), `{"word":""}`, "If-Match", "*")
	w.want(422, "PUT", path(back), `{"word":"right","note":"`+strings.Repeat("x", 501)+`"}`, "If-Match", "*")
	if res := w.want(409, "PUT", path(byHand), `{"word":"right"}`, "If-Match", "*"); !strings.Contains(string(res.body), "rollout #2 was not ended by the judge's verdict (so it is)") {
		t.Errorf("what a person took back: %s", res.body)
	}

	viewer, sten := w.person("vera", "shop", access.Viewer), w.person("sten", "shop/staging", access.Deployer)
	for _, c := range []struct {
		token, method, id string
		want              int
	}{
		{viewer, "GET", back, 200}, {viewer, "PUT", back, 403}, {viewer, "DELETE", back, 403}, {sten, "PUT", back, 403}, {sten, "DELETE", back, 403}, {sten, "PUT", staged, 200},
		{w.person("olaf", "", ""), "GET", back, 404}, {"", "GET", back, 401},
	} {
		body := ""
		if c.method == "PUT" {
			body = `{"word":"right"}`
		}
		if res := w.do(c.method, path(c.id), c.token, body, "If-Match", "*"); res.StatusCode != c.want {
			t.Errorf("%s of %s: %d, not %d: %s", c.method, c.id, res.StatusCode, c.want, res.body)
		}
	}
}
