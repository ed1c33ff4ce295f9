package flag_test

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/slipwayhq/slipway/internal/db"
	"github.com/slipwayhq/slipway/internal/db/dbtest"
	"github.com/slipwayhq/slipway/internal/decide/flag"
	"github.com/slipwayhq/slipway/internal/fault"
	"github.com/slipwayhq/slipway/internal/pure/assign"
)

const (
	ana = "person:ana"
	bo  = "person:bo"
)

func create(t *testing.T, s *flag.Service, f flag.Flag) flag.Flag {
	t.Helper()
	f.App = "shop"
	if f.Kind == "" {
		f.Kind = flag.Rules
	}
	out, err := s.Create(t.Context(), ana, "", f)
	if err != nil {
		t.Fatalf("create %s: %v", f.Name, err)
	}
	return out
}

func set(t *testing.T, s *flag.Service, f flag.Flag, env string, to flag.State) flag.Flag {
	t.Helper()
	to.Revision = f.States[env].Revision
	out, err := s.SetState(t.Context(), ana, "shop", f.ID, env, "", to)
	if err != nil {
		t.Fatalf("set %s in %s: %v", f.Name, env, err)
	}
	return out
}

// value is what a visitor gets, in JSON.
func value(t *testing.T, s *flag.Service, env, name string, attributes map[string]any) string {
	t.Helper()
	now, err := s.Set(t.Context(), "shop", env)
	if err != nil {
		t.Fatal(err)
	}
	return now.Server.Flags.Eval(name, &assign.Visitor{Attributes: attributes}, nil).Value.JSON()
}

func refused(t *testing.T, err error, code fault.Code, says string) {
	t.Helper()
	if !fault.Is(err, code) || !strings.Contains(fault.Message(err), says) {
		t.Errorf("%q is not in the answer: %v (%v)", says, err, fault.CodeOf(err))
	}
}

func TestLifeOfAFlag(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		s := flag.New(d)
		f := create(t, s, flag.Flag{Name: "new-checkout"})
		if got := value(t, s, "production", "new-checkout", nil); got != "false" {
			t.Errorf("a new flag is %s", got)
		}
		before, gone, err := s.Watch(t.Context(), "shop", "production")
		if err != nil {
			t.Fatal(err)
		}
		f = set(t, s, f, "production", flag.State{On: true, Default: json.RawMessage(`false`), Rules: json.RawMessage(`[{"condition": {"country": "US"}, "force": true}]`)})
		<-gone
		after, _, err := s.Watch(t.Context(), "shop", "production")
		if err != nil || after.Revision <= before.Revision || !after.Changed.After(before.Changed) {
			t.Errorf("%d of %v after %d of %v: %v", after.Revision, after.Changed, before.Revision, before.Changed, err)
		}
		if us, ca, other := value(t, s, "production", f.Name, map[string]any{"country": "US"}), value(t, s, "production", f.Name, map[string]any{"country": "CA"}), value(t, s, "staging", f.Name, map[string]any{"country": "US"}); us != "true" || ca != "false" || other != "false" {
			t.Errorf("US %s, CA %s, in staging %s", us, ca, other)
		}
		stale := f.States["production"]
		stale.On, stale.Revision = false, 0
		_, err = s.SetState(t.Context(), bo, "shop", f.ID, "production", "", stale)
		refused(t, err, fault.CodeConflict, "somebody else")

		off := f.States["production"]
		off.On = false
		f = set(t, s, f, "production", off)
		if got := value(t, s, "production", f.Name, map[string]any{"country": "US"}); got != "false" {
			t.Errorf("switched off it is %s", got)
		}
		history, err := s.Changes(t.Context(), "shop", f.ID, "", 10)
		if err != nil || len(history) != 3 || history[0].Words != "switched off" || history[1].Before != nil || history[1].After == nil || history[2].How != "created" {
			t.Fatalf("%+v, %v", history, err)
		}
		if all, err := s.Marks(t.Context(), "shop", "production", time.Unix(0, 0), d.Now().Add(time.Hour)); err != nil || len(all) != 2 || all[0].Name != "new-checkout" || all[1].Words != "switched off" {
			t.Errorf("marks: %+v, %v", all, err)
		}
		if all, err := s.Marks(t.Context(), "shop", "staging", time.Unix(0, 0), d.Now().Add(time.Hour)); err != nil || len(all) != 0 {
			t.Errorf("marks of another environment: %+v, %v", all, err)
		}
		f, err = s.Restore(t.Context(), bo, "shop", f.ID, history[1].ID, "it was not the flag")
		if err != nil || !f.States["production"].On || value(t, s, "production", f.Name, map[string]any{"country": "US"}) != "true" {
			t.Errorf("restored: %+v, %v", f.States, err)
		}

		f, err = s.Archive(t.Context(), ana, "shop", f.ID, "", f.Revision)
		if err != nil || value(t, s, "production", f.Name, nil) != "null" {
			t.Errorf("out of use: %v, %v", value(t, s, "production", f.Name, nil), err)
		}
		_, err = s.SetState(t.Context(), ana, "shop", f.ID, "production", "", f.States["production"])
		refused(t, err, fault.CodeConflict, "out of use")
		if in, err := s.Flags(t.Context(), "shop", false); err != nil || len(in) != 0 {
			t.Errorf("in use: %+v, %v", in, err)
		}
		if f, err = s.BringBack(t.Context(), ana, "shop", f.ID, "", f.Revision); err != nil || value(t, s, "production", f.Name, map[string]any{"country": "US"}) != "true" {
			t.Errorf("brought back: %v", err)
		}
	})
}

