package assign_test

import (
	"fmt"
	"runtime"
	"strings"
	"testing"

	"github.com/slipwayhq/slipway/internal/pure/assign"
)

// oneFlag has a rule for an attribute, and shares those whom it means out.
const oneFlag = `{"features":{"checkout":{"defaultValue":false,"rules":[{"condition":{"country":"US"},"variations":[false,true],"weights":[0.5,0.5],"key":"checkout-test","hashVersion":2}]}}}`

func compiled(t testing.TB, payload string) *assign.Flags {
	t.Helper()
	flags, err := assign.Compile([]byte(payload), assign.Options{})
	if err != nil {
		t.Fatal(err)
	}
	return flags
}

// many is a payload of n flags of ten rules, such as teams have.
func many(n int) string {
	var b strings.Builder
	b.WriteString(`{"features":{`)
	for i := range n {
		if i > 0 {
			b.WriteByte(',')
		}
		fmt.Fprintf(&b, `"flag-%05d":{"defaultValue":false,"rules":[`, i)
		for j := range 9 {
			fmt.Fprintf(&b, `{"id":"fr_%05d_%d","condition":{"country":{"$in":["C%d","C%d"]},"plan":"plan-%d","age":{"$gte":%d}},"force":true,"coverage":0.%d,"hashAttribute":"id"},`,
				i, j, j, j+1, i%50, 10+j, 1+j)
		}
		fmt.Fprintf(&b, `{"id":"fr_%05d_x","condition":{"country":"US"},"key":"exp-%05d","variations":[false,true],"weights":[0.5,0.5],"hashVersion":2,"meta":[{"key":"0"},{"key":"1"}]}]}`, i, i)
	}
	b.WriteString("}}")
	return b.String()
}

func visitors() []assign.Visitor {
	out := make([]assign.Visitor, 1024)
	for i := range out {
		out[i].Attributes = map[string]any{"id": fmt.Sprintf("user-%d", i), "country": "US", "plan": "plan-7", "age": 33.0}
	}
	return out
}

func BenchmarkOneFlag(b *testing.B) {
	flags, who := compiled(b, oneFlag), visitors()
	on, i := 0, 0
	b.ReportAllocs()
	for b.Loop() {
		if flags.Eval("checkout", &who[i%1024], nil).On {
			on++
		}
		i++
	}
	b.ReportMetric(float64(on)/float64(i), "on")
}

func BenchmarkThousandFlags(b *testing.B) {
	flags, who := compiled(b, many(1000)), visitors()
	on, i := 0, 0
	b.ReportAllocs()
	for b.Loop() {
		for _, r := range flags.All(&who[i%1024], nil) {
			if r.On {
				on++
			}
		}
		i++
	}
	b.ReportMetric(float64(on)/float64(i)/1000, "on")
}

func BenchmarkThousandSimpleFlags(b *testing.B) {
	var p strings.Builder
	p.WriteString(`{"features":{`)
	for i := range 1000 {
		if i > 0 {
			p.WriteByte(',')
		}
		fmt.Fprintf(&p, `"flag-%04d":{"defaultValue":false,"rules":[{"condition":{"country":"US"},"variations":[false,true],"weights":[0.5,0.5],"key":"exp-%04d","hashVersion":2}]}`, i, i)
	}
	p.WriteString("}}")
	flags, who := compiled(b, p.String()), visitors()
	i := 0
	b.ReportAllocs()
	for b.Loop() {
		for range flags.All(&who[i%1024], nil) {
		}
		i++
	}
}

func BenchmarkCompile(b *testing.B) {
	payload := []byte(many(10_000))
	b.ReportAllocs()
	b.SetBytes(int64(len(payload)))
	var flags *assign.Flags
	for b.Loop() {
		var err error
		if flags, err = assign.Compile(payload, assign.Options{}); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(kept(b, payload), "MB-kept")
	runtime.KeepAlive(flags)
}

// kept is what a compiled payload keeps on the heap, in MB.
func kept(tb testing.TB, payload []byte) float64 {
	tb.Helper()
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	flags, err := assign.Compile(payload, assign.Options{})
	if err != nil {
		tb.Fatal(err)
	}
	runtime.GC()
	runtime.ReadMemStats(&after)
	runtime.KeepAlive(flags)
	return (float64(after.HeapAlloc) - float64(before.HeapAlloc)) / 1e6
}
