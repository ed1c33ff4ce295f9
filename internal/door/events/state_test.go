package events_test

import (
	"testing"

	"github.com/slipwayhq/slipway/internal/door/api"
	"github.com/slipwayhq/slipway/internal/door/events"
)

func TestTheStateOfEvents(t *testing.T) {
	w := open(t)
	last := w.tell("shop", "u1 a", "u2 b")
	var s events.State
	w.do("GET", "/v1/apps/shop/events/state", adminToken, "").into(t, &s)
	if s != (events.State{Written: last, Stored: last}) {
		t.Errorf("%+v", s)
	}
	w.full = api.Unavailable("the disk is nearly full")
	w.do("GET", "/v1/apps/shop/events/state", adminToken, "").into(t, &s)
	if s.Refused != "the disk is nearly full" {
		t.Errorf("%+v", s)
	}
}
