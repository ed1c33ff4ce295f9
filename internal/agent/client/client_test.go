package client

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/slipwayhq/slipway/internal/wire"
)

// serve answers with h and gives a client that has not joined.
func serve(t *testing.T, h http.HandlerFunc) *Client {
	t.Helper()
	server := httptest.NewServer(h)
	t.Cleanup(server.Close)
	return connect(t, Options{Server: server.URL, Token: "slj_secret", Dir: t.TempDir(), Version: "1.2"})
}

func connect(t *testing.T, o Options) *Client {
	t.Helper()
	c, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}

func reply(t *testing.T, w http.ResponseWriter, v any) {
	t.Helper()
	if err := json.NewEncoder(w).Encode(v); err != nil {
		t.Error(err)
	}
}

func TestWhoIsTrusted(t *testing.T) {
	pin := "." + base64.RawURLEncoding.EncodeToString(make([]byte, 32))
	for _, c := range []struct{ server, token, want string }{
		{"http://127.0.0.1:7070", "slj_x", ""},
		{"http://localhost:7070/", "slj_x", ""},
		{"http://[::1]:7070", "slj_x", ""},
		{"https://10.0.0.1:7070", "slj_x" + pin, ""},
		{"http://10.0.0.1:7070", "slj_x" + pin, "in the clear"},
		{"http://localhost.example.com", "slj_x", "in the clear"},
		{"https://10.0.0.1:7070", "slj_x", "long form"},
		{"https://user:hunter2@10.0.0.1", "slj_x" + pin, "must look like"},
		{"10.0.0.1:7070", "slj_x", "address"},
		{"ftp://127.0.0.1", "slj_x", "must begin with"},
		{"http://127.0.0.1", "nonsense", "begins with"},
		{"http://127.0.0.1", "slj_", "begins with"},
		{"http://127.0.0.1", "slj_x.short", "damaged"},
		{"", "slj_x", "which server"},
	} {
		_, err := New(Options{Server: c.server, Token: c.token, Dir: t.TempDir()})
		if c.want == "" && err != nil || c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)) {
			t.Errorf("%s with %s: %v, want %q", c.server, c.token, err, c.want)
		}
		if err != nil && strings.Contains(err.Error(), "hunter2") {
			t.Errorf("the error shows a password: %v", err)
		}
	}
}

func TestPinnedKey(t *testing.T) {
	server := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { w.WriteHeader(http.StatusNoContent) }))
	defer server.Close()
	sum := sha256.Sum256(server.Certificate().RawSubjectPublicKeyInfo)
	c := connect(t, Options{Server: server.URL, Token: "slj_x." + base64.RawURLEncoding.EncodeToString(sum[:]), Dir: t.TempDir()})
	if err := c.Beat(t.Context(), wire.Beat{}); err != nil {
		t.Error(err)
	}
	if want := "sha256//" + base64.StdEncoding.EncodeToString(sum[:]); c.PinnedKey() != want {
		t.Errorf("PinnedKey() = %s, want %s", c.PinnedKey(), want)
	}
	sum[0]++
	c = connect(t, Options{Server: server.URL, Token: "slj_x." + base64.RawURLEncoding.EncodeToString(sum[:]), Dir: t.TempDir()})
	if err := c.Beat(t.Context(), wire.Beat{}); !errors.Is(err, errPin) {
		t.Errorf("another key: %v", err)
	}
}

