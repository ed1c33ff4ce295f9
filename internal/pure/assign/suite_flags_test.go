package assign_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/slipwayhq/slipway/internal/pure/assign"
	"github.com/slipwayhq/slipway/internal/pure/assign/condition"
)

// situation is what a case is asked in.
type situation struct {
	Attributes        map[string]any  `json:"attributes"`
	Features          json.RawMessage `json:"features"`
	SavedGroups       json.RawMessage `json:"savedGroups"`
	ContextualBandits json.RawMessage `json:"contextualBandits"`
	Experiments       json.RawMessage `json:"experiments"`
	Enabled           *bool           `json:"enabled"`
	QA                bool            `json:"qaMode"`
	URL               string          `json:"url"`
	ForcedVariations  map[string]int  `json:"forcedVariations"`
	RemoteGroupIDs    []any           `json:"remoteGroupIds"`
}

// ready compiles what a case brings along, and who asks.
func ready(t *testing.T, raw json.RawMessage, experiment string) (*assign.Flags, *assign.Visitor) {
	t.Helper()
	s := into[situation](t, raw)
	if experiment != "" {
		s.Experiments = json.RawMessage("[" + experiment + "]")
	}
	payload := map[string]json.RawMessage{}
	for name, part := range map[string]json.RawMessage{
		"features": s.Features, "savedGroups": s.SavedGroups, "contextualBandits": s.ContextualBandits, "experiments": s.Experiments,
	} {
		if part != nil {
			payload[name] = part
		}
	}
	data, err := json.Marshal(payload)
	if err != nil {
		t.Fatal(err)
	}
	flags, err := assign.Compile(data, assign.Options{})
	if err != nil {
		t.Fatal(err)
	}
	v := &assign.Visitor{Attributes: s.Attributes, URL: s.URL, QA: s.QA, Forced: s.ForcedVariations, Off: s.Enabled != nil && !*s.Enabled}
	if s.RemoteGroupIDs != nil {
		v.Attributes = maps.Clone(v.Attributes)
		v.Attributes[condition.RemoteGroups] = s.RemoteGroupIDs
	}
	return flags, v
}

// sameAs compares what is expected with what came: what is not spoken of must be nothing.
func sameAs(path string, want, got any) string {
	w, ok := want.(map[string]any)
	g, also := got.(map[string]any)
	if !ok || !also {
		if diff := cmp.Diff(want, got); diff != "" {
			return path + ": " + diff
		}
		return ""
	}
	for _, k := range slices.Sorted(maps.Keys(g)) {
		if _, ok := w[k]; !ok && (g[k] != nil && g[k] != false && g[k] != "") {
			return fmt.Sprintf("%s.%s: %v was not expected", path, k, g[k])
		}
	}
	for _, k := range slices.Sorted(maps.Keys(w)) {
		if k == "hashValue" {
			w[k] = fmt.Sprint(w[k])
		}
		if diff := sameAs(path+"."+k, w[k], g[k]); diff != "" {
			return diff
		}
	}
	return ""
}

func testFeature(t *testing.T, c []json.RawMessage) {
	flags, v := ready(t, c[1], "")
	got, err := json.Marshal(flags.Eval(into[string](t, c[2]), v, nil))
	if err != nil {
		t.Fatal(err)
	}
	if diff := sameAs("", into[any](t, c[3]), into[any](t, got)); diff != "" {
		t.Errorf("%s\n%s\n%s", diff, c[1], got)
	}
}

func testRun(t *testing.T, c []json.RawMessage) {
	flags, v := ready(t, c[1], string(c[2]))
	a := flags.Run(flags.Experiments()[0], v, nil)
	if diff := cmp.Diff(into[any](t, c[3]), a.Value().Any()); diff != "" || a.In != into[bool](t, c[4]) || a.Placed != into[bool](t, c[5]) {
		t.Errorf("%s of %s: %+v %s", c[2], c[1], a, diff)
	}
}

func testSticky(t *testing.T, c []json.RawMessage) {
	flags, v := ready(t, c[1], "")
	v.Sticky = map[string]assign.Sticky{}
	for _, doc := range into[[]assign.Sticky](t, c[2]) {
		v.Sticky[doc.Key()] = doc
	}
	trail := &assign.Trail{}
	res := flags.Eval(into[string](t, c[3]), v, trail)
	if string(c[4]) == "null" {
		if res.Assignment.Experiment != nil {
			t.Errorf("assigned: %+v", res)
		}
	} else if got, err := json.Marshal(res.Assignment); err != nil {
		t.Fatal(err)
	} else if diff := sameAs("", into[any](t, c[4]), into[any](t, got)); diff != "" {
		t.Error(diff)
	}
	after := maps.Clone(v.Sticky)
	maps.Copy(after, trail.Sticky)
	want := into[map[string]assign.Sticky](t, c[5])
	for key := range v.Sticky { // those of other visitors are not spoken of
		if _, ok := want[key]; !ok && trail.Sticky[key].Value == "" {
			delete(after, key)
		}
	}
	if diff := cmp.Diff(want, after); diff != "" {
		t.Error(diff)
	}
}

