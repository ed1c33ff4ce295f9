package statsd

import (
	"fmt"
	"math"
	"strings"
	"testing"
)

// show gives what a line was read as, in words.
func show(l *Line, reason Reason) string {
	if reason != Fine {
		return "dropped: " + reason.String()
	}
	var b strings.Builder
	fmt.Fprintf(&b, "%s %q", l.Kind, l.Name)
	for _, v := range l.Values {
		switch {
		case l.Kind == Set:
			fmt.Fprintf(&b, " %q", v.Text)
		case v.Change:
			fmt.Fprintf(&b, " by %g", v.Number)
		default:
			fmt.Fprintf(&b, " %g", v.Number)
		}
	}
	if l.Rate != 1 {
		fmt.Fprintf(&b, " rate %g", l.Rate)
	}
	for name, value := range l.Tags.All {
		fmt.Fprintf(&b, " #%q=%q", name, value)
	}
	if l.Container != nil {
		fmt.Fprintf(&b, " in %q", l.Container)
	}
	if l.Time != 0 {
		fmt.Fprintf(&b, " at %d", l.Time)
	}
	return b.String()
}

func TestLines(t *testing.T) {
	var l Line
	for text, want := range map[string]string{
		"orders:1|c":             `counter "orders" 1`,
		"orders:3|c|@0.5":        `counter "orders" 6 rate 0.5`,
		"orders:+3|c":            `counter "orders" 3`,
		"queue:12.5|g":           `gauge "queue" 12.5`,
		"queue:+2|g":             `gauge "queue" by 2`,
		"queue:-2|g":             `gauge "queue" by -2`,
		"db.query:1.5e1|ms":      `timer "db.query" 15`,
		"size:.5|h":              `timer "size" 0.5`,
		"size:5.|d":              `timer "size" 5`,
		"t:1:2:3|ms|@0.1":        `timer "t" 1 2 3 rate 0.1`,
		"c:1:2|c|@0.5":           `counter "c" 2 4 rate 0.5`,
		"visitors:ana:7|s":       `set "visitors" "ana:7"`,
		"a:1|c|#x:1,y,z:a:b":     `counter "a" 1 #"x"="1" #"y"="" #"z"="a:b"`,
		"a:1|c|#":                `counter "a" 1`,
		"a:1|c|#,,x:,:y":         `counter "a" 1 #"x"=""`,
		"a:1|g|c:83c0a99c|#x:1":  `gauge "a" 1 #"x"="1" in "83c0a99c"`,
		"a:1|c|T1656581400":      `counter "a" 1 at 1656581400`,
		"a:1|c|e:in-123|card:lo": `counter "a" 1`,
		"my counter/x (ß):1|c":   `counter "my counter/x (ß)" 1`,
		"a:0|c":                  `counter "a" 0`,
		"a:-0|c":                 `counter "a" -0`,
		"a:1|c|":                 `counter "a" 1`,
		"a:9007199254740992|c":   `counter "a" 9.007199254740992e+15`,

		"":                                       "dropped: malformed",
		"orders":                                 "dropped: malformed",
		"orders:1":                               "dropped: malformed",
		"orders|c":                               "dropped: malformed",
		"a:1|c|0.1":                              "dropped: malformed",
		"a:1|c|:x":                               "dropped: malformed",
		":1|c":                                   "dropped: name",
		"a\x00b:1|c":                             "dropped: name",
		"\xff:1|c":                               "dropped: name",
		strings.Repeat("x", 201) + ":1|c":        "dropped: name",
		"a:1|":                                   "dropped: kind",
		"a:1|m":                                  "dropped: kind",
		"a:1|C":                                  "dropped: kind",
		"a:|c":                                   "dropped: value",
		"a:1:|c":                                 "dropped: value",
		"a:one|c":                                "dropped: value",
		"a:NaN|g":                                "dropped: value",
		"a:Inf|g":                                "dropped: value",
		"a:-Infinity|ms":                         "dropped: value",
		"a:0x10|c":                               "dropped: value",
		"a:1_000|c":                              "dropped: value",
		"a:1e|c":                                 "dropped: value",
		"a:.|c":                                  "dropped: value",
		"a: 1|c":                                 "dropped: value",
		"a:1." + strings.Repeat("0", 64) + "|c":  "dropped: value",
		"a:|s":                                   "dropped: value",
		"a:-1|c":                                 "dropped: negative",
		"a:-1|ms":                                "dropped: negative",
		"a:1:-1|h":                               "dropped: negative",
		"a:9007199254740993.5|c":                 "dropped: huge",
		"a:2|c|@1.2e-16":                         "dropped: huge",
		"a:1|c|@1e-300":                          "dropped: rate",
		"a:1e999|g":                              "dropped: huge",
		"a:1e999|c":                              "dropped: huge",
		"a:-1e300|g":                             "dropped: huge",
		"a:1|c|@0":                               "dropped: rate",
		"a:1|c|@":                                "dropped: rate",
		"a:1|c|@-1":                              "dropped: rate",
		"a:1|c|@1.1":                             "dropped: rate",
		"a:1|c|@nan":                             "dropped: rate",
		"a:1|c|T":                                "dropped: time",
		"a:1|c|T1656581400.5":                    "dropped: time",
		"a:1|c|T9999999999999":                   "dropped: time",
		"_e{5,4}:title|text|#x":                  "dropped: event",
		"_e{":                                    "dropped: event",
		"_sc|Redis connection|2|#env:dev|m:late": "dropped: service_check",
	} {
		reason := l.Read([]byte(text))
		if got := show(&l, reason); got != want {
			t.Errorf("%q is read as %s, want %s", text, got, want)
		}
	}
}

