//go:build cgo

package cli

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// A plan from the command line: from a file and from the folder of a repository.
func TestThePlanFromTheCommandLine(t *testing.T) {
	alone(t)
	s, _ := shop(t)
	dir := t.TempDir()
	t.Chdir(dir)
	write := func(name, text string) {
		t.Helper()
		must(t, os.MkdirAll(filepath.Dir(filepath.Join(dir, name)), 0o755))
		must(t, os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600))
	}
	says := func(want int, in string, line ...string) string {
		t.Helper()
		status, out, errs := run(t, in, line...)
		if status != want {
			t.Fatalf("slipway %s: status %d, %s%s", strings.Join(line, " "), status, out, errs)
		}
		return strings.Join(strings.Fields(out+errs), " ")
	}
	has := func(text string, wants ...string) {
		t.Helper()
		for _, want := range wants {
			if !strings.Contains(text, want) {
				t.Errorf("%q is missing in: %s", want, text)
			}
		}
	}
	has(says(exitDone, "", "events", "plan", "--app", "shop"), "mode observe; 0 events are planned, others are not as planned; set by hand")
	has(says(exitDone, "", "events", "plan", "learned", "--app", "shop"), "none")

	write("plan.json", `{"mode": "warn", "events": [{"name": "bought", "schema": {"type": "object", "properties": {"price": {"type": "number"}}}}]}`)
	has(says(exitDone, "", "events", "plan", "check", "plan.json", "--app", "shop"), "1 event is planned, mode warn: the plan is right")
	has(says(exitDone, "", "events", "plan", "set", "plan.json", "--reason", "it is time", "--app", "shop"), "1 event is planned, mode warn")
	has(says(exitDone, "", "events", "plan", "--app", "shop"), "mode warn; 1 event is planned", `track bought {"properties":{"price":{"type":"number"}},"type":"object"}`)
	shown := says(exitDone, "", "events", "plan", "show", "--json", "--app", "shop")
	has(says(exitDone, shown, "events", "plan", "set", "-", "--app", "shop"), "1 event is planned")

	post(t, s.URL()+"/v1/track", source(t, s.URL()), `{"event":"bought","userId":"u1","properties":{"price":"ten"}}`)
	s.Until(t, "it is learnt", func() bool {
		return strings.Contains(says(exitDone, "", "events", "plan", "learned", "--app", "shop"), "track bought 1 ")
	})
	has(says(exitDone, "", "events", "plan", "learned", "bought", "--app", "shop"), "KIND PROPERTY TYPE COUNT PLANNED track price string 1 yes")

	write(".slipway.yaml", "app: shop\nevents:\n  plan: events\n  mode: reject\n")
	has(says(exitFailed, "", "events", "plan", "check"), "read the plan")
	write("events/bought.json", `{"type": "numbr"}`)
	has(says(exitFailed, "", "events", "plan", "check"), "events/bought.json:1:2: /type: this is no JSON Schema")
	write("events/bought.json", `{"required": ["price"]}`)
	write("events/more/who.json", `{"x-kind": "identify"}`)
	has(says(exitDone, "", "events", "plan", "check"), "2 events are planned, mode reject: the plan is right")
	for line, want := range map[string]string{
		"events plan set none.json":     "no such file",
		"events plan learned sold":      `no event named "sold" came`,
		"events plan check ../x.json":   "read the plan",
		"events plan set .slipway.yaml": "is no plan",
	} {
		status, _, errs := run(t, "", strings.Fields(line)...)
		if status == exitDone || !strings.Contains(errs, want) {
			t.Errorf("slipway %s: %d %s", line, status, errs)
		}
	}
	for in, want := range map[string]string{
		`{"events": []}`: "standard input says no mode",
		`[]`:             `standard input is no plan: it is an array; write {"mode": "warn", "events": [{"name"`,
		`{"mode": "warn", "events": {"bought": {}}}`:  `"events" is an object, which does not fit there; write {"mode"`,
		`{"mode": "warn", "events": [{"name": 7.5}]}`: `"events.name" is a number, which`,
		`{"mode": "warn"`: `no plan: unexpected EOF; write {"mode"`,
		`{"mode": "warn", "additional": true, "events": []}`:                 `unknown field "additional"`,
		`{"mode": "warn", "events": [{"name": "a", "schema": {"type": 7}}]}`: "at /type, is not one of",
	} {
		status, _, errs := run(t, in, "events", "plan", "set", "-", "--app", "shop")
		if status == exitDone || !strings.Contains(errs, want) {
			t.Errorf("%s: %d %s", in, status, errs)
		}
	}
}
