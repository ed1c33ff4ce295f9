package ratelimit_test

import (
	"fmt"
	"testing"

	"github.com/slipwayhq/slipway/internal/pure/ratelimit"
)

// The published values of MurmurHash3_x86_32 with the seed 0, and those of Guava 31.1, by which RateLim.it's client for Java places keys.
func TestMurmur(t *testing.T) {
	for text, want := range map[string]uint32{
		"": 0, "test": 0xba6bd213, "Hello, world!": 0xc0363e43, "The quick brown fox jumps over the lazy dog": 0x2e4ff723,
		"hello": 0x248bfa47, "hello, world": 0x149bbb7f, "19 Jan 2038 at 3:14:07 AM": 0xe31e8a70, "The quick brown fox jumps over the lazy dog.": 0xd5c48bfc, "abc": 0xb3dd93fa,
		"shopcartu1": 0x9f63c6e6, "shopcart": 0x3978ef1e, "shopnew-checkoutana@example.com": 0x9f416eff, "shopcafézoë": 0x1c615571, "shopcart12345678": 0x5ec9cb53, "x": 0x3e9a9b1b,
	} {
		if got := ratelimit.Murmur(text); got != want {
			t.Errorf("%q: %#x, want %#x", text, got, want)
		}
	}
}

func TestOn(t *testing.T) {
	f := ratelimit.Feature{Name: "cart", Pct: 0.3, Whitelisted: []string{"vip", "beta"}}
	for _, c := range []struct {
		key        string
		attributes []string
		draw       float64
		on, placed bool
	}{
		{key: "vip", on: true}, {attributes: []string{"x", "beta"}, draw: 1, on: true}, {draw: 0.29, on: true}, {draw: 0.3},
		{key: "u", attributes: []string{"x"}, draw: 0, on: ratelimit.Place("shop", "cart", "u") < 0.3, placed: true},
	} {
		if on, placed := f.On("shop", c.key, c.attributes, c.draw); on != c.on || placed != c.placed {
			t.Errorf("%+v: %v, placed %v", c, on, placed)
		}
	}
	const keys = 20_000
	count := map[float64]int{}
	for i := range keys {
		before := false
		for _, pct := range []float64{0, 0.1, 0.5, 1} {
			on, _ := (&ratelimit.Feature{Name: "cart", Pct: pct}).On("shop", fmt.Sprint("user", i), nil, 0)
			if before && !on {
				t.Fatalf("user%d is lost at %v", i, pct)
			}
			if before = on; on {
				count[pct]++
			}
		}
	}
	if count[0] != 0 || count[0.1] < keys/10-200 || count[0.1] > keys/10+200 || count[0.5] < keys/2-400 || count[0.5] > keys/2+400 || count[1] != keys {
		t.Errorf("shares: %v of %d", count, keys)
	}
}
