package apiclient_test

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"testing"

	"github.com/slipwayhq/slipway/internal/apiclient"
)

func TestTheScoreInSentences(t *testing.T) {
	s := apiclient.Score{
		Days: 30, Judged: 43, Promoted: 38, Unknown: 4, ByJudge: 3, ByPerson: 1, ByCrash: 1, Right: 1, Wrong: 1, Unsaid: 1, Missed: 2, Budget: .9856, DecisionS: 47.6,
		Slow: apiclient.Harms{Rollouts: 1, Done: 80.4, Spared: 1900, Least: 800},
	}
	want := []string{
		"43 rollouts judged in 30 days: 38 promoted, 4 of them unknown; rolled back: 3 by the judge, 1 by people, 1 that could not run",
		"of the judge's rollbacks people call 1 right and 1 wrong, and say nothing of 1",
		"promoted, and should have come back: 2",
		"false alarms: 1 known; false_alarms accepts 0.99 in that time",
		"harm spared: about 1900 slow requests, at least 800; visitors met 80",
		"from the first visitor to the verdict: 48 s (median)",
	}
	if got := s.Sentences(); !slices.Equal(got, want) {
		t.Errorf("it says %q", got)
	}
	one := apiclient.Score{Days: 1, Judged: 1, Promoted: 1, Budget: .03}
	if got, want := one.Sentences(), []string{"1 rollout judged in 1 day: 1 promoted", "false alarms: 0 known; false_alarms accepts 0.03 in that time"}; !slices.Equal(got, want) {
		t.Errorf("of one it says %q", got)
	}
	if got, want := (apiclient.Score{Days: 7}).Sentences(), []string{"no rollout was judged in 7 days"}; !slices.Equal(got, want) {
		t.Errorf("of none it says %q", got)
	}
}

// What is said is sent as the API takes it; the API's own tests say what it makes of it.
func TestAWordIsSent(t *testing.T) {
	var got []string
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		got = append(got, r.Method+" "+r.URL.Path+" "+r.Header.Get("If-Match")+" "+string(body))
		w.Header().Set("Content-Type", "application/json")
		must(t, json.NewEncoder(w).Encode(struct{}{}))
	}))
	defer server.Close()
	c, err := apiclient.New(apiclient.Options{URL: server.URL})
	must(t, err)
	defer c.Close()
	must(t, c.Say(t.Context(), "shop", "rol_1", "wrong", "a crawler"))
	must(t, c.Say(t.Context(), "shop", "rol_1", "", "left out"))
	want := []string{
		`PUT /v1/apps/shop/rollouts/rol_1/assessment * {"note":"a crawler","word":"wrong"}`,
		`DELETE /v1/apps/shop/rollouts/rol_1/assessment * `,
	}
	if !slices.Equal(got, want) {
		t.Errorf("it sent %q", got)
	}
}
