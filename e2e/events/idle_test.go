package events

import (
	"fmt"
	"net"
	"net/http"
	"os"
	"strings"
	"testing"
)

// TestIdleConnectionsHoldUpNobody opens many connections that do nothing: some never said a word, some stopped within their headers, some within a body. Who has something to say is served beside them.
func TestIdleConnectionsHoldUpNobody(t *testing.T) {
	idle := number(t, "SLIPWAY_IDLE", 500)
	s := newServer(t)
	before := s.memory()
	for i := range idle {
		conn, err := net.Dial("tcp", s.addr)
		if err != nil {
			t.Fatalf("connection %d: %v", i+1, err)
		}
		defer conn.Close()
		said := []string{"", "POST /v1/events HTTP/1.1\r\nHost: x\r\n", "POST /v1/events?write_key=" + s.key + " HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\n[{"}[i%3]
		if _, err := conn.Write([]byte(said)); err != nil {
			t.Fatalf("connection %d: %v", i+1, err)
		}
	}
	c := &crowd{t: t, url: "http://" + s.addr, key: s.key, client: &http.Client{Timeout: patience}, sent: map[string]bool{}}
	plain := forms()[3]
	for i := range 100 {
		id := fmt.Sprint(i)
		c.sent[id] = true
		if !c.post(plain, plain.body([]string{plain.item(id)}, s.key), 1, 0) {
			t.Fatal("an event is not taken beside idle connections")
		}
	}
	t.Logf("%d idle connections; the server had %s before, and has %s", idle, before, s.memory())
	if kept := s.kept(); len(kept) != 100 {
		t.Errorf("%d events are kept", len(kept))
	}
}

// memory is what the server's process holds, as Linux tells it.
func (s *server) memory() string {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", s.cmd.Process.Pid))
	if err != nil {
		return "?"
	}
	_, rest, _ := strings.Cut(string(text), "VmRSS:")
	line, _, _ := strings.Cut(rest, "\n")
	return strings.TrimSpace(line)
}
