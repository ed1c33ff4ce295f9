package condition_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"strings"
	"testing"

	growthbook "github.com/growthbook/growthbook-golang"

	"github.com/slipwayhq/slipway/internal/pure/assign/condition"
	"github.com/slipwayhq/slipway/internal/pure/assign/span"
)

// dice make conditions, attributes and groups out of bytes: every choice is a byte, so that the fuzzer can vary one choice alone.
type dice struct {
	bytes []byte
	depth int
}

func (d *dice) n(n int) int {
	if len(d.bytes) == 0 {
		return 0
	}
	b := d.bytes[0]
	d.bytes = d.bytes[1:]
	return int(b) % n
}

func pick[T any](d *dice, of ...T) T { return of[d.n(len(of))] }

func (d *dice) attribute() string {
	return pick(d, "a", "b", "a.b", "a.0", "b.length", "", "a.", "value", "$groups", condition.RemoteGroups)
}

func (d *dice) text() string {
	return pick(d, "a", "b", "A", "1", "", "10", "9", "v1.2.3", "1.2.3-rc.1", "1.2.3+b\n1", "é", "É", "\u212a", "k", "\U0001f600", "\ufffd", "1.2", "g1", "g2", "null", "ab")
}

func (d *dice) scalar() any {
	switch d.n(5) {
	case 0:
		return d.text()
	case 1:
		return pick(d, 0.0, 1, 2, -1, 10, 1.5, 3, 100000)
	case 2:
		return pick(d, true, false)
	case 3:
		return nil
	}
	return d.text()
}

func (d *dice) list(of func() any) []any {
	out := []any{}
	for range d.n(4) {
		out = append(out, of())
	}
	return out
}

func (d *dice) any() any {
	if d.depth++; d.depth > 40 {
		return nil
	}
	switch d.n(6) {
	case 0:
		return d.list(d.any)
	case 1:
		m := map[string]any{}
		for range d.n(3) {
			m[pick(d, "a", "b", "0", "id", "$eq", "c")] = d.any()
		}
		return m
	}
	return d.scalar()
}

func (d *dice) reference() any {
	if d.n(10) == 1 {
		return d.any()
	}
	m := map[string]any{"id": d.group()}
	if d.n(4) == 1 {
		m["attributeKey"] = pick[any](d, "a", "b", "a.b", "", 7.0)
	}
	return m
}

func (d *dice) group() string { return pick(d, "g0", "g1", "g2", "g3", "g4", "none") }

func (d *dice) object() any {
	if d.depth++; d.depth > 40 || d.n(25) == 1 {
		return d.any()
	}
	m := map[string]any{}
	for range 1 + d.n(3) {
		switch d.n(9) {
		case 0:
			m[pick(d, "$and", "$or", "$nor")] = d.maybe(func() any { return d.list(d.object) })
		case 1:
			m["$not"] = d.object()
		case 2:
			m["$savedGroup"] = d.reference()
		case 3:
			m[pick(d, "$savedGroups", "$eq", "x")] = d.any()
		default:
			m[d.attribute()] = d.value()
		}
	}
	return m
}

// maybe gives what is wanted, and now and then anything.
func (d *dice) maybe(wanted func() any) any {
	if d.n(12) == 1 {
		return d.any()
	}
	return wanted()
}

func (d *dice) value() any {
	if d.depth++; d.depth > 40 || d.n(4) == 1 {
		return d.any()
	}
	m := map[string]any{}
	for range 1 + d.n(2) {
		op := pick(d, "$eq", "$ne", "$lt", "$lte", "$gt", "$gte", "$veq", "$vne", "$vlt", "$vlte", "$vgt", "$vgte", "$in", "$nin", "$ini", "$nini", "$inGroup", "$notInGroup",
			"$regex", "$regexi", "$size", "$type", "$exists", "$elemMatch", "$all", "$alli", "$not", "$or", "$later", "$savedGroup", "$vxx")
		m[op] = d.maybe(func() any { return d.argument(op) })
	}
	return m
}

func (d *dice) argument(op string) any {
	switch op {
	case "$in", "$nin", "$ini", "$nini":
		if d.n(3) == 1 { // enough strings for a set
			out := []any{}
			for range 12 {
				out = append(out, d.text())
			}
			return out
		}
		return d.list(d.scalar)
	case "$all", "$alli":
		return d.list(d.value)
	case "$inGroup", "$notInGroup":
		return d.group()
	case "$regex", "$regexi":
		return pick(d, "a", "^1", "(", "A|é", `\.`, ".*", "(?!a)", "k")
	case "$type":
		return pick(d, "string", "number", "boolean", "array", "object", "null", "undefined")
	case "$not", "$size":
		return d.value()
	case "$elemMatch":
		if d.n(2) == 0 {
			return d.object()
		}
		return d.value()
	case "$exists":
		return d.any()
	}
	return d.scalar()
}

