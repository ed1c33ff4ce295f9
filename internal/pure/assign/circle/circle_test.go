package circle_test

import (
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/slipwayhq/slipway/internal/pure/assign/circle"
)

func TestFind(t *testing.T) {
	for text, want := range map[string]string{
		"":                        "",
		"a>b b>c":                 "",
		"a>a":                     "a",
		"a>b b>a c>a":             "a b",
		"a>b b>c c>b d>e e>f f>d": "b c d e f",
		"a>b a>c b>d c>d":         "",
		"a>b b>c c>a b>d d>e e>d": "a b c d e",
	} {
		next := map[string][]string{}
		for edge := range strings.FieldsSeq(text) {
			from, to, _ := strings.Cut(edge, ">")
			next[from] = append(next[from], to)
		}
		found := circle.Find(slices.Sorted(maps.Keys(next)), func(s string) []string { return next[s] })
		if got := strings.Join(slices.Sorted(maps.Keys(found.In)), " "); got != want {
			t.Errorf("%s: in a circle are %q, want %q", text, got, want)
		}
	}
	chain := circle.Find([]int{0}, func(i int) []int {
		if i == 100_000 {
			return nil
		}
		return []int{i + 1}
	})
	if len(chain.In) != 0 || chain.Depth[0] != 100_001 || chain.Depth[99_999] != 2 {
		t.Errorf("a chain: %d, %d", len(chain.In), chain.Depth[0])
	}
}

func TestSet(t *testing.T) {
	var s circle.Set
	for _, n := range []int{1, 2, circle.MaxMembers} {
		if s.Has(n) {
			t.Errorf("%d is in an empty set", n)
		}
		if s.Flip(n); !s.Has(n) {
			t.Errorf("%d was put in, and is not", n)
		}
		s.Flip(n)
	}
	if s != 0 || !s.Has(circle.MaxMembers+1) {
		t.Errorf("%v, and one beyond counts as seen: %v", s, s.Has(circle.MaxMembers+1))
	}
}
