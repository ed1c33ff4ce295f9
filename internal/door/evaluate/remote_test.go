package evaluate

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/slipwayhq/slipway/internal/decide/flag"
	"github.com/slipwayhq/slipway/internal/pure/assign"
)

func TestValuesForAVisitor(t *testing.T) {
	w := newWorld(t)
	w.make("plain", `"<b>"`, "")
	w.make("us", "false", `[{"id": "us", "condition": {"country": "US"}, "force": true}]`)
	w.make("test", `"none"`, `[{"id": "r1", "key": "exp", "name": "Colors", "phase": "1", "condition": {"secret": {"$ne": "x"}}, "variations": ["red", "green", "blue"], "meta": [{"key": "r", "name": "Red"}, {"key": "g"}, {"key": "b"}], "hashVersion": 2}]`)
	w.make("after", "0", `[{"parentConditions": [{"id": "test", "condition": {"value": {"$in": ["red", "green", "blue"]}}}], "force": 1}]`)
	w.make("gated", "0", `[{"parentConditions": [{"id": "us", "condition": {"value": true}, "gate": true}]}]`)
	k := w.key(flag.Key{Kind: "client", Remote: true}, false)
	type feature struct {
		DefaultValue any
		Rules        []struct {
			Force  any
			Tracks []struct {
				Experiment map[string]any
				Result     map[string]any
			}
		}
	}
	ask := func(body string) (map[string]feature, string) {
		t.Helper()
		r := w.want(200, "POST", "/api/eval/"+k.Key, body)
		if r.Header.Get("X-Sse-Support") != "enabled" || r.Header.Get("Cache-Control") != "no-store" {
			t.Errorf("%v", r.Header)
		}
		return into[struct{ Features map[string]feature }](t, r).Features, r.text
	}
	got, text := ask(`{"attributes": {"id": "u1", "country": "CA"}, "forcedVariations": {}, "forcedFeatures": [], "url": ""}`)
	set, err := w.flags.Set(t.Context(), "shop", "production")
	if err != nil {
		t.Fatal(err)
	}
	want := set.Server.Flags.Eval("test", &assign.Visitor{Attributes: map[string]any{"id": "u1"}}, nil)
	if len(got) != 5 || got["plain"].DefaultValue != "<b>" || got["plain"].Rules != nil || got["us"].DefaultValue != false || got["after"].DefaultValue != 1.0 || got["gated"].DefaultValue != nil {
		t.Errorf("%s", text)
	}
	for _, name := range []string{"test", "after"} { // that is on the way to both
		rules := got[name].Rules
		if len(rules) != 1 || len(rules[0].Tracks) != 1 || rules[0].Force != got[name].DefaultValue {
			t.Fatalf("%s: %+v", name, rules)
		}
		e, r := rules[0].Tracks[0].Experiment, rules[0].Tracks[0].Result
		if e["key"] != "exp" || e["name"] != "Colors" || e["phase"] != "1" || r["value"] != want.Value.Any() || r["key"] != want.Assignment.Key() || r["inExperiment"] != true || r["hashValue"] != "u1" {
			t.Errorf("%v: %v", e, r)
		}
	}
	for _, word := range []string{"condition", "country", "secret", "US", "weights", "ranges", "coverage"} {
		if strings.Contains(text, word) {
			t.Errorf("rules are told: %q is in %s", word, text)
		}
	}
	for _, color := range []string{"red", "green", "blue"} {
		if color != want.Value.Any() && strings.Contains(text, color) {
			t.Errorf("what others get is told: %s", text)
		}
	}
	us, _ := ask(`{"attributes": {"country": "US"}}`)
	if us["us"].DefaultValue != true || us["gated"].DefaultValue != 0.0 || us["test"].DefaultValue != "none" || us["test"].Rules != nil {
		t.Errorf("%+v", us)
	}
	forced, _ := ask(`{"attributes": {"id": "u1"}, "forcedVariations": {"exp": 2}, "forcedFeatures": [["plain", {"a": [1]}], ["us", true]]}`)
	if v, err := json.Marshal(forced["plain"].DefaultValue); forced["test"].DefaultValue != "blue" || string(v) != `{"a":[1]}` || forced["us"].DefaultValue != true || err != nil {
		t.Errorf("%+v", forced)
	}
	if queried, _ := ask(`{"attributes": {"id": "u1"}, "url": "https://shop.example/?exp=1"}`); queried["test"].DefaultValue != "green" {
		t.Errorf("%+v", queried)
	}
	if none, _ := ask(`{}`); none["us"].DefaultValue != false {
		t.Errorf("%+v", none)
	}
	if m := w.listen("/sub/"+k.Key, "").must("features-updated"); m.data != "{}" {
		t.Errorf("the stream tells rules: %s", m.data)
	}
	w.want(200, "POST", "/api/eval/"+w.key(flag.Key{Kind: "server"}, false).Key, `{"attributes": null}`)
}

