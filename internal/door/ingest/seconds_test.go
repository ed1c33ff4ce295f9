package ingest_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/slipwayhq/slipway/internal/db/dbtest"
	"github.com/slipwayhq/slipway/internal/door/ingest"
	"github.com/slipwayhq/slipway/internal/event"
	"github.com/slipwayhq/slipway/internal/fault"
	"github.com/slipwayhq/slipway/internal/journal"
	"github.com/slipwayhq/slipway/internal/wire"
)

// newDoor is the door before a real log, for an edge e1 that says who it is by a header.
func newDoor(t *testing.T) (http.Handler, *journal.Journal) {
	t.Helper()
	j, err := journal.Open(t.Context(), journal.Options{Dir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(j.Close)
	dbtest.Run(t, j.Run)
	mux := http.NewServeMux()
	ingest.Seconds{Journal: j, Logger: slog.New(slog.NewTextHandler(t.Output(), nil)), Agent: func(r *http.Request) (string, []string, error) {
		if r.Header.Get("Authorization") == "" {
			return "", nil, fault.Unauthorized("who are you?")
		}
		return "e1", []string{r.Header.Get("Authorization")}, nil
	}}.Mount(mux)
	return mux, j
}

func post(door http.Handler, role, body string) (int, string) {
	return postTo(door, "/edge/v1/seconds", role, body)
}

func postTo(door http.Handler, path, role, body string) (int, string) {
	req := httptest.NewRequest(http.MethodPost, path, strings.NewReader(body))
	req.Header.Set("Authorization", role)
	rec := httptest.NewRecorder()
	door.ServeHTTP(rec, req)
	return rec.Code, rec.Body.String()
}

// kept reads n edges' seconds from the log.
func kept(t *testing.T, j *journal.Journal, n int) []event.EdgeSecond {
	t.Helper()
	return keptUnder[event.EdgeSecond](t, j, "edge", n)
}

func keptUnder[T any](t *testing.T, j *journal.Journal, subject string, n int) []T {
	t.Helper()
	enough := errors.New("enough")
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	var out []T
	err := j.ReadTelemetry(ctx, subject, 0, func(m journal.Telemetry) error {
		var s T
		if err := json.Unmarshal(m.Data, &s); err != nil {
			return err
		}
		if out = append(out, s); len(out) == n {
			return enough
		}
		return nil
	})
	if !errors.Is(err, enough) {
		t.Fatalf("%d of %d seconds are in the log: %v", len(out), n, err)
	}
	return out
}

func second(edge, boot string, number int) string {
	return fmt.Sprintf(`{"edge":%q,"boot":%q,"number":%d,"second":1}`, edge, boot, number)
}

func TestSecondsAreKeptWhenTheyAreAnswered(t *testing.T) {
	door, j := newDoor(t)
	var list []string
	for n := 1; n <= 100; n++ {
		list = append(list, second("e1", "b", n))
	}
	if status, text := post(door, wire.RoleEdge, "["+strings.Join(list, ",")+"]"); status != http.StatusNoContent {
		t.Fatalf("%d %s", status, text)
	}
	if status, text := post(door, wire.RoleEdge, "[]"); status != http.StatusNoContent {
		t.Errorf("nothing: %d %s", status, text)
	}
	for i, s := range kept(t, j, 100) {
		if s.Number != int64(i+1) || s.Edge != "e1" {
			t.Fatalf("second %d of the log is %+v", i+1, s)
		}
	}
}

func TestSecondsThatAreRefused(t *testing.T) {
	door, j := newDoor(t)
	many := "[" + strings.Repeat(second("e1", "b", 1)+",", 3600) + second("e1", "b", 2) + "]"
	for name, c := range map[string]struct {
		role, body string
		want       int
		words      string
	}{
		"of a stranger":      {"", "[]", http.StatusUnauthorized, "who are you"},
		"of a host":          {wire.RoleHost, "[]", http.StatusForbidden, "only edges"},
		"no list":            {wire.RoleEdge, "{}", http.StatusBadRequest, "list"},
		"broken off":         {wire.RoleEdge, "[" + second("e1", "b", 1), http.StatusBadRequest, "list"},
		"not a second":       {wire.RoleEdge, "[1]", http.StatusBadRequest, "second 1"},
		"another edge's":     {wire.RoleEdge, "[" + second("e1", "b", 1) + "," + second("e2", "b", 2) + "]", http.StatusBadRequest, "second 2"},
		"without a boot":     {wire.RoleEdge, "[" + second("e1", "", 1) + "]", http.StatusBadRequest, "number"},
		"without a number":   {wire.RoleEdge, "[" + second("e1", "b", 0) + "]", http.StatusBadRequest, "number"},
		"more than an hour":  {wire.RoleEdge, many, http.StatusBadRequest, "3600"},
		"more than is taken": {wire.RoleEdge, `["` + strings.Repeat("x", 33<<20) + `"]`, http.StatusBadRequest, "list"},
	} {
		if status, text := post(door, c.role, c.body); status != c.want || !strings.Contains(text, c.words) {
			t.Errorf("%s: %d %s, want %d with %q", name, status, text, c.want, c.words)
		}
	}
	// None of a refused list is kept.
	if status, text := post(door, wire.RoleEdge, "["+second("e1", "b", 7)+"]"); status != http.StatusNoContent {
		t.Fatalf("%d %s", status, text)
	}
	if s := kept(t, j, 1); s[0].Number != 7 {
		t.Errorf("kept is %+v", s)
	}
}

func hostSecond(agent, boot string, number int) string {
	return fmt.Sprintf(`{"agent":%q,"boot":%q,"number":%d,"second":1}`, agent, boot, number)
}

// TestHostsSendSecondsOfTheirOwn: they are kept under a subject of their own, and neither a host nor an edge speaks for the other.
func TestHostsSendSecondsOfTheirOwn(t *testing.T) {
	door, j := newDoor(t)
	const path = "/agent/v1/host/seconds"
	for name, c := range map[string]struct {
		role, body string
		want       int
		words      string
	}{
		"of an edge":       {wire.RoleEdge, "[]", http.StatusForbidden, "only hosts"},
		"of a worker":      {wire.RoleWork, "[]", http.StatusForbidden, "only hosts"},
		"another host's":   {wire.RoleHost, "[" + hostSecond("e2", "b", 1) + "]", http.StatusBadRequest, "second 1 of the list is not this host's"},
		"an edge's second": {wire.RoleHost, "[" + second("e1", "b", 1) + "]", http.StatusBadRequest, "not this host's"},
		"without a number": {wire.RoleHost, "[" + hostSecond("e1", "b", 0) + "]", http.StatusBadRequest, "number"},
		"not a second":     {wire.RoleHost, `[{"agent":"e1","boot":"b","number":1,"releases":7}]`, http.StatusBadRequest, "second 1 of the list cannot be read"},
	} {
		if status, text := postTo(door, path, c.role, c.body); status != c.want || !strings.Contains(text, c.words) {
			t.Errorf("%s: %d %s, want %d with %q", name, status, text, c.want, c.words)
		}
	}
	if status, text := post(door, wire.RoleEdge, "["+second("e1", "b", 1)+"]"); status != http.StatusNoContent {
		t.Fatalf("%d %s", status, text)
	}
	if status, text := postTo(door, path, wire.RoleHost, "["+hostSecond("e1", "b", 7)+","+hostSecond("e1", "b", 8)+"]"); status != http.StatusNoContent {
		t.Fatalf("%d %s", status, text)
	}
	if got := keptUnder[event.HostSecond](t, j, "host", 2); got[0].Number != 7 || got[1].Number != 8 || got[0].Agent != "e1" {
		t.Errorf("kept is %+v", got)
	}
	if got := kept(t, j, 1); got[0].Edge != "e1" || got[0].Number != 1 {
		t.Errorf("of edges is kept %+v", got)
	}
}
