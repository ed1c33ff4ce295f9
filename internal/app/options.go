package app

import (
	"errors"
	"io/fs"
	"log/slog"
	"net"
	"net/netip"
	"net/url"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/slipwayhq/slipway/internal/access"
	"github.com/slipwayhq/slipway/internal/analytics/archive"
	"github.com/slipwayhq/slipway/internal/edge/certs"
	"github.com/slipwayhq/slipway/internal/fault"
	"github.com/slipwayhq/slipway/internal/vault"
)

// Options of a server. The zero value, with defaults filled in by New, is one machine with its data in ./slipway-data.
type Options struct {
	// Dir holds everything: store, log, repositories, artifacts, keys. Default "slipway-data".
	Dir string
	// Listen is where people, agents and git reach the server, in plain on loopback, by TLS else, on the same port. Default "127.0.0.1:7070".
	Listen string
	// URL is how others reach the server; default is made of Listen.
	URL string
	// EdgeListen is where visitors reach the apps. Default "127.0.0.1:7080". "none" starts no edge: then `slipway edge` runs elsewhere.
	EdgeListen string
	// EdgeTLSListen is where visitors are served by TLS; then EdgeListen sends them there. Default ":443" with ACME, else none.
	EdgeTLSListen string
	// EdgeCertFile and EdgeKeyFile are the certificate for visitors, for TLS at EdgeTLSListen, or at EdgeListen without that.
	EdgeCertFile, EdgeKeyFile string
	// ACME obtains certificates for the environments' domains, from Let's Encrypt or the authority of the directory URL ACMECA, which may write to ACMEEmail.
	// Either of the two implies it.
	ACME              bool
	ACMEEmail, ACMECA string
	// TrustedProxies are the networks of proxies before the edge, whose X-Forwarded-* is believed.
	TrustedProxies []netip.Prefix
	// EdgeArgs are flags that the server's edge gets as they are: how it logs.
	EdgeArgs []string
	// StopEdge ends the edge with the server. Else it serves on, and the next server adopts it.
	StopEdge bool
	// Exe runs `slipway edge`; default is this program.
	Exe string
	// Database is a PostgreSQL URL; empty means SQLite in Dir.
	Database string
	// Analytics is the PostgreSQL URL of where users' events are stored; empty means DuckDB in Dir.
	Analytics string
	// Archive is where each day of users' events is kept as Parquet when it has ended: a folder, s3://bucket/prefix, or "none". Default "archive" in Dir.
	Archive string
	// NATS is the URL of a cluster; empty embeds the log in Dir.
	NATS string
	// LimitStore is the URL of the Redis or Valkey where what is taken of limits is counted, for several servers; empty counts in this one's memory.
	LimitStore string
	// LimitKeys is how many groups the memory counts at once; 0 means 10 million.
	LimitKeys int
	// LimitListen is where Envoy asks for limits, by gRPC. Empty: nowhere.
	LimitListen string
	// AdminToken becomes a valid token of the first admin.
	AdminToken string
	// SecretKey seals secrets instead of the key file in Dir.
	SecretKey string
	// CertFile and KeyFile are the certificate for TLS; empty makes one in Dir, which join tokens pin.
	CertFile, KeyFile string
	// Prometheus is the URL of the server that is asked for vitals by a query; empty for none. PrometheusToken is a bearer token, if it wants one.
	Prometheus, PrometheusToken string
	// LogAge is how long build logs are kept; 0 means 30 days.
	LogAge  time.Duration
	Version string
	UI      fs.FS
	Demo    bool
	Logger  *slog.Logger
	// Now is the clock; nil means time.Now.
	Now func() time.Time

	machine bool // Now is the machine's clock
}

// Check says what is wrong with the options, all at once, before anything is opened.
func (o Options) Check() error {
	_, err := o.withDefaults()
	return err
}

