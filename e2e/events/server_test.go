package events

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/slipwayhq/slipway/internal/cli"
	"github.com/slipwayhq/slipway/internal/journal"
	"github.com/slipwayhq/slipway/internal/pure/capture"
)

const (
	adminToken = "slt_events_0123456789abcdef0123456789abcdef"
	patience   = 3 * time.Minute // for a machine that does ten other things
)

// server is slipway serve, which may be killed and started again.
type server struct {
	*testing.T
	exe, dir, addr string
	key            string

	cmd  *exec.Cmd
	gone chan struct{}
}

// TestMain lets this binary be the program, too: a process of its own, without another minute of linking.
func TestMain(m *testing.M) {
	if len(os.Args) > 1 && os.Args[1] == "serve" {
		os.Exit(cli.Main(os.Args[1:], os.Stdin, os.Stdout, os.Stderr))
	}
	os.Exit(m.Run())
}

// newServer starts the program (SLIPWAY_EXE names another one), with an app and a source.
func newServer(t *testing.T) *server {
	t.Helper()
	s := &server{T: t, exe: cmp.Or(os.Getenv("SLIPWAY_EXE"), os.Args[0]), dir: t.TempDir(), addr: freeAddress(t)}
	t.Cleanup(func() {
		s.end(syscall.SIGKILL)
		if t.Failed() {
			t.Logf("the server said:\n%s", s.tail())
		}
	})
	s.start()
	s.ready()
	s.call("/v1/apps", map[string]any{"name": "shop"}, nil)
	var source struct {
		Key string `json:"write_key"`
	}
	s.call("/v1/apps/shop/sources", map[string]any{"name": "web"}, &source)
	s.key = source.Key
	return s
}

// freeAddress is a port below those that the system gives to outgoing connections: while the server is down, nobody else may get it.
func freeAddress(t *testing.T) string {
	t.Helper()
	from := 20000 + os.Getpid()%40*20
	for port := from; port < from+20; port++ {
		if l, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", port)); err == nil {
			defer l.Close()
			return l.Addr().String()
		}
	}
	t.Fatalf("no port is free from %d on", from)
	return ""
}

func (s *server) path(name string) string { return filepath.Join(s.dir, name) }

