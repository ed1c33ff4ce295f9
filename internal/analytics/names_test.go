package analytics_test

import (
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
