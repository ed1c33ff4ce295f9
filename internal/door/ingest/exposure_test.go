package ingest_test

import (
	"context"
	"encoding/json"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/slipwayhq/slipway/internal/door/ingest"
	"github.com/slipwayhq/slipway/internal/pure/capture"
	"github.com/slipwayhq/slipway/internal/seen"
)

// An exposure comes in once a day, whichever client tells it, by whichever source of the environment, and however often.
func TestExposuresComeOnceADay(t *testing.T) {
	s := opened(t)
	key := func(env, name string) string {
		src, err := s.sources.Create(t.Context(), "person:ana", "shop", env, name)
		if err != nil {
			t.Fatal(err)
		}
		return src.Key
	}
	backend, staging := key("production", "backend"), key("staging", "test")
	clock := time.Now().UTC().Truncate(24 * time.Hour).Add(12 * time.Hour)
	s.door.Clock(func() time.Time { return clock })
	send := func(path, key, body string) {
		t.Helper()
		if code, text := s.post(path, []byte(strings.ReplaceAll(body, "KEY", key)), "Authorization", basic(key)); code != 200 {
			t.Fatal(code, text)
		}
	}
	plain := `{"kind":"exposure","id":"ID","name":"cart","user":"u","release":"rel_1","properties":{"value":true}}`
	send("/v1/events", backend, strings.ReplaceAll(plain, "ID", "1"))
	send("/v1/events", backend, strings.ReplaceAll("["+plain+","+plain+"]", "ID", "2"))
	send("/v1/events", s.key, strings.ReplaceAll(plain, "ID", "3"))
	send("/i/v0/e/", s.key, `{"api_key":"KEY","event":"$feature_flag_called","uuid":"4","distinct_id":"u","properties":{"$feature_flag":"cart","$feature_flag_response":true}}`)
	send("/v1/track", s.key, `{"event":"Experiment Viewed","messageId":"5","userId":"u","properties":{"experimentId":"cart","variationId":"true"}}`)
	if err := s.door.Told(t.Context(), "shop", "production", []byte(plain)); err != nil {
		t.Fatal(err)
	}
	if events, failed := s.logged(); len(events) != 1 || len(failed) != 0 || events[0].Release != "rel_1" || !strings.HasPrefix(events[0].ID, "exp_") {
		t.Fatalf("%+v, %+v", events, failed)
	}
	// What is another one is there, too; other kinds of events keep the ids of their clients, each within its source.
	send("/v1/events", staging, strings.ReplaceAll(plain, "ID", "1"))
	send("/v1/events", s.key, strings.Replace(plain, "true", "false", 1))
	send("/v1/events", s.key, strings.Replace(plain, `"u"`, `"v"`, 1))
	send("/v1/events", s.key, `{"id":"1","name":"x","user":"u"}`)
	send("/v1/events", backend, `{"id":"1","name":"x","user":"u"}`)
	clock = clock.Add(24 * time.Hour)
	send("/v1/events", s.key, plain)
	if events, _ := s.logged(); len(events) != 7 {
		t.Errorf("%d events", len(events))
	}
}

// What the server tells itself is an event as others are: of a source that is in no list, without a failure if a plan wants it otherwise, and repaired like others.
func TestWhatTheServerTells(t *testing.T) {
	s := opened(t)
	if err := s.door.Told(t.Context(), "shop", "staging", []byte(`{"events":[{"kind":"exposure","name":"cart","user":"u","release":"rel_1/agt_1","properties":{"value":true}},{"kind":"exposure","name":"cart","user":"`+strings.Repeat("x", 1001)+`"}]}`)); err != nil {
		t.Fatal(err)
	}
	events, failed := s.logged()
	if len(events) != 1 || len(failed) != 1 {
		t.Fatalf("%+v, %+v", events, failed)
	}
	if e := events[0]; e.App != "shop" || e.Environment != "staging" || e.Source != "flags" || e.Release != "rel_1" || string(e.Properties) != `{"value":true}` {
		t.Errorf("%+v", e)
	}
	repaired := []byte(`{"kind":"exposure","name":"cart","user":"w","properties":{"value":true}}`)
	e, err := s.door.Replay(t.Context(), failed[0], "id", repaired, true)
	if err != nil || e.Source != "flags" {
		t.Fatal(e, err)
	}
	if events, _ = s.logged(); len(events) != 2 || events[1].ID != e.ID || events[1].User != "w" {
		t.Errorf("%+v, told as %s", events, e.ID)
	}
	s.door.Full = func() error { return context.DeadlineExceeded }
	if err := s.door.Told(t.Context(), "shop", "staging", repaired); err == nil {
		t.Error("it was taken by a door that is closed")
	}
}

// Who counts is told of an exposure also when it is told again: after a restart it knows of none.
func TestRepeatedExposuresAreCounted(t *testing.T) {
	s := opened(t)
	var told []bool
	s.door.Counted = func(events []capture.Event, fresh []bool) {
		for i, e := range events {
			if e.Kind == capture.Exposure && e.User == "u" {
				told = append(told, fresh[i])
			}
		}
	}
	now := time.Now()
	s.door.Clock(func() time.Time { return now })
	for range 2 {
		if err := s.door.Told(t.Context(), "shop", "production", []byte(`{"kind":"exposure","name":"cart","user":"u","properties":{"value":true}}`)); err != nil {
			t.Fatal(err)
		}
	}
	if !slices.Equal(told, []bool{true, false}) {
		t.Errorf("told as fresh: %v", told)
	}
}

// After a crash exposures are known by what they say, by what the log has of them.
func TestExposuresComeOnceAcrossACrash(t *testing.T) {
	s := opened(t)
	live := filepath.Join(t.TempDir(), "live")
	ids, err := seen.Open(live, time.Now, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	day := time.Now().UTC().Truncate(24 * time.Hour)
	told := func(ids *seen.Index, id string) string {
		door := ingest.NewEvents(s.journal, s.sources, ids, time.Now, slog.New(slog.DiscardHandler))
		if err := door.Learn(t.Context()); err != nil {
			t.Fatal(err)
		}
		mux := http.NewServeMux()
		door.Mount(mux)
		rec := httptest.NewRecorder()
		body, _ := json.Marshal(map[string]any{"kind": capture.Exposure, "id": id, "name": "cart", "user": "u", "time": day, "properties": map[string]any{"value": "b"}})
		req := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/v1/events", strings.NewReader(string(body)))
		req.Header.Set("Authorization", "Bearer "+s.key)
		mux.ServeHTTP(rec, req)
		return rec.Body.String()
	}
	if err := ids.Settle(t.Context(), func(context.Context) (uint64, error) { return 0, nil }); err != nil {
		t.Fatal(err)
	}
	crashed := filepath.Join(t.TempDir(), "crashed") // it knows nothing yet
	if err := os.CopyFS(crashed, os.DirFS(live)); err != nil {
		t.Fatal(err)
	}
	if got := told(ids, "1"); !strings.Contains(got, `"accepted":1`) {
		t.Fatal(got)
	}
	_ = ids.Close()
	again, err := seen.Open(crashed, time.Now, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	defer again.Close()
	if got := told(again, "2"); !strings.Contains(got, `"accepted":0`) || !strings.Contains(got, `"repeated":1`) {
		t.Error(got)
	}
}
