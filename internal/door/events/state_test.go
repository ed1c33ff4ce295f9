package events_test

import (
	"strings"
	"testing"

	"github.com/slipwayhq/slipway/internal/decide/track"
	"github.com/slipwayhq/slipway/internal/door/api"
	"github.com/slipwayhq/slipway/internal/door/events"
)

func TestTheStateOfEvents(t *testing.T) {
	w := open(t)
	last := w.tell("shop", "u1 a", "u2 b")
	var s events.State
	w.do("GET", "/v1/apps/shop/events/state", adminToken, "").into(t, &s)
	if s.Written != last || s.Stored != last || s.Trouble+s.Refused != "" || s.Limited != nil {
		t.Errorf("%+v", s)
	}
	w.full = api.Unavailable("the disk is nearly full")
	w.do("GET", "/v1/apps/shop/events/state", adminToken, "").into(t, &s)
	if s.Refused != "the disk is nearly full" {
		t.Errorf("%+v", s)
	}
	w.full = nil

	// What came faster than a source's limit is told, of this app alone.
	var src track.Source
	w.do("POST", "/v1/apps/shop/sources", adminToken, `{"name":"phone"}`).into(t, &src)
	w.do("POST", "/v1/apps/shop/sources/"+src.ID+"/changes", adminToken, `{"change":"limit","limit":1}`).into(t, &src)
	if src.Limit != 1 {
		t.Errorf("%+v", src)
	}
	ten := `{"writeKey":"` + src.Key + `","batch":[` + strings.Repeat(`{"type":"track","event":"x","userId":"u"},`, 19) + `{"type":"track","event":"x","userId":"u"}]}`
	refused(t, w.do("POST", "/v1/batch", "", ten), 200)
	refused(t, w.do("POST", "/v1/batch", "", ten), 429)
	refused(t, w.do("POST", "/v1/apps", adminToken, `{"name":"blog"}`), 200)
	w.do("GET", "/v1/apps/shop/events/state", adminToken, "").into(t, &s)
	if len(s.Limited) != 1 || s.Limited[0].Source != src.ID || s.Limited[0].Bodies != 1 {
		t.Errorf("%+v", s.Limited)
	}
	var other events.State
	w.do("GET", "/v1/apps/blog/events/state", adminToken, "").into(t, &other)
	if other.Limited != nil {
		t.Errorf("%+v", other.Limited)
	}
	refused(t, w.do("POST", "/v1/apps/shop/sources/"+src.ID+"/changes", adminToken, `{"change":"limit","limit":-1}`), 422)
}
