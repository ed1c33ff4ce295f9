package assign_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/slipwayhq/slipway/internal/pure/assign"
	"github.com/slipwayhq/slipway/internal/pure/assign/condition"
	"github.com/slipwayhq/slipway/internal/pure/assign/span"
)

// rules is a payload of one flag with these rules.
func rules(text string) string {
	return `{"features":{"f":{"defaultValue":"d","rules":[` + text + `]}}}`
}

// Everything that is wrong is told with its place and a way out; where it can be evaluated all the same, it is.
func TestFaults(t *testing.T) {
	deep := strings.Repeat(`{"$not":`, condition.MaxNested+1) + "{}" + strings.Repeat("}", condition.MaxNested+1)
	for name, c := range map[string]struct{ payload, path, says, value string }{
		"unknown operator":  {rules(`{"condition":{"a":{"$regx":"x"}},"force":1}`), "features.f.rules[0].condition.a.$regx", "is no operator; there are $eq", `"d"`},
		"operator alone":    {rules(`{"condition":{"$in":["x"]},"force":1}`), "features.f.rules[0].condition.$in", `write {"attribute": {"$in"`, `"d"`},
		"no list":           {rules(`{"force":0,"condition":{"a":"x"}},{"condition":{"a":{"$in":"x"}},"force":1}`), "features.f.rules[1].condition.a.$in", "must be a list", `"d"`},
		"no pattern":        {rules(`{"condition":{"a":{"$regex":"(?=x)"}},"force":1}`), "features.f.rules[0].condition.a.$regex", "RE2", `"d"`},
		"pattern explodes":  {rules(`{"condition":{"a":{"$regex":"((a{30}){30}b){30}"}},"force":1}`), "features.f.rules[0].condition.a.$regex", "RE2", `"d"`},
		"pattern grows":     {rules(`{"condition":{"a":{"$regex":"([a-c]foobarfoobar){900}"}},"force":1}`), "features.f.rules[0].condition.a.$regex", "5,000 steps", `"d"`},
		"pattern long":      {rules(`{"condition":{"a":{"$regex":"` + strings.Repeat("x", 1001) + `"}},"force":1}`), "features.f.rules[0].condition.a.$regex", "1,000 bytes", `"d"`},
		"pattern no text":   {rules(`{"condition":{"$or":[{"a":{"$regex":7}}]},"force":1}`), "features.f.rules[0].condition.$or[0].a.$regex", "a string", `"d"`},
		"order of booleans": {rules(`{"condition":{"a":{"$gt":true}},"force":1}`), "features.f.rules[0].condition.a.$gt", "string or a number", `"d"`},
		"equal to a list":   {rules(`{"condition":{"a":{"$eq":[1]}},"force":1}`), "features.f.rules[0].condition.a.$eq", "never equal", `"d"`},
		"no type":           {rules(`{"condition":{"a":{"$type":"int"}},"force":1}`), "features.f.rules[0].condition.a.$type", "is no type", `"d"`},
		"no condition":      {rules(`{"condition":{"$and":[{},7]},"force":1}`), "features.f.rules[0].condition.$and[1]", "must be an object", `"d"`},
		"deep":              {rules(`{"condition":` + deep + `,"force":1}`), "$not.$not.$not", "50 levels", `"d"`},
		"many tests": {rules(`{"condition":{"$or":[` + strings.Repeat(`{"a":1},`, condition.MaxNodes) + `{}]},"force":1}`),
			"features.f.rules[0].condition", "more than 10000 tests", `"d"`},
		"unknown group":        {rules(`{"condition":{"$savedGroup":{"id":"vip"}},"force":1}`), "features.f.rules[0].condition.$savedGroup", "no saved group vip", `"d"`},
		"group without id":     {rules(`{"condition":{"$savedGroup":"vip"},"force":1}`), "features.f.rules[0].condition.$savedGroup", "name the group", `"d"`},
		"group of itself":      {`{"savedGroups":{"a":{"type":"condition","condition":{"$savedGroup":{"id":"a"}}}}}`, "savedGroups.a", "names itself", ""},
		"group of a new kind":  {`{"savedGroups":{"a":{"type":"query"}}}`, "savedGroups.a", "no type of saved group", ""},
		"group without values": {`{"savedGroups":{"a":{"type":"list","attributeKey":"id"}}}`, "savedGroups.a", "needs its values", ""},
		"weights":              {rules(`{"variations":[1,2],"weights":[0.5,0.3]}`), "features.f.rules[0]", "add up to 0.8", "1"},
		"few weights":          {rules(`{"variations":[1,2],"weights":[1]}`), "features.f.rules[0]", "1 weights for 2", "1"},
		"below zero":           {rules(`{"variations":[1,2],"weights":[1.5,-0.5]}`), "features.f.rules[0]", "below 0", "1"},
		"one variation":        {rules(`{"variations":[1]}`), "features.f.rules[0]", "two variations", `"d"`},
		"coverage":             {rules(`{"force":1,"coverage":50}`), "features.f.rules[0]", "from 0 to 1", "1"},
		"range":                {rules(`{"force":1,"range":[0.5,0.2]}`), "features.f.rules[0].range", "smaller one first", `"d"`},
		"namespace":            {rules(`{"variations":[1,2],"namespace":["n",0,2]}`), "features.f.rules[0].namespace", "a namespace is", "1"},
		"hash version":         {rules(`{"force":1,"coverage":1,"hashVersion":3}`), "features.f.rules[0]", "hashVersion 1 and 2", `"d"`},
		"many variations":      {rules(`{"variations":[` + strings.Repeat("1,", 1000) + `1]}`), "features.f.rules[0].variations[1000]", "more than 1,000", `"d"`},
		"many contexts":        {`{"contextualBandits":{"b":{"contexts":[` + strings.Repeat(`{"leafId":1,"weights":[1]},`, 1000) + `{}]}}}`, "contextualBandits.b.contexts[1000]", "1,000 contexts", ""},
		"rule does nothing":    {rules(`{"id":"r"}`), "features.f.rules[0]", "does nothing", `"d"`},
		"rule no object":       {rules(`7`), "features.f.rules[0]", "must be an object", `"d"`},
		"rules no list":        {`{"features":{"f":{"defaultValue":"d","rules":{}}}}`, "features.f.rules", "a list", `"d"`},
		"wrong type":           {rules(`{"force":1,"coverage":"half"}`), "features.f.rules[0].coverage", "must be a number", `"d"`},
		"wrong type of key":    {rules(`{"variations":[1,2],"key":7}`), "features.f.rules[0].key", "must be a string", `"d"`},
		"no parent":            {rules(`{"parentConditions":[{"id":"g","condition":{"value":true}}],"force":1}`), "features.f.rules[0].parentConditions", "no flag g", `"d"`},
		"its own parent":       {rules(`{"parentConditions":[{"id":"f","condition":{"value":true}}],"force":1}`), "features.f", "before itself", "null"},
		"no bandit":            {rules(`{"variations":[1,2],"contextualBanditRef":"b"}`), "contextualBandits", "no bandit b", "1"},
		"long name":            {rules(`{"force":1,"id":"` + strings.Repeat("n", 100_000) + `"}`), "features.f.rules[0].id", "100000 bytes", "1"},
		"two of a name":        {`{"features":{"f":{"defaultValue":1},"f":{"defaultValue":2}}}`, "features.f", "two flags", "2"},
		"no name":              {`{"features":{"":{}}}`, `features[""]`, "needs a name", ""},
		"no payload":           {`[]`, "", "must be an object", ""},
		"no text":              {"{\"features\":{\"f\":{\"defaultValue\":\"\xff\"}}}", "", "not UTF-8", "\"\ufffd\""},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := assign.Compile([]byte(c.payload), assign.Options{Strict: true})
			var faults *assign.Faults
			if !errors.As(err, &faults) {
				t.Fatalf("strict: %v", err)
			}
			if f := faults.List[0]; !strings.HasSuffix(f.Path, c.path) && !strings.Contains(f.Path, c.path+".") || !strings.Contains(f.What, c.says) {
				t.Errorf("told: %s", faults)
			}
			if len(faults.Error()) > 1500 {
				t.Errorf("told in %d bytes", len(faults.Error()))
			}
			flags, err := assign.Compile([]byte(c.payload), assign.Options{})
			if err != nil || flags.Faults().Count != faults.Count {
				t.Fatalf("lenient: %v", err)
			}
			if c.value == "" {
				return
			}
			if r := flags.Eval("f", &assign.Visitor{Attributes: map[string]any{"id": "5"}}, nil); r.Value.JSON() != c.value {
				t.Errorf("gives %s, not %s (%s)", r.Value.JSON(), c.value, r.Problem)
			}
		})
	}
}

