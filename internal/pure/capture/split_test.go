package capture

import (
	"bytes"
	"encoding/json"
	"fmt"
	"testing"
)

// Of JSON, a split object has the members that a reader finds; whatever comes, it ends.
func FuzzSplit(f *testing.F) {
	for _, seed := range []string{
		`{}`, ` { } `, `{"a":1}`, `{"a" : [1,{"b":"}\\"}] , "a":"\"", "\u00e9\\":-1.5e3,"n":null, "t":true}`, `[]`, `"x"`, `{"a":}`, `{"a":1`, `{"a"`, `{"a":"`, `{"a":"\\\"}`, `{,}`, `{"a":1,}`, `{"a":{}}x`, `{"":[[]]}`, "{\"\xff\":\"\xff\"}",
	} {
		f.Add([]byte(seed))
	}
	all := func(raw []byte, from func(json.RawMessage, func(string, json.RawMessage)) bool) (text string, ok bool) {
		ok = from(raw, func(name string, value json.RawMessage) { text += fmt.Sprintf("%q %s\n", name, value) })
		return text, ok
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		got, ok := all(raw, func(r json.RawMessage, fn func(string, json.RawMessage)) bool { return split(r, fn) })
		r := read(raw)
		if v, err := r.value(); err != nil || r.end() != nil || len(bytes.TrimSpace(v)) == 0 {
			return
		}
		if want, is := all(raw, Members); is != ok || is && got != want {
			t.Errorf("%q is split as %v %s, not %v %s", raw, ok, got, is, want)
		}
	})
}

func BenchmarkMembers(b *testing.B) {
	raw := []byte(`{"type":"track","messageId":"node-next-1764417600000-7","userId":"user-7","event":"Order Completed","properties":{"total":7.5,"currency":"EUR","items":[{"sku":"a","n":1}]},"timestamp":"2026-11-29T11:57:00.000Z","context":{"library":{"name":"@segment/analytics-node","version":"3.1.0"}},"integrations":{},"_metadata":{"nodeVersion":"24"}}`)
	for name, of := range map[string]func(json.RawMessage, func(string, json.RawMessage)) bool{"read": Members, "split": func(r json.RawMessage, fn func(string, json.RawMessage)) bool { return split(r, fn) }} {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				n := 0
				if !of(raw, func(string, json.RawMessage) { n++ }) || n != 9 {
					b.Fatal(n)
				}
			}
		})
	}
}