func TestWhatHasAFaultIsRefused(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		s := flag.New(d)
		f := create(t, s, flag.Flag{Name: "a"})
		text := create(t, s, flag.Flag{Name: "color", About: flag.About{Type: "string"}})
		sample := create(t, s, flag.Flag{Name: "trace", Kind: flag.Sample})
		for says, to := range map[string]flag.State{
			"$im is no operator":       {On: true, Rules: json.RawMessage(`[{"condition": {"country": {"$im": ["US"]}}, "force": true}]`)},
			"rules[1]":                 {On: true, Rules: json.RawMessage(`[{"force": true}, {"condition": {"a": {"$regex": "("}}, "force": true}]`)},
			"must come before itself":  {On: true, Rules: json.RawMessage(`[{"parentConditions": [{"id": "a", "condition": {"value": true}}], "force": true}]`)},
			"there is no flag":         {On: true, Rules: json.RawMessage(`[{"parentConditions": [{"id": "nothing", "condition": {"value": true}}], "force": true}]`)},
			"must be a boolean":        {On: true, Default: json.RawMessage(`"yes"`)},
			"rule 1 must be a boolean": {On: true, Rules: json.RawMessage(`[{"force": "yes"}]`)},
			"0.0 to 99.9":              {On: true, Audience: &flag.Audience{Percent: 100}},
			"rules or an audience":     {On: true, Audience: &flag.Audience{}, Rules: json.RawMessage(`[{"force": true}]`)},
			"no JSON":                  {On: true, Rules: json.RawMessage(`[`)},
			"rules[1].covrage: a rule has no covrage; did you mean coverage?": {On: true, Rules: json.RawMessage(`[{"force": true}, {"covrage": 0.1, "force": true}]`)},
			"the weights add up to": {On: true, Rules: json.RawMessage(`[{"variations": [true, false], "weights": [0.2, 0.2]}]`)},
		} {
			_, err := s.SetState(t.Context(), ana, "shop", f.ID, "production", "", to)
			refused(t, err, fault.CodeInvalid, says)
		}
		_, err := s.SetState(t.Context(), ana, "shop", text.ID, "production", "", flag.State{On: true, Rules: json.RawMessage(`[{"variations": ["red", 7]}]`)})
		refused(t, err, fault.CodeInvalid, "variation 2 of rule 1 must be a string")
		_, err = s.SetState(t.Context(), ana, "shop", sample.ID, "production", "", flag.State{On: true, Percent: 100.1})
		refused(t, err, fault.CodeInvalid, "0.0 to 100.0")
		for _, name := range []string{"", "with space", "a/b", strings.Repeat("n", 101), `q"`, "switch:x", "sample:x", "flag:x", "-x", "flg_x"} {
			_, err := s.Create(t.Context(), ana, "", flag.Flag{App: "shop", Kind: flag.Rules, Name: name})
			refused(t, err, fault.CodeInvalid, "name")
		}
		_, err = s.Create(t.Context(), ana, "", flag.Flag{App: "shop", Kind: flag.Rules, Name: "a"})
		refused(t, err, fault.CodeConflict, "already")
		create(t, s, flag.Flag{Name: "a", Kind: flag.Switch}) // another kind is another flag

		// What others lean on is not taken away, nor hidden from browsers that are shown what leans on it.
		b := create(t, s, flag.Flag{Name: "b"})
		set(t, s, b, "production", flag.State{On: true, Rules: json.RawMessage(`[{"parentConditions": [{"id": "color", "condition": {"value": "red"}}], "force": true}]`)})
		_, err = s.Archive(t.Context(), ana, "shop", text.ID, "", text.Revision)
		refused(t, err, fault.CodeConflict, "b asks first what color gives")
		_, err = s.SetAbout(t.Context(), ana, "shop", text.ID, "", text.Revision, flag.About{Type: "string", Server: true})
		refused(t, err, fault.CodeInvalid, "as browsers see them")
		_, err = s.SetAbout(t.Context(), ana, "shop", text.ID, "", text.Revision, flag.About{Type: "float"})
		refused(t, err, fault.CodeInvalid, "float")

		if _, err := s.SetGroup(t.Context(), ana, "shop", "", flag.Group{ID: "beta", Definition: json.RawMessage(`["u1", "u2"]`)}); err != nil {
			t.Fatal(err)
		}
		g := create(t, s, flag.Flag{Name: "g"})
		set(t, s, g, "staging", flag.State{On: true, Default: json.RawMessage(`false`), Rules: json.RawMessage(`[{"condition": {"id": {"$inGroup": "beta"}}, "force": true}]`)})
		if in, out := value(t, s, "staging", "g", map[string]any{"id": "u1"}), value(t, s, "staging", "g", map[string]any{"id": "u3"}); in != "true" || out != "false" {
			t.Errorf("in the group %s, outside %s", in, out)
		}
		refused(t, s.RemoveGroup(t.Context(), ana, "shop", "beta", "", 1), fault.CodeInvalid, "beta")
	})
}

