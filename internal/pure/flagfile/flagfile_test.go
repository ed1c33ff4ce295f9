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