func TestJoinIsRepeatedUntilAnsweredAndThenKept(t *testing.T) {
	var joins []wire.JoinRequest
	var down atomic.Bool
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get(wire.HeaderVersion) != "1" {
			t.Errorf("%s without a version", r.URL)
		}
		if r.URL.Path != "/agent/v1/join" {
			if r.Header.Get("Authorization") != "Bearer cred" {
				t.Errorf("%s with %q", r.URL, r.Header.Get("Authorization"))
			}
			w.WriteHeader(http.StatusNoContent)
			return
		}
		var j wire.JoinRequest
		if err := json.NewDecoder(r.Body).Decode(&j); err != nil {
			t.Error(err)
		}
		joins = append(joins, j)
		if len(joins) == 1 || down.Load() {
			w.WriteHeader(http.StatusServiceUnavailable)
			return
		}
		reply(t, w, wire.JoinAnswer{Agent: "agt_1", Credential: "cred"})
	}))
	defer server.Close()
	dir := filepath.Join(t.TempDir(), "agent")
	join := func(token string, roles ...string) {
		t.Helper()
		c := connect(t, Options{Server: server.URL, Token: token, Dir: dir, Version: "1"})
		agent, err := c.Join(t.Context(), wire.JoinRequest{Name: "a", Roles: roles})
		if err != nil || agent != "agt_1" {
			t.Fatalf("Join = %q, %v", agent, err)
		}
		if err := c.Beat(t.Context(), wire.Beat{}); err != nil {
			t.Fatal(err)
		}
	}
	join("slj_one", "host")
	if len(joins) != 2 || joins[0].Key != joins[1].Key || len(joins[0].Key) != 32 || joins[1].Token != "slj_one" {
		t.Fatalf("joins %+v", joins)
	}
	info, err := os.Stat(filepath.Join(dir, IdentityFile))
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("identity: %v, %v", info.Mode(), err)
	}
	join("slj_one", "host")
	join("", "host", "work") // without a token it is what it was
	if len(joins) != 2 {
		t.Errorf("joined again without need: %+v", joins)
	}
	join("slj_two", "work", "host")
	if len(joins) != 3 || joins[2].Key != joins[0].Key {
		t.Errorf("new token: %+v", joins)
	}
	down.Store(true)
	join("slj_three", "host") // goes on with what it has
}

func TestJoinRefused(t *testing.T) {
	// What the real door says is tested there. These are answers without words, of something between, and of servers that spoke plain text.
	for status, want := range map[int]string{401: "does not take this join token", 409: "another machine", 426: "same version", 403: "answered 403 Forbidden"} {
		for text, want := range map[string]string{"": want, "slj_x was used up": "slj_x was used up", "<html>": want} {
			c := serve(t, func(w http.ResponseWriter, r *http.Request) {
				w.Header().Set("Content-Type", "text/plain; charset=utf-8")
				if text == "<html>" {
					w.Header().Set("Content-Type", "text/html")
				}
				w.WriteHeader(status)
				_, _ = io.WriteString(w, text+"\n")
			})
			if _, err := c.Join(t.Context(), wire.JoinRequest{Name: "a"}); err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("%d %q: %v, want %q", status, text, err, want)
			}
		}
	}
	c := connect(t, Options{Server: "http://127.0.0.1:1", Dir: t.TempDir()})
	if _, err := c.Join(t.Context(), wire.JoinRequest{Name: "a"}); err == nil || !strings.Contains(err.Error(), "give a join token") {
		t.Errorf("without a token: %v", err)
	}
}

func TestDamagedIdentityIsNotReplaced(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, IdentityFile), []byte("{"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := New(Options{Server: "http://127.0.0.1:1", Dir: dir}); err == nil || !strings.Contains(err.Error(), "damaged") {
		t.Errorf("New = %v", err)
	}
}

func TestAnswers(t *testing.T) {
	status := http.StatusNoContent
	c := serve(t, func(w http.ResponseWriter, r *http.Request) { w.WriteHeader(status) })
	if d, err := c.Desired(t.Context(), 3); d != nil || err != nil {
		t.Errorf("204: %v, %v", d, err)
	}
	if l, err := c.Lease(t.Context(), wire.LeaseRequest{}); l != nil || err != nil {
		t.Errorf("204: %v, %v", l, err)
	}
	for code, want := range map[int]error{401: ErrRemoved, 404: ErrGone, 409: ErrGone, 410: ErrGone, 426: ErrTooOld} {
		status = code
		if _, err := c.Desired(t.Context(), 3); !errors.Is(err, want) {
			t.Errorf("%d: %v, want %v", code, err, want)
		}
		if err := c.LeaseDone(t.Context(), "les_1", wire.LeaseResult{}); !errors.Is(err, want) {
			t.Errorf("%d: %v, want %v", code, err, want)
		}
	}
	status = http.StatusFound // never followed, so that no credential leaves
	var refusal *Status
	if err := c.Beat(t.Context(), wire.Beat{}); !errors.As(err, &refusal) || refusal.Code != http.StatusFound {
		t.Errorf("redirect: %v", err)
	}
}

func TestTriesOnUntilTheContextEnds(t *testing.T) {
	var calls atomic.Int32
	ctx, cancel := context.WithCancel(t.Context())
	c := serve(t, func(w http.ResponseWriter, r *http.Request) {
		if calls.Add(1) == 3 {
			cancel()
		}
		panic(http.ErrAbortHandler)
	})
	if _, err := c.Desired(ctx, 0); !errors.Is(err, context.Canceled) {
		t.Errorf("Desired = %v", err)
	}
	if calls.Load() < 3 {
		t.Errorf("gave up after %d tries", calls.Load())
	}
}