// The same fault at two places is told at both.
func TestFaultsAtEachPlace(t *testing.T) {
	flags := compiled(t, rules(`{"condition":{"a":{"$in":7}},"force":1},{"condition":{"a":{"$in":7}},"force":2}`))
	if f := flags.Faults(); f.Count != 2 || f.List[1].Path != "features.f.rules[1].condition.a.$in" {
		t.Errorf("%v", f)
	}
}

func TestTooLarge(t *testing.T) {
	payload := rules(`{"id":"` + strings.Repeat("x", assign.MaxBytes) + `"}`)
	var faults *assign.Faults
	if _, err := assign.Compile([]byte(payload), assign.Options{Strict: true}); !errors.As(err, &faults) || !strings.Contains(err.Error(), "67108864 are allowed") {
		t.Errorf("strict: %.200v", err)
	}
	if _, err := assign.Compile([]byte(payload), assign.Options{}); err != nil {
		t.Errorf("lenient: %.200v", err)
	}
	if _, err := assign.Compile([]byte(payload), assign.Options{MaxBytes: 100}); !errors.As(err, &faults) {
		t.Errorf("own limit: %.200v", err)
	}
}

// Text that is no JSON is an error in either mode, with its place.
func TestNoJSON(t *testing.T) {
	for payload, place := range map[string]string{
		`{"features":{"f":{"rules":[{"condition":{"a":tru}}]}}}`: "features.f.rules[0].condition",
		`{"features":{}`:   "byte 14",
		`{"features":{}}{`: "byte 15",
		rules(`{"force":` + strings.Repeat("[", span.MaxDepth) + `}`): "nested deeper",
	} {
		_, err := assign.Compile([]byte(payload), assign.Options{})
		var where *span.Error
		if !errors.As(err, &where) || !strings.Contains(err.Error(), place) {
			t.Errorf("%.100s: %v", payload, err)
		}
	}
}

