package visitors

import (
	"math/rand/v2"
	"slices"
	"testing"
)

func TestVisitsAreOfAboutTwelveRequests(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	sum, shortest, longest := 0, 1000, 0
	const n = 20_000
	for range n {
		v := arrive(rng, 1)
		sum += v.left
		shortest, longest = min(shortest, v.left), max(longest, v.left)
	}
	if mean := float64(sum) / n; mean < 11.5 || mean > 12.5 || shortest != 1 || longest < 60 {
		t.Errorf("visits of %d to %d requests, %.1f on average", shortest, longest, mean)
	}
}

func TestVisitorLearnsFromTheFirstPage(t *testing.T) {
	v := &visitor{}
	page := `<link href="/assets/style.1a2b.css"><a href="/product/mug"></a><a href="/product/"></a><a href="/product/a b"></a><a href="/product/rope">`
	v.see(outcome{status: 503, body: []byte(page)})
	if len(v.products) != 0 {
		t.Error("learned from a page that failed")
	}
	v.see(outcome{status: 200, body: []byte(page)})
	v.see(outcome{status: 200, body: []byte(`"/product/later"`)})
	if !slices.Equal(v.products, []string{"mug", "rope"}) || !slices.Equal(v.assets, []string{"/assets/style.1a2b.css"}) {
		t.Errorf("got %v and %v", v.products, v.assets)
	}
}

func TestJarHoldsTheLatestOfEachCookie(t *testing.T) {
	v := &visitor{}
	for _, line := range []string{"a=1; Path=/", "b=x=y", "a=2; HttpOnly", "gone=1", "gone=; Max-Age=0", "=nameless", "senseless"} {
		v.keep(line)
	}
	if got := v.cookie(); got != "b=x=y; a=2" {
		t.Errorf("got %q", got)
	}
}
