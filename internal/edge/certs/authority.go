package certs

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"time"

	"github.com/caddyserver/certmagic"

	"github.com/slipwayhq/slipway/internal/fault"
)

// ACME names the certificate authority. The zero value is Let's Encrypt, without a mail address. Whoever uses a CA agrees to its terms.
type ACME struct {
	// Email is where the CA writes to when something is wrong with the account. May be empty.
	Email string
	// Directory is the URL of the CA's directory. Default: Let's Encrypt.
	Directory string
	// Roots are trusted when the CA is asked, instead of the system's; for a private CA.
	Roots *x509.CertPool
}

// Check reports what cannot be meant.
func (a ACME) Check() error {
	if u, err := url.Parse(a.Directory); a.Directory != "" && (err != nil || u.Scheme != "https" || u.Host == "") {
		return fault.Invalid("--acme-ca %q is no directory of a certificate authority; write its URL, which begins with https://", a.Directory).At("acme-ca")
	}
	return nil
}

// Options of an Authority. All are needed.
type Options struct {
	ACME
	// Dir keeps the account, the certificates and their keys, readable by this user alone.
	Dir string
	// Plain is the address at which Challenge answers. The CA must reach it at port 80.
	Plain *net.TCPAddr
	// Wanted tells whether there may be a certificate for a host name, which is in lower case.
	Wanted func(name string) bool
	Logger *slog.Logger
	Clock  func() time.Time
}

// Authority obtains certificates when they are first asked for, keeps them, and renews them. Close it.
type Authority struct {
	cache  *certmagic.Cache
	config *certmagic.Config
	issuer *issuer
}

// NewAuthority makes one. Nothing is asked of the CA before the first visitor comes.
func NewAuthority(o Options) *Authority {
	a := &Authority{}
	log := newZap(o.Logger)
	a.cache = certmagic.NewCache(certmagic.CacheOptions{
		GetConfigForCert: func(certmagic.Certificate) (*certmagic.Config, error) { return a.config, nil }, Logger: log,
	})
	wanted := func(_ context.Context, name string) error {
		if !o.Wanted(name) {
			return fault.NotFound("no environment has the domain %s", name)
		}
		return nil
	}
	a.config = certmagic.New(a.cache, certmagic.Config{
		OnDemand: &certmagic.OnDemandConfig{DecisionFunc: wanted},
		Storage:  &certmagic.FileStorage{Path: o.Dir}, Logger: log,
	})
	acme := certmagic.NewACMEIssuer(a.config, certmagic.ACMEIssuer{
		CA: o.Directory, Email: o.Email, TrustedRoots: o.Roots, Agreed: true, Logger: log,
		// The address is taken already, by who calls Challenge; certmagic finds that out and opens none.
		ListenHost: o.Plain.IP.String(), AltHTTPPort: o.Plain.Port, DisableTLSALPNChallenge: true,
	})
	a.issuer = newIssuer(acme, o.Logger, o.Clock)
	a.config.Issuers = []certmagic.Issuer{a.issuer}
	return a
}

// GetCertificate is for a tls.Config. The first visitor of a host name waits for the CA.
func (a *Authority) GetCertificate(hello *tls.ClientHelloInfo) (*tls.Certificate, error) {
	cert, err := a.config.GetCertificate(hello)
	if err != nil {
		return nil, fmt.Errorf("find a certificate for %q: %w", hello.ServerName, err)
	}
	return cert, nil
}

// Challenge answers the CA, which looks whether the host is ours. It is false, and nothing is answered, when this is no request of the CA's.
func (a *Authority) Challenge(w http.ResponseWriter, r *http.Request) bool {
	return a.issuer.HandleHTTPChallenge(w, r)
}

// Close ends the upkeep, and what is being asked of the CA. What was obtained stays in the folder.
func (a *Authority) Close() {
	a.issuer.close()
	a.cache.Stop()
}
