package waffle_test

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"testing"

	"github.com/slipwayhq/slipway/internal/decide/flag"
	"github.com/slipwayhq/slipway/internal/pure/ratelimit"
)

// limited asks as a client of RateLim.it.
func (w *world) limited(account, key, path string, headers ...string) answer {
	w.Helper()
	return w.call(http.DefaultClient, "GET", "/api/v1/featureflags"+path, "", append([]string{"Authorization", "Basic " + base64.StdEncoding.EncodeToString([]byte(account+":"+key))}, headers...)...)
}

// on asks for one flag; the body is exactly true or false.
func (w *world) on(feature string, q url.Values) string {
	w.Helper()
	a := w.limited("shop", w.secret, "/"+url.PathEscape(feature)+"/on?"+q.Encode())
	if a.StatusCode != 200 || a.text != "true" && a.text != "false" {
		w.Fatalf("%d %q", a.StatusCode, a.text)
	}
	return a.text
}

func TestFeaturesOfRateLimit(t *testing.T) {
	w := newWorld(t)
	yes, no := true, false
	w.audience("all", flag.Audience{Everyone: &yes, Percent: 10, Users: []string{"u"}})
	w.audience("nobody", flag.Audience{Everyone: &no, Percent: 10, Users: []string{"u"}})
	w.audience("part", flag.Audience{Percent: 33.3, Users: []string{"vip"}, Groups: []string{"beta"}})
	w.make(flag.Flag{Name: "off"}, &flag.State{Audience: &flag.Audience{Percent: 50, Users: []string{"u"}}})
	w.make(flag.Flag{Name: "nothing"}, nil)
	w.make(flag.Flag{Name: "plain"}, &flag.State{On: true})
	w.make(flag.Flag{Name: "forced"}, &flag.State{On: true, Default: json.RawMessage("false"), Rules: json.RawMessage(`[{"id":"x","force":true},{"condition":{"id":"u"},"force":false}]`)})
	w.make(flag.Flag{Name: "ruled"}, &flag.State{On: true, Default: json.RawMessage("false"), Rules: json.RawMessage(`[{"condition":{"$or":[{"id":"u"},{"groups":{"$in":["beta"]}}]},"force":true}]`)})
	w.make(flag.Flag{Kind: flag.Switch, Name: "switch"}, &flag.State{On: true})
	w.make(flag.Flag{Kind: flag.Sample, Name: "sample"}, &flag.State{On: true, Percent: 50})

	a := w.limited("shop", w.secret, "")
	var list []ratelimit.Feature
	if err := json.Unmarshal([]byte(a.text), &list); err != nil {
		t.Fatal(err, a.text)
	}
	const want = `[{"feature":"all","pct":1,"whitelisted":[]},{"feature":"forced","pct":1,"whitelisted":[]},{"feature":"nobody","pct":0,"whitelisted":[]},{"feature":"nothing","pct":0,"whitelisted":[]},` +
		`{"feature":"off","pct":0,"whitelisted":[]},{"feature":"part","pct":0.333,"whitelisted":["vip","beta"]},{"feature":"plain","pct":1,"whitelisted":[]},{"feature":"switch","pct":1,"whitelisted":[]}]`
	if a.text != want {
		t.Errorf("%s\nwant %s", a.text, want)
	}

	// The server says the same of each as a client does by the list, and decides the others by their rules.
	exposed := []string{}
	for i := range 200 {
		user := fmt.Sprint("user", i)
		for _, f := range list {
			on, _ := f.On("shop", user, nil, 0.5)
			if got := w.on(f.Name, url.Values{"lookupKey": {user}}); got != fmt.Sprint(on) {
				t.Errorf("%s for %s is %s", f.Name, user, got)
			}
			if f.Name == "part" {
				exposed = append(exposed, fmt.Sprintf("shop/production %s part=%v ", user, on))
			}
		}
	}
	w.dice = 0.332
	for _, c := range []struct {
		feature string
		q       url.Values
		want    string
	}{
		{"part", url.Values{"lookupKey": {"vip"}}, "true"}, {"part", url.Values{"attributes[]": {"x", "beta"}}, "true"}, {"part", nil, "true"}, {"nobody", url.Values{"lookupKey": {"u"}}, "false"},
		{"ruled", url.Values{"lookupKey": {"u"}}, "true"}, {"ruled", url.Values{"lookupKey": {"v"}}, "false"}, {"ruled", url.Values{"lookupKey": {"v"}, "attributes[]": {"beta"}}, "true"}, {"ruled", nil, "false"},
		{"sample", nil, "false"}, {"there is none", nil, "false"},
	} {
		if got := w.on(c.feature, c.q); got != c.want {
			t.Errorf("%s with %v is %s", c.feature, c.q, got)
		}
	}
	w.dice = 0.334
	if got := w.on("part", nil); got != "false" {
		t.Errorf("without a key, beyond the share: %s", got)
	}

	for _, c := range []struct{ account, key string }{{"blog", w.secret}, {"shop", w.open}, {"shop", "x"}, {"", ""}} {
		if a := w.limited(c.account, c.key, ""); a.StatusCode != 401 || a.Header.Get("WWW-Authenticate") == "" {
			t.Errorf("%+v: %d", c, a.StatusCode)
		}
	}
	// The client for Java says protobuf of what it sends, which is nothing.
	var listed []ratelimit.Feature
	if err := json.Unmarshal([]byte(w.limited("shop", w.secret, "").text), &listed); err != nil || len(listed) == 0 {
		t.Fatal(err, listed)
	}
	for _, header := range []string{"Accept", "Content-Type"} {
		a := w.limited("shop", w.secret, "", header, "application/x-protobuf")
		if a.StatusCode != 200 || a.Header.Get("Content-Type") != "application/x-protobuf" || a.text != string(ratelimit.AppendFeatures(nil, 0, listed)) {
			t.Errorf("%s: %d %q", header, a.StatusCode, a.text)
		}
	}
	w.stop()
	slices.Sort(w.exposed)
	slices.Sort(exposed)
	if !slices.Equal(w.exposed, exposed) {
		t.Errorf("recorded: %v, want %v", w.exposed, exposed)
	}
}
