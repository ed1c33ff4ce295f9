package evaluate

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"io"
	"strings"
	"testing"

	"github.com/slipwayhq/slipway/internal/db"
	"github.com/slipwayhq/slipway/internal/db/dbtest"
	"github.com/slipwayhq/slipway/internal/decide/flag"
	"github.com/slipwayhq/slipway/internal/pure/assign"
)

// payload is GrowthBook's form, as far as these tests look into it.
type payload struct {
	Features             map[string]json.RawMessage
	EncryptedFeatures    string
	EncryptedSavedGroups string
	SavedGroups          map[string]json.RawMessage
	DateUpdated          string
}

func TestPayload(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		w := on(t, d)
		f := w.make("new-checkout", "false", `[{"condition": {"country": "US"}, "force": true}]`)
		secret := w.make("secret", "1", "")
		if _, err := w.flags.SetAbout(t.Context(), ana, "shop", secret.ID, "", secret.Revision, flag.About{Type: "json", Server: true}); err != nil {
			t.Fatal(err)
		}
		server, client := w.key(flag.Key{Kind: "server"}, false), w.key(flag.Key{Kind: "client"}, false)
		path := "/api/features/" + client.Key
		r := w.want(200, "GET", path, "", "Origin", "https://shop.example", "Accept-Encoding", "gzip, br")
		h := r.Header
		if h.Get("X-Sse-Support") != "enabled" || h.Get("Access-Control-Allow-Origin") != "*" || !strings.Contains(h.Get("Access-Control-Expose-Headers"), "X-Sse-Support") || h.Get("Content-Encoding") != "gzip" || h.Get("Vary") != "Accept-Encoding" {
			t.Errorf("%v", h)
		}
		z, err := gzip.NewReader(strings.NewReader(r.text))
		if err != nil {
			t.Fatal(err)
		}
		unpacked, err := io.ReadAll(z)
		if err != nil {
			t.Fatal(err)
		}
		plain := w.want(200, "GET", path, "", "Accept-Encoding", "gzip;q=0, br")
		if plain.text != string(unpacked) || plain.Header.Get("Content-Encoding") != "" {
			t.Errorf("unpacked %s, plain %s", unpacked, plain.text)
		}
		before := into[payload](t, plain)
		if len(before.Features) != 1 || before.Features["new-checkout"] == nil || before.DateUpdated == "" {
			t.Errorf("browsers are told %s", plain.text)
		}
		if all := into[payload](t, w.want(200, "GET", "/api/features/"+server.Key, "")); len(all.Features) != 2 {
			t.Errorf("servers are told %v", all)
		}
		etag := h.Get("ETag")
		if n := w.want(304, "GET", path, "", "If-None-Match", `"other", `+etag); n.text != "" || n.Header.Get("ETag") != etag || n.Header.Get("Access-Control-Allow-Origin") != "*" {
			t.Errorf("304 with %q, %v", n.text, n.Header)
		}
		// Elsewhere, and for others: nothing changes for this key.
		w.set(f, "staging", flag.State{On: true})
		w.set(secret, "production", flag.State{On: true, Default: json.RawMessage("2")})
		w.want(304, "GET", path, "", "If-None-Match", etag)
		if r := w.want(200, "GET", path, ""); r.text != plain.text {
			t.Errorf("what was %s is %s", plain.text, r.text)
		}
		w.set(f, "production", flag.State{On: true, Default: json.RawMessage("true")})
		after := w.want(200, "GET", path, "", "If-None-Match", etag)
		if p := into[payload](t, after); p.DateUpdated <= before.DateUpdated || after.Header.Get("ETag") == etag {
			t.Errorf("%s after %s, ETag %s", p.DateUpdated, before.DateUpdated, etag)
		}
		w.want(200, "HEAD", path, "")
	})
}

