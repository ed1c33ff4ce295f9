package waffle_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/slipwayhq/slipway/internal/db"
	"github.com/slipwayhq/slipway/internal/db/dbtest"
	"github.com/slipwayhq/slipway/internal/decide/flag"
	pure "github.com/slipwayhq/slipway/internal/pure/waffle"
)

// Waffle's whole order, asked by a page and by a backend: each row adds what comes one step before, and that decides.
func TestOrder(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		w := on(t, d)
		a, query, in := flag.Audience{}, url.Values{}, map[string]any{"flags": []string{"my_flag"}}
		header, cookies, yes, no := "", []string{}, true, false
		cookie := func(c string) {
			cookies = append(cookies, c)
			all := map[string]string{}
			for _, one := range cookies {
				name, value, _ := strings.Cut(one, "=")
				all[name] = value
			}
			in["cookies"] = all
		}
		const month = "; Path=/; Max-Age=2592000; Secure; SameSite=Lax"
		for _, step := range []struct {
			name   string
			setup  func()
			on     bool
			reason pure.Reason
			cookie string
		}{
			{"nothing is set", func() {}, false, pure.ByNothing, ""},
			{"beyond the percentage", func() { a.Percent, w.dice = 49.9, 0.5 }, false, pure.ByDraw, "dwf_my_flag=False" + month},
			{"just within", func() { w.dice = 0.499 }, true, pure.ByDraw, "dwf_my_flag=True" + month},
			{"the cookie keeps an answer", func() { cookie("dwf_my_flag=False") }, false, pure.ByCookie, "dwf_my_flag=False" + month},
			{"in rollout mode for the session", func() { a.Rollout = true }, false, pure.ByCookie, "dwf_my_flag=False; Path=/; Secure; SameSite=Lax"},
			{"a group", func() {
				a.Groups = []string{"g"}
				query["groups"], in["groups"] = []string{"x,g"}, []string{"x", "g"}
			}, true, pure.ByGroup, ""},
			{"a user", func() { a.Users = []string{"7"}; query.Set("user", "7"); in["user"] = 7 }, true, pure.ByUser, ""},
			{"a superuser", func() { a.Superusers = true; query.Set("superuser", "1"); in["superuser"] = true }, true, pure.BySuperuser, ""},
			{"staff", func() { a.Staff = true; query.Set("staff", "true"); in["staff"] = true }, true, pure.ByStaff, ""},
			{"signed in", func() { a.Authenticated = true }, true, pure.ByAuthenticated, ""},
			{"a language", func() { a.Languages = []string{"en", "fr"}; query.Set("language", "fr"); in["language"] = "fr" }, true, pure.ByLanguage, ""},
			{"a test cookie", func() { a.Testing = true; cookie("dwft_my_flag=False") }, false, pure.ByTestCookie, ""},
			{"a test header", func() { header = "1"; in["headers"] = map[string]string{"DWFT-My-Flag": "1"} }, true, pure.ByTestHeader, "dwft_my_flag=True; Path=/; SameSite=Lax"},
			{"a test query", func() {
				query["dwft_my_flag"] = []string{"1", "0"} // the last counts
				in["query"] = map[string]string{"dwft_my_flag": "0", "my_flag": "1"}
				query.Set("my_flag", "1")
			}, false, pure.ByTestQuery, "dwft_my_flag=False; Path=/; SameSite=Lax"},
			{"everyone", func() { a.Everyone = &yes }, true, pure.ByEveryone, ""},
			{"nobody", func() { a.Everyone = &no }, false, pure.ByEveryone, ""},
			{"override", func() { w.settings(func(s *flag.Settings) { s.Override = true }) }, true, pure.ByOverride, ""},
		} {
			step.setup()
			w.audience("my_flag", a)
			headers := []string{"X-API-Key", w.secret}
			for _, c := range cookies {
				headers = append(headers, "Cookie", c)
			}
			if header != "" {
				headers = append(headers, "dwft-my-flag", header)
			}
			page, answer := w.status(http.DefaultClient, "", "&"+query.Encode(), headers...)
			if got := strings.Join(answer.Header["Set-Cookie"], "|"); page.Flags["my_flag"].Active != step.on || got != step.cookie {
				t.Errorf("%s: a page is told %+v, and to keep %q", step.name, page.Flags["my_flag"], got)
			}
			body, _ := json.Marshal(in)
			backend := w.check(string(body))
			if got := backend.Flags["my_flag"]; got.Active != step.on || got.Reason != string(step.reason) || got.Missing {
				t.Errorf("%s: a backend is told %+v", step.name, got)
			}
			if len(backend.Cookies) > 0 != (step.cookie != "") || len(backend.Cookies) == 1 && backend.Cookies[0].Header != step.cookie {
				t.Errorf("%s: a backend is to set %+v", step.name, backend.Cookies)
			}
		}
	})
}

