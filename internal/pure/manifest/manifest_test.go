package manifest_test

import (
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/slipwayhq/slipway/internal/pure/manifest"
)

var update = flag.Bool("update", false, "write the golden files anew")

// golden compares got with the golden file beside the input.
func golden(t *testing.T, path, got string) {
	t.Helper()
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("differs from %s (-want +got):\n%s", path, diff)
	}
}

func inputs(t *testing.T, folder string) []string {
	t.Helper()
	paths, err := filepath.Glob(filepath.Join("testdata", folder, "*.yaml"))
	if err != nil || len(paths) == 0 {
		t.Fatalf("no inputs in %s: %v", folder, err)
	}
	return paths
}

func TestGoodFiles(t *testing.T) {
	for _, path := range inputs(t, "good") {
		t.Run(filepath.Base(path), func(t *testing.T) {
			src, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			m, problems := manifest.Parse(src)
			if m == nil || problems != nil {
				t.Fatalf("refused:\n%s", problems.Text())
			}
			policy, err := json.MarshalIndent(m, "", "  ")
			if err != nil {
				t.Fatal(err)
			}
			base := strings.TrimSuffix(path, ".yaml")
			golden(t, base+".json", string(policy)+"\n")
			golden(t, base+".warnings", m.Warnings.Text())
		})
	}
}

func TestBadFiles(t *testing.T) {
	for _, path := range inputs(t, "bad") {
		t.Run(filepath.Base(path), func(t *testing.T) {
			src, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			m, problems := manifest.Parse(src)
			if m != nil || len(problems) == 0 {
				t.Fatal("accepted")
			}
			golden(t, strings.TrimSuffix(path, ".yaml")+".txt", problems.Text())
		})
	}
}

// What is stored with a release is a manifest too, and the same one.
func TestStoredPolicyIsTheSameManifest(t *testing.T) {
	for _, path := range inputs(t, "good") {
		src, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		m, problems := manifest.Parse(src)
		if problems != nil {
			t.Fatal(problems)
		}
		requireRoundTrip(t, m)
	}
}

// requireRoundTrip checks both ways back from JSON: by the decoder of the
// standard library, and as the YAML that JSON is.
func requireRoundTrip(t *testing.T, m *manifest.Manifest) {
	t.Helper()
	stored, err := json.Marshal(m)
	if err != nil {
		t.Fatal(err)
	}
	want := *m
	want.Warnings = nil

	var decoded manifest.Manifest
	if err := json.Unmarshal(stored, &decoded); err != nil {
		t.Fatalf("decode %s: %v", stored, err)
	}
	if diff := cmp.Diff(want, decoded); diff != "" {
		t.Errorf("JSON gives another manifest (-want +got):\n%s", diff)
	}
	if len(stored) > manifest.MaxSize {
		return
	}
	parsed, problems := manifest.Parse(stored)
	if problems != nil {
		t.Fatalf("stored policy refused:\n%s\n%s", stored, problems.Text())
	}
	parsed.Warnings = nil
	if diff := cmp.Diff(&want, parsed); diff != "" {
		t.Errorf("YAML gives another manifest (-want +got):\n%s", diff)
	}
}

