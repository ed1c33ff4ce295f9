package envoylimit_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/slipwayhq/slipway/internal/pure/envoylimit"
	"github.com/slipwayhq/slipway/internal/pure/rate"
)

func TestAllMistakesAreToldWithTheirPlace(t *testing.T) {
	_, problems := envoylimit.Read("shop", "production", []byte(`domain: ""
descriptors:
- key: user
  limit: 5
  rate_limit:
    unit: minutes
    requests_per_unit: -1
- value: ana
- key: user
- key: plan
  shadow_mode: maybe
  share_threshold: true
  rate_limit:
    shadow_mode: true
    name: a
    replaces: [{name: a}, {name: b}, {name: ""}, {of: c}]
    unit: minute
    requests_per_unit: 5
    burst: 3
- key: ""
  descriptors: {key: x}
- key: empty
  rate_limit:
- text
`))
	const want = `1:9: domain: the domain is empty; write the one that Envoy's filter has
4:3: descriptors[0]: a descriptor has no key "limit"; known here: key, value, rate_limit, descriptors, shadow_mode, quota_mode, share_threshold, detailed_metric, value_to_metric, metadata
6:11: descriptors[0].rate_limit.unit: "minutes" is not a unit; write second, minute, hour, day, week, month or year
7:24: descriptors[0].rate_limit.requests_per_unit: "-1" is not a whole number from 0 to 4294967295; write one such as 100
8:3: descriptors[1]: the descriptor has no key; write key: and the key that Envoy's action has
9:3: descriptors[2]: a descriptor of this key and value (user) is at line 3 already; make one of the two, or change its value
11:16: descriptors[3].shadow_mode: "maybe" is neither true nor false; write one of them, without quotes
12:20: descriptors[3].share_threshold: only values that fit a pattern share a limit, and "plan" has no *; write a pattern such as "plan*", or leave share_threshold out
14:5: descriptors[3].rate_limit: rate_limit has no key "shadow_mode"; it belongs into a descriptor, beside its key
16:16: descriptors[3].rate_limit.replaces: the limit replaces itself; leave this entry out
16:27: descriptors[3].rate_limit.replaces: no limit of this file has the name "b"; give one of them this name (rate_limit: {name: b, …}), or leave the entry out
16:38: descriptors[3].rate_limit.replaces: the entry has no name; write - name: and the name of the limit that this one replaces
16:51: descriptors[3].rate_limit.replaces: an entry of replaces has no key "of"; known here: name
20:8: descriptors[4].key: the key is empty; write the key that Envoy's action has
23:3: descriptors[5].rate_limit: rate_limit is empty; write unit and requests_per_unit, or unlimited: true, or leave it out
24:3: descriptors[6]: a descriptor is a map (key: value), and this is "text"`
	if diff := cmp.Diff(want, fmt.Sprint(problems)); diff != "" {
		t.Error(diff)
	}
}

// limited is a file of one limit.
func limited(limit string) string {
	return "domain: d\ndescriptors:\n- key: k\n  rate_limit: {" + limit + "}\n"
}