func TestEncryptedPayload(t *testing.T) {
	w := newWorld(t)
	if _, err := w.flags.SetGroup(t.Context(), ana, "shop", "", flag.Group{ID: "beta-testers", Definition: json.RawMessage(`["u-1"]`)}); err != nil {
		t.Fatal(err)
	}
	f := w.make("hidden-flag", "false", `[{"condition": {"id": {"$inGroup": "beta-testers"}}, "force": true}]`)
	k := w.key(flag.Key{Kind: "client"}, true)
	path := "/api/features/" + k.Key
	first := w.want(200, "GET", path, "")
	if again := w.want(200, "GET", path, ""); again.text != first.text {
		t.Error("it is encrypted for each request")
	}
	for _, word := range []string{"hidden-flag", "beta-testers", "u-1"} {
		if strings.Contains(first.text, word) {
			t.Errorf("%q can be read: %s", word, first.text)
		}
	}
	p := into[payload](t, first)
	features, err := assign.Decrypt(p.EncryptedFeatures, k.Encryption)
	if err != nil || !strings.Contains(features, `"hidden-flag":`) {
		t.Errorf("%s, %v", features, err)
	}
	groups, err := assign.Decrypt(p.EncryptedSavedGroups, k.Encryption)
	if err != nil || groups != `{"beta-testers":["u-1"]}` {
		t.Errorf("%s, %v", groups, err)
	}
	w.set(f, "production", flag.State{On: true, Default: json.RawMessage("true")})
	next := into[payload](t, w.want(200, "GET", path, ""))
	vectors := map[string]bool{}
	for _, sealed := range []string{p.EncryptedFeatures, p.EncryptedSavedGroups, next.EncryptedFeatures, next.EncryptedSavedGroups} {
		vector, _, _ := strings.Cut(sealed, ".")
		vectors[vector] = true
	}
	if len(vectors) != 4 {
		t.Errorf("%d vectors for 4 parts", len(vectors))
	}
	l := w.listen("/sub/"+k.Key, "")
	if m := l.must("features"); strings.Contains(m.data, "hidden-flag") || into[payload](t, reply{text: m.data}).EncryptedFeatures != next.EncryptedFeatures {
		t.Errorf("the stream says %s", m.data)
	}
}

func TestKeysThatTellNothing(t *testing.T) {
	w := newWorld(t)
	w.make("a", "true", "")
	k, remote := w.key(flag.Key{Kind: "server"}, false), w.key(flag.Key{Kind: "client", Remote: true}, false)
	for _, path := range []string{"GET /api/features/", "GET /sub/", "POST /api/eval/"} {
		method, path, _ := strings.Cut(path, " ")
		if r := w.want(401, method, path+"cfk_nobodys", "{}"); !strings.Contains(r.text, "the key is not known") || r.Header.Get("Access-Control-Allow-Origin") != "*" {
			t.Errorf("%s: %s", path, r.text)
		}
	}
	if r := w.want(403, "GET", "/api/features/"+remote.Key, ""); !strings.Contains(r.text, "no rules") {
		t.Errorf("%s", r.text)
	}
	if _, err := w.flags.ChangeKey(t.Context(), ana, "shop", k.ID, "stopped", ""); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{"GET /api/features/", "GET /sub/", "POST /api/eval/"} {
		method, path, _ := strings.Cut(path, " ")
		if r := w.want(403, method, path+k.Key, "{}"); !strings.Contains(r.text, "was stopped") {
			t.Errorf("%s: %s", path, r.text)
		}
	}
	w.want(403, "POST", "/ofrep/v1/evaluate/flags", "{}", "X-API-Key", k.Key)
	w.want(403, "GET", "/ofrep/v1/streams/shop/"+k.ID, "")
}

func TestPagesOfAnySiteMayAsk(t *testing.T) {
	w := newWorld(t)
	for path, method := range map[string]string{
		"/api/features/k": "GET", "/sub/k": "GET", "/api/eval/k": "POST", "/ofrep/v1/evaluate/flags": "POST", "/ofrep/v1/evaluate/flags/f": "POST", "/ofrep/v1/streams/a/i": "GET",
	} {
		h := w.want(204, "OPTIONS", path, "", "Origin", "https://shop.example", "Access-Control-Request-Method", method, "Access-Control-Request-Headers", "authorization,content-type,if-none-match").Header
		if h.Get("Access-Control-Allow-Origin") != "*" || h.Get("Access-Control-Allow-Headers") != "authorization,content-type,if-none-match" || !strings.Contains(h.Get("Access-Control-Allow-Methods"), method) {
			t.Errorf("%s: %v", path, h)
		}
	}
}

// What is large is compressed, encoded and hashed by one of all who ask.
func TestMadeOnce(t *testing.T) {
	w := newWorld(t)
	w.make("a", `"`+strings.Repeat("x", 1000)+`"`, "")
	k := w.key(flag.Key{Kind: "server"}, false)
	set, err := w.flags.Set(t.Context(), "shop", "production")
	if err != nil {
		t.Fatal(err)
	}
	one, err := w.door.told(set, k)
	if err != nil {
		t.Fatal(err)
	}
	two, err := w.door.told(set, k)
	if err != nil || one != two || &one.whole().chunk[0] != &two.whole().chunk[0] {
		t.Errorf("made twice: %v", err)
	}
	a, err := one.zipped()
	if err != nil {
		t.Fatal(err)
	}
	if b, err := two.zipped(); err != nil || &a[0] != &b[0] || !bytes.HasPrefix(a, []byte{0x1f, 0x8b}) {
		t.Errorf("compressed twice: %v", err)
	}
}
