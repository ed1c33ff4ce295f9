package feed

import (
	"testing"

	"github.com/slipwayhq/slipway/internal/journal"
)

// What is collected before it is stored is bounded by its number, and by its size.
func TestAPartIsFull(t *testing.T) {
	large := journal.Telemetry{Subject: "events.shop.event", Data: make([]byte, 8<<20)}
	small := journal.Telemetry{Subject: "events.shop.event", Data: []byte("{}")}
	for _, c := range []struct {
		m    journal.Telemetry
		want int
	}{{large, mostBytes / (8 << 20)}, {small, most}} {
		p, n := newPart(0), 0
		for !p.full() && n <= most {
			p.add([]journal.Telemetry{c.m}, nil)
			n++
			p.apps = newPart(0).apps // only the count matters
		}
		if n != c.want {
			t.Errorf("messages of %d bytes: full after %d, want %d", len(c.m.Data), n, c.want)
		}
	}
}
