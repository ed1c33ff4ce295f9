package replay_test

import (
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"gonum.org/v1/gonum/stat/distuv"

	"github.com/slipwayhq/slipway/internal/pure/judge"
	"github.com/slipwayhq/slipway/internal/pure/replay"
)

// story is a rollout: 20 hosts that differ by 20 %, five minutes before and five after, of which the first so many get the new release.
type story struct {
	seed     uint64
	canaries int
	before   int
	both     bool // hosts run both releases at once
	// what the new release multiplies
	errors, slow, orders, requests float64
	broken                         int // a host with 20 times the errors, from 1
	every                          int // new rows in every so many seconds only
	extra                          []string
}

func (s story) csv() string {
	rng := rand.New(rand.NewPCG(s.seed, 7))
	poisson := func(mean float64) int { return int(distuv.Poisson{Lambda: mean, Src: rng}.Rand()) }
	factor := make([]float64, 20)
	for i := range factor {
		factor[i] = math.Exp(0.2 * rng.NormFloat64())
	}
	var b strings.Builder
	b.WriteString("second,host,release,requests,errors,slow99,orders,orders_of\n")
	for second := range s.before + 300 {
		for h, f := range factor {
			for _, release := range []string{"old", "new"} {
				fresh := release == "new"
				started := second >= s.before && h < s.canaries
				if fresh && !started || !fresh && started && !s.both {
					continue
				}
				if fresh && s.every > 0 && second%s.every > 0 {
					continue
				}
				q, e, slow, orders := 20.0, f, 1.0, 1.0
				if fresh {
					q, e, slow, orders = q*or1(s.requests), e*or1(s.errors), or1(s.slow), or1(s.orders)
					if h == s.broken-1 {
						e *= 20
					}
				}
				n := poisson(q)
				part := func(mean float64) int { return min(n, poisson(float64(n)*mean)) }
				fmt.Fprintf(&b, "%d,web-%d,%s,%d,%d,%d,%d,%d\n", second+1000, h+1, release, n, part(0.01*e), part(0.01*slow), part(0.1*orders), n)
			}
		}
	}
	return b.String() + strings.Join(s.extra, "")
}

func or1(x float64) float64 {
	if x == 0 {
		return 1
	}
	return x
}