func (d *dice) groups() map[string]any {
	groups := map[string]any{}
	for i := range 5 {
		d.depth = 20
		id := fmt.Sprint("g", i)
		switch d.n(7) {
		case 0:
			groups[id] = d.list(d.scalar)
		case 1:
			groups[id] = d.any()
		case 2:
			groups[id] = map[string]any{"type": pick[any](d, "later", "list", "condition", 7.0), "attributeKey": d.any(), "values": d.any(), "condition": d.any()}
		case 3:
			groups[id] = map[string]any{"type": "remote", "attributeKey": d.attribute()}
		case 4:
			groups[id] = map[string]any{"type": "list", "attributeKey": d.attribute(), "values": d.list(d.scalar)}
		default:
			groups[id] = map[string]any{"type": "condition", "condition": d.object()}
		}
	}
	return groups
}

func (d *dice) attributes() map[string]any {
	m := map[string]any{}
	for _, name := range []string{"a", "b", pick(d, "", "value", "$groups", condition.RemoteGroups)} {
		d.depth = 30
		switch d.n(5) {
		case 0:
			m[name] = d.list(d.scalar)
		case 1:
			m[name] = d.list(d.any)
		case 2:
			m[name] = d.any()
		default:
			m[name] = d.scalar()
		}
	}
	return m
}

// A compiled condition decides as the plain interpreter does, and as GrowthBook's own.
func FuzzCondition(f *testing.F) {
	rng := rand.New(rand.NewPCG(1, 2))
	for range 2000 {
		seed := make([]byte, 60+rng.IntN(400))
		for i := range seed {
			seed[i] = byte(rng.Uint32())
		}
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, entropy []byte) {
		d := &dice{bytes: entropy}
		attributes, groups := d.attributes(), d.groups()
		d.depth = 0
		cond := d.object()
		compare(t, cond, attributes, groups)
		for name, v := range attributes { // the same as other Go types that mean it
			if f, ok := v.(float64); ok {
				attributes[name] = json.Number(fmt.Sprint(f))
			}
			if l, ok := v.([]any); ok {
				attributes[name] = stringsOf(l)
			}
		}
		compareTypes(t, cond, attributes, groups)
	})
}

func written(t *testing.T, v any) string {
	t.Helper()
	data, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

func matched(t *testing.T, cond string, attributes map[string]any, groups string) condition.Outcome {
	t.Helper()
	c, err := condition.Compile(cond, groups, &span.Faults{})
	if err != nil {
		t.Fatalf("%s with %s: %v", cond, groups, err)
	}
	return c.Match(&condition.Run{Fuel: condition.Fuel}, attributes)
}

func compare(t *testing.T, cond any, attributes, groups map[string]any) {
	t.Helper()
	text, saved := written(t, cond), written(t, groups)
	got, want := matched(t, text, attributes, saved), plainly(cond, attributes, groups)
	if got != want {
		t.Fatalf("%s\nof %s\nwith %s\ngives %d, plainly %d", text, written(t, attributes), saved, got, want)
	}
	if strings.Contains(saved, `"remote"`) {
		return // GrowthBook's Go client does not know these
	}
	if theirs := theirs(t, text, attributes, groups); theirs != (got == condition.Pass) {
		t.Fatalf("%s\nof %s\nwith %s\ngives %d, GrowthBook's %v", text, written(t, attributes), saved, got, theirs)
	}
}

// theirs asks GrowthBook's client.
func theirs(t *testing.T, cond string, attributes, groups map[string]any) bool {
	t.Helper()
	ctx := context.Background()
	client, err := growthbook.NewClient(ctx,
		growthbook.WithLogger(slog.New(slog.NewTextHandler(io.Discard, nil))),
		growthbook.WithSavedGroups(groups),
		growthbook.WithAttributes(attributes),
		growthbook.WithJsonFeatures(`{"f":{"rules":[{"force":true,"condition":`+cond+`}]}}`))
	if err != nil {
		t.Fatal(err)
	}
	return client.EvalFeature(ctx, "f").On
}

// compareTypes checks that attributes of other Go types mean what their JSON does.
func compareTypes(t *testing.T, cond any, attributes, groups map[string]any) {
	t.Helper()
	text, saved, as := written(t, cond), written(t, groups), written(t, attributes)
	var decoded map[string]any
	if err := json.Unmarshal([]byte(as), &decoded); err != nil {
		t.Fatal(err)
	}
	if got, want := matched(t, text, attributes, saved), matched(t, text, decoded, saved); got != want {
		t.Fatalf("%s of %s gives %d as Go types, %d as JSON", text, as, got, want)
	}
}

func stringsOf(l []any) any {
	out := []string{}
	for _, v := range l {
		s, ok := v.(string)
		if !ok {
			return l
		}
		out = append(out, s)
	}
	return out
}
