package events_test

import (
	"fmt"
	"net/http"
	"testing"
	"time"

	"github.com/slipwayhq/slipway/internal/access"
	"github.com/slipwayhq/slipway/internal/analytics"
	"github.com/slipwayhq/slipway/internal/door/events"
	"github.com/slipwayhq/slipway/internal/pure/capture"
)

const rebuildPath = "/v1/apps/shop/events/rebuild"

func (w *world) stored(want string) {
	w.t.Helper()
	store, err := w.engine.Store(w.t.Context(), "shop")
	if err != nil {
		w.t.Fatal(err)
	}
	table, err := store.Query(w.t.Context(), analytics.Query{SQL: `SELECT user_id FROM events ORDER BY seq`})
	if got := fmt.Sprint(table.Rows); err != nil || got != want {
		w.t.Errorf("stored are %s, not %s (%v)", got, want, err)
	}
}

func TestAStoreIsMadeAnew(t *testing.T) {
	w := open(t)
	dan, vera := w.person("dan", "shop", access.Deployer), w.person("vera", "shop", access.Viewer)
	last := w.tell("shop", "u1 viewed", "u2 paid")
	var r events.Rebuild
	w.do("GET", rebuildPath, vera, "").into(t, &r)
	if r.State != "none" || r.Stored != last {
		t.Errorf("%+v", r)
	}
	refused(t, w.do("POST", rebuildPath, vera, ""), http.StatusForbidden)
	refused(t, w.do("POST", "/v1/apps/nowhere/events/rebuild", adminToken, ""), http.StatusNotFound)
	if apps, err := w.engine.Apps(t.Context()); err != nil || fmt.Sprint(apps) != "[shop]" {
		t.Errorf("there are stores of %v (%v)", apps, err)
	}
	w.do("POST", rebuildPath, dan, "").into(t, &r)
	for deadline := time.Now().Add(patience); r.State != "done"; time.Sleep(time.Millisecond) {
		if w.do("GET", rebuildPath, vera, "").into(t, &r); time.Now().After(deadline) {
			t.Fatalf("%+v", r)
		}
	}
	if r.Target != last || r.Stored < last || r.Message != "" {
		t.Errorf("%+v", r)
	}
	w.stored("[[u1] [u2]]")
}

func TestAStoreWithWhatIsNowhereElseIsKept(t *testing.T) {
	w := open(t)
	store, err := w.engine.Store(t.Context(), "shop")
	if err != nil {
		t.Fatal(err)
	}
	old := analytics.Row{Sequence: 5, Event: capture.Event{ID: "old", User: "old", Kind: capture.Track, Name: "viewed", Time: noon, Received: noon.AddDate(0, 0, -9)}}
	if err := store.Append(t.Context(), analytics.Batch{Rows: []analytics.Row{old}, Through: 5}); err != nil {
		t.Fatal(err)
	}
	if err := w.log.BeginEventsBehind(t.Context(), 100); err != nil {
		t.Fatal(err)
	}
	w.tell("shop", "u1 viewed")
	r := w.do("POST", rebuildPath, adminToken, "")
	refused(t, r, http.StatusConflict)
	w.stored("[[old] [u1]]")
}
