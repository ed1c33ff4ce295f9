package route_test

import (
	"testing"

	"github.com/slipwayhq/slipway/internal/pure/route"
)

func TestPatterns(t *testing.T) {
	for path, want := range map[string]string{
		"": "/", "/": "/", "/cart": "/cart", "/cart/": "/cart/", "/product/7": "/product/:id", "/product/81723/reviews": "/product/:id/reviews",
		"/u/550e8400-e29b-41d4-a716-446655440000": "/u/:id", "/c/deadbeef01": "/c/:id", "/facade/decade": "/facade/decade",
		"/v2/users": "/v2/users", "/order/A-1042": "/order/:id", "/s/how-to-bake": "/s/how-to-bake", "/x/caf\xc3\xa9": "/x/:id",
		"/t/eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9abcdefgh": "/t/:id", "/a/b/c/d/e/f/g/h/i/j": "/a/b/c/d/e/f/g/h/…",
		"/assets/app-3f2a9b.js": "/assets/*",
	} {
		if got := string(route.Append(nil, path, []string{"/static/", "/assets/"})); got != want {
			t.Errorf("%q: %q, expected %q", path, got, want)
		}
	}
}

func FuzzPattern(f *testing.F) {
	f.Add("/product/81723/reviews")
	f.Fuzz(func(t *testing.T, path string) {
		got := route.Append(nil, path, nil)
		if len(got) == 0 || got[0] != '/' || len(got) > 160 {
			t.Errorf("%q: %q", path, got)
		}
	})
}

func TestAppendAllocatesNothing(t *testing.T) {
	var buf [160]byte
	assets := []string{"/assets/"}
	if n := testing.AllocsPerRun(100, func() { route.Append(buf[:0], "/product/81723/reviews", assets) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}
