package rollout_test

import (
	"encoding/json"
	"slices"
	"testing"

	"github.com/slipwayhq/slipway/internal/db"
	"github.com/slipwayhq/slipway/internal/decide/rollout/machine"
	"github.com/slipwayhq/slipway/internal/event"
	"github.com/slipwayhq/slipway/internal/pure/manifest"
)

// told gives what was told of the end of a rollout.
func (w *world) told(n int) event.RolloutEnded {
	w.t.Helper()
	id := w.nth(n).ID
	events, err := db.Events(w.t.Context(), w.db, `SELECT COALESCE(position, 0), body FROM events ORDER BY seq`)
	if err != nil {
		w.t.Fatal(err)
	}
	for _, ev := range events {
		if e, err := event.Decode[event.RolloutEnded](ev); err == nil && e.Rollout == id {
			return e
		}
	}
	w.t.Fatalf("the end of #%d was not told", n)
	return event.RolloutEnded{}
}

// tick is what is kept of a second.
type tick struct {
	RequestsNew int64 `json:"requests_new"`
	RequestsOld int64 `json:"requests_old"`
	Vitals      map[string]struct{ New int64 }
}

// ticks gives the seconds that are kept of a rollout.
func (w *world) ticks(n int) []tick {
	w.t.Helper()
	rows, err := w.db.Query(w.t.Context(), `SELECT body FROM rollout_ticks WHERE rollout = $1`, w.nth(n).ID)
	if err != nil {
		w.t.Fatal(err)
	}
	defer rows.Close()
	var out []tick
	for rows.Next() {
		var body string
		var k tick
		err := rows.Scan(&body)
		if err == nil {
			err = json.Unmarshal([]byte(body), &k)
		}
		if err != nil {
			w.t.Fatal(err)
		}
		out = append(out, k)
	}
	return out
}

// TestTheEndIsToldWithItsNumbers: what was served, what came of it, and the counts that decided.
func TestTheEndIsToldWithItsNumbers(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		w.join("us1")
		one := w.ship(1, 0, "promoted")
		two := w.release(func(_ *event.ReleaseCreated, m *manifest.Manifest) { m.Rollout.Steps[0].Share = .25 })
		w.end(2, .02, .1)
		var requests, requestsOld, bad int64
		for _, tick := range w.ticks(2) {
			requests, requestsOld, bad = requests+tick.RequestsNew, requestsOld+tick.RequestsOld, bad+tick.Vitals["errors"].New
		}
		v, e := w.nth(2), w.told(2)
		if e.Release != two || e.From != one || e.Outcome != "rolled_back" || e.Verdict != "regressed" || e.Vital != "errors" || len(e.Commits) != 1 {
			t.Errorf("told was %+v", e)
		}
		if e.Requests != requests || requests == 0 || requests == requestsOld || v.RequestsNew != requests || v.RequestsOld != requestsOld {
			t.Errorf("told were %d requests, counted %d beside %d of the old one, shown %d beside %d", e.Requests, requests, requestsOld, v.RequestsNew, v.RequestsOld)
		}
		i := slices.IndexFunc(e.Reasons, func(r event.Reason) bool { return r.Code == "errors_regressed" })
		if i < 0 {
			t.Fatalf("reasons %+v", e.Reasons)
		}
		if n := e.Reasons[i].Numbers; n["new"] != float64(bad) || bad == 0 || n["ratio"] < 2 || n["log10_e"] < n["log10_threshold"] {
			t.Errorf("the numbers are %v; %d requests erred", n, bad)
		}
	})
}

// TestEachRolloutDrawsItsHosts: they are not taken by name. One order of ten in 3.6 million is that by name, and both would have to be it.
func TestEachRolloutDrawsItsHosts(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		names := []string{"us0", "us1", "us2", "us3", "us4", "us5", "us6", "us7", "us8", "us9"}
		w.join(names...)
		byName := 0
		for n := range 2 {
			w.ship(n+1, .02, "promoted")
			var body string
			var m machine.Rollout
			err := w.db.QueryRow(t.Context(), `SELECT machine FROM rollout_rollouts WHERE number = $1`, n+1).Scan(&body)
			if err == nil {
				err = json.Unmarshal([]byte(body), &m)
			}
			if err != nil || len(m.Hosts) != len(names) {
				t.Fatalf("%v, %v", m.Hosts, err)
			}
			if slices.Equal(m.Hosts, names) {
				byName++
			}
		}
		if byName == 2 {
			t.Error("the hosts are taken in the order of their names")
		}
	})
}
