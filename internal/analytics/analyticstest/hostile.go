package analyticstest

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/slipwayhq/slipway/internal/analytics"
	"github.com/slipwayhq/slipway/internal/fault"
	"github.com/slipwayhq/slipway/internal/pure/capture"
)

// What a person asks, and what is in events, comes from anybody. These tests are of what nobody means well by.

// answersNoMoreThanFits asks for few rows that are large, in either engine's words.
func answersNoMoreThanFits(t *testing.T, w *world) {
	w.append("shop", analytics.Batch{Rows: rows(1, 100), Through: 100})
	for _, sql := range []string{
		`SELECT repeat('x', 1000000) FROM events`, `SELECT seq, name, repeat('x', 1000000 + CAST(seq AS INTEGER)) AS "answer" FROM events ORDER BY seq DESC`, `SELECT repeat('x', 100000000)`,
		`SELECT repeat('x', 500000), 1, repeat('y', 500000), NULL FROM events`,
	} {
		table, err := w.store("shop").Query(t.Context(), analytics.Query{SQL: sql, Foreign: true})
		ordered := strings.Contains(sql, "ORDER BY") // before it is counted, which may be too much by itself
		if !fault.Is(err, fault.CodeLimited) || !ordered && !strings.Contains(fault.Message(err), "64 MiB") {
			t.Errorf("%s is answered with %d rows, %v", sql, len(table.Rows), err)
		}
	}
	// Of the server's own questions only those are, that any may be.
	if _, err := w.store("shop").Query(t.Context(), analytics.Query{SQL: `SELECT repeat('x', 1000000 + CAST(seq AS INTEGER)) FROM events`}); !fault.Is(err, fault.CodeLimited) {
		t.Errorf("the server is answered with %v", err)
	}
	table, err := w.store("shop").Query(t.Context(), analytics.Query{SQL: `SELECT a.seq * 1000 + b.seq AS "the answer", repeat('x', 5000) FROM events a, events b ORDER BY 1 DESC`, Foreign: true})
	must(t, err)
	if len(table.Rows) != 10_000 || fmt.Sprint(table.Rows[0][0], table.Rows[9999][0]) != "100100 1001" || table.Columns[0].Name != "the answer" {
		t.Errorf("what fits is %d rows of %v, from %v on", len(table.Rows), table.Columns, table.Rows[0][0])
	}
}

// countsWhatIsANumber has numbers that no double is, and such that a sum of two, or the squares of an average, would be none.
func countsWhatIsANumber(t *testing.T, w *world) {
	var some []analytics.Row
	for i, price := range []string{`2`, `3`, `1e999`, `-1e999`, `1e-999`, `1e308`, `1e308`, `1e200`, `1e99999`, `1e-99999`, `"nan"`, `"inf"`, `"x"`, `null`, `{}`, `1e0001`, `1` + strings.Repeat("0", 310)} {
		r := row(uint64(i+1), i, "bought", "u1")
		r.Properties = fmt.Appendf(nil, `{"price":%s}`, price)
		some = append(some, r)
	}
	w.append("shop", analytics.Batch{Rows: some, Through: 100})
	w.answers("shop", `SELECT sum(num(prop(properties, 'price'))), avg(num(prop(properties, 'price'))), count(num(prop(properties, 'price'))) FROM events`, "[[15 3 5]]")
	w.answers("shop", `SELECT num('1e-999'), num('1e999'), num(' -1.5e2 '), num('.5'), num(''), num('1e100'), num('1e101')`, "[[0 <nil> -150 0.5 <nil> 1e+100 <nil>]]")
}

// takesWhatIsNoText has what may be in a log, though no door takes it: halves of letters and NUL, as bytes and as escapes.
func takesWhatIsNoText(t *testing.T, w *world) {
	bad := row(1, 0, "na\x00me\xff", "u\xff")
	bad.Kind, bad.Anonymous, bad.Group, bad.Environment = capture.Identify, "a\x00", "\xff", "\xff"
	bad.Properties, bad.Context = []byte("{\"a\":\"\xff\",\"b\":\"\\u0000x\",\"c\":\"\\ud800\",\"d\":\"\\\\u0000\",\"e\":\"\\ud83d\\udea2\",\"f\":\"\x00\"}"), []byte("{\"ip\":\"\\u0000\"}")
	failed := failedAt(2, noon())
	failed.Message, failed.Raw, failed.Source = "not \xff \x00", []byte("{\"userId\":\"\xff\x00\\u0000\"}"), "\x00"
	learned := analytics.Learned{Kind: capture.Track, Name: strings.Repeat("é", 500), Property: strings.Repeat("\x00\xff", 90), Type: "string", First: noon(), Last: noon(), Count: 1}
	w.append("shop", analytics.Batch{Rows: []analytics.Row{bad, row(3, 0, "good", "u2")}, Failed: []analytics.Failed{failed}, Learned: []analytics.Learned{learned}, Through: 3})
	w.answers("shop", `SELECT name, user_id, anonymous_id, environment FROM events WHERE seq = 1`, "[[na\ufffdme\ufffd u\ufffd a\ufffd \ufffd]]")
	for name, want := range map[string]string{"a": "\ufffd", "b": "\ufffdx", "c": "\ufffd", "d": `\u0000`, "e": "🚢", "f": "\ufffd"} {
		w.answers("shop", `SELECT prop(properties, $1) FROM events WHERE seq = 1`, "[["+want+"]]", name)
	}
	w.answers("shop", `SELECT message, raw FROM failed`, "[[not \ufffd \ufffd {\"userId\":\"\ufffd\ufffd\\u0000\"}]]")
	w.answers("shop", `SELECT length(name), length(property) FROM learned`, "[[500 180]]")
}

func allOrNothing(t *testing.T, w *world) {
	much := []analytics.Learned{{Name: "x", First: noon(), Last: noon(), Count: 1 << 62}}
	w.append("shop", analytics.Batch{Rows: rows(1, 3), Learned: much, Through: 3})
	if err := w.store("shop").Append(t.Context(), analytics.Batch{Rows: rows(4, 5), Learned: much, Through: 5}); !errors.Is(err, analytics.ErrRefused) {
		t.Fatalf("a count of more than 64 bits ends with %v", err)
	}
	w.answers("shop", `SELECT count(*), min(through) FROM events, position`, "[[3 3]]")
	w.append("shop", analytics.Batch{Rows: rows(4, 5), Through: 5})
	w.answers("shop", `SELECT count(*) FROM events`, "[[5]]")
}

// forgetsHoweverTheyAreWritten has ids that are numbers, or written with escapes.
func forgetsHoweverTheyAreWritten(t *testing.T, w *world) {
	var some []analytics.Failed
	for i, raw := range []string{`{"userId":4711}`, `{"anonymousId":"Zo\u00eb"}`, `"{\"user\":4711,"`, `"{\"user\":\"Zo\u00eb\"}"`, `{"userId":47110}`, `{"price":4711}`} {
		one := failedAt(uint64(i+1), noon())
		one.Raw = []byte(raw)
		some = append(some, one)
	}
	w.append("shop", analytics.Batch{Failed: some, Through: 6})
	for _, user := range []string{"4711", "Zoë"} {
		_, err := w.store("shop").Forget(t.Context(), user)
		must(t, err)
	}
	w.answers("shop", `SELECT seq FROM failed ORDER BY seq`, "[[5] [6]]")
}
