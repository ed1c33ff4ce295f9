package envoylimit_test

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/slipwayhq/slipway/internal/pure/envoylimit"
	"github.com/slipwayhq/slipway/internal/pure/rate"
)

// domains reads the files of testdata, each a domain.
func domains(t *testing.T) map[string]*envoylimit.Config {
	t.Helper()
	out := map[string]*envoylimit.Config{}
	files, err := filepath.Glob("testdata/domains/*.yaml")
	if err != nil || len(files) == 0 {
		t.Fatal(files, err)
	}
	for _, f := range files {
		text, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		c, problems := envoylimit.Read("shop", "production", text)
		if problems != nil {
			t.Fatalf("%s: %v", f, problems)
		}
		out[c.Domain] = c
	}
	return out
}

// The cases were asked of envoyproxy/ratelimit, too, by gRPC: limits are told apart by their amount, which no two have.
func TestDescriptorsHaveThePeersLimit(t *testing.T) {
	text, err := os.ReadFile("testdata/cases.json")
	if err != nil {
		t.Fatal(err)
	}
	var cases []struct {
		Domain  string
		Entries []envoylimit.Entry
		Limit   *int64 // null: none; -1: unlimited
		Counts  string
	}
	if err := json.Unmarshal(text, &cases); err != nil {
		t.Fatal(err)
	}
	all := domains(t)
	for _, tc := range cases {
		c := all[tc.Domain]
		if c == nil {
			continue // a domain that is not known has no limit
		}
		m := c.Match(tc.Entries)
		got := "none"
		if m.Limit != nil {
			got = "-1"
			if !m.Limit.Unlimited() {
				got = fmt.Sprint(m.Limit.Defined.Rule.Limit.Amount)
			}
		}
		want := "none"
		if tc.Limit != nil {
			want = fmt.Sprint(*tc.Limit)
		}
		if got != want || m.Group != tc.Counts {
			t.Errorf("%s %v: limit %s counts %q, not %s of %q", tc.Domain, tc.Entries, got, m.Group, want, tc.Counts)
		}
	}
}

func TestGroupsOfALimit(t *testing.T) {
	c := domains(t)["shop"]
	m := c.Match([]envoylimit.Entry{{"plan", "free"}, {"user", "ben"}})
	d := m.Limit.Defined
	if d.App != "shop" || d.Env != "production" || d.Group != "shop::plan=free,user" || c.Find(d.Group) != d {
		t.Errorf("%+v", d)
	}
	if c.Find("shop::nobody") != nil || c.Find("shop::@x/minute") != nil || c.Find("shop::@1/fortnight") != nil {
		t.Error("a limit that is not there was found")
	}
	seen := map[uint64]string{}
	for l := range c.All {
		if l.Unlimited() {
			continue
		}
		if other, ok := seen[l.Defined.Series]; ok {
			t.Errorf("%s and %s are one series", l.Group, other)
		}
		seen[l.Defined.Series] = l.Group
	}
	other, problems := envoylimit.Read("shop", "staging", []byte("domain: shop\ndescriptors:\n- key: user\n  rate_limit: {unit: day, requests_per_unit: 101}\n"))
	if problems != nil {
		t.Fatal(problems)
	}
	if d := other.Find("shop::user"); seen[d.Series] != "" {
		t.Error("two environments share a series")
	}
}

// A limit that changes its amount goes on counting; one that counts in another way begins anew.
func TestSeriesOfAChangedLimit(t *testing.T) {
	series := func(limit string) uint64 {
		t.Helper()
		c, problems := envoylimit.Read("a", "b", []byte("domain: d\ndescriptors: [{key: k, rate_limit: {"+limit+"}}]"))
		if problems != nil {
			t.Fatal(problems)
		}
		return c.Find("d::k").Series
	}
	one := series("unit: day, requests_per_unit: 1")
	if series("unit: day, requests_per_unit: 2") != one {
		t.Error("another amount is another series")
	}
	for _, other := range []string{"unit: hour, requests_per_unit: 1", "unit: day, requests_per_unit: 1, rolling: true"} {
		if series(other) == one {
			t.Errorf("%s goes on in the series of days", other)
		}
	}
}