func TestBrowsersSeeOnlyWhatIsForThem(t *testing.T) {
	d := dbtest.SQLite(t, db.Options{})
	s := flag.New(d)
	for _, id := range []string{"vip", "inner", "unused"} {
		if _, err := s.SetGroup(t.Context(), ana, "shop", "", flag.Group{ID: id, Definition: json.RawMessage(`["` + id + `@example.com"]`)}); err != nil {
			t.Fatal(err)
		}
	}
	secret := create(t, s, flag.Flag{Name: "secret", About: flag.About{Server: true}})
	set(t, s, secret, "production", flag.State{On: true, Rules: json.RawMessage(`[{"condition": {"email": {"$inGroup": "unused"}}, "force": true}]`)})
	open := create(t, s, flag.Flag{Name: "open"})
	set(t, s, open, "production", flag.State{On: true, Rules: json.RawMessage(`[{"condition": {"email": {"$inGroup": "vip"}}, "force": true}]`)})
	now, err := s.Set(t.Context(), "shop", "production")
	if err != nil {
		t.Fatal(err)
	}
	for text, browser := range map[string]bool{"secret": false, "unused@": false, "open": true, "vip@": true} {
		if !strings.Contains(string(now.Server.Payload), text) {
			t.Errorf("servers are not told of %s", text)
		}
		if strings.Contains(string(now.Client.Payload), text) != browser {
			t.Errorf("browsers are told of %s: %v", text, !browser)
		}
	}
	for _, kind := range []string{"server", "client"} {
		k, err := s.CreateKey(t.Context(), ana, flag.Key{App: "shop", Environment: "production", Name: kind, Kind: kind}, kind == "client")
		if err != nil || k.Encryption != "" != (kind == "client") {
			t.Fatalf("%+v, %v", k, err)
		}
		got, ok := s.Key(k.Key)
		if !ok || now.View(got) != map[string]*flag.View{"server": now.Server, "client": now.Client}[kind] {
			t.Errorf("%s: %+v, %v", kind, got, ok)
		}
		turned, err := s.ChangeKey(t.Context(), ana, "shop", k.ID, "turned", "leaked")
		if _, ok := s.Key(k.Key); ok || err != nil || turned.Key == k.Key {
			t.Errorf("the old key counts still: %v", err)
		}
		if _, err := s.ChangeKey(t.Context(), ana, "shop", k.ID, "stopped", ""); err != nil {
			t.Error(err)
		}
		if _, ok := s.Key(turned.Key); ok {
			t.Error("a stopped key counts still")
		}
	}
}

