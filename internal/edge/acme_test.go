package edge_test

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"io"
	"io/fs"
	"log"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/letsencrypt/pebble/v2/ca"
	"github.com/letsencrypt/pebble/v2/db"
	"github.com/letsencrypt/pebble/v2/va"
	"github.com/letsencrypt/pebble/v2/wfe"
	"github.com/miekg/dns"
	"go.uber.org/goleak"

	"github.com/slipwayhq/slipway/internal/edge"
	"github.com/slipwayhq/slipway/internal/edge/certs"
)

// authority is a real certificate authority, Pebble: it looks at challenges by HTTP, at the port it is told. All domains lead to this machine.
type authority struct {
	*httptest.Server
	roots *x509.CertPool // of its certificates

	mu     sync.Mutex
	orders int

	gate    chan struct{} // until it is closed no challenge is looked at; nil does not stop any
	waiting flag
}

func newAuthority(t *testing.T, port int) *authority {
	t.Helper()
	t.Setenv("PEBBLE_VA_NOSLEEP", "1")
	t.Setenv("PEBBLE_WFE_NONCEREJECT", "0")
	quiet := log.New(io.Discard, "", 0)
	store := db.NewMemoryStore()
	issuing := ca.New(quiet, store, "", "ecdsa", 0, 1, map[string]ca.Profile{"default": {ValidityPeriod: 90 * 86400}})
	checking := va.New(quiet, port, 0, false, names(t), store)
	front := wfe.New(quiet, store, checking, issuing, []string{"ca.test"}, false, false, 0, 0)
	handler := front.Handler()
	a := &authority{roots: x509.NewCertPool()}
	a.Server = httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.Contains(r.URL.Path, "order-plz") {
			a.mu.Lock()
			a.orders++
			a.mu.Unlock()
		}
		if a.gate != nil && strings.Contains(r.URL.Path, "chalZ") {
			a.waiting.Add(1)
			<-a.gate
		}
		handler.ServeHTTP(w, r)
	}))
	t.Cleanup(a.Close)
	root, err := x509.ParseCertificate(issuing.GetRootCert(0).DER)
	if err != nil {
		t.Fatal(err)
	}
	a.roots.AddCert(root)
	return a
}

// acme is how an edge asks the authority.
func (a *authority) acme() *certs.ACME {
	trusted := x509.NewCertPool()
	trusted.AddCert(a.Certificate())
	return &certs.ACME{Email: "ops@shop.test", Directory: a.URL + wfe.DirectoryPath, Roots: trusted}
}

func (a *authority) ordered() int {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.orders
}

// names runs a name server that knows one address for every name.
func names(t *testing.T) (addr string) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := &dns.Server{Listener: l, Handler: dns.HandlerFunc(func(w dns.ResponseWriter, q *dns.Msg) {
		m := new(dns.Msg).SetReply(q)
		if q.Question[0].Qtype == dns.TypeA {
			m.Answer = []dns.RR{&dns.A{Hdr: dns.RR_Header{Name: q.Question[0].Name, Rrtype: dns.TypeA, Class: dns.ClassINET}, A: net.IPv4(127, 0, 0, 1)}}
		}
		_ = w.WriteMsg(m)
	})}
	done := make(chan error, 1)
	go func() { done <- s.ActivateAndServe() }()
	t.Cleanup(func() { _ = s.Shutdown(); <-done })
	return l.Addr().String()
}

// freePort is one that an edge may listen on.
func freePort(t *testing.T) (addr string, port int) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	return l.Addr().String(), l.Addr().(*net.TCPAddr).Port
}

// shake is a visitor's handshake for a name.
func shake(t *testing.T, addr, name string, roots *x509.CertPool) (*x509.Certificate, error) {
	t.Helper()
	d := tls.Dialer{Config: &tls.Config{ServerName: name, RootCAs: roots, MinVersion: tls.VersionTLS12}}
	c, err := d.DialContext(t.Context(), "tcp", addr)
	if err != nil {
		return nil, err
	}
	defer func() { _ = c.Close() }()
	return c.(*tls.Conn).ConnectionState().PeerCertificates[0], nil
}