func testRedirect(t *testing.T, c []json.RawMessage) {
	flags, v := ready(t, c[1], "")
	type found struct {
		In   bool   `json:"inExperiment"`
		To   string `json:"urlRedirect"`
		With string `json:"urlWithParams"`
	}
	a, to, ok := flags.Redirect(v, nil)
	var got []found
	if ok {
		value, _ := a.Value().Any().(map[string]any)
		got = append(got, found{a.In, fmt.Sprint(value["urlRedirect"]), to})
	}
	if diff := cmp.Diff(into[[]found](t, c[2]), got); diff != "" {
		t.Error(diff)
	}
}

func testHash(t *testing.T, c []json.RawMessage) {
	n, ok := assign.Hash(into[string](t, c[0]), into[string](t, c[1]), into[int](t, c[2]))
	if want := into[*float64](t, c[3]); ok != (want != nil) || ok && n != *want {
		t.Errorf("%s gives %v, %v", c, n, ok)
	}
}

func testRanges(t *testing.T, c []json.RawMessage) {
	args := into[[]json.RawMessage](t, c[1])
	var got [][2]float64
	for _, r := range assign.Ranges(into[int](t, args[0]), into[float64](t, args[1]), into[[]float64](t, args[2])) {
		got = append(got, [2]float64{math.Round(r.From*1e8) / 1e8, math.Round(r.To*1e8) / 1e8})
	}
	if diff := cmp.Diff(into[[][2]float64](t, c[2]), got); diff != "" {
		t.Error(diff)
	}
}

func testChoose(t *testing.T, c []json.RawMessage) {
	var ranges []assign.Range
	for _, r := range into[[][2]float64](t, c[2]) {
		ranges = append(ranges, assign.Range{From: r[0], To: r[1]})
	}
	if got := assign.Choose(into[float64](t, c[1]), ranges); got != into[int](t, c[3]) {
		t.Errorf("%d", got)
	}
}

func testQueried(t *testing.T, c []json.RawMessage) {
	i, ok := assign.Queried(into[string](t, c[1]), into[string](t, c[2]), into[int](t, c[3]))
	if want := into[*int](t, c[4]); ok != (want != nil) || ok && i != *want {
		t.Errorf("%d, %v", i, ok)
	}
}

func testNamespace(t *testing.T, c []json.RawMessage) {
	ns := into[[]json.RawMessage](t, c[2])
	if got := assign.InNamespace(into[string](t, c[1]), into[string](t, ns[0]), into[float64](t, ns[1]), into[float64](t, ns[2])); got != into[bool](t, c[3]) {
		t.Errorf("%v", got)
	}
}

func testWeights(t *testing.T, c []json.RawMessage) {
	want, got := into[[]float64](t, c[1]), assign.EqualWeights(into[int](t, c[0]))
	if len(want) != len(got) || len(got) > 0 && math.Abs(want[0]-got[0]) > 1e-6 {
		t.Errorf("%v, want %v", got, want)
	}
}

func testDecrypt(t *testing.T, c []json.RawMessage) {
	got, err := assign.Decrypt(into[string](t, c[1]), into[string](t, c[2]))
	if want := into[*string](t, c[3]); (want == nil) != (err != nil) || want != nil && *want != got {
		t.Errorf("%q, %v", got, err)
	}
}

func TestSuiteFlags(t *testing.T) {
	all := suite(t)
	inV2, inRemote := into[map[string]json.RawMessage](t, all["savedGroupReferencesV2"]), into[map[string]json.RawMessage](t, all["savedGroupReferencesRemote"])
	for _, section := range []struct {
		name string
		raw  json.RawMessage
		n    int
		test func(*testing.T, []json.RawMessage)
	}{
		{"hash", all["hash"], 27, testHash},
		{"getBucketRange", all["getBucketRange"], 13, testRanges},
		{"feature", all["feature"], 61, testFeature},
		{"run", all["run"], 88, testRun},
		{"chooseVariation", all["chooseVariation"], 13, testChoose},
		{"getQueryStringOverride", all["getQueryStringOverride"], 16, testQueried},
		{"inNamespace", all["inNamespace"], 16, testNamespace},
		{"getEqualWeights", all["getEqualWeights"], 6, testWeights},
		{"decrypt", all["decrypt"], 10, testDecrypt},
		{"stickyBucket", all["stickyBucket"], 13, testSticky},
		{"urlRedirect", all["urlRedirect"], 4, testRedirect},
		{"contextualBandit", all["contextualBandit"], 35, testFeature},
		{"savedGroupReferencesV2.feature", inV2["feature"], 4, testFeature},
		{"savedGroupReferencesV2.run", inV2["run"], 4, testRun},
		{"savedGroupReferencesRemote.feature", inRemote["feature"], 3, testFeature},
	} {
		for _, c := range tuples(t, section.raw, section.n) {
			t.Run(section.name+"/"+strings.Trim(string(c[0]), `"`), func(t *testing.T) { section.test(t, c) })
		}
	}
}
