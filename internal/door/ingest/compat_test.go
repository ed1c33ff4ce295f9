package ingest_test

import (
	"net/http"
	"testing"

	"github.com/slipwayhq/slipway/internal/event"
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

// TestHostsOfOtherVersionsAreUnderstood: what a later agent measures besides is kept as it came, and what one of the version before does not measure is nothing.
func TestHostsOfOtherVersionsAreUnderstood(t *testing.T) {
	door, j := newDoor(t)
	body := `[{"agent":"e1","boot":"b","number":1,"second":1,"host":{"cpu":0.5,"load1":2,"disks":[1]},"releases":[{"app":"shop","environment":"production","release":"rel_1","gpu":1,
		"use":{"processes":2,"cpu":1.5,"memory":7,"threads":9},"metrics":[{"name":"orders","kind":"sketch","values":3,"quantiles":[1]}]}],"statsd":{"packets":1,"lines":3,"sockets":2}},
		{"agent":"e1","boot":"b","number":2,"second":2,"releases":[{"app":"shop","environment":"production","release":"rel_1"}]}]`
	if status, text := postTo(door, "/agent/v1/host/seconds", "host", body); status != http.StatusNoContent {
		t.Fatalf("%d %s", status, text)
	}
	got := keptUnder[event.HostSecond](t, j, "host", 2)
	later, before := got[0], got[1]
	if later.Host.Load1 != 2 || later.Releases[0].Use.CPU != 1.5 || later.Releases[0].Metrics[0].Values != 3 || later.Statsd.Lines != 3 {
		t.Errorf("of a later agent: %+v", later)
	}
	if r := before.Releases; len(r) != 1 || r[0].Release != "rel_1" || r[0].Use != nil || before.Host != nil {
		t.Errorf("of the agent before: %+v", before)
	}
}
