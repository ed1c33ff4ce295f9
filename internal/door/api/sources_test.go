package api

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/slipwayhq/slipway/internal/access"
	"github.com/slipwayhq/slipway/internal/decide/track"
)

func TestSourcesOfEvents(t *testing.T) {
	w := open(t)
	w.want(200, "POST", "/v1/apps", `{"name":"shop"}`)
	sources := track.New(w.db)
	w.server.MountSources(sources)
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

	var list List[track.Source]
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

func refused(t *testing.T, r reply, status int) {
	t.Helper()
	if r.StatusCode != status {
		t.Errorf("%d, want %d: %s", r.StatusCode, status, r.body)
	}
}

// What other people's clients call has keys of its own: who brings one is not asked for a token, and nobody looks at the cookies. The API beside it stays as it is.
func TestClientsOfOthersAreNotPeople(t *testing.T) {
	w := open(t)
	w.server.Clients().HandleFunc("POST /v1/events", func(rw http.ResponseWriter, r *http.Request) {
		key, _, _ := r.BasicAuth()
		fmt.Fprint(rw, key, len(r.Cookies()))
	})
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, w.http.URL+"/v1/events", nil)
	if err != nil {
		t.Fatal(err)
	}
	req.SetBasicAuth("wk_1", "")
	req.Header.Set("Cookie", "a=b")
	req.Header.Set("Origin", "https://elsewhere.example")
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil || res.StatusCode != 200 || string(body) != "wk_10" {
		t.Errorf("%d %q, %v", res.StatusCode, body, err)
	}
	refused(t, w.do("GET", "/v1/events", "wk_1", ""), 401)
	w.want(200, "GET", "/v1/events", "")
	w.want(405, "PUT", "/v1/events", "")
}