func (s story) judge(t *testing.T, o replay.Options) replay.Result {
	t.Helper()
	table, err := replay.Read(strings.NewReader(s.csv()))
	if err != nil {
		t.Fatal(err)
	}
	r, err := replay.Judge(table, o)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

var usual = replay.Options{Margin: -1}

func TestVerdicts(t *testing.T) {
	for name, c := range map[string]struct {
		story   story
		opts    replay.Options
		verdict judge.Outcome
		vital   string
		says    string
	}{
		"nothing changed":     {story{canaries: 4, before: 300}, usual, judge.Healthy, "", "a doubling is ruled out"},
		"twice the errors":    {story{canaries: 4, before: 300, errors: 2}, usual, judge.Regressed, "errors", "times the old release's"},
		"three times as slow": {story{canaries: 4, before: 300, slow: 3}, usual, judge.Regressed, "slow99", "times the old release's"},
		"fewer orders":        {story{canaries: 4, before: 300, orders: 0.7}, usual, judge.Regressed, "orders", "orders: 0."},
		"more orders are fine": {
			story{canaries: 4, before: 300, orders: 1.5}, replay.Options{Margin: -1, Drop: []string{"orders"}}, judge.Healthy, "", "",
		},
		"a share that doubles":        {story{canaries: 4, before: 300, requests: 3}, usual, judge.WrongSplit, "", "the split is wrong"},
		"one host broke":              {story{canaries: 4, before: 300, broken: 3}, usual, judge.Unknown, "", "the host web-3 alone"},
		"nothing known from before":   {story{canaries: 8, errors: 3}, usual, judge.Regressed, "errors", ""},
		"both at once":                {story{canaries: 20, both: true, before: 10, errors: 2}, usual, judge.Regressed, "errors", ""},
		"both at once, nothing":       {story{canaries: 20, both: true, before: 10}, usual, judge.Healthy, "", ""},
		"both, and not half":          {story{canaries: 20, both: true, before: 10, requests: 3}, replay.Options{Share: 0.5}, judge.WrongSplit, "", "should get 50 %"},
		"seconds without the new one": {story{canaries: 4, before: 300, every: 3}, usual, judge.Healthy, "", ""},
		"too little traffic":          {story{canaries: 4, before: 300, every: 60}, usual, judge.Unknown, "", "more requests are needed"},
		"no new release":              {story{before: 10}, usual, judge.Unknown, "", "no row is of the release new"},
		"all at once":                 {story{canaries: 20, before: 30, errors: 9}, usual, judge.Unknown, "", "no comparison"},
	} {
		t.Run(name, func(t *testing.T) {
			r := c.story.judge(t, c.opts)
			if r.Verdict != c.verdict || c.vital != "" && r.Vital != c.vital || !strings.Contains(strings.Join(r.Reasons, "\n"), c.says) {
				t.Errorf("%s at %d, vital %s (%g of %g), because %q", r.Verdict, r.AtSecond, r.Vital, r.EValue, r.Threshold, r.Reasons)
			}
			if r.Verdict == judge.Regressed && (r.EValue < r.Threshold || r.RatioLow > r.Ratio || r.RatioHigh < r.Ratio || r.AtSecond <= 1000) {
				t.Errorf("%+v", r)
			}
		})
	}
}

// The order of lines, lines that are said twice, and a gap change nothing.
func TestOrderRepeatsAndGaps(t *testing.T) {
	text := story{canaries: 4, before: 300, errors: 1.4}.csv()
	lines := strings.SplitAfter(strings.TrimSuffix(text, "\n"), "\n")
	lines[len(lines)-1] += "\n"
	verdict := func(lines []string) replay.Result {
		table, err := replay.Read(strings.NewReader(strings.Join(lines, "")))
		if err != nil {
			t.Fatal(err)
		}
		r, err := replay.Judge(table, usual)
		if err != nil {
			t.Fatal(err)
		}
		return r
	}
	want := verdict(lines)
	mixed := slices.Concat(lines[:1], lines[5000:], lines[1:5000], lines[300:320])
	got := verdict(mixed)
	if got.Repeated != 20 || got.Verdict != want.Verdict || got.EValue != want.EValue || got.AtSecond != want.AtSecond {
		t.Errorf("%+v, in order %+v", got, want)
	}
}

func TestRoutes(t *testing.T) {
	var b strings.Builder
	rng := rand.New(rand.NewPCG(1, 1))
	b.WriteString("second,host,release,route,requests,errors\n")
	for second := range 600 {
		for h := range 10 {
			release := "old"
			if second >= 300 && h < 2 {
				release = "new"
			}
			broken := 0
			if rng.IntN(8) == 0 {
				broken = 1
			}
			bad := 0
			if release == "new" {
				bad = broken
			}
			fmt.Fprintf(&b, "%d,h%d,%s,/,100,%d\n%d,h%d,%s,/checkout,%d,%d\n", second, h, release, rng.IntN(3), second, h, release, broken, bad)
		}
	}
	table, err := replay.Read(strings.NewReader(b.String()))
	if err != nil {
		t.Fatal(err)
	}
	r, err := replay.Judge(table, usual)
	if err != nil || r.Verdict != judge.Regressed || r.Vital != "errors on /checkout" {
		t.Errorf("%s on %s at %d: %v (%v)", r.Verdict, r.Vital, r.AtSecond, r.Reasons, err)
	}
}

func TestBadTables(t *testing.T) {
	const head = "second,host,release,requests,errors\n"
	for name, c := range map[string]struct{ csv, says string }{
		"empty":            {"", "the table is empty"},
		"no errors":        {"second,host,release,requests\n", `there is no column "errors"`},
		"twice":            {"second,host,release,requests,errors,errors\n", `"errors" is there twice`},
		"alone":            {"second,host,release,requests,errors,orders\n", `"orders" stands alone`},
		"of alone":         {"second,host,release,requests,errors,orders_of\n", `"orders_of" stands alone`},
		"of a built-in":    {"second,host,release,requests,errors,errors_of\n", `"errors_of" stands alone`},
		"NaN":              {head + "1,a,old,NaN,0\n", `line 2: requests "NaN" is no whole number`},
		"negative":         {head + "1,a,old,5,-1\n", "line 2: errors -1 is not between 0"},
		"huge":             {head + "1,a,old,99999999999999,0\n", "line 2: requests 99999999999999 is not between"},
		"beyond a number":  {head + "1,a,old,99999999999999999999999,0\n", "is no whole number"},
		"more than all":    {head + "1,a,old,5,6\n", "line 2: errors is 6, and all are 5"},
		"empty cell":       {head + "1,a,old,,0\n", "requests is empty; leave the line out"},
		"fraction":         {head + "1.5,a,old,1,0\n", `second "1.5" is no whole number`},
		"release":          {head + "1,a,canary,1,0\n", `release "canary": write old or new`},
		"no host":          {head + "1,,old,1,0\n", "host needs a name"},
		"too few columns":  {head + "1,a,old\n", "line 2: 3 columns, and line 1 has 5"},
		"open quote":       {head + "1,\"a,old,1,0\n", "quote"},
		"other counts":     {head + "1,a,old,1,0\n1,a,old,2,0\n", "line 3: host a has other counts for second 1"},
		"a line of a line": {head + strings.Repeat("x\n", 100), "and perhaps more"},
	} {
		t.Run(name, func(t *testing.T) {
			table, err := replay.Read(strings.NewReader(c.csv))
			var problems replay.Problems
			if table != nil || !errors.As(err, &problems) || !strings.Contains(err.Error(), c.says) {
				t.Errorf("%v", err)
			}
		})
	}
	all, err := replay.Read(strings.NewReader(head + "1,a,old,x,y\n2,a,young,1,2\n"))
	if all != nil || strings.Count(err.Error(), "\n") != 3 {
		t.Errorf("not all mistakes at once: %v", err)
	}
}

func TestBadOptions(t *testing.T) {
	table, err := replay.Read(strings.NewReader("second,host,release,requests,errors\n1,a,old,1,0\n"))
	if err != nil {
		t.Fatal(err)
	}
	for _, o := range []replay.Options{
		{Alpha: 2}, {Alpha: -1}, {Alpha: math.NaN()}, {Margin: 3}, {RuleOut: 0.5}, {Settle: -1}, {Share: 1}, {Share: math.NaN()}, {Rise: []string{"orders"}},
	} {
		if _, err := replay.Judge(table, o); err == nil {
			t.Errorf("%+v: no error", o)
		}
	}
}

// Whatever is read is an error or a verdict with numbers that JSON can hold.
func FuzzRead(f *testing.F) {
	f.Add(story{canaries: 4, before: 1}.csv()[:2000])
	f.Add("second,host,release,route,requests,errors,a,a_of\n-5,x,old,/,3,1,0,0\n0,x,new,/,3,1,1,2\n0,y,old,/b,9,0,0,9\n")
	f.Fuzz(func(t *testing.T, text string) {
		table, err := replay.Read(strings.NewReader(text))
		if err != nil {
			return
		}
		r, err := replay.Judge(table, usual)
		if err != nil {
			t.Fatal(err)
		}
		for _, x := range []float64{r.EValue, r.Threshold, r.Ratio, r.RatioLow, r.RatioHigh} {
			if math.IsNaN(x) || math.IsInf(x, 0) {
				t.Fatalf("%+v", r)
			}
		}
	})
}
