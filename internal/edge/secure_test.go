package edge_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"io"
	"math/big"
	"net"
	"net/http"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/slipwayhq/slipway/internal/edge"
	"github.com/slipwayhq/slipway/internal/edge/certs"
	"github.com/slipwayhq/slipway/internal/fault"
)

// stay is a client's CheckRedirect: the redirect itself is looked at.
func stay(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }

// pairFiles makes a certificate for names, in two files, and what trusts it.
func pairFiles(t *testing.T, names ...string) (certFile, keyFile string, roots *x509.CertPool) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	tmpl := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "test"}, DNSNames: names, IsCA: true, BasicConstraintsValid: true,
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
	}
	der, err := x509.CreateCertificate(rand.Reader, tmpl, tmpl, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	raw, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	certFile, keyFile = filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
	for name, block := range map[string]*pem.Block{certFile: {Type: "CERTIFICATE", Bytes: der}, keyFile: {Type: "PRIVATE KEY", Bytes: raw}} {
		if err := os.WriteFile(name, pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	roots = x509.NewCertPool()
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	roots.AddCert(cert)
	return certFile, keyFile, roots
}

// visitors makes transports of visitors of a name who believe roots, by HTTP/2 or by HTTP/1.1 alone.
func visitorsOf(name string, roots *x509.CertPool, two bool) func() *http.Transport {
	return func() *http.Transport {
		protocols := new(http.Protocols)
		protocols.SetHTTP1(!two)
		protocols.SetHTTP2(two)
		return &http.Transport{TLSClientConfig: &tls.Config{ServerName: name, RootCAs: roots, MinVersion: tls.VersionTLS12}, Protocols: protocols}
	}
}

func TestByTLS(t *testing.T) {
	certFile, keyFile, roots := pairFiles(t, "shop.test")
	p := newPlane(t)
	o, _ := backend(t, "old", "h1", func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/ws" {
			lines("old")(w, r)
			return
		}
		body, _ := io.ReadAll(r.Body)
		_, _ = fmt.Fprintf(w, "%s %s %s %s", r.Proto, r.Header.Get("X-Forwarded-Proto"), body, r.Trailer.Get("X-Sum"))
	})
	e, _ := p.start(func(o *edgeOptions) { o.CertFile, o.KeyFile = certFile, keyFile })
	if e.TLSAddr() != e.Addr() {
		t.Errorf("TLS at %s, visitors at %s", e.TLSAddr(), e.Addr())
	}
	p.apply(route(0, o))
	for proto, two := range map[string]bool{"HTTP/1.1": false, "HTTP/2.0": true} {
		client := &http.Client{Transport: visitorsOf("shop.test", roots, two)()}
		defer client.CloseIdleConnections()
		req, _ := http.NewRequestWithContext(t.Context(), http.MethodPost, "https://"+e.Addr()+"/", io.NopCloser(strings.NewReader("body")))
		req.ContentLength, req.Trailer = -1, http.Header{"X-Sum": {"42"}}
		res, body := do(t, client, req)
		if body != "HTTP/1.1 https body 42" || res.Proto != proto || !res.Cookies()[0].Secure {
			t.Errorf("%q by %s, cookies %v", body, res.Proto, res.Cookies())
		}
	}
	c, err := tls.Dial("tcp", e.Addr(), &tls.Config{ServerName: "shop.test", RootCAs: roots, NextProtos: []string{"http/1.1"}, MinVersion: tls.VersionTLS12})
	if err != nil {
		t.Fatal(err)
	}
	ws, in, res := upgradeOn(t, c)
	_, _ = fmt.Fprintln(ws, "hello")
	if line, err := in.ReadString('\n'); res.StatusCode != http.StatusSwitchingProtocols || line != "old hello\n" {
		t.Errorf("a websocket by TLS: %s, %q, %v", res.Status, line, err)
	}
}

