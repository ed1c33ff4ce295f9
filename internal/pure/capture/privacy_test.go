package capture_test

import (
	"bytes"
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"github.com/slipwayhq/slipway/internal/pure/capture"
)

func TestHiddenNamesAreTakenOut(t *testing.T) {
	for _, c := range []struct {
		names                              []string
		properties, context, want, wantCtx string
	}{
		{[]string{"email"}, `{"email":"a@b.c","plan":"pro"}`, `{"email":1,"traits":{"email":2,"age":3}}`, `{"plan":"pro"}`, `{"traits":{"age":3}}`},
		{[]string{"email"}, `{"email":"a@b.c"}`, `{"traits":{"email":2}}`, ``, `{"traits":{}}`},
		{[]string{"email"}, `{"\u0065mail":"a@b.c","n":12345678901234567890.10}`, ``, `{"n":12345678901234567890.10}`, ``},  // written with an escape; numbers stay as they are
		{[]string{"email"}, `{"inner":{"email":"stays"},"sign":"<&>"}`, ``, `{"inner":{"email":"stays"},"sign":"<&>"}`, ``}, // only a path leads there
		{[]string{"inner.email"}, `{"inner":{"email":1,"n":2},"a":"<&>"}`, ``, `{"a":"<&>","inner":{"n":2}}`, ``},
		{[]string{"items.card.number"}, `{"items":[{"card":{"number":1,"kind":2}},{"n":3},4]}`, ``, `{"items":[{"card":{"kind":2}},{"n":3},4]}`, ``},
		{[]string{"a.b"}, `{"a.b":1,"a":{"b":2,"c":3}}`, ``, `{"a":{"c":3}}`, ``}, // a name with a dot in it, too
		{[]string{"a.b.c"}, `{"a.b":{"c":1,"d":2}}`, ``, `{"a.b":{"d":2}}`, ``},
		{[]string{"context.device.id"}, `{"device":{"id":1}}`, `{"device":{"id":1,"n":2}}`, `{"device":{"id":1}}`, `{"device":{"n":2}}`},
		{[]string{"properties.id", "traits.age"}, `{"id":1,"age":2,"n":3}`, `{"id":1,"traits":{"age":2}}`, `{"n":3}`, `{"id":1,"traits":{}}`},
		{[]string{"email"}, `{"$set":{"email":1,"n":2},"$set_once":{"email":3}}`, ``, `{"$set":{"n":2},"$set_once":{}}`, ``},
		{nil, `{"email":"\\"}`, ``, `{"email":"\\"}`, ``},
	} {
		e := capture.Event{Properties: json.RawMessage(c.properties), Context: json.RawMessage(c.context)}
		capture.NewPrivacy(c.names).Event(&e)
		if string(e.Properties) != c.want || string(e.Context) != c.wantCtx {
			t.Errorf("without %v: %s and %s, not %s and %s", c.names, e.Properties, e.Context, c.want, c.wantCtx)
		}
	}
}

func TestHiddenNamesAreTakenOutOfFailures(t *testing.T) {
	short := func(ip string) string { return ip[:2] }
	none := func(string) string { return "" }
	for _, c := range []struct {
		names     []string
		network   func(string) string
		raw, want string
	}{
		{[]string{"email"}, nil, `{"event":"x","email":1,"properties":{"email":2,"deep":[{"email":3,"n":4}]}}`, `{"event":"x","properties":{"deep":[{"n":4}]}}`},
		{[]string{"name"}, nil, `{"name":"order","traits":{"name":"Ana"},"data":{"name":"Ana"},"who":{"name":"Ana"}}`, `{"data":{},"name":"order","traits":{},"who":{}}`},
		{[]string{"context.ip", "properties.card"}, nil, `{"context":{"ip":"1.2.3.4","n":1},"data":{"card":1}}`, `{"context":{"n":1},"data":{}}`},
		{[]string{"email"}, nil, `[{"email":1},{"e\u006dail":2}]`, `[{},{}]`},
		{[]string{"email"}, nil, `"email"`, `"email"`},
		{[]string{"email"}, nil, `{"event": "as it came"}`, `{"event": "as it came"}`},
		{nil, short, `{"context":{"ip":"1.2.3.4"},"properties":{"$ip":"5.6.7.8"}}`, `{"context":{"ip":"1."},"properties":{"$ip":"5."}}`},
		{nil, none, `{"context":{"ip":"1.2.3.4"},"properties":{"$ip":17}}`, `{"context":{},"properties":{}}`},
		{nil, short, `{"context":{"os":"x"}, "n":1}`, `{"context":{"os":"x"}, "n":1}`},
		{nil, short, `7`, `7`},
		{nil, short, `[{"context":{"ip":"1.2.3.4"}},{"ip":"5.6.7.8","n":1},[{"ip":"9.9.9.9"}],7]`, `[{"context":{"ip":"1."}},{"ip":"5.","n":1},[{"ip":"9.9.9.9"}],7]`},
		{[]string{"email"}, nil, strings.Repeat(`{"a":`, 41) + `{"email":1}` + strings.Repeat(`}`, 41), strings.Repeat(`{"a":`, 39) + `{"a":null}` + strings.Repeat(`}`, 39)},
		{[]string{"email"}, nil, `[{"email":1,"x":` + strings.Repeat(`[`, 60) + `"}]"` + strings.Repeat(`]`, 60) + `,"y":[1,2]},"]"]`, `[{"x":` + strings.Repeat(`[`, 38) + `null` + strings.Repeat(`]`, 38) + `,"y":[1,2]},"]"]`},
	} {
		if got := capture.NewPrivacy(c.names).WithNetwork(c.network).Raw(json.RawMessage(c.raw)); string(got) != c.want {
			t.Errorf("%s without %v is %s, not %s", c.raw, c.names, got, c.want)
		}
	}
}

// Whatever failed, what is kept of it is JSON in which no hidden name is left as far as it is looked through, and it takes no time that grows with its depth.
func FuzzHiddenNames(f *testing.F) {
	for _, seed := range []string{`{"email":1,"a":[{"email":{"email":[]}}]}`, `[{"context":{"ip":"1.2.3.4"}},"email"]`, `{"\u0065mail":"\"}","x":{}}`, strings.Repeat(`[`, 90) + strings.Repeat(`]`, 90), `{"properties":{"$ip":7,"email":null}}`} {
		f.Add([]byte(seed))
	}
	p := capture.NewPrivacy([]string{"email"}).WithNetwork(func(string) string { return "" })
	var holds func(v any) bool
	holds = func(v any) bool {
		switch v := v.(type) {
		case map[string]any:
			for name, inner := range v {
				if name == "email" || holds(inner) {
					return true
				}
			}
		case []any:
			return slices.ContainsFunc(v, holds)
		}
		return false
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		if !json.Valid(raw) {
			return
		}
		out := p.Raw(raw)
		var got any
		dec := json.NewDecoder(bytes.NewReader(out))
		dec.UseNumber()
		if err := dec.Decode(&got); err != nil || !json.Valid(out) || holds(got) {
			t.Fatalf("%s becomes %s: %v", raw, out, err)
		}
	})
}
