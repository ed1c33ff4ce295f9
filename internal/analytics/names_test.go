package analytics_test

import (
	"slices"
	"testing"

	"github.com/slipwayhq/slipway/internal/analytics"
)

func TestNames(t *testing.T) {
	for _, c := range []struct {
		raw, id string
		want    bool
	}{
		{`{"userId":"u1"}`, "u1", true},
		{`{"userId":"u11"}`, "u1", false},
		{`{"userId":4711}`, "4711", true},
		{`{"userId":47110}`, "4711", false},
		{`{"price":4711}`, "4711", false},
		{`{"anonymousId":"Zo\u00eb"}`, "Zoë", true},
		{`{"properties":{"distinct_id":"Zo\u00EB"}}`, "Zoë", true},
		{`{"context":{"traits":{"id":"u1"}}}`, "u1", true},
		{`"{\"user\":\"u1\",\"time"`, "u1", true},
		{`"{\"user\":4711}"`, "4711", true},
		{`"{\"user\":4711}"`, "user", false},
		{`{"user" :4711,"b":"user"}`, "user", true},
		{`"x`, "x", false},
		{``, "x", false},
	} {
		if got := analytics.Names([]byte(c.raw), c.id); got != c.want {
			t.Errorf("%s names %s: %t", c.raw, c.id, got)
		}
	}
}

func TestWhoIsMentioned(t *testing.T) {
	for raw, c := range map[string]struct{ some, none []string }{
		`{"userId":4711,"properties":{"by":"u1","distinct_id":"d1"},"list":["a",{"b" : "c"}]}`: {[]string{"4711", "u1", "d1", "a", "c"}, []string{"by", "b", "list", "471", "u"}},
		`{"user":"Zo\u00eb","x":"say \"u1\""}`:                                                 {[]string{"Zoë", `say "u1"`}, []string{"u1", "x"}},
		`"{\"user\":\"u1\",\"by\":\"Zo\\u00eb\""`:                                              {[]string{"u1", "Zoë"}, []string{"user"}}, // cut off, and kept as a string
		`"it said \"u1\" and \"u2\""`:                                                          {[]string{"u1", "u2"}, []string{"said"}},
		`{}`:                                                                                   {}, ``: {}, `"`: {},
	} {
		got := analytics.Mentioned([]byte(raw))
		for _, id := range c.some {
			if !slices.Contains(got, id) {
				t.Errorf("%s does not mention %s: %q", raw, id, got)
			}
		}
		for _, id := range c.none {
			if slices.Contains(got, id) {
				t.Errorf("%s mentions %s", raw, id)
			}
		}
	}
}