func TestMistakesOfALimit(t *testing.T) {
	for limit, says := range map[string]string{
		"unit: day":                                                            "4:15: descriptors[0].rate_limit: rate_limit has no requests_per_unit",
		"requests_per_unit: 1":                                                 "rate_limit has no unit",
		"unit: unknown, requests_per_unit: 1":                                  "is not a unit",
		"unit: day, requests_per_unit: 4294967296":                             "not a whole number",
		"unit: day, requests_per_unit: 1.5":                                    "not a whole number",
		"unit: day, requests_per_unit: [1]":                                    "a list is not a whole number",
		"unlimited: true, unit: day":                                           "4:39: descriptors[0].rate_limit.unit: what is unlimited has no unit",
		"unlimited: 'true'":                                                    "without quotes",
		"unit: day, requests_per_unit: 1, burst: 2":                            "only rolling limits have a burst",
		"unit: day, requests_per_unit: 1, unit_multiplier: 2":                  "windows of the calendar are one day long",
		"unit: year, requests_per_unit: 1, rolling: true, unit_multiplier: 11": ".unit_multiplier: a window is one unit to ten years long",
		"unit: day, requests_per_unit: 1, near_limit: 1.5":                     ".near_limit: \"1.5\" is not a share",
		"unit: day, requests_per_unit: 1, name: a, replaces: [{name: a}]":      "the limit replaces itself",
		"unit: day, requests_per_unit: 1, replaces: a":                         "replaces is a list",
		"unit: day, unit: hour, requests_per_unit: 1":                          "\"unit\" is given at line 4 already",
	} {
		_, problems := envoylimit.Read("a", "b", []byte(limited(limit)))
		if len(problems) != 1 || !strings.Contains(problems[0].Error(), says) {
			t.Errorf("%s:\n%v\nnot: %s", limit, problems, says)
		}
	}
}

func TestWhatIsNoFileOfLimits(t *testing.T) {
	deep := strings.Repeat("[", 100_000)
	for text, says := range map[string]string{
		"":                                    "1:1: the file says nothing",
		"# nothing\n":                         "the file says nothing",
		"- domain: a":                         "the file is a map",
		"descriptors: []":                     "the file has no domain",
		"domain: a\ndescriptor: []":           "2:1: the file has no key \"descriptor\"; known here: domain, descriptors",
		"domain: a\ndescriptors: {a: b}":      "descriptors are a list",
		"domain: a\ndescriptors:\n\t- key: a": "3:",
		"domain: a\nrate_limit: {}":           "it belongs into a descriptor",
		"domain: a\n---\ndomain: b":           "3:1: a second document begins here",
		"domain: a\xff":                       "1:10: this is not text in UTF-8",
		"domain: [a]":                         "this is a text, and not a list",
		"domain: *x":                          "*x stands for nothing",
		"domain: a\nresponse_headers: some":   "write none, ratelimit, x-ratelimit or both",
		"domain: a\ndescriptors: &d\n- key: a\n  descriptors: *d": "descriptors go 64 levels deep at most",
		"domain: " + deep: "nested too deep",
		"domain: a\n" + strings.Repeat("domain: b\n", 100_000):      "1001:7: a map has more than 1000 keys",
		"domain: a\nx: {" + strings.Repeat("a: b, ", 100_000) + "}": "a map has more than 1000 keys",
		strings.Repeat("---\na: b\n", 100_000):                      "129:1: another document begins here",
		strings.Repeat("#", envoylimit.MaxSize+1):                   "at most 4194304 are read",
	} {
		c, problems := envoylimit.Read("a", "b", []byte(text))
		if c != nil || len(problems) == 0 || !strings.Contains(problems.Error(), says) {
			t.Errorf("%.80q:\n%v\nnot: %s", text, problems, says)
		}
	}
}

func TestWhatIsSaidOfALimit(t *testing.T) {
	for limit, want := range map[string]rate.Limit{
		"unit: MONTH, requests_per_unit: 5":                                                   {Kind: rate.Calendar, Amount: 5, Unit: rate.Month},
		"unit: day, requests_per_unit: 5, near_limit: 0.5":                                    {Kind: rate.Calendar, Amount: 5, Unit: rate.Day, Near: 0.5},
		"unit: minute, requests_per_unit: 60, rolling: true, burst: 10":                       {Kind: rate.Rolling, Amount: 60, Unit: rate.Minute, Burst: 10},
		"unit: minute, requests_per_unit: 60, rolling: on, unit_multiplier: 5, unlimited: no": {Kind: rate.Rolling, Amount: 60, Unit: rate.Minute, Every: 5},
	} {
		c, problems := envoylimit.Read("a", "b", []byte(limited(limit)))
		if problems != nil {
			t.Errorf("%s: %v", limit, problems)
			continue
		}
		if got := c.Find("d::k").Rule.Limit; got != want {
			t.Errorf("%s: %+v", limit, got)
		}
	}
}

