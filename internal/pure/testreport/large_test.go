package testreport_test

import (
	"io"
	"runtime"
	"strconv"
	"strings"
	"testing"

	"github.com/slipwayhq/slipway/internal/pure/testreport"
)

// repeated is a reader of head, count times body, and tail. It notes how large
// the heap gets while it is read.
type repeated struct {
	head, body, tail string
	count            int
	rest             string
	read, peak       uint64
	state            int
}

func (r *repeated) Read(p []byte) (int, error) {
	for r.rest == "" {
		switch {
		case r.state == 0:
			r.rest, r.state = r.head, 1
		case r.state == 1 && r.count > 0:
			r.rest, r.count = r.body, r.count-1
		case r.state == 1:
			r.rest, r.state = r.tail, 2
		default:
			return 0, io.EOF
		}
	}
	n := copy(p, r.rest)
	r.rest = r.rest[n:]
	if before := r.read >> 23; (r.read+uint64(n))>>20 != before { // every MB
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		r.peak = max(r.peak, m.HeapAlloc)
	}
	r.read += uint64(n)
	return n, nil
}

// What is held in memory must not grow with the report, whatever makes it long.
func TestLargeReports(t *testing.T) {
	text := strings.Repeat("0123456789abcde\n", 4096) // 64 KiB
	const chunks, large = 320, 1600                   // 20 MB and 100 MB
	for name, tt := range map[string]struct {
		format string
		in     repeated
		want   int // results
	}{
		"one text": {"junit", repeated{head: `<testsuite><testcase name="a"><failure>`, body: text, count: large,
			tail: `</failure></testcase></testsuite>`}, 1},
		"one CDATA": {"junit", repeated{head: `<testsuite><testcase name="a"><failure><![CDATA[`, body: text, count: chunks,
			tail: `]]></failure></testcase></testsuite>`}, 1},
		"one attribute": {"junit", repeated{head: `<testsuite><testcase name="`, body: text, count: chunks,
			tail: `"/></testsuite>`}, 1},
		"one comment":           {"junit", repeated{head: `<testsuite><!--`, body: text, count: chunks, tail: `--></testsuite>`}, 0},
		"no report in the text": {"junit", repeated{body: text, count: chunks}, 0},
		"many cases": {"junit", repeated{head: `<testsuite>`, body: strings.Repeat(`<testcase classname="c" name="n" time="1"><system-out>x</system-out></testcase>`, 800),
			count: chunks, tail: `</testsuite>`}, 800 * chunks},
		"one test's output": {"gotest", repeated{head: `{"Action":"run","Package":"p","Test":"T"}` + "\n",
			body:  strings.Repeat(`{"Action":"output","Package":"p","Test":"T","Output":"`+strings.Repeat("x", 900)+`\n"}`+"\n", 64),
			count: chunks, tail: `{"Action":"fail","Package":"p","Test":"T"}` + "\n" + `{"Action":"fail","Package":"p"}` + "\n"}, 2},
		"one line": {"gotest", repeated{body: text[:len(text)-1], count: chunks, tail: "\n"}, 0},
	} {
		t.Run(name, func(t *testing.T) {
			got := 0
			_, err := readers()[tt.format](&tt.in, func(r testreport.Result) {
				check(t, r)
				got++
			})
			if got != tt.want {
				t.Errorf("%d results, want %d (%v)", got, tt.want, err)
			}
			if most := uint64(8 << 20); tt.in.peak > most {
				t.Errorf("the heap grew to %d MB over %d MB of report", tt.in.peak>>20, tt.in.read>>20)
			}
			t.Logf("%d MB read, the heap at most %d MB", tt.in.read>>20, tt.in.peak>>20)
		})
	}
}

func TestTooManyOpenTests(t *testing.T) {
	var b strings.Builder
	for i := range 100_002 {
		b.WriteString(`{"Action":"run","Package":"p","Test":"T` + strconv.Itoa(i) + "\"}\n")
	}
	results := 0
	_, err := testreport.ReadGoTest(strings.NewReader(b.String()), func(testreport.Result) { results++ })
	if err == nil || !strings.Contains(err.Error(), "more than 100000 tests") {
		t.Errorf("got %v", err)
	}
	if results != 100_001 { // the tests that were open, and their package
		t.Errorf("%d results", results)
	}
}