func TestWhoComesInPlainIsSentToTLS(t *testing.T) {
	certFile, keyFile, _ := pairFiles(t, "shop.test")
	p := newPlane(t)
	o, _ := backend(t, "old", "h1", nil)
	r := route(0, o)
	r.Hosts = []string{"shop.test"}
	loopback := netip.MustParsePrefix("127.0.0.0/8")
	e, _ := p.start(func(o *edgeOptions) {
		o.CertFile, o.KeyFile, o.TLSListen = certFile, keyFile, "127.0.0.1:0"
		o.TrustedProxies = []netip.Prefix{loopback}
	})
	p.apply(r)
	_, port, err := net.SplitHostPort(e.TLSAddr())
	if err != nil {
		t.Fatal(err)
	}
	client := &http.Client{CheckRedirect: stay}
	for _, c := range []struct{ method, host, path, proxied, want string }{
		{"GET", "shop.test", "/a%2Fb?c=%20d", "", "https://shop.test/a%2Fb?c=%20d"},
		{"HEAD", "shop.test", "/", "", "https://shop.test/"},
		{"POST", "shop.test:8080", "/buy", "", "https://shop.test:" + port + "/buy"},
		{"DELETE", "SHOP.test", "//evil.test/", "", "https://SHOP.test//evil.test/"},
		{"GET", "shop.test", "/", "https", ""},
	} {
		req, err := http.NewRequestWithContext(t.Context(), c.method, "http://"+e.Addr()+c.path, nil)
		if err != nil {
			t.Fatal(err)
		}
		req.Host = c.host
		if c.proxied != "" {
			req.Header.Set("X-Forwarded-Proto", c.proxied)
		}
		res, body := do(t, client, req)
		if c.want == "" && (res.StatusCode != http.StatusOK || body != "old") {
			t.Errorf("by TLS before a trusted proxy: %s, %q", res.Status, body)
		}
		if c.want != "" && (res.StatusCode != http.StatusPermanentRedirect || res.Header.Get("Location") != c.want) {
			t.Errorf("%s %s%s: %s to %q, want %q", c.method, c.host, c.path, res.Status, res.Header.Get("Location"), c.want)
		}
	}
	req, _ := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+e.Addr()+"/", nil)
	req.Host = "other.test"
	if res, _ := do(t, client, req); res.StatusCode != http.StatusServiceUnavailable {
		t.Errorf("a host that nobody has: %s", res.Status)
	}
}

// Both addresses go to the successor: no request is lost, by HTTP/1.1, by HTTP/2 or on the way from plain to TLS.
func TestARestartUnderLoadWithTLSLosesNothing(t *testing.T) {
	certFile, keyFile, roots := pairFiles(t, "shop.test")
	p := newPlane(t)
	o, _ := backend(t, "old", "h1", echo)
	p.set(route(0, o))
	options := func(o *edgeOptions) {
		o.CertFile, o.KeyFile, o.Listen, o.TLSListen = certFile, keyFile, "127.0.0.1:0", "127.0.0.1:0"
	}
	dir := t.TempDir()
	first, stop := p.start(func(o *edgeOptions) { options(o); o.Dir = dir })
	plain, secured := first.Addr(), first.TLSAddr()
	p.apply(route(0, o))
	one := startLoadBy(t, "https://"+secured+"/echo", 4, visitorsOf("shop.test", roots, false))
	two := startLoadBy(t, "https://"+secured+"/echo", 4, visitorsOf("shop.test", roots, true))
	sent := func() int64 { return min(one.sent.Load(), two.sent.Load()) }
	redirected := make(chan error, 1)
	done := make(chan struct{})
	go func() { redirected <- redirects(plain, done) }()
	for range 3 {
		before := sent()
		next, end := p.start(func(o *edgeOptions) { options(o); o.Dir, o.Listen, o.TLSListen = dir, plain, secured })
		if next.Addr() != plain || next.TLSAddr() != secured {
			t.Fatalf("the successor serves %s and %s instead of %s and %s", next.Addr(), next.TLSAddr(), plain, secured)
		}
		p.await("traffic through the successor", func() bool { return sent() > before+50 })
		<-p.ended[first]
		stop()
		first, stop = next, end
	}
	close(done)
	if err := <-redirected; err != nil {
		t.Error(err)
	}
	one.stop()
	two.stop()
	one.check(t)
	two.check(t)
	stop()
	// What an edge could not post in the time that an end may take is on disk, for the next one.
	_, stop = p.start(func(o *edgeOptions) { options(o); o.Dir = dir })
	defer stop()
	p.await("all that was counted", func() bool { return p.requests() >= one.sent.Load()+two.sent.Load() })
	p.mu.Lock()
	defer p.mu.Unlock()
	if got, want := p.requests(), one.sent.Load()+two.sent.Load(); got != want {
		t.Errorf("%d requests counted, %d made", got, want)
	}
}

