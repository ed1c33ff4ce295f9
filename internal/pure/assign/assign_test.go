package assign_test

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/slipwayhq/slipway/internal/pure/assign"
)

// An evaluation allocates nothing, whatever of the usual rules it meets, and so does all of a payload.
func TestNoAllocation(t *testing.T) {
	flags := compiled(t, `{"savedGroups":{"g":{"type":"list","attributeKey":"id","values":["a","b","c","d","e","f","g","h","i","user-7"]}},"features":{
		"split":{"defaultValue":false,"rules":[{"condition":{"country":"US"},"variations":[false,true],"hashVersion":2}]},
		"share":{"defaultValue":false,"rules":[{"condition":{"age":{"$gte":18,"$lt":99},"country":{"$nin":["DE","FR"]}},"force":true,"coverage":0.5}]},
		"group":{"defaultValue":false,"rules":[{"condition":{"$savedGroup":{"id":"g"},"version":{"$vgte":"1.2.3"},"mail":{"$regexi":"@EXAMPLE"}},"force":true}]},
		"parent":{"defaultValue":true,"rules":[{"parentConditions":[{"id":"group","condition":{"value":true},"gate":true}]}]}}}`)
	attributes := map[string]any{"id": "user-7", "country": "US", "age": 30.0, "version": "v1.10.0", "mail": "ana@example.org"}
	on := 0
	count := func(key string) float64 {
		return testing.AllocsPerRun(100, func() {
			if flags.Eval(key, &assign.Visitor{Attributes: attributes}, nil).On {
				on++
			}
		})
	}
	for _, key := range []string{"split", "share", "group"} {
		if n := count(key); n != 0 {
			t.Errorf("%s allocates %v times", key, n)
		}
	}
	if n := count("parent"); n > 1 {
		t.Errorf("parent allocates %v times", n)
	}
	if n := testing.AllocsPerRun(100, func() {
		for range flags.All(&assign.Visitor{Attributes: attributes}, nil) {
		}
	}); n > 1 {
		t.Errorf("all allocate %v times", n)
	}
	if on < 200 {
		t.Errorf("on %d times", on)
	}
}

// What is kept of a payload is little more than its text.
func TestMemory(t *testing.T) {
	payload := []byte(many(1000))
	if mb := kept(t, payload); mb > 6 {
		t.Errorf("1,000 flags of ten rules, %.1f MB of text, keep %.1f MB", float64(len(payload))/1e6, mb)
	}
}

func TestValues(t *testing.T) {
	for raw, want := range map[string]struct {
		on  bool
		any any
	}{
		"true": {true, true}, "false": {false, false}, "null": {false, nil}, `""`: {false, ""}, `"0"`: {true, "0"}, `"a\u00e9"`: {true, "aé"}, "0": {false, 0.0}, "-0.0": {false, math.Copysign(0, -1)},
		"0.5": {true, 0.5}, "-1": {true, -1.0}, "[]": {true, []any{}}, `{"a":[1]}`: {true, map[string]any{"a": []any{1.0}}}, "": {false, nil},
	} {
		v := assign.ValueOf(raw)
		if v.On() != want.on {
			t.Errorf("%s is on: %v", raw, v.On())
		}
		if diff := cmp.Diff(want.any, v.Any()); diff != "" {
			t.Errorf("%s: %s", raw, diff)
		}
		if _, ok := v.Text(); ok != strings.HasPrefix(raw, `"`) {
			t.Errorf("%s is text: %v", raw, ok)
		}
		if data, err := json.Marshal(v); err != nil || string(data) != v.JSON() {
			t.Errorf("%s is written %s, %v", raw, data, err)
		}
	}
}

