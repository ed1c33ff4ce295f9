package span_test

import (
	"encoding/json"
	"errors"
	"math"
	"strings"
	"testing"

	"github.com/slipwayhq/slipway/internal/pure/assign/span"
)

// What is JSON is what encoding/json takes for JSON, and a string means the same.
func FuzzReader(f *testing.F) {
	for _, s := range []string{
		`{"a":[1,-0.5e+3,true,false,null,"x\u00e9\n\ud83d\ude00\ud800"],"b":{}}`, `[1,]`, `{"a" 1}`, `{,}`, `01`, `1.`, `-`, `1e`, `"\x"`, "\"\x01\"", `nul`, `[`, ``, ` 7 `, `7 7`,
		`"\u12g4"`, `{"a":1,}`, `"é"`, `1E5`, `--1`,
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, data string) {
		text, _ := span.Clean([]byte(data))
		r := span.New(text)
		raw, err := r.Skip()
		if err == nil {
			err = r.End()
		}
		if valid := json.Valid([]byte(text)); valid != (err == nil) && !strings.Contains(text, strings.Repeat("[", 100)) && !strings.Contains(text, strings.Repeat("{", 100)) {
			t.Fatalf("%q: valid %v, but %v", text, valid, err)
		}
		if err != nil {
			return
		}
		if want := strings.Trim(text, " \t\r\n"); raw != want {
			t.Fatalf("%q gives %q", text, raw)
		}
		if r := span.New(text); r.Kind() == '"' {
			var want string
			if err := json.Unmarshal([]byte(text), &want); err != nil {
				t.Fatal(err)
			}
			if got, err := r.String(); err != nil || got != want {
				t.Fatalf("%q means %q, not %q: %v", text, want, got, err)
			}
		}
	})
}

func TestPath(t *testing.T) {
	r := span.New(`{"check out":{"rules":[{},{"condition":{"a":{"$regex":7}}}]}}`, "features")
	path := ""
	var walk func(string) error
	list := func(int) error { return r.Object(walk) }
	walk = func(string) error {
		switch r.Kind() {
		case '{':
			return r.Object(walk)
		case '[':
			return r.Array(list)
		}
		path = r.Path()
		_, err := r.Number()
		return err
	}
	if err := r.Object(walk); err != nil {
		t.Fatal(err)
	}
	if want := `features["check out"].rules[1].condition.a.$regex`; path != want {
		t.Errorf("path %s, want %s", path, want)
	}
	if r.Path() != "features" {
		t.Errorf("afterwards at %s", r.Path())
	}
}

func TestErrorsSayWhere(t *testing.T) {
	r := span.New(`{"a":{"b":tru}}`)
	err := r.Object(func(string) error {
		return r.Object(func(string) error { _, err := r.Skip(); return err })
	})
	var where *span.Error
	if !errors.As(err, &where) || where.Path != "a.b" || where.Byte != 10 {
		t.Errorf("%v", err)
	}
	if _, err := span.New(strings.Repeat("[", span.MaxDepth+1)).Skip(); err == nil || !strings.Contains(err.Error(), "deeper") {
		t.Errorf("deep: %v", err)
	}
}

func TestNumbersAsJavaScriptWritesThem(t *testing.T) {
	for f, want := range map[float64]string{
		123: "123", 1.5: "1.5", 1e20: "100000000000000000000", 1e21: "1e+21", 1.5e-7: "1.5e-7", -2e-10: "-2e-10", 1e-6: "0.000001", 1e300: "1e+300",
		math.Inf(-1): "-Infinity", math.Copysign(0, -1): "0",
	} {
		if got := string(span.AppendNumber(nil, f)); got != want {
			t.Errorf("%v is written %s, want %s", f, got, want)
		}
	}
	if got, err := span.New("1e999").Number(); err != nil || !math.IsInf(got, 1) {
		t.Errorf("1e999: %v, %v", got, err)
	}
}

func TestFaultsAreCountedBeyondTheLimit(t *testing.T) {
	var f span.Faults
	for range span.MaxFaults + 5 {
		f.Add("a", "is wrong")
	}
	if len(f.List) != span.MaxFaults || f.Count != span.MaxFaults+5 || !strings.HasSuffix(f.Error(), "and 102 more") {
		t.Errorf("%d, %d, %s", len(f.List), f.Count, f.Error())
	}
}
