package edge

import (
	"errors"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"time"

	"github.com/slipwayhq/slipway/internal/edge/certs"
	"github.com/slipwayhq/slipway/internal/fault"
)

// Options are what an edge is started with. Zero values mean the defaults given here.
type Options struct {
	// ID is the edge's agent id; it names the edge in every second it counts.
	ID string
	// Listen is the address for visitors ("0.0.0.0:80"; port 0 takes a free one).
	Listen string
	// Server is the URL of the server, Credential what it knows this edge by.
	Server, Credential string
	// Transport is the way to the server where it is a special one: off loopback, with the server's key pinned. Default: the system's authorities are trusted.
	Transport http.RoundTripper
	// Dir holds the last snapshot, the spool, and the socket of package control. One running edge to a folder.
	Dir string
	// Version tells a supervisor whether to replace this edge.
	Version string
	// Host, when set, is the one host (agent id) whose processes this edge sends visitors to: it is the front of that host, behind a load balancer of somebody else's.
	Host string
	// CertFile and KeyFile are a certificate for visitors (PEM). They are read again when they change.
	CertFile, KeyFile string
	// ACME, when set, obtains certificates instead: for the host names that the snapshot gives to environments, each when its first visitor comes. They are
	// kept in Dir/certs.
	ACME *certs.ACME
	// TLSListen is the address for visitors by TLS. Then Listen is in plain, answers the certificate authority, which must reach it at port 80, and sends everybody
	// else to https. Default ":443" with ACME; with CertFile none, and TLS is served at Listen.
	TLSListen string
	// TrustedProxies are the networks whose X-Forwarded-* and X-Request-Id are believed. None by default.
	TrustedProxies []netip.Prefix
	// HeaderTimeout is how long a release may take to begin its answer; then the visitor gets 504. Default 60 s.
	HeaderTimeout time.Duration
	// Patience is how long a visitor may wait for an answer before a request that the visitor gives up counts as an error of the release: who leaves
	// earlier may have had a change of mind, who leaves later has been let down. Default 10 s.
	Patience time.Duration
	// IdleTimeout is how long an unused connection of a visitor is kept. Default 60 s.
	IdleTimeout time.Duration
	// StopTime is how long requests may take to finish when the edge is told to end. Default 10 s.
	StopTime time.Duration
	// HandoverTime is how long requests, streams and websockets may take to finish once a successor serves. Default 10 min.
	HandoverTime time.Duration
	// SpoolLimit bounds the seconds kept on disk while the server is away, in bytes. Default 256 MiB.
	SpoolLimit int64
	Logger     *slog.Logger
	// Clock gives the wall time that seconds are named by; durations are measured by the monotonic clock. Default time.Now.
	Clock func() time.Time
}

func (o Options) withDefaults() (Options, error) {
	set := func(d *time.Duration, to time.Duration) {
		if *d == 0 {
			*d = to
		}
	}
	set(&o.HeaderTimeout, time.Minute)
	set(&o.Patience, 10*time.Second)
	set(&o.IdleTimeout, time.Minute)
	set(&o.StopTime, 10*time.Second)
	set(&o.HandoverTime, 10*time.Minute)
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	if o.Clock == nil {
		o.Clock = time.Now
	}
	if o.Transport == nil {
		o.Transport = &http.Transport{Proxy: http.ProxyFromEnvironment, MaxIdleConnsPerHost: 4, IdleConnTimeout: time.Minute}
	}
	if o.ACME != nil && o.TLSListen == "" {
		o.TLSListen = defaultTLSListen
	}
	var errs []error
	if o.ID == "" {
		errs = append(errs, fault.Invalid("an edge needs its id").At("id"))
	}
	if o.Server == "" {
		errs = append(errs, fault.Invalid("an edge needs the address of its server").At("server"))
	}
	return o, errors.Join(append(errs, o.check()...)...)
}

// Check says what is wrong with the options, all at once, before anything is opened or asked. What joining gives may still be missing: ID, Server, Credential.
func (o Options) Check() error { return errors.Join(o.check()...) }

func (o Options) check() (errs []error) {
	if o.Dir == "" {
		errs = append(errs, fault.Invalid("an edge needs a folder of its own").At("data"))
	}
	if _, _, err := net.SplitHostPort(o.Listen); err != nil {
		errs = append(errs, fault.Invalid("--listen %q is not an address; write it like 0.0.0.0:80", o.Listen).At("listen"))
	}
	if u, err := url.Parse(o.Server); o.Server != "" && (err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https") {
		errs = append(errs, fault.Invalid("--server %q is no URL of a server; write it like https://slipway.example.com", o.Server).At("server"))
	}
	return append(errs, o.checkTLS()...)
}