// nested is a JSON object of so many levels.
func nested(levels int) string {
	return strings.Repeat(`{"a":`, levels) + "1" + strings.Repeat("}", levels)
}

func many(n int) string {
	all := map[string]int{}
	for i := range n {
		all[fmt.Sprint("a", i)] = i
	}
	raw, _ := json.Marshal(all) // numbers
	return string(raw)
}

func TestBadInput(t *testing.T) {
	w := newWorld(t)
	w.make("a", "1", `[{"condition": {"x.y": "z"}, "force": 2}]`)
	k := w.key(flag.Key{Kind: "client", Remote: true}, false)
	type bad struct {
		body, says string
		status     int // by GrowthBook's path; by OFREP's it is 400
	}
	long := strings.Repeat("n", 100_000)
	for of, both := range map[string][]bad{
		"both": {
			{"", "not JSON", 400}, {"{", "not JSON", 400}, {"[1]", "must be a JSON object, not a array", 400}, {`"x"`, "must be a JSON object", 400},
			{`{"WHAT": "` + strings.Repeat("x", maxBody) + `"}`, "more than 1 MB", 413},
			{`{"WHAT": {"` + long + `": 1}}`, "has 100000 bytes", 422}, {`{"WHAT": {"a": "` + long + `"}}`, "WHAT.a has 100000 bytes", 422},
			{`{"WHAT": ` + many(10_000) + `}`, "WHAT has 10000 members", 422}, {`{"WHAT": {"a": [` + many(2000) + `]}}`, "WHAT.a[0] has 2000 members", 422},
			{`{"WHAT": ` + nested(40) + `}`, "nested deeper than 32 levels", 422}, {`{"WHAT": ` + nested(20_000) + `}`, "JSON", 400}, {`{"WHAT": {"a": ` + strings.Repeat("[", 100) + strings.Repeat("]", 100) + `}}`, "WHAT.a[0]", 422},
			{`{"WHAT": []}`, "WHAT must be an object of attributes, not a list", 422}, {`{"WHAT": "u1"}`, "WHAT must be an object of attributes, not a string", 422}, {`{"WHAT": 1}`, "not a number", 422}, {`{"WHAT": true}`, "not a boolean", 422},
		},
		"growthbook": {
			{`{"forcedVariations": []}`, "forcedVariations must be", 422}, {`{"forcedVariations": {"e": "1"}}`, "forcedVariations.e must be the number of a variation, not a string", 422}, {`{"forcedVariations": {"e": 1.5}}`, "forcedVariations.e", 422},
			{`{"forcedVariations": {"e": 1e300}}`, "forcedVariations.e", 422}, {`{"forcedFeatures": {}}`, "forcedFeatures must be a list", 422}, {`{"forcedFeatures": [["a", 1], ["a"]]}`, "forcedFeatures[1]", 422}, {`{"forcedFeatures": [[1, 2]]}`, "forcedFeatures[0]", 422},
			{`{"url": 5}`, "url must be a string, not a number", 422}, {`{"url": "` + long + `"}`, "url has 100000 bytes", 422},
		},
		"ofrep": {{`{"context": {"targetingKey": 5}}`, "context.targetingKey must be a string", 0}},
	} {
		for _, b := range both {
			if of != "ofrep" {
				r := w.want(b.status, "POST", "/api/eval/"+k.Key, strings.ReplaceAll(b.body, "WHAT", "attributes"))
				if !strings.Contains(r.text, strings.ReplaceAll(b.says, "WHAT", "attributes")) || len(r.text) > 2000 {
					t.Errorf("%s: %.2000s", b.says, r.text)
				}
			}
			if of == "growthbook" {
				continue
			}
			for path, key := range map[string]string{"/ofrep/v1/evaluate/flags": "", "/ofrep/v1/evaluate/flags/a": "a"} {
				r := w.want(400, "POST", path, strings.ReplaceAll(b.body, "WHAT", "context"), "X-API-Key", k.Key)
				f := into[failure](t, r)
				code := invalidContext
				if b.status == 400 || b.status == 413 {
					code = parseError
				}
				if f.Code != code || f.Key != key || !strings.Contains(f.Details, strings.ReplaceAll(b.says, "WHAT", "context")) || len(r.text) > 2000 {
					t.Errorf("%s: %.2000s", b.says, r.text)
				}
			}
		}
	}
	// What is only much is taken.
	if r := w.want(200, "POST", "/api/eval/"+k.Key, `{"attributes": `+many(1000)+`}`); !strings.Contains(r.text, `"a":{"defaultValue":1}`) {
		t.Errorf("%s", r.text)
	}
	w.want(200, "POST", "/api/eval/"+k.Key, `{"attributes": `+nested(31)+`}`)
	if r := w.want(404, "POST", "/ofrep/v1/evaluate/flags/"+strings.Repeat("n", 40_000), `{}`, "X-API-Key", k.Key); len(r.text) > 2000 {
		t.Errorf("%d bytes", len(r.text))
	}
	w.want(401, "GET", "/api/features/"+strings.Repeat("n", 40_000), "")
	if faults := w.door.Faults("shop"); len(faults) > 0 {
		t.Errorf("what clients do wrong counts against flags: %+v", faults)
	}
}