// withDefaults fills in what is not set and checks the rest, all at once.
func (o Options) withDefaults() (Options, error) {
	set := func(field *string, to string) {
		if *field == "" {
			*field = to
		}
	}
	set(&o.Dir, "slipway-data")
	set(&o.Listen, "127.0.0.1:7070")
	set(&o.EdgeListen, "127.0.0.1:7080")
	set(&o.Version, "dev")
	o.ACME = o.ACME || o.ACMEEmail != "" || o.ACMECA != ""
	if o.ACME {
		set(&o.EdgeTLSListen, ":443")
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	if o.Now == nil {
		o.Now, o.machine = time.Now, true
	}
	var errs []error
	dir, err := filepath.Abs(o.Dir)
	if err != nil {
		errs = append(errs, fault.Invalid("the data folder %q cannot be found", o.Dir).At("data").Because(err))
	}
	o.Dir = dir
	errs = append(errs, o.checkAddresses()...)
	errs = append(errs, o.checkSecrets()...)
	return o, errors.Join(append(errs, o.checkEdgeTLS()...)...)
}

// checkAddresses looks at where the server listens, and at what it talks to.
func (o Options) checkAddresses() (errs []error) {
	for _, f := range [][2]string{{"listen", o.Listen}, {"edge-listen", o.EdgeListen}, {"limit-listen", o.LimitListen}} {
		field, addr := f[0], f[1]
		if addr == "none" && field == "edge-listen" || addr == "" && field == "limit-listen" {
			continue
		}
		if _, _, err := net.SplitHostPort(addr); err != nil {
			errs = append(errs, fault.Invalid("--%s %q is not an address; write host:port, such as 127.0.0.1:7070", field, addr).At(field))
		}
	}
	for _, f := range []struct{ field, text, example string }{
		{"url", o.URL, "https://slipway.example.com"}, {"database", o.Database, "postgres://user@host/slipway"}, {"nats", o.NATS, "nats://host:4222"},
		{"analytics", o.Analytics, "postgres://user@host/events"},
		{"limit-store", o.LimitStore, "redis://host:6379"},
		{"prometheus", o.Prometheus, "https://prometheus.example.com"},
	} {
		if !isURL(f.text, f.example) { // what was given is not shown: it may hold a password
			errs = append(errs, fault.Invalid("--%s is not a URL that fits; write it like %s", f.field, f.example).At(f.field))
		}
	}
	if err := archive.CheckAddress(o.Archive); err != nil {
		errs = append(errs, fault.Invalid("--archive: %s", fault.Message(err)).At("archive"))
	}
	if o.LimitKeys < 0 {
		errs = append(errs, fault.Invalid("--limit-keys is how many groups are counted at once, 0 for 10 million; %d is none", o.LimitKeys).At("limit-keys"))
	}
	return errs
}

// isURL tells whether a text is empty, or a URL of the example's scheme or another name of it.
func isURL(text, example string) bool {
	if text == "" {
		return true
	}
	u, err := url.Parse(text)
	if err != nil {
		return false
	}
	scheme, _, _ := strings.Cut(example, ":")
	switch scheme {
	case "postgres": // the host may be left to the system's default, or be a socket among the parameters
		return u.Scheme == "postgres" || u.Scheme == "postgresql"
	case "https":
		return u.Host != "" && (u.Scheme == "https" || u.Scheme == "http")
	case "redis":
		return u.Host != "" && (u.Scheme == "redis" || u.Scheme == "rediss")
	default:
		return u.Host != "" && slices.Contains([]string{"nats", "tls", "ws", "wss"}, u.Scheme)
	}
}

// checkSecrets looks at tokens, keys and certificates.
func (o Options) checkSecrets() (errs []error) {
	if err := access.CheckToken(o.AdminToken); o.AdminToken != "" && err != nil {
		errs = append(errs, fault.Invalid("--admin-token: %s", fault.Message(err)).At("admin-token"))
	}
	if err := vault.CheckKeys(o.SecretKey); err != nil {
		errs = append(errs, fault.Invalid("--secret-key: %s", fault.Message(err)).At("secret-key"))
	}
	if (o.CertFile == "") != (o.KeyFile == "") {
		errs = append(errs, fault.Invalid("--tls-cert and --tls-key belong together").At("tls-cert"))
	} else if o.CertFile != "" {
		errs = append(errs, certs.CheckPair("tls-cert", o.CertFile, "tls-key", o.KeyFile)...)
	}
	return errs
}

// edgeByTLS tells whether visitors are served by TLS.
func (o Options) edgeByTLS() bool { return o.ACME || o.EdgeCertFile != "" }

// checkEdgeTLS says what the edge could only write to its own log.
func (o Options) checkEdgeTLS() (errs []error) {
	if (o.EdgeCertFile == "") != (o.EdgeKeyFile == "") {
		errs = append(errs, fault.Invalid("--edge-tls-cert and --edge-tls-key belong together").At("edge-tls-cert"))
	} else if o.EdgeCertFile != "" {
		errs = append(errs, certs.CheckPair("edge-tls-cert", o.EdgeCertFile, "edge-tls-key", o.EdgeKeyFile)...)
	}
	if err := (certs.ACME{Directory: o.ACMECA}).Check(); err != nil {
		errs = append(errs, err)
	}
	if o.ACME && o.EdgeCertFile != "" {
		errs = append(errs, fault.Invalid("--edge-tls-cert gives a certificate and --acme obtains one; choose").At("edge-tls-cert"))
	}
	if o.EdgeTLSListen == "" {
		return errs
	}
	if _, _, err := net.SplitHostPort(o.EdgeTLSListen); err != nil {
		errs = append(errs, fault.Invalid("--edge-tls-listen %q is not an address; write host:port, such as :443", o.EdgeTLSListen).At("edge-tls-listen"))
	}
	if !o.edgeByTLS() {
		errs = append(errs, fault.Invalid("--edge-tls-listen needs certificates: --acme, or --edge-tls-cert and --edge-tls-key").At("edge-tls-listen"))
	}
	return errs
}