func TestWhatIsForced(t *testing.T) {
	flags := compiled(t, `{"features":{"f":{"defaultValue":0,"rules":[{"variations":[1,2,3],"key":"e","ranges":[[0,0.001],[0.001,0.002],[0.002,0.003]]}]},"g":{"defaultValue":5,"rules":[{"parentConditions":[{"id":"f","condition":{"value":3}}],"force":6}]}}}`)
	id := map[string]any{"id": "5"}
	for name, c := range map[string]struct {
		visitor assign.Visitor
		value   string
		source  assign.Source
	}{
		"nothing":               {assign.Visitor{Attributes: id}, "0", assign.DefaultValue},
		"variation":             {assign.Visitor{Attributes: id, Forced: map[string]int{"e": 1}}, "2", assign.ByExperiment},
		"too high a variation":  {assign.Visitor{Attributes: id, Forced: map[string]int{"e": 9}}, "0", assign.DefaultValue},
		"by the URL":            {assign.Visitor{Attributes: id, URL: "/a?e=2#b", Forced: map[string]int{"e": 1}}, "3", assign.ByExperiment},
		"by the URL, but off":   {assign.Visitor{Attributes: id, URL: "/a?e=2", Off: true}, "0", assign.DefaultValue},
		"twice in the URL":      {assign.Visitor{Attributes: id, URL: "/a?e=2&e=1"}, "0", assign.DefaultValue},
		"value":                 {assign.Visitor{Values: map[string]assign.Value{"f": assign.ValueOf(`"x"`)}}, `"x"`, assign.Override},
		"value of another flag": {assign.Visitor{Values: map[string]assign.Value{"g": assign.ValueOf("1")}}, "0", assign.DefaultValue},
	} {
		if r := flags.Eval("f", &c.visitor, nil); r.Value.JSON() != c.value || r.Source != c.source {
			t.Errorf("%s: %s from %s", name, r.Value.JSON(), r.Source)
		}
	}
	v := &assign.Visitor{Values: map[string]assign.Value{"f": assign.ValueOf("3"), "new": assign.ValueOf("true")}}
	if r := flags.Eval("g", v, nil); r.Value.JSON() != "6" {
		t.Errorf("with the parent's value: %s", r.Value.JSON())
	}
	if r := flags.Eval("new", v, nil); !r.On || r.Source != assign.Override {
		t.Errorf("a flag that nobody knows, with a value: %+v", r)
	}
}

// Whoever goes on to the next rule was exposed all the same, as the one who is placed by a prerequisite; who is forced was not.
func TestTrail(t *testing.T) {
	flags := compiled(t, `{"features":{
		"holdout":{"defaultValue":"no","rules":[{"key":"h","variations":["in","out"],"meta":[{"key":"in"},{"key":"out","passthrough":true}],"ranges":[[0,0],[0,1]]},{"key":"e","variations":[1,2],"ranges":[[0,1],[1,1]]}]},
		"child":{"defaultValue":1,"rules":[{"parentConditions":[{"id":"holdout","condition":{"value":1}}],"force":2}]}}}`)
	v := &assign.Visitor{Attributes: map[string]any{"id": 7}, Sticky: map[string]assign.Sticky{}}
	trail := &assign.Trail{}
	if r := flags.Eval("child", v, trail); r.Value.JSON() != "2" || r.Assignment.Experiment != nil {
		t.Errorf("%+v", r)
	}
	var got []string
	for _, e := range trail.Exposures {
		got = append(got, fmt.Sprint(e.Flag, " ", e.Experiment.Key, " ", e.Key(), " ", e.HashAttribute, " ", e.HashValue))
	}
	if diff := cmp.Diff([]string{"holdout h out id 7", "holdout e 0 id 7"}, got); diff != "" {
		t.Error(diff)
	}
	want := map[string]assign.Sticky{"id||7": {Attribute: "id", Value: "7", Assignments: map[string]string{"h__0": "out", "e__0": "0"}}}
	if diff := cmp.Diff(want, trail.Sticky); diff != "" {
		t.Error(diff)
	}
	if len(v.Sticky) != 0 {
		t.Errorf("the visitor was changed: %v", v.Sticky)
	}
	v.Forced, trail = map[string]int{"h": 1, "e": 1}, &assign.Trail{}
	if r := flags.Eval("holdout", v, trail); r.Value.JSON() != "2" || len(trail.Exposures)+len(trail.Sticky) > 0 {
		t.Errorf("forced: %+v, %+v", r, trail)
	}
}

// What was kept a moment ago, on the way to the same value, counts already.
func TestKeptAtOnce(t *testing.T) {
	flags := compiled(t, `{"features":{"first":{"rules":[{"key":"e","variations":[1,2]}]},"f":{"rules":[
		{"parentConditions":[{"id":"first","condition":{"value":{"$gt":0}}}],"key":"e","bucketVersion":1,"minBucketVersion":1,"variations":[3,4]}]}}}`)
	v := &assign.Visitor{Attributes: map[string]any{"id": "1"}, Sticky: map[string]assign.Sticky{}}
	if r := flags.Eval("f", v, &assign.Trail{}); r.Source != assign.DefaultValue {
		t.Errorf("who was assigned in version 0 has %s", r.Value.JSON())
	}
	if r := flags.Eval("f", v, nil); r.Source != assign.ByExperiment {
		t.Errorf("without a trail nothing is kept, but: %+v", r)
	}
}