// What a visitor could only claim is not believed to a key that everybody can have.
func TestClientsCannotClaim(t *testing.T) {
	w := newWorld(t)
	w.audience("staff", flag.Audience{Staff: true})
	w.audience("superusers", flag.Audience{Superusers: true})
	w.audience("group", flag.Audience{Groups: []string{"g"}})
	w.audience("user", flag.Audience{Users: []string{"u"}})
	w.audience("language", flag.Audience{Languages: []string{"fr"}})
	w.make(flag.Flag{Name: "rules"}, &flag.State{On: true, Default: json.RawMessage("false"), Rules: json.RawMessage(`[{"condition":{"staff":true,"superuser":true},"force":true},{"condition":{"groups":{"$in":["g"]}},"force":true}]`)})
	w.make(flag.Flag{Name: "hidden", About: flag.About{Server: true}}, &flag.State{On: true})
	w.make(flag.Flag{Kind: flag.Switch, Name: "hidden", About: flag.About{Server: true}}, &flag.State{On: true})
	w.make(flag.Flag{Kind: flag.Sample, Name: "hidden", About: flag.About{Server: true}}, &flag.State{On: true, Percent: 100})
	claims := "&staff=1&superuser=1&groups=g&user=u&language=fr"
	for key, want := range map[string]string{w.open: "language user", w.secret: "group hidden language rules staff superusers user"} {
		got, _ := w.status(http.DefaultClient, key, claims)
		active := []string{}
		for name, is := range got.Flags {
			if is.Active {
				active = append(active, name)
			}
		}
		slices.Sort(active)
		if strings.Join(active, " ") != want {
			t.Errorf("on: %v, want %s", active, want)
		}
		if open := key == w.open; len(got.Switches) == 0 != open || len(got.Samples) == 0 != open {
			t.Errorf("with a key of clients: %v; %+v", open, got)
		}
	}
	// Nor is who they say that they are taken for WAFFLE_OVERRIDE of a flag that is called so.
	w.settings(func(s *flag.Settings) { s.Override = true })
	if got, _ := w.status(http.DefaultClient, w.open, "&user=1&language=1"); got.Flags["user"].Active || got.Flags["language"].Active {
		t.Errorf("%+v", got.Flags)
	}
	for _, c := range []struct {
		method, path, key string
		code              int
	}{
		{"POST", "/wafflejs", w.open, 403}, {"POST", "/waffle_status", w.open, 403}, {"POST", "/v1/waffle/check", w.open, 403}, {"POST", "/v1/waffle/check", "nobody's", 401},
		{"GET", "/wafflejs", "", 401}, {"GET", "/waffle_status", "nobody's", 401}, {"POST", "/wafflejs", w.secret, 200},
	} {
		if got := w.call(http.DefaultClient, c.method, c.path, `{"user":"u","staff":true}`, "X-API-Key", c.key); got.StatusCode != c.code {
			t.Errorf("%s %s is %d, want %d: %s", c.method, c.path, got.StatusCode, c.code, got.text)
		}
	}
}

