package edge

import (
	cryptorand "crypto/rand"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"math/rand/v2"
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

// dice makes visitors' ids from a ChaCha8 of its own, which is cryptographically strong and forgets what it gave; the system, which is asked for its key, answers
// eight times more slowly. For one goroutine; the zero value is ready.
type dice struct {
	stream rand.ChaCha8
	left   int // ids until the next key
}

// idsPerKey is how many ids are made with one key.
const idsPerKey = 1 << 16

// next makes an id's random bytes.
func (d *dice) next() (raw [idSize / 2]byte) {
	if d.left == 0 {
		var key [32]byte
		_, _ = cryptorand.Read(key[:]) // never fails: it ends the program instead
		d.stream.Seed(key)
		d.left = idsPerKey
	}
	d.left--
	binary.NativeEndian.PutUint64(raw[:8], d.stream.Uint64())
	binary.NativeEndian.PutUint64(raw[8:], d.stream.Uint64())
	return raw
}

// A Set-Cookie line is cookieHead, the id, cookieTail, and where the visitor came by TLS cookieSecure.
const (
	cookieHead   = wire.CookieVisitor + "="
	cookieTail   = "; Path=/; Max-Age=" + cookieAge + "; HttpOnly; SameSite=Lax"
	cookieSecure = "; Secure"
)

// handed is the id that a new visitor is given, as the longest line that sets it: the id is a part of it, so that both cost one allocation.
type handed string

// hand makes a new visitor's id.
func (d *dice) hand() handed {
	var line [len(cookieHead) + idSize + len(cookieTail) + len(cookieSecure)]byte
	raw := d.next()
	n := copy(line[:], cookieHead)
	n += hex.Encode(line[n:], raw[:])
	n += copy(line[n:], cookieTail)
	copy(line[n:], cookieSecure)
	return handed(line[:])
}

// id is empty when none was handed.
func (h handed) id() string {
	if h == "" {
		return ""
	}
	return string(h[len(cookieHead) : len(cookieHead)+idSize])
}

// cookie gives the Set-Cookie line.
func (h handed) cookie(proto string) string {
	if proto == "https" {
		return string(h)
	}
	return string(h[:len(h)-len(cookieSecure)])
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
	return count.Visitor{Key: split.Hash(visitorSalt, who), Alias: split.Hash(visitorSalt, given)}
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
	key := new(dice).hand().id()
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
