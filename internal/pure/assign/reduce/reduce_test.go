package reduce_test

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/slipwayhq/slipway/internal/pure/assign"
	"github.com/slipwayhq/slipway/internal/pure/assign/reduce"
)

// maker makes payloads out of seeded dice.
type maker struct{ *rand.Rand }

func one[T any](m maker, of ...T) T { return of[m.IntN(len(of))] }

func (m maker) attribute() string { return one(m, "id", "country", "plan", "age") }

func (m maker) value() any { return one[any](m, "1", "2", "US", "DE", "pro", 18, 30, nil, true) }

func (m maker) given() any {
	if m.IntN(6) == 0 {
		return []any{m.value(), map[string]any{"id": m.value(), "plan": m.value()}}
	}
	return m.value()
}

func (m maker) condition(depth int) map[string]any {
	out := map[string]any{}
	for range 1 + m.IntN(2) {
		switch n := m.IntN(10); {
		case n < 4 || depth > 3:
			out[m.attribute()] = m.value()
		case n < 6:
			out[m.attribute()] = map[string]any{one(m, "$in", "$nin"): []any{m.value(), m.value()}}
		case n == 6:
			out["$savedGroup"] = map[string]any{"id": m.group()}
		case n == 7:
			out["$not"] = m.condition(depth + 1)
		case n == 8:
			out[m.attribute()] = one(m, map[string]any{one(m, "$inGroup", "$notInGroup", "$later"): m.group()}, map[string]any{"$elemMatch": m.condition(depth + 1)})
		default:
			out[one(m, "$and", "$or", "$nor")] = []any{m.condition(depth + 1), m.condition(depth + 1)}
		}
	}
	return out
}

func (m maker) group() string { return fmt.Sprint("g", m.IntN(5)) }

func (m maker) payload() map[string]any {
	features, groups := map[string]any{}, map[string]any{}
	for i := range 4 {
		rules := []any{}
		for range m.IntN(4) {
			rule := map[string]any{"condition": m.condition(0), "force": m.IntN(9)}
			switch m.IntN(5) {
			case 0:
				rule["parentConditions"] = []any{map[string]any{"id": fmt.Sprint("f", m.IntN(5)), "condition": map[string]any{"value": m.IntN(9)}, "gate": m.IntN(2) == 0}}
			case 1:
				delete(rule, "force")
				rule["variations"], rule["contextualBanditRef"], rule["key"] = []any{1, 2, 3}, one(m, "b", "none"), fmt.Sprint("e", i)
			}
			rules = append(rules, rule)
		}
		features[fmt.Sprint("f", i)] = map[string]any{"defaultValue": -1, "rules": rules}
	}
	for i := range 4 {
		groups[fmt.Sprint("g", i)] = one[any](m,
			map[string]any{"type": "list", "attributeKey": m.attribute(), "values": []any{m.value(), m.value()}},
			map[string]any{"type": "condition", "condition": m.condition(1)},
			map[string]any{"type": "condition", "condition": m.condition(1)},
			[]any{m.value()},
			map[string]any{"type": "later"})
	}
	contexts := []any{}
	for i := range m.IntN(4) {
		contexts = append(contexts, map[string]any{"leafId": i, "condition": m.condition(2), "weights": one[any](m, []any{1, 0, 0}, []any{0, 0.5, 0.5}, []any{2})})
	}
	return map[string]any{"features": features, "savedGroups": groups, "contextualBandits": map[string]any{"b": map[string]any{"contexts": contexts}}}
}

// Whoever has the known attributes gets from the reduced payload what the whole one gives.
func TestReducedDecidesAlike(t *testing.T) {
	smaller := 0
	for seed := range uint64(1500) {
		m := maker{rand.New(rand.NewPCG(seed, 5))}
		whole, err := json.Marshal(m.payload())
		if err != nil {
			t.Fatal(err)
		}
		all, known := map[string]any{}, map[string]any{}
		for _, name := range []string{"id", "country", "plan", "age"} {
			if m.IntN(4) > 0 {
				all[name] = m.given()
			}
			if v, ok := all[name]; ok && m.IntN(2) == 0 {
				known[name] = v
			}
		}
		reduced, err := reduce.Payload(whole, known, reduce.Options{})
		if err != nil {
			t.Fatal(err)
		}
		if len(reduced) < len(whole) {
			smaller++
		}
		a, b := compiled(t, whole), compiled(t, reduced)
		v := &assign.Visitor{Attributes: all}
		for key, want := range a.All(v, nil) {
			got := b.Eval(key, v, nil)
			if got.Value.JSON() != want.Value.JSON() || got.Source != want.Source || leaf(got) != leaf(want) {
				t.Fatalf("seed %d: %s is %s (%s), and %s (%s) of the whole\n%s\n%s\n%v knowing %v", seed, key, got.Value.JSON(), got.Source, want.Value.JSON(), want.Source, whole, reduced, all, known)
			}
		}
	}
	if smaller < 750 {
		t.Errorf("only %d of 1500 payloads became smaller", smaller)
	}
}

func leaf(r assign.Result) string {
	if l := r.Assignment.Leaf(); l != nil {
		return fmt.Sprint(l.ID, l.Weights)
	}
	return "none"
}

func compiled(t *testing.T, payload []byte) *assign.Flags {
	t.Helper()
	flags, err := assign.Compile(payload, assign.Options{})
	if err != nil {
		t.Fatalf("%s: %v", payload, err)
	}
	return flags
}

func TestNumbersStayAsWritten(t *testing.T) {
	const payload = `{"experiments":[],"features":{"f":{"defaultValue":12345678901234567890,"rules":[{"condition":{"a":1.0},"force":"<b>"}]}},"savedGroups":{}}`
	got, err := reduce.Payload([]byte(payload), nil, reduce.Options{})
	if err != nil || string(got) != payload {
		t.Errorf("%s, %v", got, err)
	}
	if _, err := reduce.Payload([]byte(`{"a":`), nil, reduce.Options{}); err == nil {
		t.Error("half a payload is reduced")
	}
}