// A variation that was assigned earlier says nothing of a bandit's weights.
func TestKeptIsNoBandits(t *testing.T) {
	flags := compiled(t, `{"contextualBandits":{"b":{"contexts":[{"leafId":1,"weights":[1,0]}]}},"features":{"f":{"rules":[{"key":"e","variations":[1,2],"meta":[{"key":"x"},{"key":"y"}],"contextualBanditRef":"b"}]}}}`)
	v := &assign.Visitor{Attributes: map[string]any{"id": "1"}}
	if r := flags.Eval("f", v, nil); r.Value.JSON() != "1" || r.Assignment.Leaf() == nil || r.Assignment.Leaf().ID != 1 {
		t.Errorf("by the bandit: %+v", r)
	}
	v.Sticky = map[string]assign.Sticky{"id||1": {Attribute: "id", Value: "1", Assignments: map[string]string{"e__0": "y"}}}
	if r := flags.Eval("f", v, nil); r.Value.JSON() != "2" || r.Assignment.Leaf() != nil || !r.Assignment.Kept {
		t.Errorf("as earlier: %+v", r)
	}
}

// Whom a condition means that is none, nobody can say: the search for a kind of visitor ends there.
func TestBanditStopsAtWhatIsNoCondition(t *testing.T) {
	flags := compiled(t, `{"contextualBandits":{"b":{"contexts":[{"leafId":1,"condition":{"plan":"pro"},"weights":[1,0]},{"leafId":2,"condition":{"$not":null},"weights":[1,0]},{"leafId":3,"weights":[1,0]}]}},
		"features":{"f":{"rules":[{"variations":[1,2],"contextualBanditRef":"b"}]}}}`)
	for plan, want := range map[string]int{"pro": 1, "free": -1} {
		if r := flags.Eval("f", &assign.Visitor{Attributes: map[string]any{"id": "1", "plan": plan}}, nil); r.Assignment.Leaf() == nil || r.Assignment.Leaf().ID != want {
			t.Errorf("%s: %+v", plan, r.Assignment.Leaf())
		}
	}
}

func TestNamespaceHasNoEnd(t *testing.T) {
	n := 0.0
	for k := range 1000 {
		if n = float64(k) / 1000; assign.InNamespace("1", "ns", n, n+0.0005) {
			break
		}
	}
	if !assign.InNamespace("1", "ns", n, 1) || assign.InNamespace("1", "ns", 0, n) {
		t.Errorf("at %v", n)
	}
}

func TestPages(t *testing.T) {
	run := func(fields, url string) bool {
		flags := compiled(t, `{"experiments":[{"key":"e","variations":[0,1],`+fields+`}]}`)
		return flags.Run(flags.Experiments()[0], &assign.Visitor{Attributes: map[string]any{"id": "1"}, URL: url}, nil).In
	}
	for _, c := range []struct {
		pattern, url string
		want         bool
	}{
		{"/a", "https://example.com/a", true},
		{"/a", "https://example.com/a/?x=1#y", true},
		{"/a", "https://example.com/ab", false},
		{"/a*", "https://example.com/ab/c", true},
		{"/A/*/c", "http://user:pw@example.com/a/b/C", true},
		{"/a/*/c", "http://example.com/a/c", false},
		{"*.example.com/a", "https://www.example.com/a", true},
		{"*.example.com/a", "https://example.com/a", false},
		{"https://example.com/a?x=*1", "http://example.com/a?y=2&x=%31", true},
		{"https://example.com/a?x=1", "http://example.com/a?x=+1", false},
		{"example.com/a#top", "http://example.com/a#Top", true},
		{"example.com/a#top", "http://example.com/a#end", false},
		{"a", "/a", true},
	} {
		if got := run(`"urlPatterns":[{"type":"simple","include":true,"pattern":"`+c.pattern+`"}]`, c.url); got != c.want {
			t.Errorf("%s on %s: %v", c.pattern, c.url, got)
		}
		if got := run(`"urlPatterns":[{"include":false,"pattern":"`+c.pattern+`"}]`, c.url); got == c.want {
			t.Errorf("%s excluded on %s: %v", c.pattern, c.url, got)
		}
	}
	for fields, want := range map[string]bool{
		`"urlPatterns":[{"type":"regex","pattern":"^\\/a\\/[0-9]+"}]`: true,
		`"urlPatterns":[{"type":"regex","pattern":"("}]`:              false,
		`"urlPatterns":[{"type":"other","pattern":"/a"}]`:             false,
		`"url":"com\\/a"`:              true,
		`"url":"^/b"`:                  false,
		`"active":false`:               false,
		`"status":"draft"`:             false,
		`"status":"stopped"`:           false,
		`"status":"stopped","force":1`: true,
		`"groups":["beta"]`:            false,
		`"force":"x"`:                  true,
	} {
		if got := run(fields, "https://example.com/a/7"); got != want {
			t.Errorf("%s: %v", fields, got)
		}
	}
}

