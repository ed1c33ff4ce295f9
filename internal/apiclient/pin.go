package apiclient

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"errors"
	"fmt"
	"net"

	"github.com/slipwayhq/slipway/internal/fault"
)

var errPin = errors.New("the server's key is not the one that is pinned")

// pinned makes the TLS settings that trust one key and nothing else.
func pinned(pin string) (*tls.Config, error) {
	if pin == "" {
		return &tls.Config{MinVersion: tls.VersionTLS12}, nil
	}
	want, err := base64.RawURLEncoding.DecodeString(pin)
	if err != nil || len(want) != sha256.Size {
		return nil, fault.Invalid("the pin %q is not the fingerprint of a key: want the part of a join token behind its dot", pin)
	}
	return &tls.Config{
		MinVersion: tls.VersionTLS12,
		// The chain is not asked: the key itself is compared, below, on every connection.
		InsecureSkipVerify: true, //nolint:gosec // see VerifyConnection
		VerifyConnection: func(state tls.ConnectionState) error {
			if len(state.PeerCertificates) == 0 || subtle.ConstantTimeCompare(fingerprint(state.PeerCertificates[0]), want) != 1 {
				return errPin
			}
			return nil
		},
	}, nil
}

func fingerprint(c *x509.Certificate) []byte {
	sum := sha256.Sum256(c.RawSubjectPublicKeyInfo)
	return sum[:]
}

// untrusted tells whether a connection failed because the server's key is unknown.
func untrusted(err error) bool {
	var verification *tls.CertificateVerificationError
	return errors.As(err, &verification) || errors.Is(err, errPin)
}

// Fingerprint asks a server for its certificate. known is true when the system's authorities vouch for it, so that no pin is needed.
func Fingerprint(ctx context.Context, address string) (pin string, known bool, err error) {
	u, err := ParseURL(address)
	if err != nil || u.Scheme != "https" {
		return "", true, err
	}
	host := u.Host
	if u.Port() == "" {
		host = net.JoinHostPort(u.Hostname(), "443")
	}
	dialer := &tls.Dialer{Config: &tls.Config{
		MinVersion: tls.VersionTLS12, ServerName: u.Hostname(),
		InsecureSkipVerify: true, //nolint:gosec // only looks at the certificate, and verifies it below
	}}
	conn, err := dialer.DialContext(ctx, "tcp", host)
	if err != nil {
		return "", false, fmt.Errorf("cannot reach %s: %w", address, err)
	}
	defer func() { _ = conn.Close() }()
	chain := conn.(*tls.Conn).ConnectionState().PeerCertificates
	if len(chain) == 0 {
		return "", false, fmt.Errorf("%s showed no certificate", address)
	}
	between := x509.NewCertPool()
	for _, c := range chain[1:] {
		between.AddCert(c)
	}
	_, verifying := chain[0].Verify(x509.VerifyOptions{DNSName: u.Hostname(), Intermediates: between})
	return base64.RawURLEncoding.EncodeToString(fingerprint(chain[0])), verifying == nil, nil
}
