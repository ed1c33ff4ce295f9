package ingest_test

import (
	"net/http"
	"testing"
)

// TestEdgesOfOtherVersionsAreUnderstood: what a later edge counts besides is kept as it came, and what an edge of the version before does not count is nothing.
func TestEdgesOfOtherVersionsAreUnderstood(t *testing.T) {
	door, j := newDoor(t)
	body := `[{"edge":"e1","boot":"b","number":1,"second":1,"uptime":7,"routes":[{"app":"shop","environment":"production","traffic":"trf_1","rollout":"rol_1","regions":{"eu":1},
		"split":{"old":"rel_1","new":"rel_2","share":0.5,"ramp":[1]},"hosts":[{"release":"rel_2","host":"h1","requests":7,"errors":1,"slow":[1,2,3,4,5],"bytes":9}]}]},
		{"edge":"e1","boot":"b","number":2,"second":2,"routes":[{"app":"shop","environment":"production","traffic":"trf_1","split":{"old":"rel_1"},"hosts":[{"release":"rel_1","host":"h1","requests":5,"slow":[1]}]}]}]`
	if status, text := post(door, "edge", body); status != http.StatusNoContent {
		t.Fatalf("%d %s", status, text)
	}
	got := kept(t, j, 2)
	later, before := got[0].Routes[0], got[1].Routes[0]
	if later.Rollout != "rol_1" || later.Split.Share != .5 || later.Hosts[0].Requests != 7 || later.Hosts[0].Errors != 1 || later.Hosts[0].Slow[2] != 3 {
		t.Errorf("of a later edge: %+v", later)
	}
	if before.Hosts[0].Requests != 5 || before.Hosts[0].Slow[0] != 1 || before.Hosts[0].Slow[2] != 0 {
		t.Errorf("of the edge before: %+v", before)
	}
}
