package edge

import (
	"net/http"
	"testing"
)

func TestEveryNewVisitorHasAnIDOfTheirOwn(t *testing.T) {
	var a, b dice
	seen := map[string]bool{}
	for i := range 3 * idsPerKey / 2 { // over a change of keys
		for _, h := range []handed{a.hand(), b.hand()} {
			id := h.id()
			c, err := http.ParseSetCookie(h.cookie("http"))
			if err != nil || c.Value != id || visitorOf(http.Header{"Cookie": {"a=b; " + c.Name + "=" + c.Value}}) != id {
				t.Fatalf("number %d: id %q, %v, %v", i, id, c, err)
			}
			if seen[id] {
				t.Fatalf("number %d: %s was given before", i, id)
			}
			seen[id] = true
			if i > 100 {
				continue
			}
			if s, err := http.ParseSetCookie(h.cookie("https")); err != nil || !s.Secure || c.Secure || s.Value != id || !c.HttpOnly || c.MaxAge != 31536000 || c.Path != "/" {
				t.Fatalf("%v, by TLS %v, %v", c, s, err)
			}
		}
	}
	if handed("").id() != "" {
		t.Error("nobody's id")
	}
}

func TestAnIDCostsOneAllocation(t *testing.T) {
	var d dice
	d.next()
	if n := testing.AllocsPerRun(100, func() {
		h := d.hand()
		_ = h.id()
		_ = h.cookie("http")
	}); n > 1 {
		t.Errorf("%v allocations", n)
	}
}
