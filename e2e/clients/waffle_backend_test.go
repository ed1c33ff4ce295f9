package clients

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"
)

// newWaffles starts a server with flags by waffle's words, a switch and ten halves.
func newWaffles(t *testing.T) *place {
	t.Helper()
	p := newPlace(t)
	create := func(kind, name, state string) {
		p.server.Must(t, "POST", "/v1/apps/shop/flags", map[string]any{"name": name, "kind": kind, "states": map[string]json.RawMessage{"production": json.RawMessage(state)}}, nil)
	}
	create("flag", "half", `{"on": true, "audience": {"percent": 50}}`)
	create("flag", "staff", `{"on": true, "audience": {"staff": true, "groups": ["beta"], "testing": true}}`)
	create("flag", "constructor", `{"on": true, "audience": {"everyone": true}}`)
	create("flag", "__proto__", `{"on": true, "audience": {"everyone": true}}`)
	create("switch", "maintenance", `{"on": true}`)
	create("sample", "always", `{"on": true, "percent": 100}`)
	for i := range 10 {
		create("flag", fmt.Sprint("half", i), `{"on": true, "audience": {"percent": 50}}`)
	}
	return p
}

// The lines of the guide, for a backend in Python, keep waffle's ways with one request a name.
func TestWaffleInABackend(t *testing.T) {
	lines, err := os.ReadFile("testdata/waffle_backend.py")
	if err != nil {
		t.Fatal(err)
	}
	guide, err := os.ReadFile("../../docs/guides/waffle.md")
	if err != nil || !strings.Contains(string(guide), string(lines)) {
		t.Errorf("the guide has other lines than are tried here: %v", err)
	}
	p := newWaffles(t)
	k := p.flagKey("backend", `"kind": "server"`)
	cmd := exec.CommandContext(t.Context(), "python3", "-B", "waffle_try.py", p.server.URL(), k.Key)
	cmd.Dir, cmd.Stderr = "testdata", os.Stderr
	raw, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	var got map[string]struct {
		Told    map[string][]bool
		Cookies map[string][]any
	}
	if err := json.Unmarshal(raw, &got); err != nil {
		t.Fatal(err, string(raw))
	}
	one := func(who, name string) bool {
		t.Helper()
		all := got[who].Told[name]
		if len(all) != 1 {
			t.Fatalf("%s is told %v of %s in one request", who, all, name)
		}
		return all[0]
	}
	if c := got["stranger"].Cookies["dwf_half"]; len(c) != 3 || c[0] != map[bool]string{true: "True", false: "False"}[one("stranger", "half")] || c[1] != 2592000.0 || c[2] != true {
		t.Errorf("a stranger is to keep %v", c)
	}
	for who, want := range map[string]map[string]bool{
		"stranger": {"staff": false, "nothing": false, "maintenance": true}, "kept": {"half": true}, "staff": {"staff": true}, "group": {"staff": true}, "tester": {"staff": true},
	} {
		for name, on := range want {
			if one(who, name) != on {
				t.Errorf("%s: %s is %v", who, name, !on)
			}
		}
	}
	if c := got["tester"].Cookies["dwft_staff"]; len(c) != 3 || c[0] != "True" || c[1] != nil {
		t.Errorf("a tester is to keep %v", c)
	}
	events, failed := p.logged()
	if len(events) != 1 || len(failed) != 0 || events[0].User != "7" || events[0].Name != "half" {
		t.Errorf("recorded: %+v, %+v", events, failed)
	}
}
