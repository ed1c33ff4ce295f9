package edge

import (
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"net/http"
	"net/netip"
	"os"
	"path/filepath"
	"strings"

	"github.com/slipwayhq/slipway/internal/edge/count"
	"github.com/slipwayhq/slipway/internal/edge/split"
	"github.com/slipwayhq/slipway/internal/wire"
)

// idSize is the length of a visitor's id: 128 random bits as hex digits.
const idSize = 32

// visitorSalt salts the hash that visitors are counted by. It is the same for all rollouts: only the draw is made anew for each.
const visitorSalt = "visitor"

// cookieAge is how long a browser keeps the id, in seconds: a year.
const cookieAge = "31536000"

// visitorOf reads the visitor's id from the request, "" when there is none or none that the edge could have made.
func visitorOf(h http.Header) string {
	for _, line := range h["Cookie"] {
		for line != "" {
			var part string
			part, line, _ = strings.Cut(line, ";")
			part = strings.TrimLeft(part, " ")
			if id, ok := strings.CutPrefix(part, wire.CookieVisitor); ok && len(id) == idSize+1 && id[0] == '=' && isHex(id[1:]) {
				return id[1:]
			}
		}
	}
	return ""
}

func isHex(s string) bool {
	for i := range len(s) {
		if c := s[i]; (c < '0' || c > '9') && (c < 'a' || c > 'f') {
			return false
		}
	}
	return true
}

// newVisitor makes an id.
func newVisitor() string {
	var raw [idSize / 2]byte
	_, _ = rand.Read(raw[:]) // never fails: it ends the program instead
	var id [idSize]byte
	hex.Encode(id[:], raw[:])
	return string(id[:])
}

// cookie gives the Set-Cookie line for a new id.
func cookie(id, proto string) string {
	line := wire.CookieVisitor + "=" + id + "; Path=/; Max-Age=" + cookieAge + "; HttpOnly; SameSite=Lax"
	if proto == "https" {
		line += "; Secure"
	}
	return line
}

// mayCarryCookie is false for an answer that a shared cache may keep: it would hand one visitor's id to everybody.
func mayCarryCookie(h http.Header) bool {
	for _, v := range h["Cache-Control"] {
		if strings.Contains(v, "public") || strings.Contains(v, "s-maxage") || strings.Contains(v, "immutable") {
			return false
		}
	}
	return true
}

// counted says who a request counts for. A visitor with an id is that id. Without one it is the client (address and program) by a keyed hash, so that a
// crawler that never keeps a cookie is one visitor however often it comes; given is the id it was just handed. ADR 0040 says why.
func counted(visitor, given, key, client, agent string) count.Visitor {
	if visitor != "" {
		return count.Visitor{Key: split.Hash(visitorSalt, visitor)}
	}
	var buf [256]byte
	who := append(append(append(append(buf[:0], key...), client...), 0), agent...)
	return count.Visitor{Key: split.Hash(visitorSalt, string(who)), Alias: split.Hash(visitorSalt, given)}
}

// openKey reads the secret that clients are hashed with, or makes it: it must outlive a restart, as the memory of who erred does.
func openKey(dir string) (string, error) {
	path := filepath.Join(dir, "key")
	data, err := os.ReadFile(path)
	if err == nil && len(data) == idSize {
		return string(data), nil
	}
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return "", fmt.Errorf("read the edge's key: %w", err)
	}
	key := newVisitor()
	if err := os.WriteFile(path, []byte(key), 0o600); err != nil {
		return "", fmt.Errorf("keep the edge's key: %w", err)
	}
	return key, nil
}

// trusted reports whether X-Forwarded-* of this sender are believed.
func trusted(remote string, proxies []netip.Prefix) bool {
	if len(proxies) == 0 {
		return false
	}
	addr, err := netip.ParseAddr(remote)
	if err != nil {
		return false
	}
	addr = addr.Unmap()
	for _, p := range proxies {
		if p.Contains(addr) {
			return true
		}
	}
	return false
}
