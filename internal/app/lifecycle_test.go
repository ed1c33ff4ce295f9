package app_test

import (
	"bufio"
	"context"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"go.uber.org/goleak"

	"github.com/slipwayhq/slipway/internal/app"
	"github.com/slipwayhq/slipway/internal/apptest"
	"github.com/slipwayhq/slipway/internal/fault"
)

// in starts the server in a folder of the test's choice.
func in(dir string) func(*app.Options) {
	return func(o *app.Options) { o.Dir = dir }
}

func TestStartAndStopAgainAndAgain(t *testing.T) {
	before := goleak.IgnoreCurrent()
	dir := t.TempDir()
	for round := range 3 {
		s := apptest.Start(t, in(dir))
		var list struct{ Items []struct{ Name string } }
		s.Must(t, "GET", "/v1/apps", nil, &list)
		if len(list.Items) != round {
			t.Errorf("in round %d there are %d apps", round, len(list.Items))
		}
		s.Must(t, "POST", "/v1/apps", map[string]string{"name": fmt.Sprintf("app-%d", round)}, nil)
		s.Stop()
		s.Stop()
		if err := s.Close(); err != nil {
			t.Errorf("closed once more: %v", err)
		}
	}
	http.DefaultClient.CloseIdleConnections()
	if err := goleak.Find(before); err != nil {
		t.Errorf("something goes on behind the end of the server: %v", err)
	}
}

func TestEndedBeforeItRan(t *testing.T) {
	dir := t.TempDir()
	ctx, cancel := context.WithCancel(t.Context())
	a, err := app.New(ctx, options(dir))
	if err != nil {
		t.Fatal(err)
	}
	cancel()
	if err := a.Run(ctx); err != nil {
		t.Errorf("run with an ended context: %v", err)
	}
	if a, err = app.New(t.Context(), options(dir)); err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(a.Close(), a.Close()); err != nil {
		t.Errorf("closed twice without a run: %v", err)
	}
	apptest.Start(t, in(dir))
}

func options(dir string) app.Options {
	return app.Options{Dir: dir, Listen: "127.0.0.1:0", EdgeListen: "none", AdminToken: apptest.Token}
}