func TestAliasesAndMergedMaps(t *testing.T) {
	c, problems := envoylimit.Read("a", "b", []byte(`domain: d
descriptors:
- key: a
  rate_limit: &few {unit: minute, requests_per_unit: 5}
- key: b
  rate_limit: *few
- key: c
  rate_limit: {<<: *few, requests_per_unit: 7}
- key: d
  quota_mode: true
  metadata: {any: [thing, {at: all}]}
  rate_limit:
    name: named "d"
    unit: !!str day
    requests_per_unit: 1
`))
	if problems != nil {
		t.Fatal(problems)
	}
	for group, amount := range map[string]int64{"d::a": 5, "d::b": 5, "d::c": 7, "d::d": 1} {
		if d := c.Find(group); d == nil || d.Rule.Limit.Amount != amount {
			t.Errorf("%s: %+v", group, d)
		}
	}
	if l := c.Match([]envoylimit.Entry{{"d", "x"}}).Limit; !l.Quota || l.Policy != `"named \"d\""` || l.Name != `named "d"` {
		t.Errorf("%+v", l)
	}
}

// JSON is YAML, also on one long line.
func TestJSONIsRead(t *testing.T) {
	text := `{"domain": "d", "descriptors": [{"key": "any"}`
	for i := range 500 {
		text += fmt.Sprintf(`, {"key": "k", "value": "v%d", "rate_limit": {"unit": "day", "requests_per_unit": %d}}`, i, i)
	}
	c, problems := envoylimit.Read("a", "b", []byte(text+"]}"))
	if problems != nil {
		t.Fatal(problems)
	}
	if d := c.Find("d::k=v499"); d == nil || d.Rule.Limit.Amount != 499 {
		t.Errorf("%+v", d)
	}
}

// A small file cannot become a large one.
func TestAliasesAreBounded(t *testing.T) {
	text := "domain: d\ndescriptors:\n"
	for i := range 30 {
		text += fmt.Sprintf("- key: k%d\n  descriptors: &a%d\n", i, i)
		if i == 0 {
			text += "  - key: x\n  - key: y\n"
			continue
		}
		text += fmt.Sprintf("  - {key: x, descriptors: *a%d}\n  - {key: y, descriptors: *a%d}\n", i-1, i-1)
	}
	_, problems := envoylimit.Read("a", "b", []byte(text))
	if len(problems) == 0 || !strings.Contains(problems.Error(), "write less") {
		t.Errorf("%.300s", problems.Error())
	}
}

func FuzzRead(f *testing.F) {
	files, err := filepath.Glob("testdata/domains/*.yaml")
	if err != nil {
		f.Fatal(err)
	}
	for _, name := range files {
		text, err := os.ReadFile(name)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(string(text), "user", "ana")
	}
	f.Add("domain: &a *a", "", "")
	f.Add("domain: a\ndescriptors: [{<<: {key: a}, value: '*', rate_limit: {unlimited: y}}]", "a", "b")
	f.Fuzz(func(t *testing.T, text, key, value string) {
		c, problems := envoylimit.Read("a", "b", []byte(text))
		if (c == nil) == (len(problems) == 0) {
			t.Fatalf("%v, %v", c, problems)
		}
		lines := strings.Count(text, "\n") + 1
		for _, p := range problems {
			if p.Line < 1 || p.Column < 1 || p.Message == "" || p.Line > lines+strings.Count(text, "\r") {
				t.Errorf("%+v of %d lines", p, lines)
			}
		}
		if c == nil {
			return
		}
		m := c.Match([]envoylimit.Entry{{key, value}})
		if len(m.Group) > envoylimit.LongestGroup || (m.Limit == nil) != (m.Group == "") {
			t.Errorf("%q", m.Group)
		}
		if m.Limit != nil && !m.Limit.Unlimited() && c.Find(m.Limit.Group) == nil {
			t.Errorf("%s is not found by its name", m.Limit.Group)
		}
	})
}
