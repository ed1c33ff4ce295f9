package flags

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/slipwayhq/slipway/internal/apiclient"
)

// The command line says what a flag gives as the page does.
func TestBrief(t *testing.T) {
	for state, one := range map[string]struct {
		f    apiclient.Flag
		want string
	}{
		`{"on":false,"audience":{"percent":10}}`: {apiclient.Flag{Kind: "flag"}, "off"},
		`{"on":true}`:                            {apiclient.Flag{Kind: "flag", Type: "boolean"}, "on for all"},
		`{"on":true,"off":true}`:                 {apiclient.Flag{Kind: "flag"}, "on for all"},
		`{"on":true,"default":"red"}`:            {apiclient.Flag{Kind: "flag", Type: "string"}, `"red" for all`},
		`{"on":true, "x":1}`:                     {apiclient.Flag{Kind: "switch"}, "on for all"},
		`{"on":true,"percent":5.5}`:              {apiclient.Flag{Kind: "sample"}, "5.5 %"},
		`{"on":true,"audience":{"percent":10,"staff":true,"users":["a"],"testing":true}}`: {apiclient.Flag{Kind: "flag"}, "10 %, staff and 2 more"},
		`{"on":true,"audience":{"groups":["a","b"]}}`:                                     {apiclient.Flag{Kind: "flag"}, "2 groups"},
		`{"on":true,"audience":{}}`:                                                       {apiclient.Flag{Kind: "flag"}, "on for nobody"},
		`{"on":true,"audience":{"everyone":false}}`:                                       {apiclient.Flag{Kind: "flag"}, "off for all"},
		`{"on":true,"rules":[{"force":true,"coverage":0.1}]}`:                             {apiclient.Flag{Kind: "flag"}, "10 %"},
		`{"on":true,"rules":[{"id":"ramp-rmp_1","force":true},{"force":false}]}`:          {apiclient.Flag{Kind: "flag"}, "on for all"},
		`{"on":true,"rules":[{"condition":{"a":1},"force":true}]}`:                        {apiclient.Flag{Kind: "flag"}, "1 rule"},
		`{"on":true,"rules":[{"id":"ramp-rmp_1","variations":[false,true]}]}`:             {apiclient.Flag{Kind: "flag"}, "experiment"},
		`{"on":true,"rules":[{"id":"ramp-rmp_2","variations":[false,true]}]}`:             {apiclient.Flag{Kind: "flag", Ramps: map[string]apiclient.FlagRamp{"production": {Share: 0.5}}}, "ramp at 50 %"},
	} {
		var s apiclient.FlagState
		if err := json.Unmarshal([]byte(state), &s); err != nil {
			t.Fatal(err)
		}
		if got := brief(one.f, "production", s); got != one.want {
			t.Errorf("%s: %q, not %q", state, got, one.want)
		}
	}
}

func TestJSONFault(t *testing.T) {
	if err := jsonFault("a", []byte(`[{"a": 1}]`)); err != nil {
		t.Error(err)
	}
	for text, says := range map[string]string{"[\n  {\"a\": 1,\n}]": "rules.json:3:1: this is no JSON", "[1,": "rules.json:1:", "[\n 1 x]": "rules.json:2:4:"} {
		if err := jsonFault("rules.json", []byte(text)); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%q: %v, not %q", text, err, says)
		}
	}
	if err := jsonFault("-", nil); err == nil || !strings.Contains(err.Error(), "standard input:1:1") {
		t.Error(err)
	}
}

func TestSteps(t *testing.T) {
	for text, says := range map[string]string{"100%:1h": "after the last one come all", "0%:1h": "above 0 %", "a": "write shares and times"} {
		if _, err := stepsOf(text); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%s: %v, not %q", text, err, says)
		}
	}
}

func TestCreateIsSaidOnce(t *testing.T) {
	if got := called("switch:maintenance"); got != "switch maintenance" {
		t.Error(got)
	}
	if got := called("cart"); got != "flag cart" {
		t.Error(got)
	}
}

func TestBecause(t *testing.T) {
	for want, g := range map[string]apiclient.GivenFlag{
		"it is on for all":     {By: "switch"},
		"force, rule 1":        {By: "force", Place: 1},
		"force, rule 2 (team)": {By: "force", Place: 2, Rule: "team"},
		"default":              {By: "default"},
		"drawn anew each time: true for 5.5 % of the questions": {By: "sample", Percent: 5.5},
	} {
		if got := because(g); got != want {
			t.Errorf("%q, not %q", got, want)
		}
	}
}

func TestWho(t *testing.T) {
	for actor, want := range map[string]string{"person:ana": "ana", "system:ramp": "Slipway", "token:ci": "token:ci"} {
		if got := who(actor); got != want {
			t.Errorf("%s is %q, not %q", actor, got, want)
		}
	}
}
