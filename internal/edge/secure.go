package edge

import (
	"crypto/tls"
	"net"
	"net/http"
	"net/url"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/slipwayhq/slipway/internal/edge/certs"
	"github.com/slipwayhq/slipway/internal/fault"
)

// defaultTLSListen is where visitors are served by TLS when certificates are obtained.
const defaultTLSListen = ":443"

// secure tells whether visitors are served by TLS.
func (o Options) secure() bool { return o.ACME != nil || o.CertFile != "" }

// checkTLS looks at what concerns TLS.
func (o Options) checkTLS() (errs []error) {
	switch {
	case (o.CertFile == "") != (o.KeyFile == ""):
		errs = append(errs, fault.Invalid("--tls-cert and --tls-key belong together").At("tls-cert"))
	case o.CertFile != "":
		errs = certs.CheckPair("tls-cert", o.CertFile, "tls-key", o.KeyFile)
	}
	if o.ACME != nil {
		if err := o.ACME.Check(); err != nil {
			errs = append(errs, err)
		}
		if o.CertFile != "" {
			errs = append(errs, fault.Invalid("--tls-cert gives a certificate and --acme obtains one; choose").At("tls-cert"))
		}
	}
	if o.TLSListen == "" {
		return errs
	}
	if _, _, err := net.SplitHostPort(o.TLSListen); err != nil {
		errs = append(errs, fault.Invalid("--tls-listen %q is not an address; write it like 0.0.0.0:443", o.TLSListen).At("tls-listen"))
	}
	if !o.secure() {
		errs = append(errs, fault.Invalid("--tls-listen needs certificates: --acme, or --tls-cert and --tls-key").At("tls-listen"))
	}
	return errs
}

// openPair reads the given certificate, so that one of no use is told of at once.
func (e *Edge) openPair() (err error) {
	if e.opts.CertFile != "" {
		e.pair, err = certs.OpenPair(e.opts.CertFile, e.opts.KeyFile, e.opts.Logger, e.opts.Clock)
	}
	return err
}

// openAuthority begins the upkeep of certificates that are obtained. plain is where the certificate authority finds the answers to its challenges.
func (e *Edge) openAuthority(plain *net.TCPListener) {
	if e.opts.ACME == nil {
		return
	}
	e.authority.Store(certs.NewAuthority(certs.Options{
		ACME: *e.opts.ACME, Dir: filepath.Join(e.opts.Dir, "certs"), Plain: plain.Addr().(*net.TCPAddr),
		Wanted: func(name string) bool { return e.table.Load().named(name) != nil },
		Logger: e.opts.Logger, Clock: e.opts.Clock,
	}))
}

func (e *Edge) closeAuthority() {
	if a := e.authority.Load(); a != nil {
		a.Close()
	}
}

// certificate is the one for a visitor's connection.
func (e *Edge) certificate(hello *tls.ClientHelloInfo) (*tls.Certificate, error) {
	if e.pair != nil {
		return e.pair.GetCertificate(hello)
	}
	return e.authority.Load().GetCertificate(hello)
}

// toTLS answers who comes in plain where visitors are served by TLS: the certificate authority gets what it asks for, visitors are sent on.
func (e *Edge) toTLS(w http.ResponseWriter, r *http.Request) {
	if e.originOf(r).proto == "https" { // a trusted proxy before us does the TLS
		e.ServeHTTP(w, r)
		return
	}
	e.conns.enter()
	defer e.conns.leave()
	if e.conns.draining() {
		w.Header().Set("Connection", "close")
	}
	if a := e.authority.Load(); a != nil && a.Challenge(w, r) {
		return
	}
	t := e.table.Load()
	known := t.named(r.Host) != nil || e.pair != nil && t.rest != nil
	if !known {
		nobody(w, r)
		return
	}
	// Not for ever: else a browser could not come back to an edge whose TLS was given up.
	w.Header().Set("Cache-Control", "max-age=3600")
	to := url.URL{Scheme: "https", Host: e.secureHost(r.Host), Path: r.URL.Path, RawPath: r.URL.RawPath, RawQuery: r.URL.RawQuery}
	http.Redirect(w, r, to.String(), http.StatusPermanentRedirect)
}

// secureHost is where a visitor of a Host header finds TLS. Who came by the usual port leaves by the usual port, whatever the edge listens on: something before
// it maps the ports. Who named another port is sent to the one that the edge knows.
func (e *Edge) secureHost(host string) string {
	name, _, err := net.SplitHostPort(host)
	if err != nil {
		return host
	}
	port := 443
	if l := e.secured.Load(); l != nil {
		port = l.Addr().(*net.TCPAddr).Port
	}
	return strings.TrimSuffix(net.JoinHostPort(name, strconv.Itoa(port)), ":443")
}