// Groups are told to browsers only where a flag that they see, and that is on, names them: themselves, or by other groups.
func TestWhichGroupsBrowsersAreTold(t *testing.T) {
	d := dbtest.SQLite(t, db.Options{})
	s := flag.New(d)
	group := func(id, definition string) {
		t.Helper()
		if _, err := s.SetGroup(t.Context(), ana, "shop", "", flag.Group{ID: id, Definition: json.RawMessage(definition)}); err != nil {
			t.Fatal(err)
		}
	}
	for _, id := range []string{"secret", "staff", "unused", "c"} {
		group(id, `["`+id+`@example.com"]`)
	}
	group("b", `{"type":"condition","condition":{"id":{"$inGroup":"c"}}}`)
	group("a", `{"type":"condition","condition":{"$savedGroup":{"id":"b"}}}`)
	open := create(t, s, flag.Flag{Name: "open"})
	set(t, s, open, "production", flag.State{On: true, Rules: json.RawMessage(`[{"condition":{"$savedGroup":{"id":"a"}},"force":true}]`)})
	off := create(t, s, flag.Flag{Name: "off"})
	set(t, s, off, "production", flag.State{Rules: json.RawMessage(`[{"condition":{"id":{"$inGroup":"unused"}},"force":true}]`)})
	audience := create(t, s, flag.Flag{Name: "staffed"})
	set(t, s, audience, "production", flag.State{On: true, Audience: &flag.Audience{Staff: true}})
	check := func() {
		t.Helper()
		now, err := s.Set(t.Context(), "shop", "production")
		if err != nil {
			t.Fatal(err)
		}
		for id, told := range map[string]bool{"secret": false, "staff": false, "unused": false, "c": true} {
			if strings.Contains(string(now.Client.Payload), id+"@") != told {
				t.Errorf("browsers are told of %s: %v", id, !told)
			}
		}
		if r := now.Client.Flags.Eval("open", &assign.Visitor{Attributes: map[string]any{"id": "c@example.com"}}, nil); !r.On || !strings.Contains(string(now.Server.Payload), "secret@") {
			t.Errorf("%+v", r)
		}
	}
	check()
	create(t, s, flag.Flag{Name: "hidden", About: flag.About{Server: true}})
	check()
}

// An audience is the same for those who evaluate it by rules, where waffle asks neither cookies nor dice.
func TestAudienceAsRules(t *testing.T) {
	d := dbtest.SQLite(t, db.Options{})
	s := flag.New(d)
	yes := true
	f := create(t, s, flag.Flag{Name: "f"})
	for _, one := range []struct {
		audience   flag.Audience
		attributes map[string]any
		want       string
	}{
		{flag.Audience{}, map[string]any{"id": "u1", "staff": true}, "false"},
		{flag.Audience{Everyone: &yes}, nil, "true"},
		{flag.Audience{Languages: []string{"de"}}, map[string]any{"language": "de"}, "true"},
		{flag.Audience{Languages: []string{"de"}}, map[string]any{"language": "fr"}, "false"},
		{flag.Audience{Staff: true}, map[string]any{"staff": true}, "true"},
		{flag.Audience{Superusers: true}, map[string]any{"superuser": true}, "true"},
		{flag.Audience{Authenticated: true}, map[string]any{"authenticated": true}, "true"},
		{flag.Audience{Users: []string{"u1"}}, map[string]any{"id": "u1"}, "true"},
		{flag.Audience{Users: []string{"u1"}}, map[string]any{"id": "u2"}, "false"},
		{flag.Audience{Groups: []string{"g", "h"}}, map[string]any{"groups": []any{"x", "h"}}, "true"},
		{flag.Audience{Groups: []string{"g"}}, map[string]any{"groups": []any{"x"}}, "false"},
	} {
		f = set(t, s, f, "production", flag.State{On: true, Audience: &one.audience})
		if got := value(t, s, "production", "f", one.attributes); got != one.want {
			t.Errorf("%+v for %v is %s", one.audience, one.attributes, got)
		}
	}
	set(t, s, f, "production", flag.State{On: true, Audience: &flag.Audience{Percent: 33.3}})
	now, err := s.Set(t.Context(), "shop", "production")
	if err != nil {
		t.Fatal(err)
	}
	in := 0
	for i := range 3000 {
		user := "u" + string(rune('a'+i%26)) + time.Duration(i).String()
		rules := value(t, s, "production", "f", map[string]any{"id": user}) == "true"
		if asked := now.Settings.Waffle().Decide(now.Audiences["f"], signedIn(user)); asked.Active != rules {
			t.Fatalf("%s: %v by waffle, %v by rules", user, asked.Active, rules)
		} else if rules {
			in++
		}
	}
	if in < 850 || in > 1150 {
		t.Errorf("%d of 3000 are in 33.3 %%", in)
	}
}
