package ingest_test

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/slipwayhq/slipway/internal/door/ingest"
	"github.com/slipwayhq/slipway/internal/journal"
	"github.com/slipwayhq/slipway/internal/seen"
)

// What failed and comes again, as clients send again what was not answered, is there once where it has an id; what has none is what came.
func TestWhatFailedComesOnce(t *testing.T) {
	s := opened(t)
	broken := `{"events":[{"id":"1","name":{}},{"id":"2","name":"x","user":"u"},{"name":7,"user":{}}]}`
	for range 3 {
		if code, text := s.post("/v1/events", []byte(broken), "Authorization", basic(s.key)); code != 200 {
			t.Fatal(code, text)
		}
	}
	events, failed := s.logged()
	named := 0
	for _, f := range failed {
		if f.Message == "name is an object; send a string" {
			named++
		}
	}
	if len(events) != 1 || len(failed) != 4 || named != 1 {
		t.Errorf("%d events and %d failures, %d of them with an id", len(events), len(failed), named)
	}
	// Once it is mended it is an event, with the same id.
	if code, text := s.post("/v1/events", []byte(`{"events":[{"id":"1","name":"y","user":"u"}]}`), "Authorization", basic(s.key)); code != 200 {
		t.Fatal(code, text)
	}
	if events, _ := s.logged(); len(events) != 2 {
		t.Errorf("%d events", len(events))
	}
}

// What failed is known by the id that its dialect has, and by nothing else that is called like one.
func TestWhatFailedIsKnownByItsOwnId(t *testing.T) {
	s := opened(t)
	for _, c := range []struct {
		path, first, second string
		kept                int
	}{
		{"/v1/track", `{"messageId":"1","id":"person","event":{},"userId":"u"}`, `{"messageId":"2","id":"person","event":{},"userId":"u"}`, 2},
		{"/v1/track", `{"messageId":"3","id":"a","event":{},"userId":"u"}`, `{"messageId":"3","id":"b","event":{},"userId":"u"}`, 1},
		{"/capture/", `{"api_key":"` + s.key + `","uuid":"4","messageId":"m","event":{},"distinct_id":"u"}`, `{"api_key":"` + s.key + `","uuid":"5","messageId":"m","event":{},"distinct_id":"u"}`, 2},
		{"/v1/events", `{"id":"6","uuid":"x","name":{}}`, `{"id":"6","uuid":"y","name":{}}`, 1},
		{"/v1/cloudevents", `{"specversion":"1.0","id":"7","source":"/a"}`, `{"specversion":"1.0","id":"7","source":"/b"}`, 2}, // an id counts together with its source
		{"/v1/cloudevents", `{"specversion":"1.0","id":"8","source":"/a"}`, `{"specversion":"1.0","id":"8","source":"/a"}`, 1},
	} {
		_, before := s.logged()
		for _, body := range []string{c.first, c.second} {
			if code, text := s.post(c.path, []byte(body), "Authorization", basic(s.key)); code != 200 {
				t.Fatal(c.path, code, text)
			}
		}
		if _, after := s.logged(); len(after)-len(before) != c.kept {
			t.Errorf("%s and %s: %d are kept, want %d", c.first, c.second, len(after)-len(before), c.kept)
		}
	}
}

// After a crash all that came is known: what was on its way to the disk of the index is learnt from the log, events and failed ones.
func TestWhatFailedComesOnceAcrossACrash(t *testing.T) {
	s := opened(t)
	live := filepath.Join(t.TempDir(), "live")
	ids, err := seen.Open(live, time.Now, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	post := func(ids *seen.Index, body string) string {
		door := ingest.NewEvents(s.journal, s.sources, ids, time.Now, slog.New(slog.DiscardHandler))
		if err := door.Learn(t.Context()); err != nil {
			t.Fatal(err)
		}
		mux := http.NewServeMux()
		door.Mount(mux)
		rec := httptest.NewRecorder()
		req := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/v1/events", strings.NewReader(body))
		req.Header.Set("Authorization", "Bearer "+s.key)
		mux.ServeHTTP(rec, req)
		return rec.Body.String()
	}
	if got := post(ids, `[{"id":"0","name":{}},{"id":"1","name":"x","user":"u"}]`); !strings.Contains(got, `"accepted":1`) {
		t.Fatal(got)
	}
	if err := ids.Settle(t.Context(), func(context.Context) (uint64, error) { return 2, nil }); err != nil {
		t.Fatal(err)
	}
	crashed := filepath.Join(t.TempDir(), "crashed") // what is on disk when it is killed
	if err := os.CopyFS(crashed, os.DirFS(live)); err != nil {
		t.Fatal(err)
	}
	body := `[{"id":"2","name":{}},{"id":"3","name":"x","user":"u"},{"id":"4","name":{}}]`
	if got := post(ids, body); !strings.Contains(got, `{"id":"2","reason":"wrong_type"`) { // told by id to who can use it
		t.Fatal(got)
	}
	_ = ids.Close()

	again, err := seen.Open(crashed, time.Now, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	defer again.Close()
	for _, body := range []string{body, `[{"id":"0","name":{}},{"id":"1","name":"x","user":"u"}]`} {
		if got := post(again, body); !strings.Contains(got, `"accepted":0`) || !strings.Contains(got, `"repeated":1`) {
			t.Error(got)
		}
	}
	events, failed := s.logged()
	if len(events) != 2 || len(failed) != 3 {
		t.Errorf("%d events and %d failures, want 2 and 3", len(events), len(failed))
	}
}

// What nobody can read, in a log that something else wrote, keeps no server from starting.
func TestALogWithWhatCannotBeReadIsLearnt(t *testing.T) {
	s := opened(t)
	if _, err := s.journal.AppendEvents(t.Context(), journal.Record{Subject: "shop.event", Data: []byte(`{"id":`)}, journal.Record{Subject: "shop.event", Data: fmt.Appendf(nil, `{"id":"1","source":%q,"received":%q}`, s.source().ID, time.Now().Format(time.RFC3339))}); err != nil {
		t.Fatal(err)
	}
	if err := s.door.Learn(t.Context()); err != nil {
		t.Fatal(err)
	}
	if code, text := s.post("/v1/events", []byte(`{"id":"1","name":"x","user":"u"}`), "Authorization", basic(s.key)); code != 200 || !strings.Contains(text, `"repeated":1`) {
		t.Error(code, text)
	}
}