func TestOddFiles(t *testing.T) {
	deep := strings.Repeat("[", 60_000)
	for name, tt := range map[string]struct{ src, want string }{
		"empty":             {"", "says nothing"},
		"blank":             {" \n\n", "says nothing"},
		"1 MB":              {"app: shop\n" + strings.Repeat("# x\n", 1<<18), "at most 65536"},
		"UTF-16":            {"\xff\xfea\x00p\x00", "UTF-16"},
		"deep flow":         {"app: " + deep, "nested deeper"},
		"deep block":        {"app:\n" + strings.Repeat("- ", 30_000), "nested deeper"},
		"alias bomb":        {"a: &a [x]\nb: &b [*a,*a]\nc: &c [*b,*b]\n", "not supported"},
		"escape":            {"app: shop\x1b[31m", "control character (U+001B)"},
		"scalar":            {"shop", "expected a map"},
		"NUL by escape":     {`app: "a\0"`, "NUL"},
		"unclosed":          {"app: [", "not valid YAML"},
		"many mistakes":     {"app: shop\n" + keysInRow(200), "and 150 more mistakes"},
		"env is no list":    {"app: shop\ntest: [{name: a, run: b, env: [1]}]", "test[0].env: expected a map"},
		"env with null":     {"app: shop\ntest: [{name: a, run: b, env: {A: }}]", "test[0].env.A: expected a single value, found nothing"},
		"env name":          {"app: shop\ntest: [{name: a, run: b, env: {1A: x}}]", `"1A" is not a variable name`},
		"format elsewhere":  {"app: shop\ntest: [{name: a, run: b, report: x.xml}]", "read with format: junit only"},
		"gotest, no -json":  {"app: shop\ntest: [{name: a, run: go test ./..., format: gotest}]", "write go test -json"},
		"bad glob":          {"app: shop\ntest: [{name: a, run: b, format: junit, report: 'a[b'}]", "not a glob"},
		"key of other case": {"App: shop", `unknown key "App"; did you mean app?`},
		"key with a dash":   {"app: a\npackage: {path: .}\nprocesses: {web: {run: b, start-timeout: 1s}}", "did you mean start_timeout?"},
	} {
		t.Run(name, func(t *testing.T) {
			m, problems := manifest.Parse([]byte(tt.src))
			if m != nil || !strings.Contains(problems.Error(), tt.want) {
				t.Errorf("want %q, got %v and:\n%s", tt.want, m, problems.Text())
			}
			if len(problems.Text()) > 64_000 {
				t.Errorf("the report has %d bytes", len(problems.Text()))
			}
		})
	}
}

func keysInRow(n int) string {
	var b strings.Builder
	for i := range n {
		b.WriteString("key" + strings.Repeat("x", i) + ": 1\n")
	}
	return b.String()
}

func TestByteOrderMarkAndLineEnds(t *testing.T) {
	plain, problems := manifest.Parse([]byte("app: shop\nassets: /a/\n"))
	if problems != nil {
		t.Fatal(problems)
	}
	windows, problems := manifest.Parse([]byte("\ufeffapp: shop\r\nassets: /a/\r\n"))
	if problems != nil {
		t.Fatal(problems)
	}
	if diff := cmp.Diff(plain, windows); diff != "" {
		t.Error(diff)
	}
}