func TestCertificatesAreObtainedForDomainsOfEnvironmentsAlone(t *testing.T) {
	plain, port := freePort(t)
	a := newAuthority(t, port)
	p := newPlane(t)
	o, _ := backend(t, "old", "h1", echo)
	r := route(0, o)
	r.Hosts = []string{"shop.test", "www.shop.test"}
	p.set(r)
	dir := t.TempDir()
	start := func() (*edge.Edge, func()) {
		return p.start(func(o *edgeOptions) {
			o.Dir, o.Listen, o.TLSListen, o.ACME = dir, plain, "127.0.0.1:0", a.acme()
		})
	}
	before := goleak.IgnoreCurrent()
	e, stop := start()
	p.await("the snapshot in force", func() bool { return p.applied >= 1 })

	var group sync.WaitGroup
	for range 4 { // the first visitors come at once, and one order is made for all
		group.Go(func() {
			if cert, err := shake(t, e.TLSAddr(), "shop.test", a.roots); err != nil || cert.VerifyHostname("shop.test") != nil {
				t.Errorf("no certificate: %v", err)
			}
		})
	}
	group.Wait()
	if got := a.ordered(); got != 1 {
		t.Errorf("%d orders for one domain", got)
	}
	client := &http.Client{Transport: visitorsOf("shop.test", a.roots, true)()}
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "https://"+e.TLSAddr()+"/", strings.NewReader("body"))
	if err != nil {
		t.Fatal(err)
	}
	req.Host = "shop.test"
	if res, body := do(t, client, req); res.Proto != "HTTP/2.0" || body != "body" {
		t.Errorf("%s by %s: %q", res.Status, res.Proto, body)
	}
	client.CloseIdleConnections()
	for _, name := range []string{"other.test", "a.shop.test", "127.0.0.1", ""} {
		if _, err := shake(t, e.TLSAddr(), name, a.roots); err == nil {
			t.Errorf("%q got a certificate", name)
		}
	}
	if got := a.ordered(); got != 1 {
		t.Errorf("the authority was asked for a domain that nobody has")
	}
	checkPrivate(t, filepath.Join(dir, "certs"))

	// A restart while neither the server nor the authority is there.
	p.CloseClientConnections()
	p.Close()
	a.Close()
	next, end := start()
	<-p.ended[e]
	stop()
	if _, err := shake(t, next.TLSAddr(), "SHOP.test", a.roots); err != nil {
		t.Errorf("from disk: %v", err)
	}
	if _, err := shake(t, next.TLSAddr(), "www.shop.test", a.roots); err == nil {
		t.Error("a certificate of nobody")
	}
	end()
	if err := goleak.Find(append(ofOthers(), before)...); err != nil {
		t.Errorf("an edge that ended left something running: %v", err)
	}
}

// ofOthers are goroutines of the test itself, and what certmagic cannot be told to end: one for each authority as long as the process lives, one for each lock,
// which looks every five seconds whether the lock is still there, connections to the authority until they have been idle for long.
func ofOthers() []goleak.Option {
	return []goleak.Option{
		goleak.IgnoreAnyFunction("net/http.(*conn).serve"), goleak.IgnoreAnyFunction("net/http.(*Server).Serve"),
		goleak.IgnoreAnyFunction("net/http.(*persistConn).readLoop"), goleak.IgnoreAnyFunction("net/http.(*persistConn).writeLoop"),
		goleak.IgnoreAnyFunction("github.com/caddyserver/certmagic.(*RingBufferRateLimiter).loop"),
		goleak.IgnoreAnyFunction("github.com/caddyserver/certmagic.keepLockfileFresh"),
		goleak.IgnoreAnyFunction("github.com/letsencrypt/pebble/v2/va.VAImpl.processTasks"), goleak.IgnoreAnyFunction("github.com/miekg/dns.(*Server).serveTCPConn"),
	}
}

// checkPrivate looks whether anybody else could read keys.
func checkPrivate(t *testing.T, dir string) {
	t.Helper()
	files := 0
	err := filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := entry.Info()
		if err == nil && info.Mode().Perm()&0o077 != 0 {
			t.Errorf("%s is %v", path, info.Mode())
		}
		if !entry.IsDir() {
			files++
		}
		return err
	})
	if err != nil || files < 3 {
		t.Errorf("%d files, %v", files, err)
	}
}

