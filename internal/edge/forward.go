package edge

import (
	"encoding/binary"
	"encoding/hex"
	"math/rand/v2"
	"net"
	"net/http"
	"net/http/httputil"
	"strings"
)

// origin is what the visitor's side of a request looks like, through proxies that are trusted.
type origin struct {
	client  string // the visitor's address
	chain   string // X-Forwarded-For
	proto   string
	host    string
	request string // X-Request-Id
}

// originOf reads the request. What a sender says about others counts only when it is a trusted proxy; then the client is the last address of the
// chain that is not one.
func (e *Edge) originOf(r *http.Request) origin {
	remote, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		remote = r.RemoteAddr
	}
	o := origin{client: remote, chain: remote, proto: "http", host: r.Host}
	if r.TLS != nil {
		o.proto = "https"
	}
	if !trusted(remote, e.opts.TrustedProxies) {
		return o
	}
	if prior := strings.Join(r.Header["X-Forwarded-For"], ", "); prior != "" {
		o.chain = prior + ", " + remote
		for part := range strings.SplitSeq(prior, ",") {
			if part = strings.TrimSpace(part); part != "" && !trusted(part, e.opts.TrustedProxies) {
				o.client = part // the last one wins
			}
		}
	}
	if v := r.Header.Get("X-Forwarded-Proto"); v == "http" || v == "https" {
		o.proto = v
	}
	if v := r.Header.Get("X-Forwarded-Host"); v != "" {
		o.host = v
	}
	if v := r.Header.Get("X-Request-Id"); len(v) <= 200 {
		o.request = v
	}
	return o
}

// newRequestID makes 128 random bits as hex digits. They are no secret.
func newRequestID() string {
	var raw [16]byte
	binary.BigEndian.PutUint64(raw[:8], rand.Uint64()) // no secret
	binary.BigEndian.PutUint64(raw[8:], rand.Uint64()) // no secret
	var id [32]byte
	hex.Encode(id[:], raw[:])
	return string(id[:])
}

// rewrite makes the request that goes out. ReverseProxy has taken off what belongs to one hop, and all X-Forwarded-*.
func (x *exchange) rewrite(p *httputil.ProxyRequest) {
	p.Out.URL.Scheme = "http"
	p.Out.Host = p.In.Host
	p.Out.URL.RawQuery = p.In.URL.RawQuery // as it came: ReverseProxy drops what it cannot parse
	if p.In.Trailer != nil {
		p.Out.Trailer = p.In.Trailer // shared, because it fills while the body is read
	}
	if x.origin.request == "" {
		x.origin.request = newRequestID()
	}
	values := [...]string{x.origin.chain, x.origin.proto, x.origin.host, x.origin.request}
	h := p.Out.Header
	h["X-Forwarded-For"] = values[0:1:1]
	h["X-Forwarded-Proto"] = values[1:2:2]
	h["X-Forwarded-Host"] = values[2:3:3]
	h["X-Request-Id"] = values[3:4:4]
}
