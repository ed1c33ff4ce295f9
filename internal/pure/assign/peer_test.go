package assign_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	growthbook "github.com/growthbook/growthbook-golang"

	"github.com/slipwayhq/slipway/internal/pure/assign"
)

// maker makes payloads and visitors out of seeded dice: what GrowthBook's own client can be asked about as well.
type maker struct{ *rand.Rand }

func one[T any](m maker, of ...T) T { return of[m.IntN(len(of))] }

func (m maker) sometimes(into map[string]any, key string, of ...any) {
	if m.IntN(4) == 0 {
		into[key] = one(m, of...)
	}
}

func (m maker) rule(parents bool) map[string]any {
	rule := map[string]any{"id": fmt.Sprint("r", m.IntN(100))}
	m.sometimes(rule, "condition", map[string]any{"country": "US"}, map[string]any{"$not": map[string]any{"plan": "pro"}}, map[string]any{"$not": nil},
		map[string]any{"age": map[string]any{"$gte": 18}}, map[string]any{"$savedGroup": map[string]any{"id": "g"}})
	m.sometimes(rule, "coverage", 0, 0.3, 0.5, 0.74, 1)
	m.sometimes(rule, "hashAttribute", "id", "device", "number", "missing")
	m.sometimes(rule, "fallbackAttribute", "device", "id")
	m.sometimes(rule, "hashVersion", 1, 2, 2, 2, 3)
	m.sometimes(rule, "seed", "s", "é\U0001f600", "")
	m.sometimes(rule, "filters", []any{map[string]any{"seed": "f", "ranges": []any{[]any{0, 0.4}, []any{0.5, 0.9}}}}, []any{map[string]any{"attribute": "device", "hashVersion": 1, "ranges": []any{[]any{0.1, 1}}}})
	if parents {
		m.sometimes(rule, "parentConditions", []any{map[string]any{"id": one(m, "f0", "f1", "f2", "none"), "gate": m.IntN(2) == 0, "condition": map[string]any{"value": m.IntN(4)}}})
	}
	if m.IntN(2) == 0 {
		rule["force"] = one[any](m, 0, 1, 2, 3, nil, "text")
		m.sometimes(rule, "range", []any{0, 0.5}, []any{0.2, 0.7})
		return rule
	}
	n := 1 + m.IntN(3)
	rule["variations"] = []any{0, 1, 2}[:n]
	m.sometimes(rule, "key", "e1", "e2", "e3")
	m.sometimes(rule, "weights", []any{0.3, 0.7}, []any{0.2, 0.3, 0.5}, []any{0.5, 0.1}, []any{1.2, -0.2}, []any{0.1, 0.2, 0.3, 0.4}[:3])
	m.sometimes(rule, "ranges", []any{[]any{0, 0.3}, []any{0.3, 0.6}}, []any{[]any{0.5, 1}})
	m.sometimes(rule, "namespace", []any{"n", 0, 0.5}, []any{"n", 0.4, 1})
	m.sometimes(rule, "meta", []any{map[string]any{"key": "a", "name": "A"}, map[string]any{"key": "b", "passthrough": true}, map[string]any{}})
	m.sometimes(rule, "bucketVersion", 0, 1, 2)
	m.sometimes(rule, "minBucketVersion", 0, 1, 2)
	m.sometimes(rule, "disableStickyBucketing", true, false)
	m.sometimes(rule, "contextualBanditRef", "bandit", "none")
	return rule
}

func (m maker) features() map[string]any {
	features := map[string]any{}
	for i := range 4 {
		rules := []any{}
		for range m.IntN(4) {
			rules = append(rules, m.rule(i > 0))
		}
		features[fmt.Sprint("f", i)] = map[string]any{"defaultValue": m.IntN(4), "rules": rules}
	}
	return features
}

func (m maker) visitor() *assign.Visitor {
	v := &assign.Visitor{Attributes: map[string]any{}, QA: m.IntN(20) == 0, Off: m.IntN(20) == 0}
	for _, of := range [][]any{
		{"id", "1", "user-7", "é", "", 5.0, true}, {"device", "d1", "d2", nil}, {"number", 0.0, 3.0, 1.5}, {"country", "US", "DE"}, {"plan", "pro", "free"}, {"age", 17.0, 18.0, "18"},
	} {
		if m.IntN(5) > 0 {
			v.Attributes[fmt.Sprint(of[0])] = one(m, of[1:]...)
		}
	}
	if m.IntN(4) == 0 {
		v.URL = one(m, "https://example.com/?e1=1", "https://example.com/a?f1=0&e2=7#x", "https://example.com/", "https://example.com/?e%31=1&f2=+1")
	}
	if m.IntN(4) == 0 {
		v.Forced = map[string]int{one(m, "e1", "e2", "f1", "f2"): m.IntN(4) - 1}
	}
	if m.IntN(2) == 0 {
		v.Sticky = map[string]assign.Sticky{}
		for range m.IntN(4) {
			doc := assign.Sticky{Attribute: one(m, "id", "device"), Value: one(m, "1", "user-7", "d1", "5"), Assignments: map[string]string{}}
			for range 1 + m.IntN(3) {
				doc.Assignments[fmt.Sprintf("%s__%d", one(m, "e1", "e2", "f0", "f1"), m.IntN(3))] = one(m, "a", "b", "0", "1")
			}
			v.Sticky[doc.Key()] = doc
		}
	}
	return v
}

// peer is GrowthBook's client, asked the same.
type peer struct {
	*growthbook.Client
	kept    *growthbook.InMemoryStickyBucketService
	exposed []string
}