// A problem must point at what it is about, after wide characters too.
func TestPlaces(t *testing.T) {
	src := "app: shop\nrollout: {steps: [{share: \"é%\", watch: 1m}, {share: 100%, watch: 1}]}\n"
	_, problems := manifest.Parse([]byte(src))
	var got []string
	for _, p := range problems {
		rest := []rune(p.Source)[p.Column-1:]
		got = append(got, p.Path+" -> "+string(rest[:4]))
	}
	want := []string{`rollout.steps[0].share -> "é%"`, "rollout.steps[1].watch -> 1}]}"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestAlphaPerRollout(t *testing.T) {
	r := manifest.DefaultRollout()
	for name, tt := range map[string]struct{ perDay, want float64 }{
		"one a day":      {1, 12 / 365.25},
		"ten a day":      {10, 12 / 3652.5},
		"never":          {0, 12 / 365.25},
		"once a quarter": {0.01, 0.05},
	} {
		if got := r.AlphaPerRollout(tt.perDay); got != tt.want {
			t.Errorf("%s: got %v, want %v", name, got, tt.want)
		}
	}
	r.Alpha = 0.001
	if got := r.AlphaPerRollout(10); got != 0.001 {
		t.Errorf("alpha is not taken: %v", got)
	}
}

func TestWeightsAreThoseOfJudgedVitals(t *testing.T) {
	r := manifest.Rollout{Vitals: []manifest.Vital{
		{Name: "errors", Weight: 1}, {Name: "cpu", Weight: 1}, {Name: "latency", Weight: 1},
	}}
	want := map[string]float64{"errors": 0.5, "latency": 0.5}
	if diff := cmp.Diff(want, r.Weights(manifest.CanaryVisitors)); diff != "" {
		t.Error(diff)
	}
	want = map[string]float64{"errors": 0.2, "latency": 0.2, "cpu": 0.2, "checkout.failed": 0.2, "order": 0.2}
	r.Vitals = append(r.Vitals, manifest.Vital{Name: "checkout.failed", Counter: "checkout.failed", Weight: 1}, manifest.Vital{Name: "order", Event: "order", Weight: 1})
	if diff := cmp.Diff(want, r.Weights(manifest.CanaryHosts)); diff != "" {
		t.Error(diff)
	}
}

func TestAutoCanary(t *testing.T) {
	if got := manifest.CanaryAuto.For(10); got != manifest.CanaryVisitors {
		t.Errorf("ten hosts: %s", got)
	}
	if got := manifest.CanaryAuto.For(11); got != manifest.CanaryHosts {
		t.Errorf("eleven hosts: %s", got)
	}
	if got := manifest.CanaryRequests.For(3); got != manifest.CanaryRequests {
		t.Errorf("chosen: %s", got)
	}
}

func TestDurationReadsWhatItWrites(t *testing.T) {
	want := manifest.Every(90 * time.Second)
	text, err := want.MarshalText()
	if err != nil || string(text) != "1m30s" {
		t.Fatalf("%s %v", text, err)
	}
	var got manifest.Duration
	if err := got.UnmarshalText(text); err != nil || got != want {
		t.Errorf("%v %v", got, err)
	}
}

func FuzzParse(f *testing.F) {
	for _, folder := range []string{"good", "bad"} {
		paths, err := filepath.Glob(filepath.Join("testdata", folder, "*.yaml"))
		if err != nil {
			f.Fatal(err)
		}
		for _, path := range paths {
			src, err := os.ReadFile(path)
			if err != nil {
				f.Fatal(err)
			}
			f.Add(src)
		}
	}
	f.Fuzz(func(t *testing.T, src []byte) {
		m, problems := manifest.Parse(src)
		if (m == nil) != (len(problems) > 0) {
			t.Fatalf("manifest %v with %d problems", m, len(problems))
		}
		for _, p := range problems {
			if p.Line < 1 || p.Column < 1 || p.Message == "" {
				t.Fatalf("no place or no message: %+v", p)
			}
		}
		_ = problems.Text()
		if m != nil {
			requireRoundTrip(t, m)
		}
	})
}

// A vital by a Prometheus needs minutes: steps that have them bring no remark.
func TestStepsThatAreLongEnoughForAPrometheus(t *testing.T) {
	for steps, remarks := range map[string]int{
		"": 1,
		"steps: [{share: 20%, watch: 7m}, {share: 100%, watch: 2m, hold_back: 5%}]": 1,
		"steps: [{share: 20%, watch: 8m}, {share: 100%, watch: 1m, hold_back: 5%}]": 0,
		"steps: [{share: 20%, watch: 5m}, {share: 100%, watch: 5m, hold_back: 5%}]": 0,
	} {
		m, problems := manifest.Parse([]byte("app: shop\npackage: {run: make dist, path: dist}\nprocesses: {web: {run: ./shop}}\nrollout:\n  " + steps + "\n  vitals:\n    - errors\n    - {name: failed, prometheus: 'sum by (release) (failed_total)', per: 'sum by (release) (all_total)', bad: rise}\n"))
		if len(problems) > 0 {
			t.Fatal(problems.Text())
		}
		if n := strings.Count(m.Warnings.Text(), "read by the minute"); n != remarks {
			t.Errorf("%q: %s", steps, m.Warnings.Text())
		}
	}
}