func (s *server) start() {
	s.Helper()
	out, err := os.OpenFile(s.path("server.log"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		s.Fatal(err)
	}
	defer out.Close()
	s.cmd = exec.Command(s.exe, "serve", "--data", s.path("data"), "--listen", s.addr, "--edge-listen", "none", "--admin-token", adminToken)
	s.cmd.Stdout, s.cmd.Stderr = out, out
	s.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := s.cmd.Start(); err != nil {
		s.Fatal(err)
	}
	gone, cmd := make(chan struct{}), s.cmd
	s.gone = gone
	go func() { // ends with the process, which ends with the test
		defer close(gone)
		_ = cmd.Wait()
	}()
}

// end signals the server and waits until it is gone.
func (s *server) end(how syscall.Signal) {
	s.Helper()
	if s.cmd == nil {
		return
	}
	if err := s.cmd.Process.Signal(how); err != nil && !errors.Is(err, os.ErrProcessDone) {
		s.Errorf("end the server: %v", err)
	}
	<-s.gone
}

// ready waits until the server answers.
func (s *server) ready() {
	s.Helper()
	for end := time.Now().Add(patience); time.Now().Before(end); time.Sleep(10 * time.Millisecond) {
		select {
		case <-s.gone:
			s.Fatalf("the server ended by itself:\n%s", s.tail())
		default:
		}
		res, err := http.Get("http://" + s.addr + "/readyz")
		if err != nil {
			continue
		}
		_ = res.Body.Close()
		if res.StatusCode == http.StatusOK {
			return
		}
	}
	s.Fatalf("the server is not ready within %s", patience)
}

// tail is the end of what the server printed.
func (s *server) tail() string {
	text, err := os.ReadFile(s.path("server.log"))
	if err != nil {
		return err.Error()
	}
	lines := strings.Split(strings.TrimSpace(string(text)), "\n")
	return strings.Join(lines[max(0, len(lines)-25):], "\n")
}

// call posts to the API as the admin.
func (s *server) call(path string, body, out any) {
	s.Helper()
	data, err := json.Marshal(body)
	if err != nil {
		s.Fatal(err)
	}
	req, err := http.NewRequest(http.MethodPost, "http://"+s.addr+path, bytes.NewReader(data))
	if err != nil {
		s.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/json")
	s.do(req, out)
}

// do sends a request as the admin, and reads the answer.
func (s *server) do(req *http.Request, out any) {
	s.Helper()
	req.Header.Set("Authorization", "Bearer "+adminToken)
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		s.Fatal(err)
	}
	defer res.Body.Close()
	answer, err := io.ReadAll(res.Body)
	if err == nil && res.StatusCode/100 != 2 {
		err = errors.New(res.Status)
	}
	if err == nil && out != nil {
		err = json.Unmarshal(answer, out)
	}
	if err != nil {
		s.Fatalf("%s: %v: %s", req.URL.Path, err, answer)
	}
}

// stored waits until the server has stored all that is in its log, and counts how often it has each id there.
func (s *server) stored() map[string]int {
	s.Helper()
	times := map[string]int{}
	for end := time.Now().Add(patience); ; time.Sleep(20 * time.Millisecond) {
		var answer struct{ Stored, Written int }
		req, err := http.NewRequest(http.MethodGet, "http://"+s.addr+"/v1/apps/shop/events/state", nil)
		if err != nil {
			s.Fatal(err)
		}
		s.do(req, &answer)
		if answer.Stored >= answer.Written {
			break
		}
		if time.Now().After(end) {
			s.Fatalf("stored is %d of %d after %s", answer.Stored, answer.Written, patience)
		}
	}
	s.count(times, "SELECT seq, message_id FROM events")
	s.count(times, "SELECT seq, COALESCE(raw->>'messageId', raw->>'uuid', raw->>'id') FROM failed")
	return times
}

// count counts how often each id is in the answer to a question, which gives sequences and ids.
func (s *server) count(times map[string]int, sql string) {
	s.Helper()
	for after := 0; ; {
		var answer struct{ Rows [][]any }
		s.call("/v1/apps/shop/events/sql", map[string]any{"sql": fmt.Sprintf("%s WHERE seq > %d ORDER BY seq LIMIT 10000", sql, after), "limit": 10000}, &answer)
		if len(answer.Rows) == 0 {
			return
		}
		for _, row := range answer.Rows {
			sequence, number := row[0].(float64)
			id, text := row[1].(string)
			if !number || !text {
				s.Fatalf("a row is %v", row)
			}
			times[id]++
			after = int(sequence)
		}
	}
}

// kept stops the server and counts in its log how often it has each id.
func (s *server) kept() map[string]int {
	s.Helper()
	s.end(syscall.SIGTERM)
	ctx, cancel := context.WithTimeout(s.Context(), patience)
	defer cancel()
	log, err := journal.Open(ctx, journal.Options{Dir: s.path("data/log")})
	if err != nil {
		s.Fatal(err)
	}
	defer log.Close()
	_, last, err := log.EventsHeld(ctx)
	if err != nil || last == 0 {
		s.Fatalf("the log has no events: %v", err)
	}
	times := map[string]int{}
	reading, enough := context.WithCancel(ctx)
	defer enough()
	err = log.ReadEvents(reading, 0, 1000, func(batch []journal.Telemetry) error {
		for _, m := range batch {
			var e capture.Event
			if err := json.Unmarshal(m.Data, &e); err != nil {
				return err
			}
			if m.Subject != "events.shop.event" && m.Subject != "events.shop.failed" {
				return fmt.Errorf("%s is no event: %s", m.Subject, m.Data)
			}
			times[e.ID]++ // failed ones have one, too
			if m.Sequence == last {
				enough()
			}
		}
		return nil
	})
	if err != nil || ctx.Err() != nil {
		s.Fatalf("read the log to %d: %v, %v", last, err, ctx.Err())
	}
	return times
}

// number is a setting of the run.
func number(t *testing.T, name string, other int) int {
	t.Helper()
	text := os.Getenv(name)
	if text == "" {
		return other
	}
	n, err := strconv.Atoi(text)
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	return n
}
