package events_test

import (
	"testing"

	"github.com/slipwayhq/slipway/internal/access"
	"github.com/slipwayhq/slipway/internal/decide/track"
)

func TestSettingsOfEvents(t *testing.T) {
	w := open(t)
	dan := w.person("dan", "shop", access.Deployer)
	vera := w.person("vera", "shop", access.Viewer)
	const path = "/v1/apps/shop/events/settings"
	const body = `{"keep_days":90,"ip":"none","hidden":["email"]}`

	var s track.Settings
	first := w.do("GET", path, vera, "")
	first.into(t, &s)
	if s.IP != "truncate" || s.KeepDays != 0 || s.Hidden == nil || first.Header.Get("ETag") != `"0"` {
		t.Errorf("%+v, %s", s, first.Header.Get("ETag"))
	}
	refused(t, w.do("PUT", path, dan, body), 428)
	refused(t, w.do("PUT", path, vera, body, "If-Match", `"0"`), 403)
	refused(t, w.do("PUT", path, dan, `{"keep_days":-1,"ip":"none","hidden":[]}`, "If-Match", `"0"`), 422)
	refused(t, w.do("PUT", path, dan, `{"keep_days":0,"ip":"half","hidden":[]}`, "If-Match", `"0"`), 422)
	refused(t, w.do("PUT", path, dan, `{"keep_days":0,"ip":"none","hidden":[""]}`, "If-Match", `"0"`), 422)
	changed := w.do("PUT", path, dan, body, "If-Match", first.Header.Get("ETag"))
	changed.into(t, &s)
	if s.KeepDays != 90 || s.ChangedBy != "person:dan" || changed.Header.Get("ETag") != `"1"` {
		t.Errorf("%+v", s)
	}
	refused(t, w.do("PUT", path, dan, body, "If-Match", `"0"`), 412)
	refused(t, w.do("GET", "/v1/apps/none/events/settings", adminToken, ""), 404)
}
