package past

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// history reads "1 2 -3 1": releases in the order in which they became live, or, with a minus, were rolled back. It gives them newest first.
func history(t testing.TB, text string) []Life {
	var out []Life
	for word := range strings.FieldsSeq(text) {
		n, err := strconv.Atoi(strings.TrimPrefix(word, "-"))
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, Life{Release: fmt.Sprintf("rel_%d", n), Number: n, Promoted: word[0] != '-'})
	}
	slices.Reverse(out)
	return out
}

func TestLastGood(t *testing.T) {
	for _, c := range []struct{ lives, live, want, passed string }{
		{"", "", "", ""},
		{"1", "1", "", ""},
		{"1 2", "2", "1", ""},
		{"1 2 3", "3", "2", ""},
		{"1 2 -3", "2", "1", ""}, // 3 never was live
		{"1 2 -3 4", "4", "2", ""},
		{"-1", "", "", ""},

		// Somebody went back by one: the next time further back, and never to what they left.
		{"1 2 3 2", "2", "1", "3 left"},
		{"1 2 3 2 1", "1", "", "2 left, 3 left"},
		{"1 2 3 2 4", "4", "2", ""},
		{"1 2 3 2 4 2", "2", "1", "4 left, 3 left"},

		// To a certain older one: what lies between was left behind, too.
		{"1 2 3 4 1", "1", "", "4 left, 3 left, 2 left"},
		{"1 2 3 4 2", "2", "1", "4 left, 3 left"},
		{"1 2 3 4 2 5", "5", "2", ""},
		{"1 2 3 4 2 5 6 5", "5", "2", "6 left"},

		// And to a newer one again, by its name: it was right after all.
		{"1 2 1 2", "2", "1", ""},
		{"1 2 3 4 1 3", "3", "1", ""},
		{"1 2 3 4 1 3 5", "5", "3", ""},

		// One that was live was taken back later: it crashed when somebody went back to it.
		{"1 2 3 -2", "3", "1", "2 rolled back"},
		{"1 2 3 -2 -1", "3", "", "2 rolled back, 1 rolled back"},
		{"1 2 3 -2 2", "2", "1", "3 left"},
		{"1 2 3 -2 4", "4", "3", ""},
		{"1 2 3 -2 4 3", "3", "1", "4 left, 2 rolled back"},
		{"1 2 3 2 4 -2", "4", "1", "2 rolled back, 3 left"},
	} {
		t.Run(c.lives, func(t *testing.T) {
			got, passed, ok := LastGood(history(t, c.lives), "rel_"+c.live)
			if want := c.want != ""; ok != want || strings.TrimPrefix(got, "rel_") != c.want {
				t.Errorf("the last good one is %q, %t; want %q", got, ok, c.want)
			}
			var words []string
			for _, r := range passed {
				_, after, _ := strings.Cut(r.Text, "#")
				n, _, _ := strings.Cut(after, " ")
				words = append(words, n+map[string]string{"left_behind": " left", "taken_back": " rolled back"}[r.Code])
			}
			if got := strings.Join(words, ", "); got != c.passed {
				t.Errorf("passed over are %s, want %s", got, c.passed)
			}
		})
	}
}

// TestLastGoodIsOlderAndNeverLeft goes back again and again, through any history: each time to an older release that was live, until there is none.
func TestLastGoodIsOlderAndNeverLeft(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		var lives []Life // oldest first
		left := map[int]bool{}
		live, newest := 0, 0
		add := func(n int, promoted bool) {
			lives = append(lives, Life{Release: fmt.Sprintf("rel_%d", n), Number: n, Promoted: promoted})
		}
		promote := func(n int) {
			for k := n + 1; k <= newest; k++ {
				left[k] = true
			}
			delete(left, n)
			add(n, true)
			live = n
		}
		for range rapid.IntRange(1, 20).Draw(rt, "ends") {
			switch rapid.IntRange(0, 2).Draw(rt, "end") {
			case 0:
				newest++
				promote(newest)
			case 1:
				newest++
				add(newest, false)
				left[newest] = true
			case 2:
				if newest > 0 {
					promote(rapid.IntRange(1, newest).Draw(rt, "by name"))
				}
			}
		}
		for {
			newestFirst := slices.Clone(lives)
			slices.Reverse(newestFirst)
			release, _, ok := LastGood(newestFirst, fmt.Sprintf("rel_%d", live))
			if !ok {
				return
			}
			i := slices.IndexFunc(newestFirst, func(l Life) bool { return l.Release == release })
			if n := newestFirst[i].Number; n >= live || left[n] {
				rt.Fatalf("from #%d it goes back to #%d, left: %v", live, n, left)
			}
			promote(newestFirst[i].Number)
		}
	})
}