// TestFailedFirstStartKeepsTheToken: what the first start prints once must not be used up by a start that prints nothing.
func TestFailedFirstStartKeepsTheToken(t *testing.T) {
	o := options(t.TempDir())
	o.AdminToken = ""
	inTheWay := filepath.Join(o.Dir, "git") // a file where the repositories' folder goes: the last door cannot open
	if err := os.WriteFile(inTheWay, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if a, err := app.New(t.Context(), o); err == nil {
		t.Fatalf("opened without repositories: %v", a.Close())
	}
	if err := os.Remove(inTheWay); err != nil {
		t.Fatal(err)
	}
	a, err := app.New(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	defer a.Close()
	if a.First.Token == "" || a.LoginURL() == "" {
		t.Errorf("the first start that succeeds has nothing to print: %+v", a.First)
	}
}

func TestTwoServersAtOnce(t *testing.T) {
	one, two := apptest.Start(t), apptest.Start(t)
	one.Must(t, "POST", "/v1/apps", map[string]string{"name": "shop"}, nil)
	var list struct{ Items []any }
	if two.Must(t, "GET", "/v1/apps", nil, &list); len(list.Items) != 0 {
		t.Errorf("the other server has %v", list.Items)
	}
}

func TestDataFolderInUse(t *testing.T) {
	s := apptest.Start(t)
	_, err := app.New(t.Context(), options(s.Dir))
	if fault.CodeOf(err) != fault.CodeConflict || !strings.Contains(err.Error(), "another slipway uses the data folder "+s.Dir) {
		t.Errorf("a second server in one folder: %v", err)
	}
	s.Must(t, "GET", "/v1/apps", nil, nil) // the first one does not mind
	s.Stop()
	apptest.Start(t, in(s.Dir))
}

func TestPortTaken(t *testing.T) {
	s := apptest.Start(t)
	o := options(t.TempDir())
	o.Listen = s.Addr()
	_, err := app.New(t.Context(), o)
	if fault.CodeOf(err) != fault.CodeConflict || !strings.Contains(err.Error(), s.Addr()) || !strings.Contains(err.Error(), "--listen") || strings.Count(err.Error(), "in use") != 1 {
		t.Errorf("a port that is taken: %v", err)
	}
	apptest.Start(t, in(o.Dir)) // the folder is free again
}

func TestFolderThatCannotBe(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := app.New(t.Context(), options(filepath.Join(file, "data"))); fault.CodeOf(err) != fault.CodeInvalid || !strings.Contains(err.Error(), file) || strings.Count(err.Error(), "not a directory") != 1 {
		t.Errorf("a folder in a file: %v", err)
	}
}

func TestAllMistakesInOptionsAtOnce(t *testing.T) {
	_, err := app.New(t.Context(), app.Options{
		Dir: t.TempDir(), Listen: "here", EdgeListen: "there", Database: "mysql://u:correct-horse@x/y", NATS: "http://x", URL: "slipway", CertFile: "x", AdminToken: "short", SecretKey: "zz",
	})
	for _, want := range []string{"--listen", "--edge-listen", "--database", "--nats", "--url", "--tls-cert", "--admin-token", "--secret-key"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s is not complained about: %v", want, err)
		}
	}
	for _, secret := range []string{"correct-horse", "short", "zz"} {
		if err != nil && strings.Contains(err.Error(), secret) {
			t.Errorf("%q is shown: %v", secret, err)
		}
	}
	o := options(t.TempDir())
	o.URL, o.SecretKey = "https://slipway.test", strings.Repeat("ab", 32)
	a, err := app.New(t.Context(), o)
	if err != nil {
		t.Fatalf("what is right is refused: %v", err)
	}
	if err := a.Close(); err != nil {
		t.Error(err)
	}
}

// TestTheDataFolderIsItsOwnersAlone: a folder that was there, and a store that an older server left readable for everybody.
func TestTheDataFolderIsItsOwnersAlone(t *testing.T) {
	dir := t.TempDir()
	modes := func(when string) {
		t.Helper()
		for name, want := range map[string]os.FileMode{".": 0o700, "state.db": 0o600, "state.db-wal": 0o600, "state.db-shm": 0o600, "key": 0o600} {
			info, err := os.Stat(filepath.Join(dir, name))
			if err != nil || info.Mode().Perm() != want {
				t.Errorf("%s, %s: %v, want %v: %v", when, name, info.Mode().Perm(), want, err)
			}
		}
	}
	for _, when := range []string{"new", "old"} {
		if err := os.Chmod(dir, 0o755); err != nil {
			t.Fatal(err)
		}
		s := apptest.Start(t, in(dir))
		modes(when)
		s.Stop()
		for _, name := range []string{"state.db", "state.db-wal", "state.db-shm"} {
			if err := os.Chmod(filepath.Join(dir, name), 0o644); err != nil && !errors.Is(err, fs.ErrNotExist) {
				t.Fatal(err)
			}
		}
	}
}

// TestFolderThatCannotBeUsed: only a lock that is held is another server's.
func TestFolderThatCannotBeUsed(t *testing.T) {
	dir := t.TempDir()
	if err := os.Mkdir(filepath.Join(dir, "lock"), 0o700); err != nil {
		t.Fatal(err)
	}
	_, err := app.New(t.Context(), options(dir))
	if fault.CodeOf(err) != fault.CodeInvalid || strings.Contains(err.Error(), "another slipway") || !strings.Contains(err.Error(), "cannot be used") {
		t.Errorf("a lock that cannot be made: %v", err)
	}
}

// outside gives an address of this machine that is not loopback.
func outside(t *testing.T) string {
	t.Helper()
	addrs, err := net.InterfaceAddrs()
	if err != nil {
		t.Fatal(err)
	}
	for _, a := range addrs {
		if n, ok := a.(*net.IPNet); ok && n.IP.IsGlobalUnicast() && n.IP.To4() != nil && !n.IP.IsLoopback() {
			return n.IP.String()
		}
	}
	t.Skip("this machine has no address but loopback")
	return ""
}

// TestPlainAndTLSOnOnePort: off loopback there is TLS, by a key that join tokens name, and who comes in plain is sent there; on loopback both will do.
func TestPlainAndTLSOnOnePort(t *testing.T) {
	ip := outside(t)
	for _, listen := range []string{ip + ":0", "0.0.0.0:0"} {
		t.Run(listen, func(t *testing.T) {
			s := startOutside(t, listen, ip)
			_, port, err := net.SplitHostPort(s.Addr())
			if err != nil {
				t.Fatal(err)
			}
			addr := net.JoinHostPort(ip, port)
			if pin := s.dial(t, addr); !strings.HasSuffix(s.token, "."+pin) {
				t.Errorf("the join token %s does not name the key %s", s.token, pin)
			}
			silent, err := net.Dial("tcp", addr) // one that says nothing holds up nobody
			if err != nil {
				t.Fatal(err)
			}
			defer silent.Close()
			if status, location := plain(t, addr); status != http.StatusPermanentRedirect || location != "https://"+addr+"/livez" {
				t.Errorf("in plain from outside: %d to %q", status, location)
			}
			if strings.HasPrefix(listen, "0.0.0.0") {
				if status, _ := plain(t, net.JoinHostPort("127.0.0.1", port)); status != http.StatusOK {
					t.Errorf("in plain from this machine: %d", status)
				}
			}
		})
	}
}

// outsider is a server that others reach by TLS.
type outsider struct {
	*app.App
	token string
}

func startOutside(t *testing.T, listen, ip string) outsider {
	t.Helper()
	o := options(t.TempDir())
	o.Listen = listen
	ctx, cancel := context.WithCancel(context.Background())
	a, err := app.New(ctx, o)
	if err != nil {
		cancel()
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- a.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Errorf("the server ended with: %v", err)
		}
	})
	s := outsider{App: a}
	_, port, err := net.SplitHostPort(a.Addr())
	if err != nil {
		t.Fatal(err)
	}
	client := &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}, DisableKeepAlives: true}}
	req, err := http.NewRequest("POST", "https://"+net.JoinHostPort(ip, port)+"/v1/join-tokens", strings.NewReader(`{"roles":["host"]}`))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+apptest.Token)
	req.Header.Set("Content-Type", "application/json")
	resp, err := client.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode/100 != 2 {
		t.Fatalf("make a join token: %s %s, %v", resp.Status, body, err)
	}
	_, rest, _ := strings.Cut(string(body), `"token":"`)
	s.token, _, _ = strings.Cut(rest, `"`)
	return s
}

// dial shakes hands and gives the pin of the server's key.
func (s outsider) dial(t *testing.T, addr string) string {
	t.Helper()
	conn, err := tls.Dial("tcp", addr, &tls.Config{InsecureSkipVerify: true})
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	leaf, err := x509.ParseCertificate(conn.ConnectionState().PeerCertificates[0].Raw)
	if err != nil {
		t.Fatal(err)
	}
	sum := sha256.Sum256(leaf.RawSubjectPublicKeyInfo)
	return base64.RawURLEncoding.EncodeToString(sum[:])
}

// plain asks for /livez without TLS.
func plain(t *testing.T, addr string) (status int, location string) {
	t.Helper()
	conn, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if _, err := fmt.Fprintf(conn, "GET /livez HTTP/1.1\r\nHost: %s\r\nConnection: close\r\n\r\n", addr); err != nil {
		t.Fatal(err)
	}
	resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	return resp.StatusCode, resp.Header.Get("Location")
}
