package events_test

import (
	"strings"
	"testing"

	"github.com/slipwayhq/slipway/internal/access"
	"github.com/slipwayhq/slipway/internal/decide/track"
	"github.com/slipwayhq/slipway/internal/door/api"
)

func TestSourcesOfEvents(t *testing.T) {
	w := open(t)
	dan := w.person("dan", "shop", access.Deployer)
	vera := w.person("vera", "shop", access.Viewer)
	const path = "/v1/apps/shop/sources"

	var src track.Source
	refused(t, w.do("POST", path, vera, `{"name":"web"}`), 403)
	refused(t, w.do("POST", path, dan, `{"name":"web","environment":"nowhere"}`), 404)
	refused(t, w.do("POST", path, dan, `{"name":""}`), 422)
	w.do("POST", path, dan, `{"name":"web"}`).into(t, &src)
	if src.Environment != "production" || !strings.HasPrefix(src.Key, "wk_") || src.CreatedBy != "person:dan" {
		t.Errorf("%+v", src)
	}
	refused(t, w.do("POST", path, dan, `{"name":"web"}`), 409)

	var list api.List[track.Source]
	w.do("GET", path, vera, "").into(t, &list)
	if len(list.Items) != 1 || list.Items[0].Key != src.Key {
		t.Errorf("%+v", list)
	}
	var stopped, turned track.Source
	w.do("POST", path+"/"+src.ID+"/changes", dan, `{"change":"stop","reason":"moved"}`).into(t, &stopped)
	w.do("POST", path+"/"+src.ID+"/changes", dan, `{"change":"key"}`).into(t, &turned)
	if !stopped.Stopped || !turned.Stopped || turned.Key == src.Key {
		t.Errorf("%+v, %+v", stopped, turned)
	}
	refused(t, w.do("POST", path+"/"+src.ID+"/changes", dan, `{"change":"burn"}`), 422)
	refused(t, w.do("POST", path+"/"+src.ID+"/changes", vera, `{"change":"stop"}`), 403)
	refused(t, w.do("GET", path+"/src_none", vera, ""), 404)
}
