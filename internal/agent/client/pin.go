package client

import (
	"crypto/sha256"
	"crypto/subtle"
	"crypto/tls"
	"encoding/base64"
	"errors"
	"fmt"
	"net"
	"net/url"
	"strings"
)

// tokenPrefix marks a join token.
const tokenPrefix = "slj_"

// splitToken takes a join token apart. The pin is nil where the token has none.
func splitToken(token string) (secret string, pin []byte, err error) {
	secret, encoded, pinned := strings.Cut(token, ".")
	if !strings.HasPrefix(secret, tokenPrefix) || len(secret) == len(tokenPrefix) {
		return "", nil, fmt.Errorf(`a join token begins with "%s"; make one with "slipway join-token"`, tokenPrefix)
	}
	if !pinned {
		return secret, nil, nil
	}
	pin, err = base64.RawURLEncoding.DecodeString(encoded)
	if err != nil || len(pin) != sha256.Size {
		return "", nil, errors.New("the join token is damaged: what follows the dot is not a key's fingerprint; copy it again")
	}
	return secret, pin, nil
}

// serverURL accepts the address of a server, by the rules of the package comment.
func serverURL(address string, pin []byte) (*url.URL, error) {
	u, err := url.Parse(strings.TrimRight(address, "/"))
	if err != nil {
		return nil, fmt.Errorf("the server's address: %w", err)
	}
	if u.Host == "" || u.User != nil || u.RawQuery != "" || u.Fragment != "" {
		return nil, fmt.Errorf("the server's address %q must look like https://slipway.example.com:7070", u.Redacted())
	}
	switch local := loopback(u.Hostname()); {
	case u.Scheme == "http" && local:
	case u.Scheme == "http":
		return nil, fmt.Errorf("%s would send credentials in the clear: use https, or a tunnel to 127.0.0.1", address)
	case u.Scheme != "https":
		return nil, fmt.Errorf("the server's address %q must begin with https://, or http:// on this machine", address)
	case pin == nil && !local:
		return nil, fmt.Errorf("the join token does not name the server's key, so %s cannot be trusted: use the long form of the token, with the dot", address)
	}
	return u, nil
}

func loopback(host string) bool {
	if host == "localhost" {
		return true
	}
	ip := net.ParseIP(host)
	return ip != nil && ip.IsLoopback()
}

// pinnedTLS trusts the pinned key and nothing else; without a pin the system's authorities decide.
func pinnedTLS(pin []byte) *tls.Config {
	if pin == nil {
		return &tls.Config{MinVersion: tls.VersionTLS12}
	}
	return &tls.Config{
		MinVersion: tls.VersionTLS12,
		// The chain is not asked: the key itself is compared, below, on every connection, resumed ones too.
		InsecureSkipVerify: true, //nolint:gosec // VerifyConnection is stricter than any chain
		VerifyConnection: func(state tls.ConnectionState) error {
			if len(state.PeerCertificates) == 0 {
				return errPin
			}
			sum := sha256.Sum256(state.PeerCertificates[0].RawSubjectPublicKeyInfo)
			if subtle.ConstantTimeCompare(sum[:], pin) != 1 {
				return errPin
			}
			return nil
		},
	}
}

var errPin = errors.New("the server's key is not the one that the join token names: this is another server, or it has a new key; join again with a new token")