// Nothing is kept by caches, pages of any site may ask, and what is no question is refused with what is wrong.
func TestManners(t *testing.T) {
	w := newWorld(t)
	w.audience("cart", flag.Audience{Percent: 50})
	for _, path := range []string{"/wafflejs", "/waffle_status"} {
		a := w.call(http.DefaultClient, "GET", path+"?key="+w.open, "", "Origin", "https://shop.example", "Sec-Fetch-Site", "cross-site")
		if a.Header.Get("Cache-Control") != "max-age=0, no-cache, no-store, must-revalidate, private" || a.Header.Get("Access-Control-Allow-Origin") != "https://shop.example" || a.Header.Get("Access-Control-Allow-Credentials") != "true" {
			t.Errorf("%s: %v", path, a.Header)
		}
		if got := a.Header.Get("Set-Cookie"); got != "dwf_cart=True; Path=/; Max-Age=2592000; Secure; SameSite=None; Partitioned" {
			t.Errorf("%s sets %q for a page of another site", path, got)
		}
		asked := w.call(http.DefaultClient, "OPTIONS", path, "", "Origin", "https://shop.example", "Access-Control-Request-Method", "GET", "Access-Control-Request-Headers", "authorization")
		if asked.StatusCode != 204 || asked.Header.Get("Access-Control-Allow-Headers") != "authorization" {
			t.Errorf("%s, asked before: %d %v", path, asked.StatusCode, asked.Header)
		}
	}
	w.settings(func(s *flag.Settings) { s.Insecure = true })
	if _, a := w.status(http.DefaultClient, w.open, ""); a.Header.Get("Set-Cookie") != "dwf_cart=True; Path=/; Max-Age=2592000; SameSite=Lax" {
		t.Error(a.Header.Get("Set-Cookie"))
	}
	many, _ := json.Marshal(map[string]any{"flags": strings.Split(strings.Repeat("f,", 1001), ",")})
	for body, says := range map[string]string{
		`{"group":["g"]}`: "unknown field", `[]`: "not what is expected", ``: "not what is expected", `{"user":true}`: "user must be a text, not a bool", `{"groups":"g"}`: "groups must be a list of texts, not a string", `{"flags":[1]}`: "flags must be a text, not a number", `{"staff":"yes"}`: "staff must be true or false, not a string", `{}{}`: "more than one", string(many): "1002 names",
		`{"user":"` + strings.Repeat("x", 1001) + `"}`: "1001 bytes", `{"user":"` + strings.Repeat("x", 1<<20) + `"}`: "larger than",
	} {
		a := w.call(http.DefaultClient, "POST", "/v1/waffle/check", body, "X-API-Key", w.secret)
		if a.StatusCode < 400 || a.StatusCode > 422 || !strings.Contains(a.text, says) {
			t.Errorf("%.40s: %d %s", body, a.StatusCode, a.text)
		}
	}
	if a := w.call(http.DefaultClient, "GET", "/waffle_status?staff=perhaps&key="+w.secret, ""); a.StatusCode != 400 {
		t.Error(a.StatusCode, a.text)
	}
}

// A flag is drawn once in a request, a sample anew in each; a browser keeps its answer.
func TestDraws(t *testing.T) {
	w := newWorld(t)
	w.audience("cart", flag.Audience{Percent: 50})
	w.make(flag.Flag{Kind: flag.Sample, Name: "trace"}, &flag.State{On: true, Percent: 50})
	got := w.check(`{"flags":["cart","cart"],"samples":["trace"]}`)
	if w.draws != 2 || !got.Flags["cart"].Active || !got.Samples["trace"].Active || got.Samples["trace"].Reason != "drawn" {
		t.Errorf("%d draws: %+v", w.draws, got)
	}
	w.settings(func(s *flag.Settings) { s.Insecure = true }) // the test's server has no TLS
	one, other := browser(), browser()
	first, _ := w.status(one, w.open, "")
	w.dice = 0.9
	second, _ := w.status(one, w.open, "")
	third, _ := w.status(other, w.open, "")
	if !first.Flags["cart"].Active || !second.Flags["cart"].Active || third.Flags["cart"].Active || !first.Samples["trace"].Active || second.Samples["trace"].Active {
		t.Errorf("%+v, %+v, %+v", first, second, third)
	}
	if got := w.check(`{"flags":["cart"],"read_only":true}`); got.Flags["cart"].Reason != string(pure.ByNothing) || len(got.Cookies) != 0 {
		t.Errorf("%+v", got)
	}
}

// Who is signed in has one answer on every device, whatever the dice said there before.
func TestOneAnswerOnEveryDevice(t *testing.T) {
	w := newWorld(t)
	w.audience("cart", flag.Audience{Percent: 50})
	w.settings(func(s *flag.Settings) { s.Insecure = true })
	on := 0
	for i := range 40 {
		phone, laptop := browser(), browser()
		w.dice = 0
		w.status(phone, w.open, "") // as a stranger: on here
		w.dice = 1
		w.status(laptop, w.open, "") // and off there
		user := fmt.Sprint("&user=u", i)
		a, _ := w.status(phone, w.open, user)
		b, _ := w.status(laptop, w.open, user)
		c := w.check(fmt.Sprintf(`{"flags":["cart"],"user":"u%d"}`, i)).Flags["cart"]
		if a.Flags["cart"].Active != b.Flags["cart"].Active || a.Flags["cart"].Active != c.Active {
			t.Errorf("u%d: %v on the phone, %v on the laptop, %v for the backend", i, a.Flags["cart"].Active, b.Flags["cart"].Active, c.Active)
		}
		if c.Active {
			on++
		}
		w.dice = 0.5
		if after, _ := w.status(phone, w.open, ""); after.Flags["cart"].Active != c.Active {
			t.Errorf("u%d has another answer in the same browser after signing out", i)
		}
	}
	if on < 8 || on > 32 {
		t.Errorf("on for %d of 40", on)
	}
}