// What a request counts under is one for one: no two lists of entries share it.
func TestGroupsAreOneForOne(t *testing.T) {
	c, problems := envoylimit.Read("a", "b", []byte("domain: 'd:,'\ndescriptors:\n- key: 'k=,'\n  rate_limit: {unit: day, requests_per_unit: 1}\n  descriptors:\n  - key: l\n    rate_limit: {unit: day, requests_per_unit: 1}\n- key: k\n  rate_limit: {unit: day, requests_per_unit: 1}\n"))
	if problems != nil {
		t.Fatal(problems)
	}
	long := strings.Repeat("ü", 600)
	seen := map[string]string{}
	for _, entries := range [][]envoylimit.Entry{
		{{"k", "v"}}, {{"k", "v,l=x"}}, {{"k=,", "v"}}, {{"k=,", "v,l=x"}}, {{"k=,", "v"}, {"l", "x"}}, {{"k", "%2C"}}, {{"k", ","}}, {{"k", "\n"}}, {{"k", ""}},
		{{"k", long}}, {{"k", long + "a"}}, {{"k", strings.Repeat("x", 100_000)}}, {{"k", strings.Repeat("x", 100_001)}},
	} {
		m := c.Match(entries)
		if m.Limit == nil || len(m.Group) > envoylimit.LongestGroup || !strings.HasPrefix(m.Group, "d%3A%2C::") {
			t.Errorf("%.50v: %d bytes of group: %.50q", entries, len(m.Group), m.Group)
		}
		if other, ok := seen[m.Group]; ok {
			t.Errorf("%.50v and %.50s are one group: %.80q", entries, other, m.Group)
		}
		seen[m.Group] = fmt.Sprint(entries)
		if domain, ok := envoylimit.DomainOf(m.Group); !ok || domain != c.Domain {
			t.Errorf("%.80q is of the domain %q", m.Group, domain)
		}
	}
}

func TestDomainOfAGroup(t *testing.T) {
	for group, want := range map[string]string{"shop::user": "shop", "shop::@10/minute": "shop", "a%25%3A::x": "a%:", "shop:user": "", "user": "", "%3::x": "", "%zz::x": "", "%::x": ""} {
		if got, ok := envoylimit.DomainOf(group); got != want || ok != (want != "") {
			t.Errorf("%s: %q, %v", group, got, ok)
		}
	}
}

func TestOverrides(t *testing.T) {
	c := domains(t)["shop"]
	entries := []envoylimit.Entry{{"any", "thing"}}
	a, err := c.Override(entries, envoylimit.Override{PerUnit: 10, Unit: rate.Minute})
	if err != nil || a.Group != "shop::any=thing" || a.Limit.Defined.Rule.Limit != (rate.Limit{Kind: rate.Calendar, Amount: 10, Unit: rate.Minute}) {
		t.Fatalf("%+v, %v", a, err)
	}
	b, err := c.Override(entries, envoylimit.Override{PerUnit: 20, Unit: rate.Minute, Every: 1})
	if err != nil || a.Limit.Defined.Series != b.Limit.Defined.Series || a.Group != b.Group {
		t.Errorf("a raised limit begins anew: %+v, %v", b.Limit.Defined, err)
	}
	r, err := c.Override(entries, envoylimit.Override{PerUnit: 20, Unit: rate.Minute, Every: 5})
	if err != nil || r.Limit.Defined.Rule.Limit != (rate.Limit{Kind: rate.Rolling, Amount: 20, Unit: rate.Minute, Every: 5}) || r.Limit.Defined.Series == b.Limit.Defined.Series {
		t.Errorf("five minutes: %+v, %v", r.Limit, err)
	}
	for _, m := range []envoylimit.Matched{a, b, r} {
		again := c.Find(m.Limit.Group)
		if again == nil || again.Series != m.Limit.Defined.Series || again.Rule.Limit != m.Limit.Defined.Rule.Limit || again.Group != m.Limit.Group {
			t.Errorf("%s is found again as %+v", m.Limit.Group, again)
		}
	}
	if _, err := c.Override(entries, envoylimit.Override{PerUnit: 10}); err == nil {
		t.Error("a limit without a unit was taken")
	}
}

func TestMatchAllocatesTheGroupAlone(t *testing.T) {
	c := domains(t)["shop"]
	entries := []envoylimit.Entry{{"plan", "free"}, {"user", "eve"}, {"path", "/api/orders"}}
	if n := testing.AllocsPerRun(100, func() { c.Match(entries) }); n > 1 {
		t.Errorf("%v allocations", n)
	}
}

// wide is a domain of n descriptors, a tenth of them patterns.
func wide(n int) []byte {
	var b strings.Builder
	b.WriteString("domain: wide\ndescriptors:\n")
	for i := range n {
		star := ""
		if i%10 == 0 {
			star = "/*"
		}
		fmt.Fprintf(&b, "- {key: path, value: /p%d%s, rate_limit: {unit: day, requests_per_unit: 1}}\n", i, star)
	}
	return []byte(b.String())
}

func BenchmarkMatch(b *testing.B) {
	for _, n := range []int{10, 10_000} {
		c, problems := envoylimit.Read("a", "b", wide(n))
		if problems != nil {
			b.Fatal(problems)
		}
		entries := []envoylimit.Entry{{"path", "/p0/orders"}}
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if c.Match(entries).Limit == nil {
					b.Fatal("no limit")
				}
			}
		})
	}
}