func TestPacketsHaveLines(t *testing.T) {
	var got []string
	for line, rest := Cut([]byte("\n\r\na:1|c\r\nb:2|g\n\nc:3|ms")); len(line) > 0; line, rest = Cut(rest) {
		got = append(got, string(line))
	}
	if strings.Join(got, " ") != "a:1|c b:2|g c:3|ms" {
		t.Errorf("lines are %q", got)
	}
}

// TestWhatClientsSend reads what was recorded of hot-shots 17.1.1 (Node) and datadog-go 5.9.1.
func TestWhatClientsSend(t *testing.T) {
	packets := map[string]string{
		"hs.took:12.5|ms|#status:200,env:x|c:in-10100": `timer "hs.took" 12.5 #"status"="200" #"env"="x" in "in-10100"`,
		"hs.sampled:1|c|@0.999|#status:200|c:in-10100": `counter "hs.sampled" 1.001001001001001 rate 0.999 #"status"="200" in "in-10100"`,
		"hs.g:-2|g|#env:x|c:in-10100":                  `gauge "hs.g" by -2 #"env"="x" in "in-10100"`,
		"_e{5,4}:title|text|#env:x|c:in-10100":         "dropped: event",
		"_e{1,4}:t|a\\nb\n_sc|x|0\n":                   "dropped: event, dropped: service_check",
		"dd.t:5.000000|ms\ndd.t:5.000000|ms\n":         `timer "dd.t" 5, timer "dd.t" 5`,
		"dd.orders:10|c|#status:200,x:y\n":             `counter "dd.orders" 10 #"status"="200" #"x"="y"`,
		"dd.ts:3|c|T1795916839\n":                      `counter "dd.ts" 3 at 1795916839`,
		"dd.s:ana|s\n":                                 `set "dd.s" "ana"`,
	}
	var l Line
	for packet, want := range packets {
		var got []string
		for text, rest := Cut([]byte(packet)); len(text) > 0; text, rest = Cut(rest) {
			got = append(got, show(&l, l.Read(text)))
		}
		if strings.Join(got, ", ") != want {
			t.Errorf("%q is read as %s, want %s", packet, strings.Join(got, ", "), want)
		}
	}
}

// What is dropped is counted by these words in logs that are kept.
func TestReasonsHaveWords(t *testing.T) {
	seen := map[string]bool{}
	for r := range Reasons {
		if seen[r.String()] || (r.String() == "") != (r == Fine) {
			t.Errorf("reason %d is called %q", r, r)
		}
		seen[r.String()] = true
	}
	if Reasons.String() != "unknown" {
		t.Error(Reasons.String())
	}
}

func lines() [][]byte {
	return [][]byte{
		[]byte("shop.orders:1|c"),
		[]byte("shop.request.duration:12.6|ms|@0.1|#route:/product,status:200,release:rel_01kc5zq6m3h8x2v7w9y4t1n0ab"),
		[]byte("shop.queue.length:481|g|#region:eu-west-1|c:83c0a99c0a54c0c187f461c7980e9b57f3f6a8b0c918c8d93df19a9de6f3fe1d|T1656581400"),
		[]byte("shop.db.query:0.513:1.221:0.9:14.02|d|#table:orders"),
		[]byte("shop.visitors:3f1c9a|s"),
	}
}

func TestReadingAllocatesNothing(t *testing.T) {
	var l Line
	all := lines()
	if n := testing.AllocsPerRun(100, func() {
		for _, text := range all {
			if reason := l.Read(text); reason != Fine {
				t.Fatal(reason)
			}
			for name := range l.Tags.All {
				if len(name) == 0 {
					t.Fatal("a tag without a name")
				}
			}
		}
	}); n != 0 {
		t.Errorf("%g allocations for %d lines", n, len(all))
	}
}

func BenchmarkRead(b *testing.B) {
	var l Line
	all := lines()
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		if reason := l.Read(all[i%len(all)]); reason != Fine {
			b.Fatal(reason)
		}
	}
}

// FuzzRead compares with a slow and simple reading, and sees to it that whatever is read can be added up.
func FuzzRead(f *testing.F) {
	for _, text := range lines() {
		f.Add(text)
	}
	for _, text := range []string{"a:1:2|c|@0.5|#x:1,y|c:z|T12", "a:+1:-1:1|g", "a:NaN|g", "a:1e400|ms", "_e{1,1}:a|b", "_sc|a|0", "a:1|c|card:x||", "a:b:c|s", ":|", "a:-0|c"} {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, packet []byte) {
		var l Line
		for text, rest := Cut(packet); len(text) > 0; text, rest = Cut(rest) {
			reason := l.Read(text)
			if got, want := show(&l, reason), slowly(string(text)); got != want {
				t.Errorf("%q is read as %s, slowly as %s", text, got, want)
			}
			if reason != Fine {
				continue
			}
			for _, v := range l.Values {
				if math.IsNaN(v.Number) || math.Abs(v.Number) > MostGauge || l.Kind != Gauge && (v.Number < 0 || v.Number > Most) {
					t.Errorf("%q gives %g", text, v.Number)
				}
			}
		}
	})
}