// A flag with rules is asked with what is known of the visitor.
func TestFlagsWithRules(t *testing.T) {
	w := newWorld(t)
	w.make(flag.Flag{Name: "cart"}, &flag.State{On: true, Default: json.RawMessage("false"), Rules: json.RawMessage(`[
		{"id":"who","condition":{"id":"7","language":"fr","staff":true,"superuser":false,"authenticated":true,"groups":{"$in":["g"]}},"force":true},
		{"id":"test","key":"exp","condition":{"authenticated":true},"variations":[false,true],"weights":[0,1],"meta":[{"key":"control"},{"key":"red"}]}]`)})
	w.make(flag.Flag{Name: "color", About: flag.About{Type: "string"}}, &flag.State{On: true, Default: json.RawMessage(`"red"`)})
	got := w.check(`{"flags":["cart","color"],"user":"7","language":"fr","staff":true,"groups":["g"]}`)
	if is := got.Flags["cart"]; !is.Active || is.Reason != "rules: force who" || got.Flags["color"] != (told{Active: true, Reason: "rules: defaultValue"}) {
		t.Errorf("%+v", got)
	}
	if is := w.check(`{"flags":["cart"]}`).Flags["cart"]; is.Active || is.Reason != "rules: defaultValue" {
		t.Errorf("a stranger: %+v", is)
	}
	if is := w.check(`{"flags":["cart"],"user":"8","release":"rel_2"}`).Flags["cart"]; !is.Active || is.Reason != "rules: experiment test" {
		t.Errorf("in the experiment: %+v", is)
	}
	w.settings(func(s *flag.Settings) { s.Override = true })
	if is := w.check(`{"flags":["cart"],"user":"8","query":{"cart":"0"}}`).Flags["cart"]; is.Active || is.Reason != string(pure.ByOverride) {
		t.Errorf("%+v", is)
	}
	w.stop()
	if want := []string{`shop/production 8 exp="red" rel_2`}; !slices.Equal(w.exposed, want) {
		t.Errorf("recorded: %v", w.exposed)
	}
}

// Which side of a percentage somebody got is recorded, once; what is on or off for another reason, and who is nobody, is not.
func TestExposures(t *testing.T) {
	w := newWorld(t)
	yes := true
	w.audience("cart", flag.Audience{Percent: 50, Users: []string{"vip"}})
	w.audience("everyone", flag.Audience{Everyone: &yes, Percent: 50})
	on := w.check(`{"flags":["cart","everyone"],"user":"u"}`).Flags["cart"].Active
	for range 3 {
		w.check(`{"flags":["cart"],"user":"u"}`)
		w.status(http.DefaultClient, w.open, "&user=u&release=rel_2")
		w.status(http.DefaultClient, w.open, "") // nobody
		w.check(`{"flags":["cart"],"user":"vip"}`)
		w.check(`{"flags":["cart"],"user":"reader","read_only":true}`)
		w.status(http.DefaultClient, w.open, "&anonymous=b1")
	}
	w.stop()
	slices.Sort(w.exposed)
	if want := []string{"shop/production b1 cart=true ", fmt.Sprintf("shop/production u cart=%v rel_1", on)}; !slices.Equal(w.exposed, want) {
		t.Errorf("recorded: %q, want %q", w.exposed, want)
	}
}

// last_modified is that of the environment, or of the flag where it has no state there.
func TestLastModified(t *testing.T) {
	w := newWorld(t)
	before := time.Now().Add(-time.Second)
	f := w.make(flag.Flag{Kind: flag.Switch, Name: "s"}, &flag.State{On: true})
	got, _ := w.status(http.DefaultClient, w.open, "")
	if is := got.Switches["s"]; !is.Active || is.Modified.Before(before) || is.Modified.After(time.Now()) {
		t.Errorf("%+v", is)
	}
	if _, err := w.flags.SetState(t.Context(), ana, "shop", f.ID, "staging", "", flag.State{On: true}); err != nil {
		t.Fatal(err)
	}
	if again, _ := w.status(http.DefaultClient, w.open, ""); !again.Switches["s"].Modified.Equal(got.Switches["s"].Modified) {
		t.Errorf("%v, %v", again.Switches["s"].Modified, got.Switches["s"].Modified)
	}
}