// A payload cannot make regular expressions that take gigabytes, however short each is.
func TestPatternsTogether(t *testing.T) {
	var many []string
	for i := range 200 {
		many = append(many, fmt.Sprintf(`{"a":{"$regex":"a{1000}b{1000}c{1000}%d"}}`, i))
	}
	flags := compiled(t, rules(`{"condition":{"$or":[`+strings.Join(many, ",")+`]},"force":1}`))
	if f := flags.Faults(); f.Count < 100 || !strings.Contains(f.List[0].String(), "200,000 steps together") {
		t.Errorf("%d: %s", f.Count, f)
	}
}

// What is wrong with a flag is said in its result, and its default counts.
func TestProblems(t *testing.T) {
	var chain strings.Builder
	for i := range 150 {
		fmt.Fprintf(&chain, `"p%d":{"defaultValue":false,"rules":[{"parentConditions":[{"id":"p%d","condition":{"value":true}}],"force":true}]},`, i, i+1)
	}
	var tree strings.Builder // each level asks the next one twice: 2^40 questions without a budget
	for i := range 40 {
		fmt.Fprintf(&tree, `"t%d":{"defaultValue":%d,"rules":[{"parentConditions":[{"id":"t%d","condition":{"value":true}}]},{"parentConditions":[{"id":"t%d","condition":{"value":true}}]}]},`, i, i, i+1, i+1)
	}
	for i := range 40 { // and so does each level here, without a condition
		fmt.Fprintf(&tree, `"u%d":{"defaultValue":%d,"rules":[{"parentConditions":[{"id":"u%d"},{"id":"u%d"}],"force":5}]},`, i, i, i+1, i+1)
	}
	groups := `"savedGroups":{`
	for i := range 40 {
		groups += fmt.Sprintf(`"g%d":{"type":"condition","condition":{"$or":[{"$savedGroup":{"id":"g%d"}},{"$savedGroup":{"id":"g%d"}}]}},`, i, i+1, i+1)
	}
	flags := compiled(t, `{`+groups+`"g40":["x"]},"features":{`+chain.String()+tree.String()+`
		"p150":{"defaultValue":true},"t40":{"defaultValue":false},"u40":{},
		"groups":{"defaultValue":7,"rules":[{"condition":{"$savedGroup":{"id":"g0"}},"force":8},{"force":9}]},
		"broken":{"defaultValue":1,"rules":[{"condition":{"$not":null},"force":2},{"force":3}]},
		"unknown":{"defaultValue":1,"rules":[{"condition":{"$not":{"a":{"$later":1}}},"force":2}]},
		"wrong":{"defaultValue":1,"rules":[{"force":2,"coverage":[]},{"force":3}]},
		"fine":{"defaultValue":1}}}`)
	for key, want := range map[string][2]string{
		"fine":    {"1", ""},
		"wrong":   {"1", "features.wrong.rules[0].coverage: this must be a number"},
		"unknown": {"1", "does not know"},
		"broken":  {"3", "a condition is none"},
		"groups":  {"7", "too many steps"},
		"t0":      {"0", "too many steps"},
		"u0":      {"0", "too many steps"},
		"p0":      {"false", "nested too deep"},
		"p120":    {"true", ""},
	} {
		if r := flags.Eval(key, &assign.Visitor{}, nil); r.Value.JSON() != want[0] || !strings.Contains(r.Problem, want[1]) || want[1] == "" && r.Problem != "" {
			t.Errorf("%s gives %s: %q", key, r.Value.JSON(), r.Problem)
		}
	}
}