// An edge that is replaced while the authority is about to look at its challenge: the successor, another process, answers it, and the visitor who waits at the
// predecessor gets the certificate.
func TestASuccessorAnswersTheChallengeOfItsPredecessor(t *testing.T) {
	plain, port := freePort(t)
	secured, _ := freePort(t)
	a := newAuthority(t, port)
	a.gate = make(chan struct{})
	p := newPlane(t)
	o, _ := backend(t, "old", "h1", echo)
	r := route(0, o)
	r.Hosts = []string{"shop.test"}
	p.set(r)
	dir := t.TempDir()
	roots := filepath.Join(t.TempDir(), "roots.pem")
	if err := os.WriteFile(roots, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: a.Certificate().Raw}), 0o600); err != nil {
		t.Fatal(err)
	}
	said := &lockedBuffer{}
	predecessor := exec.CommandContext(t.Context(), os.Args[0])
	predecessor.Env = append(os.Environ(), "EDGE_TEST="+strings.Join([]string{dir, plain, p.URL, "1", secured, a.URL + wfe.DirectoryPath, roots}, "|"))
	predecessor.Stderr = said
	if err := predecessor.Start(); err != nil {
		t.Fatal(err)
	}
	p.await("the snapshot in force", func() bool { return p.applied >= 1 })
	got := make(chan error, 1)
	go func() {
		_, err := shake(t, secured, "shop.test", a.roots)
		got <- err
	}()
	p.await("a challenge", func() bool { return a.waiting.Load() > 0 })
	_, stop := p.start(func(o *edgeOptions) { o.Dir, o.Listen, o.TLSListen, o.ACME = dir, plain, secured, a.acme() })
	p.await("the predecessor to accept no more", func() bool { return strings.Contains(said.String(), "a successor serves") })
	close(a.gate)
	if err := <-got; err != nil {
		t.Errorf("%v; the predecessor:\n%s", err, said)
	}
	if err := predecessor.Wait(); err != nil {
		t.Errorf("the predecessor: %v\n%s", err, said)
	}
	if _, err := shake(t, secured, "shop.test", a.roots); err != nil {
		t.Error(err)
	}
	stop()
	if a.ordered() != 1 {
		t.Errorf("%d orders", a.ordered())
	}
}

// lockedBuffer is what a process says, to be read while it still speaks.
type lockedBuffer struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (b *lockedBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.Write(p)
}

func (b *lockedBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.String()
}

// An authority that says no is left alone for a while, whoever comes meanwhile.
func TestARefusalIsNotAskedForAgainAtOnce(t *testing.T) {
	plain, _ := freePort(t)
	_, elsewhere := freePort(t)
	a := newAuthority(t, elsewhere) // it looks where nobody is
	p := newPlane(t)
	o, _ := backend(t, "old", "h1", echo)
	r := route(0, o)
	r.Hosts = []string{"shop.test"}
	p.set(r)
	var told flag
	e, _ := p.start(func(o *edgeOptions) {
		o.Listen, o.TLSListen, o.ACME = plain, "127.0.0.1:0", a.acme()
		o.Logger = slog.New(slog.NewTextHandler(writer(func(line []byte) {
			if strings.Contains(string(line), "does the domain lead here") {
				told.Add(1)
			}
		}), nil))
	})
	p.await("the snapshot in force", func() bool { return p.applied >= 1 })
	for range 3 {
		began := time.Now()
		if _, err := shake(t, e.TLSAddr(), "shop.test", a.roots); err == nil {
			t.Fatal("a certificate of nobody")
		}
		t.Logf("refused after %v", time.Since(began))
	}
	if a.ordered() != 1 || told.Load() != 1 {
		t.Errorf("%d orders, told %d times", a.ordered(), told.Load())
	}
}

// writer is a function that takes lines.
type writer func([]byte)

func (w writer) Write(p []byte) (int, error) { w(p); return len(p), nil }
