package ingest_test

import (
	"testing"
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