// A flag that takes too many steps gives its default, and is counted.
func TestFaultsOfFlagsAreCounted(t *testing.T) {
	w := newWorld(t)
	var tests []string
	for i := range 1500 {
		tests = append(tests, fmt.Sprintf(`{"tags": {"$elemMatch": {"$eq": "t%d"}}}`, i))
	}
	w.make("slow", `"default"`, `[{"condition": {"$or": [`+strings.Join(tests, ",")+`]}, "force": "rule"}]`)
	w.make("fine", "1", "")
	k := w.key(flag.Key{Kind: "server"}, false)
	tags := make([]string, 2000)
	for i := range tags {
		tags[i] = fmt.Sprint("x", i)
	}
	raw, err := json.Marshal(tags)
	if err != nil {
		t.Fatal(err)
	}
	body := `{"attributes": {"tags": ` + string(raw) + `}, "context": {"tags": ` + string(raw) + `}}`
	if r := w.want(200, "POST", "/api/eval/"+k.Key, body); !strings.Contains(r.text, `"slow":{"defaultValue":"default"}`) {
		t.Errorf("%s", r.text)
	}
	one := into[struct{ Value, Reason string }](t, w.want(200, "POST", "/ofrep/v1/evaluate/flags/slow", body, "X-API-Key", k.Key))
	if one.Value != "default" || one.Reason != "UNKNOWN" {
		t.Errorf("%+v", one)
	}
	w.want(200, "POST", "/ofrep/v1/evaluate/flags", body, "X-API-Key", k.Key)
	faults := w.door.Faults("shop")
	if len(faults) != 1 || faults[0].Flag != "slow" || faults[0].Environment != "production" || faults[0].Count != 3 || !strings.Contains(faults[0].Problem, "too many steps") {
		t.Errorf("%+v", faults)
	}
	if other := w.door.Faults("blog"); len(other) != 0 {
		t.Errorf("%+v", other)
	}
}