func newPeer(t *testing.T, features, groups string, bandits growthbook.ContextualBanditDefinitions, v *assign.Visitor) *peer {
	t.Helper()
	p := &peer{kept: growthbook.NewInMemoryStickyBucketService()}
	var saved map[string]any
	if err := json.Unmarshal([]byte(groups), &saved); err != nil {
		t.Fatal(err)
	}
	options := []growthbook.ClientOption{
		growthbook.WithLogger(slog.New(slog.NewTextHandler(io.Discard, nil))), growthbook.WithJsonFeatures(features), growthbook.WithSavedGroups(saved),
		growthbook.WithContextualBandits(bandits), growthbook.WithAttributes(v.Attributes), growthbook.WithEnabled(!v.Off), growthbook.WithQaMode(v.QA),
		growthbook.WithForcedVariations(v.Forced), growthbook.WithUrl(v.URL),
		growthbook.WithExperimentCallback(func(_ context.Context, e *growthbook.Experiment, r *growthbook.ExperimentResult, _ *growthbook.TrackingUserContext, _ any) {
			p.exposed = append(p.exposed, fmt.Sprint(e.Key, r.VariationId, r.HashAttribute, r.HashValue))
		}),
	}
	if v.Sticky != nil {
		for _, doc := range v.Sticky {
			if err := p.kept.SaveAssignments(&growthbook.StickyBucketAssignmentDoc{AttributeName: doc.Attribute, AttributeValue: doc.Value, Assignments: maps.Clone(doc.Assignments)}); err != nil {
				t.Fatal(err)
			}
		}
		options = append(options, growthbook.WithStickyBucketService(p.kept))
	}
	var err error
	if p.Client, err = growthbook.NewClient(context.Background(), options...); err != nil {
		t.Fatal(err)
	}
	return p
}

// What GrowthBook's client says of random payloads and visitors, we say: values, reasons, variations, exposures, and what is kept.
func asGrowthBook(t *testing.T, seed uint64) assign.Source {
	t.Helper()
	const groups = `{"g":{"type":"list","attributeKey":"id","values":["1","user-7"]}}`
	const bandits = `{"bandit":{"banditVersion":3,"contexts":[{"leafId":1,"condition":{"country":"US"},"weights":[0.9,0.1]},{"leafId":2,"condition":{"plan":"pro"},"weights":[0.1,0.8]},{"leafId":3,"condition":{"age":18},"weights":[0.1,0.9]},{"leafId":4,"condition":{"$not":null},"weights":[0.2,0.8]},{"leafId":5,"weights":[0.4,0.6]}]}}`
	defs, err := growthbook.ParseContextualBandits([]byte(bandits))
	if err != nil {
		t.Fatal(err)
	}
	m := maker{rand.New(rand.NewPCG(seed, 11))}
	features, err := json.Marshal(m.features())
	if err != nil {
		t.Fatal(err)
	}
	v := m.visitor()
	flags := compiled(t, `{"features":`+string(features)+`,"savedGroups":`+groups+`,"contextualBandits":`+bandits+`}`)
	theirs := newPeer(t, string(features), groups, defs, v)
	key := fmt.Sprint("f", m.IntN(4))
	trail := &assign.Trail{}
	got, want := flags.Eval(key, v, trail), theirs.EvalFeature(context.Background(), key)
	if diff := difference(t, got, want); diff != "" {
		t.Fatalf("seed %d: %s of %s\nfor %+v\n%s", seed, key, features, v, diff)
	}
	if diff := cmp.Diff(theirs.exposed, exposedTo(trail)); diff != "" {
		t.Fatalf("seed %d: exposed\n%s\n%s of %s\nfor %+v", seed, diff, key, features, v)
	}
	for _, doc := range trail.Sticky {
		kept, err := theirs.kept.GetAssignments(doc.Attribute, doc.Value)
		if err != nil || kept == nil || !maps.Equal(kept.Assignments, doc.Assignments) {
			t.Fatalf("seed %d: kept %+v, not %+v\n%s of %s\nfor %+v", seed, doc, kept, key, features, v)
		}
	}
	return got.Source
}

func TestAsGrowthBook(t *testing.T) {
	sources := map[assign.Source]int{}
	for seed := range uint64(1500) {
		sources[asGrowthBook(t, seed)]++
	}
	for source := assign.DefaultValue; source <= assign.CyclicPrerequisite; source++ {
		if sources[source] < 10 && source != assign.Override { // which their client does not have
			t.Errorf("only %d times %s", sources[source], source)
		}
	}
}

func FuzzAsGrowthBook(f *testing.F) {
	for seed := range uint64(50) {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, seed uint64) { asGrowthBook(t, seed) })
}

func exposedTo(t *assign.Trail) (out []string) {
	for _, e := range t.Exposures {
		if one := fmt.Sprint(e.Experiment.Key, e.Variation, e.HashAttribute, e.HashValue); !slices.Contains(out, one) { // their client tells each once
			out = append(out, one)
		}
	}
	return out
}

// difference compares results as JSON, without what their client leaves out.
func difference(t *testing.T, got assign.Result, want *growthbook.FeatureResult) string {
	t.Helper()
	ours, err := json.Marshal(got)
	if err != nil {
		t.Fatal(err)
	}
	want.Experiment = nil // as it stands in the payload
	theirs, err := json.Marshal(want)
	if err != nil {
		t.Fatal(err)
	}
	a, b := into[map[string]any](t, ours), into[map[string]any](t, theirs)
	delete(a, "experiment")
	delete(b, "experiment")
	if b["experimentResult"] == nil {
		delete(b, "experimentResult")
	}
	for _, r := range []map[string]any{a, b} {
		if e, ok := r["experimentResult"].(map[string]any); ok {
			maps.DeleteFunc(e, func(_ string, v any) bool { return v == nil || v == "" || v == false })
		}
	}
	return cmp.Diff(b, a)
}
