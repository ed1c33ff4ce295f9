package clients

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/slipwayhq/slipway/internal/pure/capture"
)

// show opens the page, which loads the script, with a query of its own; elsewhere has it on another site than the server.
func (b *tab) show(f *front, key, query string, elsewhere bool) {
	b.Helper()
	site := b.site.URL
	if elsewhere {
		site = strings.Replace(site, "127.0.0.1", "localhost", 1)
	}
	b.visit(site + "/waffle.html?key=" + key + "&server=" + f.URL + query)
	b.tell(`await loaded`)
}

// Waffle's script in a browser: what is on, what there is not, what is kept, and what a tester sets.
func TestWaffleInABrowser(t *testing.T) {
	p := newWaffles(t)
	k := p.flagKey("web", `"kind": "client"`)
	f := p.newFront()
	for name, elsewhere := range map[string]bool{"a page of the server's site": false, "a page of another site": true} {
		t.Run(name, func(t *testing.T) {
			b := openTab(t)
			b.show(f, k.Key, "", elsewhere)
			b.tell(`const w = window.waffle, is = (what, got, want) => { if (got !== want) throw new Error(what + ' is ' + got) };
				is('staff', w.flag_is_active('staff'), false); is('constructor', w.flag_is_active('constructor'), true); is('proto', w.flag_is_active('__proto__'), true);
				is('nothing', w.flag_is_active('nothing'), false); is('toString', w.flag_is_active('toString'), false); is('no switch', w.switch_is_active('valueOf'), false); is('no sample', w.sample_is_active('x'), false);
				is('maintenance', w.switch_is_active('maintenance'), true); is('always', w.sample_is_active('always'), true);
				is('all', Object.keys(w.FLAGS).length, 14); is('switches', JSON.stringify(w.SWITCHES), '{"maintenance":true}'); is('samples', JSON.stringify(w.SAMPLES), '{"always":true}')`)
			// What was drawn stays in this browser.
			b.tell(`window.name = JSON.stringify(waffle.FLAGS)`)
			for range 2 {
				b.show(f, k.Key, "", elsewhere)
				b.tell(`if (window.name !== JSON.stringify(waffle.FLAGS)) throw new Error(window.name + ' became ' + JSON.stringify(waffle.FLAGS))`)
			}
			// So does what a tester sets. What a visitor claims does nothing.
			b.show(f, k.Key, "&dwft_staff=1&staff=1&superuser=1&groups=beta", elsewhere)
			b.tell(`if (!waffle.flag_is_active('staff')) throw new Error('not set')`)
			b.show(f, k.Key, "", elsewhere)
			b.tell(`if (!waffle.flag_is_active('staff')) throw new Error('forgotten')`)
			b.show(f, k.Key, "&dwft_staff=0", elsewhere)
			b.show(f, k.Key, "&staff=1&superuser=1&groups=beta", elsewhere)
			b.tell(`if (waffle.flag_is_active('staff')) throw new Error('believed')`)
			b.spotless()
		})
	}
	p.put("/v1/apps/shop/flag-settings", `{"missing_on": true}`)
	b := openTab(t)
	b.show(f, k.Key, "", false)
	b.tell(`if (!waffle.flag_is_active('nothing') || waffle.switch_is_active('nothing') || waffle.sample_is_active('nothing')) throw new Error('not the default')`)
	b.spotless()
}

// Which side of a percentage a visitor got is one event a day: in two browsers, told by the backend and by an event of another source as well, and after a restart.
func TestExposuresAreOneOverall(t *testing.T) {
	p := newWaffles(t)
	web, backend := p.flagKey("web", `"kind": "client"`), p.flagKey("backend", `"kind": "server"`)
	f := p.newFront()
	post := func(path, key, body string) {
		t.Helper()
		req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, f.URL+path, strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Authorization", "Bearer "+key)
		res, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		defer res.Body.Close()
		if res.StatusCode != http.StatusOK {
			t.Fatal(path, res.Status)
		}
	}
	for range 2 {
		for range 2 { // each with cookies of its own
			b := openTab(t)
			b.show(f, web.Key, "&user=u1&release=rel_1", false)
			b.tell(fmt.Sprintf(`const all = await (await fetch(%q)).json();
				for (const name in all.flags) if (all.flags[name].is_active !== waffle.FLAGS[name]) throw new Error(name + ' is another on another device')`, f.URL+"/waffle_status?user=u1&key="+web.Key))
			b.spotless()
		}
		post("/v1/waffle/check", backend.Key, `{"flags": ["half", "half0"], "user": "u1"}`)
		p.server.Stop()
		p.start()
	}
	for _, value := range []string{"true", "false"} {
		post("/v1/events", p.key, `{"kind": "exposure", "name": "half", "user": "u1", "properties": {"value": `+value+`}}`)
		post("/i/v0/e/", p.key, `{"api_key": "`+p.key+`", "event": "$feature_flag_called", "distinct_id": "u1", "properties": {"$feature_flag": "half", "$feature_flag_response": `+value+`}}`)
	}
	events, failed := p.logged()
	of := map[string]int{}
	for _, e := range events {
		if e.Kind != capture.Exposure || e.User != "u1" {
			t.Errorf("%+v", e)
		}
		var p struct{ Value any }
		if err := json.Unmarshal(e.Properties, &p); err != nil {
			t.Error(err)
		}
		of[fmt.Sprint(e.Name, p.Value)]++
		if what := fmt.Sprint(e.Name, p.Value, " on ", e.Time.Format(time.DateOnly)); of[what] > 0 {
			t.Errorf("%s is there twice", what)
		} else {
			of[what]++
		}
	}
	for i := range 10 {
		if name := fmt.Sprint("half", i); of[name+"true"] > 0 == (of[name+"false"] > 0) {
			t.Errorf("%s: %v", name, of)
		}
	}
	if of["halftrue"] == 0 || of["halffalse"] == 0 || len(failed) != 0 {
		t.Errorf("%v, %d failed", of, len(failed))
	}
}
