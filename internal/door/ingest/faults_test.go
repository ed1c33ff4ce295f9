package ingest_test

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/slipwayhq/slipway/internal/decide/track"
	"github.com/slipwayhq/slipway/internal/pure/capture"
	"github.com/slipwayhq/slipway/internal/seen"
)

// A server that goes down ends the time of requests under way. One whose events are not known to be on disk must not read as one whose events were taken.
func TestNoTimeIsNoYes(t *testing.T) {
	s := opened(t)
	held, err := s.ids.Claim(t.Context(), []seen.Key{seen.KeyOf(s.source().ID, "1")}) // another request has the same event under way
	if err != nil {
		t.Fatal(err)
	}
	defer held.Release()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	rec := httptest.NewRecorder()
	req := httptest.NewRequestWithContext(ctx, http.MethodPost, "/v1/events", strings.NewReader(`{"id":"1","name":"x","user":"u"}`))
	req.Header.Set("Authorization", "Bearer "+s.key)
	s.Config.Handler.ServeHTTP(rec, req)
	if rec.Code != http.StatusServiceUnavailable || rec.Header().Get("Retry-After") == "" {
		t.Errorf("%d %v %s", rec.Code, rec.Header(), rec.Body)
	}
}

func (s *station) source() track.Source {
	s.t.Helper()
	src, ok := s.sources.Source(s.key)
	if !ok {
		s.t.Fatal("the source is gone")
	}
	return src
}

// trickle sends a body byte by byte until it is answered.
func (s *station) trickle(done chan<- *http.Response) {
	s.t.Helper()
	conn, err := net.Dial("tcp", s.Listener.Addr().String())
	if err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(func() { _ = conn.Close() })
	if _, err := fmt.Fprintf(conn, "POST /v1/events?write_key=%s HTTP/1.1\r\nHost: x\r\nContent-Length: 100000\r\n\r\n", s.key); err != nil {
		s.t.Fatal(err)
	}
	go func() { // ends with the connection
		for {
			if _, err := conn.Write([]byte(" ")); err != nil {
				return
			}
			time.Sleep(5 * time.Millisecond) // a slow client is slow
		}
	}()
	go func() { // received by the caller
		res, err := http.ReadResponse(bufio.NewReader(conn), nil)
		if err != nil {
			res = nil
		}
		done <- res
	}()
}

// Clients that send a byte now and then hold up nobody, and not the server for ever: they are told to come again.
func TestSlowBodiesEnd(t *testing.T) {
	s := opened(t)
	const slow = 20
	done := make(chan *http.Response, slow)
	s.door.BodyTime(500 * time.Millisecond)
	for range slow {
		s.trickle(done)
	}
	for i := range 50 {
		if status, answer := s.post("/v1/events", fmt.Appendf(nil, `{"id":"%d","name":"x","user":"u"}`, i), "Authorization", "Bearer "+s.key); status != http.StatusOK {
			t.Errorf("beside slow clients: %d %s", status, answer)
		}
	}
	for range slow {
		res := <-done
		if res == nil {
			t.Fatal("a slow client was not answered")
		}
		_ = res.Body.Close()
		if res.StatusCode != http.StatusServiceUnavailable || res.Header.Get("Retry-After") == "" {
			t.Errorf("a slow client: %d %v", res.StatusCode, res.Header)
		}
	}
	if events, failed := s.logged(); len(events) != 50 || len(failed) != 0 {
		t.Errorf("%d events, %v", len(events), failed)
	}
}

// Whatever is in an event, it is kept in a form that anybody can read, or as a failure with its bytes, and the others beside it are kept too.
func TestStrangeEventsHarmNobody(t *testing.T) {
	s := opened(t)
	nested := func(n int) string { return strings.Repeat(`{"a":`, n) + "1" + strings.Repeat("}", n) }
	refused := map[string]string{
		"1 MB in one string": `[{"name":"good","user":"u"},{"name":"x","user":"u","properties":{"a":"` + strings.Repeat("x", 1<<20) + `"}}]`,
		"a deep abyss":       `[{"name":"x","user":"u","properties":` + nested(50_000) + `}]`,
		"half a list":        `[{"name":"x","user":"u"},`,
	}
	for name, body := range refused {
		if status, answer := s.post("/v1/events", []byte(body), "Authorization", "Bearer "+s.key); status != http.StatusBadRequest {
			t.Errorf("%s: %d %.200s", name, status, answer)
		}
	}
	items := []string{
		`{"name":"good","user":"u"}`,
		`{"name":"deep","user":"u","properties":` + nested(33) + `}`,                          // a failure
		`{"name":"long","user":"u","properties":{"a":"` + strings.Repeat("x", 40<<10) + `"}}`, // a failure
		`{"name":"n\u0000ul","user":"\u0000u","properties":{"a\u0000":"\u0000","b":"\\u0000"}}`,
		"{\"name\":\"x\xff\",\"user\":\"\xc3\x28\",\"properties\":{\"\xfe\":\"\xed\xa0\x80\"}}",
		`{"name":"far","user":"u","time":"9999-12-31T23:59:59Z"}`,
		`{"name":"beyond","user":"u","time":"12026-01-01T00:00:00Z"}`, // a failure
		`{"name":"number","user":"u","time":1e300}`,                   // a failure
		`{"name":"half","user":"u","properties":{"a":"\ud800"}}`,
		`{"name":"huge","user":"u","properties":{"a":123456789012345678901234567890,"b":1e999}}`,
		`{"name":"good again","user":"u"}`,
	}
	status, answer := s.post("/v1/events", []byte("["+strings.Join(items, ",")+"]"), "Authorization", "Bearer "+s.key)
	var told struct {
		Accepted int
		Failed   []capture.Failure
	}
	if err := json.Unmarshal([]byte(answer), &told); err != nil || status != http.StatusOK || told.Accepted != 7 || len(told.Failed) != 4 {
		t.Errorf("%d %d %+v %v", status, told.Accepted, told.Failed, err)
	}
	events, failed := s.logged()
	if len(events) != 7 || len(failed) != 4 || events[0].Name != "good" || events[6].Name != "good again" {
		t.Fatalf("%+v, %+v", events, failed)
	}
	for _, e := range events {
		raw, err := json.Marshal(e)
		if err != nil || !utf8.Valid(raw) || strings.Contains(string(e.Properties), `"\u0000`) || strings.Contains(e.Name+e.User, "\x00") || e.Time.Year() > e.Received.Year()+1 {
			t.Errorf("%s %v", raw, err)
		}
	}
}
