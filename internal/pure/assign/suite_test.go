package assign_test

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/slipwayhq/slipway/internal/pure/assign/condition"
	"github.com/slipwayhq/slipway/internal/pure/assign/span"
)

// suite is GrowthBook's own list of cases, by section, as its Go module carries it.
func suite(t testing.TB) map[string]json.RawMessage {
	t.Helper()
	const module = "github.com/growthbook/growthbook-golang"
	out, err := exec.Command("go", "list", "-m", "-f", "{{.Dir}}", module).Output()
	if err == nil && len(strings.TrimSpace(string(out))) == 0 {
		out, err = exec.Command("go", "mod", "download", module).CombinedOutput()
		if err == nil {
			out, err = exec.Command("go", "list", "-m", "-f", "{{.Dir}}", module).Output()
		}
	}
	var data []byte
	if err == nil {
		data, err = os.ReadFile(filepath.Join(strings.TrimSpace(string(out)), "cases.json"))
	}
	if err != nil {
		if os.Getenv("SLIPWAY_REQUIRE") != "" {
			t.Fatalf("GrowthBook's cases: %v %s", err, out)
		}
		t.Skipf("GrowthBook's cases: %v %s", err, out)
	}
	sections := map[string]json.RawMessage{}
	if err := json.Unmarshal(data, &sections); err != nil {
		t.Fatal(err)
	}
	if v := string(sections["specVersion"]); v != `"0.12.0"` {
		t.Fatalf("the cases are of version %s", v)
	}
	return sections
}

// tuples are the cases of a section, each a list of fields; n is how many there must be.
func tuples(t *testing.T, raw json.RawMessage, n int) [][]json.RawMessage {
	t.Helper()
	var cases [][]json.RawMessage
	if err := json.Unmarshal(raw, &cases); err != nil {
		t.Fatal(err)
	}
	if len(cases) != n {
		t.Fatalf("%d cases, not %d", len(cases), n)
	}
	return cases
}

func into[T any](t testing.TB, raw json.RawMessage) (v T) {
	t.Helper()
	if err := json.Unmarshal(raw, &v); err != nil {
		t.Fatalf("%s: %v", raw, err)
	}
	return v
}

func TestSuiteConditions(t *testing.T) {
	all := suite(t)
	run := func(name string, cases [][]json.RawMessage) {
		for _, c := range cases {
			t.Run(name+"/"+into[string](t, c[0]), func(t *testing.T) {
				groups := ""
				if len(c) > 4 {
					groups = string(c[4])
				}
				cond, err := condition.Compile(string(c[1]), groups, &span.Faults{})
				if err != nil {
					t.Fatal(err)
				}
				run := &condition.Run{Fuel: condition.Fuel}
				if got := cond.Match(run, into[map[string]any](t, c[2])) == condition.Pass; got != into[bool](t, c[3]) {
					t.Errorf("%s of %s gives %v", c[1], c[2], got)
				}
			})
		}
	}
	run("evalCondition", tuples(t, all["evalCondition"], 583))
	for section, n := range map[string]int{"savedGroupReferencesV2": 56, "savedGroupReferencesRemote": 15} {
		run(section, tuples(t, into[map[string]json.RawMessage](t, all[section])["evalCondition"], n))
	}
}