func TestRedirectStays(t *testing.T) {
	flags := compiled(t, `{"experiments":[{"key":"changes","variations":[{},{"css":"x"}]},{"key":"e","variations":[{},{"urlRedirect":"https://b.example/x?a=1#t"}],"ranges":[[0,0],[0,1]],"persistQueryString":true}]}`)
	v := &assign.Visitor{Attributes: map[string]any{"id": "1"}, URL: "https://a.example/?b=2&a=0&b=3&c%20d=%26"}
	if a, to, ok := flags.Redirect(v, nil); !ok || a.Variation != 1 || to != "https://b.example/x?a=1&b=3&c%20d=%26#t" {
		t.Errorf("%+v, %s, %v", a, to, ok)
	}
	v.Forced = map[string]int{"e": 0}
	if a, to, ok := flags.Redirect(v, nil); !ok || to != "" || !a.In {
		t.Errorf("who stays: %+v, %s, %v", a, to, ok)
	}
	v.Off = true
	if _, _, ok := flags.Redirect(v, nil); ok {
		t.Error("sent elsewhere by no experiment")
	}
}

func TestOrderOfFlags(t *testing.T) {
	flags := compiled(t, `{"features":{"b":{"defaultValue":1},"a":{},"c":{"defaultValue":2},"b":{"defaultValue":3}}}`)
	if keys := slices.Collect(flags.Keys()); flags.Len() != 3 || !slices.Equal(keys, []string{"a", "b", "c"}) {
		t.Errorf("%d: %v", flags.Len(), keys)
	}
	var got []string
	for key, r := range flags.All(&assign.Visitor{}, nil) {
		if got = append(got, key+"="+r.Value.JSON()); key == "b" {
			break
		}
	}
	if !slices.Equal(got, []string{"a=null", "b=3"}) {
		t.Errorf("%v", got)
	}
}

func TestEncryptedIsDecrypted(t *testing.T) {
	key := base64.StdEncoding.EncodeToString([]byte("0123456789abcdef"))
	for n := range 40 {
		text := strings.Repeat("é", n)
		sealed, err := assign.Encrypt(text, key, [16]byte{1, 2, byte(n)})
		if err != nil {
			t.Fatal(err)
		}
		if got, err := assign.Decrypt(sealed, key); err != nil || got != text {
			t.Errorf("%q, %v", got, err)
		}
	}
	for _, bad := range []string{"!", "AAAA"} {
		if _, err := assign.Encrypt("x", bad, [16]byte{}); err == nil {
			t.Errorf("a key of %s", bad)
		}
	}
}

// Shares are as promised, a larger share only adds visitors, and another salt divides them anew.
func TestShares(t *testing.T) {
	payload := func(share float64, seed string) *assign.Flags {
		return compiled(t, fmt.Sprintf(`{"features":{"f":{"defaultValue":false,"rules":[{"force":true,"coverage":%v,"hashVersion":2,"seed":"%s"}]}}}`, share, seed))
	}
	ten, fifty, other := payload(0.1, "a"), payload(0.5, "a"), payload(0.5, "b")
	const people = 20_000
	inTen, inFifty, same := 0, 0, 0
	for i := range people {
		v := &assign.Visitor{Attributes: map[string]any{"id": fmt.Sprint("user-", i)}}
		a, b := ten.Eval("f", v, nil).On, fifty.Eval("f", v, nil).On
		if a && !b {
			t.Fatalf("user %d is lost when the share grows", i)
		}
		if a {
			inTen++
		}
		if b {
			inFifty++
		}
		if b == other.Eval("f", v, nil).On {
			same++
		}
	}
	for _, c := range []struct {
		got  int
		want float64
	}{{inTen, 0.1}, {inFifty, 0.5}, {same, 0.5}} {
		if math.Abs(float64(c.got)/people-c.want) > 5*math.Sqrt(c.want*(1-c.want)/people) {
			t.Errorf("%d of %d, not %v", c.got, people, c.want)
		}
	}
}
