package ingest_test

import (
	"bufio"
	"fmt"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"
)

// Bodies under way are bounded together; what finds no room is told to come again, and what is done makes room.
func TestBodiesUnderWayAreBounded(t *testing.T) {
	s := opened(t)
	s.door.MostHeld(20_000)
	if code, text := s.post("/v1/events", batch("small", 10), "Authorization", basic(s.key)); code != 200 {
		t.Fatal(code, text)
	}
	res, err := http.Post(s.URL+"/v1/events?write_key="+s.key, "application/json", strings.NewReader(string(batch("large", 2000))))
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	if res.StatusCode != 503 || res.Header.Get("Retry-After") == "" {
		t.Errorf("%s, Retry-After %q", res.Status, res.Header.Get("Retry-After"))
	}
	if code, text := s.post("/v1/events", batch("again", 10), "Authorization", basic(s.key)); code != 200 {
		t.Error(code, text)
	}
	if n := s.door.Held(); n != 0 {
		t.Errorf("%d bytes are held by nobody", n)
	}
	if events, _ := s.logged(); len(events) != 20 {
		t.Errorf("the log has %d", len(events))
	}
}

// Whose key is wrong is told so before the body has come.
func TestAWrongKeyIsRefusedBeforeTheBody(t *testing.T) {
	s := opened(t)
	conn, err := net.Dial("tcp", s.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	_ = conn.SetDeadline(time.Now().Add(time.Minute))
	if _, err := fmt.Fprintf(conn, "POST /v1/events HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer wk_nobody\r\nContent-Length: 400000\r\n\r\n["); err != nil {
		t.Fatal(err)
	}
	res, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	if res.StatusCode != 401 {
		t.Errorf("%s", res.Status)
	}
}