func FuzzCompile(f *testing.F) {
	for _, s := range []string{
		oneFlag, rules(`{"condition":{"$or":[{"a":{"$regex":"(a{9}){9}"}},{"$savedGroup":{"id":"g"}}]},"force":null,"coverage":0.5,"range":[0,1]}`),
		`{"features":{"a":{"rules":[{"parentConditions":[{"id":"b","gate":true,"condition":{"value":{"$gt":1e999}}}]}]},"b":{"rules":[{"parentConditions":[{"id":"a"}],"force":1}]}}}`,
		`{"savedGroups":{"g":{"type":"condition","condition":{"$savedGroup":{"id":"g"}}}},"features":{"a":{"rules":[{"condition":{"$not":{"$savedGroup":{"id":"g"}}},"force":1}]}}}`,
		`{"features":{"a":{"rules":[{"variations":[1,2],"hashVersion":2,"meta":[{"key":"a","passthrough":true},{"name":"b"}],"filters":[{"seed":"s","ranges":[[0,1]]}],"namespace":["n",0,1],"minBucketVersion":2,"contextualBanditRef":"b","key":"my"}]}},"contextualBandits":{"b":{"banditVersion":1,"contexts":[{"leafId":1,"condition":{"id":"1"},"weights":[1,0]},7]}}}`,
		`{"experiments":[{"key":"my","variations":[{},{"urlRedirect":"/b?x=1#y"}],"urlPatterns":[{"type":"simple","pattern":"*.example.com/a*"},{"type":"regex","include":false,"pattern":"b\\/"}],"url":"a","groups":["g"],"status":"running","force":1,"active":true,"persistQueryString":true}]}`,
		`{"features":7,"experiments":{},"savedGroups":[],"contextualBandits":1}`,
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, payload []byte) {
		flags, err := assign.Compile(payload, assign.Options{MaxBytes: 1 << 16})
		if err != nil {
			return
		}
		if _, err := assign.Compile(payload, assign.Options{MaxBytes: 1 << 16, Strict: true}); (err == nil) != (flags.Faults().Count == 0) {
			t.Fatalf("strict: %v; lenient: %v", err, flags.Faults())
		}
		v := &assign.Visitor{
			Attributes: map[string]any{"id": "1", "a": []any{"a", 1.0, nil, map[string]any{"b": "c"}}, "b": "é\xff"}, URL: "https://www.example.com/a/b?my=1&x=2",
			Sticky: map[string]assign.Sticky{"id||1": {Attribute: "id", Value: "1", Assignments: map[string]string{"my__0": "a"}}}, Groups: map[string]bool{"g": true},
		}
		trail := &assign.Trail{}
		for _, r := range flags.All(v, trail) {
			if _, err := r.MarshalJSON(); err != nil {
				t.Fatal(err)
			}
			_ = r.Value.Any()
		}
		for _, e := range flags.Experiments() {
			a := flags.Run(e, v, trail)
			if _, err := a.MarshalJSON(); err != nil {
				t.Fatal(err)
			}
		}
		flags.Redirect(v, trail)
	})
}
