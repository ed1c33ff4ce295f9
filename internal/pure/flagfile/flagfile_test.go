package flagfile_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/slipwayhq/slipway/internal/pure/flagfile"
)

const written = `flags:
- name: new-checkout
  owner: ana
  states:
    production:
      default: false
      "on": true
      rules:
      - coverage: 0.1
        force: true
- kind: switch
  name: maintenance
`

func TestWrittenIsRead(t *testing.T) {
	out, err := flagfile.Write([]json.RawMessage{
		json.RawMessage(`{"id":"flg_1","kind":"flag","type":"boolean","name":"new-checkout","owner":"ana","created_at":"2026-11-29T00:00:00Z","needs":{},"states":{"production":{"on":true,"default":false,"rules":[{"force":true,"coverage":0.1}],"changed_by":"person:ana","revision":3}}}`),
		json.RawMessage(`{"id":"flg_2","kind":"switch","name":"maintenance","states":{}}`),
	})
	if diff := cmp.Diff(written, string(out)); diff != "" || err != nil {
		t.Fatal(diff, err)
	}
	flags, err := flagfile.Read(out)
	if err != nil || len(flags) != 2 || flags[0]["owner"] != "ana" || flags[1]["kind"] != "switch" {
		t.Errorf("%v, %v", flags, err)
	}
	if flags, err := flagfile.Read([]byte(`{"flags": [{"name": "a"}]}`)); err != nil || flags[0]["name"] != "a" {
		t.Errorf("JSON: %v, %v", flags, err)
	}
}

func TestWhatIsNoFile(t *testing.T) {
	for text, says := range map[string]string{
		"flagz: []":             "[1:1]",
		"flags:\n- name: [":     "[2:",
		"":                      "no flags",
		"flags: {a: 1}":         "[1:",
		"other: 1\nflags: []\n": "[1:1]",
	} {
		if _, err := flagfile.Read([]byte(text)); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%q: %v", text, err)
		}
	}
}

// A ramp's own rule is none that a person wrote: a file has what the flag is without it.
func TestWriteBesideARamp(t *testing.T) {
	out, err := flagfile.Write([]json.RawMessage{json.RawMessage(`{"name":"cart","kind":"flag","states":{"production":{"on":true,"rules":[{"id":"ramp-rmp_1","variations":[false,true]}]},"staging":{"on":true}},
		"ramps":{"production":{"ramp":"rmp_1","beneath":{"on":false,"revision":3}}}}`)})
	const want = "flags:\n- name: cart\n  states:\n    production:\n      \"on\": false\n    staging:\n      \"on\": true\n"
	if err != nil || string(out) != want {
		t.Errorf("%s, %v", out, err)
	}
}

func TestLine(t *testing.T) {
	text := []byte("# all\nflags:\n- name: a\n  states: {}\n\n- kind: switch\n  name: b\n")
	for flag, line := range map[int]int{0: 3, 1: 6, 2: 0} {
		if got := flagfile.Line(text, flag); got != line {
			t.Errorf("flag %d begins in line %d, not %d", flag, got, line)
		}
	}
	if got := flagfile.Line([]byte(`{"flags":[{"name":"a"},`+"\n"+`{"name":"b"}]}`), 1); got != 2 {
		t.Error(got)
	}
}