// redirects asks the plain address again and again, over kept connections, until done.
func redirects(addr string, done <-chan struct{}) error {
	transport := &http.Transport{}
	defer transport.CloseIdleConnections()
	client := &http.Client{Transport: transport, CheckRedirect: stay}
	for {
		select {
		case <-done:
			return nil
		default:
		}
		req, err := http.NewRequest(http.MethodPost, "http://"+addr+"/", strings.NewReader("body"))
		if err != nil {
			return err
		}
		req.GetBody = nil
		res, err := client.Do(req)
		if err != nil {
			return fmt.Errorf("on the way to TLS: %w", err)
		}
		_ = res.Body.Close()
		if res.StatusCode != http.StatusPermanentRedirect {
			return fmt.Errorf("on the way to TLS: %s", res.Status)
		}
	}
}

// An edge without TLS is followed by one with it, and back.
func TestTLSComesAndGoesWithARestart(t *testing.T) {
	certFile, keyFile, roots := pairFiles(t, "shop.test")
	p := newPlane(t)
	o, _ := backend(t, "old", "h1", echo)
	dir := t.TempDir()
	plain, stop := p.start(func(o *edgeOptions) { o.Dir = dir })
	p.apply(route(0, o))
	addr := plain.Addr()
	secured, end := p.start(func(o *edgeOptions) {
		o.Dir, o.Listen, o.TLSListen, o.CertFile, o.KeyFile = dir, addr, "127.0.0.1:0", certFile, keyFile
	})
	<-p.ended[plain]
	stop()
	if s, err := edge.Alive(dir); err != nil || s.Listen != addr || s.TLSListen != secured.TLSAddr() {
		t.Fatalf("%+v, %v", s, err)
	}
	client := &http.Client{Transport: visitorsOf("shop.test", roots, true)()}
	if err := once(client, "https://"+secured.TLSAddr()+"/", visitorID(1), 1); err != nil {
		t.Error(err)
	}
	client.CloseIdleConnections()
	again, last := p.start(func(o *edgeOptions) { o.Dir, o.Listen = dir, addr })
	<-p.ended[secured]
	end()
	if again.Addr() != addr || again.TLSAddr() != "" {
		t.Errorf("%s and %q", again.Addr(), again.TLSAddr())
	}
	if err := once(http.DefaultClient, "http://"+addr+"/", visitorID(1), 1); err != nil {
		t.Error(err)
	}
	if c, err := net.Dial("tcp", secured.TLSAddr()); err == nil {
		_ = c.Close()
		t.Error("the address for TLS still takes connections")
	}
	last()
}

func TestMistakesAboutTLSAreTold(t *testing.T) {
	certFile, keyFile, _ := pairFiles(t, "shop.test")
	for what, change := range map[string]func(*edge.Options){
		"a certificate without a key": func(o *edge.Options) { o.CertFile = certFile },
		"both":                        func(o *edge.Options) { o.CertFile, o.KeyFile, o.ACME = certFile, keyFile, &certs.ACME{} },
		"TLS without a certificate":   func(o *edge.Options) { o.TLSListen = ":443" },
		"no address":                  func(o *edge.Options) { o.TLSListen, o.CertFile, o.KeyFile = "443", certFile, keyFile },
		"a CA without TLS":            func(o *edge.Options) { o.ACME = &certs.ACME{Directory: "http://ca.test/"} },
	} {
		o := edge.Options{ID: "a", Dir: t.TempDir(), Listen: "127.0.0.1:0", Server: "http://127.0.0.1:1"}
		change(&o)
		if _, err := edge.New(o); !fault.Is(err, fault.CodeInvalid) {
			t.Errorf("%s: %v", what, err)
		}
	}
	all := edge.Options{Dir: t.TempDir(), Listen: "here", Server: "there", CertFile: "/nowhere.pem", KeyFile: "/nowhere.key", TLSListen: "443"}.Check()
	for _, want := range []string{`--listen "here"`, `--server "there"`, "--tls-cert /nowhere.pem cannot be read: no such file", "--tls-key /nowhere.key cannot be read: no such file", `--tls-listen "443"`} {
		if all == nil || !strings.Contains(all.Error(), want) {
			t.Errorf("%v lacks %s", all, want)
		}
	}
	o := edge.Options{ID: "a", Dir: t.TempDir(), Listen: "127.0.0.1:0", Server: "http://127.0.0.1:1", CertFile: keyFile, KeyFile: certFile}
	if _, err := edge.New(o); err == nil || !strings.Contains(err.Error(), keyFile) {
		t.Errorf("files that hold something else: %v", err)
	}
}