func TestLeaseLog(t *testing.T) {
	var got string
	c := serve(t, func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		got = r.Method + " " + r.URL.String() + " " + string(body)
		w.WriteHeader(http.StatusNoContent)
	})
	if err := c.LeaseLog(t.Context(), "les_1/..", 42, []byte("out")); err != nil {
		t.Fatal(err)
	}
	if want := "POST /agent/v1/work/leases/les_1%2F../log?offset=42 out"; got != want {
		t.Errorf("sent %q, want %q", got, want)
	}
}

func TestGetBlobTakesUpWhereItWasCut(t *testing.T) {
	blob := bytes.Repeat([]byte("0123456789"), 5000)
	for _, ranges := range []bool{true, false} {
		calls := 0
		c := serve(t, func(w http.ResponseWriter, r *http.Request) {
			calls++
			if !ranges {
				r.Header.Del("Range")
			}
			if calls <= 2 {
				w = &cutting{ResponseWriter: w, left: 20_000 + 10_000*calls}
			}
			http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(blob))
			if calls <= 2 {
				panic(http.ErrAbortHandler)
			}
		})
		var got bytes.Buffer
		got.Write(blob[:100])
		n, err := c.GetBlob(t.Context(), "abc", 100, &got)
		if err != nil || n != int64(len(blob)-100) || !bytes.Equal(got.Bytes(), blob) || calls < 2 {
			t.Errorf("ranges %v: wrote %d in %d calls, %v; equal %v", ranges, n, calls, err, bytes.Equal(got.Bytes(), blob))
		}
		if n, err := c.GetBlob(t.Context(), "abc", int64(len(blob)), &got); ranges && (n != 0 || err != nil) {
			t.Errorf("all there: %d, %v", n, err)
		}
	}
}

// cutting passes on some bytes only.
type cutting struct {
	http.ResponseWriter
	left int
}

func (c *cutting) Write(p []byte) (int, error) {
	n, err := c.ResponseWriter.Write(p[:min(len(p), c.left)])
	c.left -= n
	if c.left == 0 {
		c.ResponseWriter.(http.Flusher).Flush()
		return n, io.ErrShortWrite
	}
	return n, err
}

func TestGetBlobEndsWhereTheWriterDoes(t *testing.T) {
	c := serve(t, func(w http.ResponseWriter, r *http.Request) { _, _ = w.Write([]byte("bytes")) })
	full := errors.New("disk full")
	if _, err := c.GetBlob(t.Context(), "abc", 0, failing{full}); !errors.Is(err, full) {
		t.Errorf("GetBlob = %v", err)
	}
}

type failing struct{ err error }

func (f failing) Write([]byte) (int, error)             { return 0, f.err }
func (f failing) ReadAt(p []byte, _ int64) (int, error) { return 0, f.err }

func TestPutBlob(t *testing.T) {
	var got []byte
	calls := 0
	c := serve(t, func(w http.ResponseWriter, r *http.Request) {
		if calls++; calls == 1 {
			w.WriteHeader(http.StatusServiceUnavailable)
			return
		}
		body, err := io.ReadAll(r.Body)
		if err != nil {
			return // the client gave up on the way
		}
		got = body
		if r.ContentLength != int64(len(got)) {
			t.Errorf("Content-Length %d for %d bytes", r.ContentLength, len(got))
		}
		w.WriteHeader(http.StatusNoContent)
	})
	if err := c.PutBlob(t.Context(), "abc", strings.NewReader("the bytes"), 9); err != nil || string(got) != "the bytes" {
		t.Errorf("PutBlob: %v, stored %q", err, got)
	}
	bad := errors.New("disk broken")
	if err := c.PutBlob(t.Context(), "abc", failing{bad}, 9); !errors.Is(err, bad) {
		t.Errorf("PutBlob = %v", err)
	}
}

func TestBackoff(t *testing.T) {
	b := Backoff{Min: 100, Max: 1000}
	for i, bound := range []time.Duration{100, 200, 400, 800, 1000, 1000} {
		if got := b.Next(); got < bound/2 || got > bound {
			t.Errorf("pause %d is %d, want %d to %d", i, got, bound/2, bound)
		}
	}
	b.Reset()
	if got := b.Next(); got > 100 {
		t.Errorf("after Reset %d", got)
	}
}
