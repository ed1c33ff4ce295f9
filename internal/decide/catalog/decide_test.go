package catalog

import (
	"fmt"
	"strings"
	"testing"
)

// line writes releases from the oldest, as "state" or "state-" for one whose artifact is gone.
func line(states string) []Release {
	var out []Release
	for i, s := range strings.Fields(states) {
		name, gone := strings.CutSuffix(s, "-")
		out = append(out, Release{ID: fmt.Sprint(i + 1), Number: i + 1, State: State(name), Stored: !gone})
	}
	return out
}

func newestFirst(rs []Release) []Release {
	out := make([]Release, 0, len(rs))
	for i := range rs {
		out = append(out, rs[len(rs)-1-i])
	}
	return out
}

func TestBaseOfAConfiguration(t *testing.T) {
	for _, c := range []struct {
		states string
		want   int // number, 0 for none
	}{
		{"", 0},
		{"waiting", 1},
		{"good live", 2},
		{"good live bad", 2},
		{"good live waiting", 3},      // older code must not come back behind it
		{"good live rolling bad", 3},  //
		{"live bad superseded", 1},    // somebody went back
		{"good good bad", 2},          // nothing is live, such as after a lost store
		{"bad", 1},                    // what it lacked may be this configuration
		{"superseded bad- ", 1},       //
		{"bad- superseded-", 0},       // there is nothing left to ship
		{"good live rolling- bad", 2}, //
	} {
		got, ok := base(newestFirst(line(c.states)))
		if ok != (c.want != 0) || got.Number != c.want {
			t.Errorf("%q: %d %v, not %d", c.states, got.Number, ok, c.want)
		}
	}
}

func TestKeep(t *testing.T) {
	for _, c := range []struct {
		states string
		n      int
		want   string // + kept, - dropped, newest first, of those stored
	}{
		{"", 2, ""},
		{"good good good live", 2, "+++-"},
		{"live bad bad", 2, "+-+"}, // the newest stays though it is bad
		{"bad good live", 0, "+--"},
		{"good bad superseded live waiting rolling", 1, "+++--+"},
		{"good- good live", 5, "++"},
		{"live good good good", 1, "++-+"},
	} {
		var got strings.Builder
		for _, d := range Keep(line(c.states), c.n) {
			if d.Reason == "" {
				t.Errorf("%q: no reason for %d", c.states, d.Release.Number)
			}
			got.WriteByte("-+"[number(d.Keep)])
		}
		if got.String() != c.want {
			t.Errorf("%q keeping %d: %s, not %s", c.states, c.n, got.String(), c.want)
		}
	}
}

func TestReplaced(t *testing.T) {
	if replaced(4, 5) != Good || replaced(5, 4) != Bad {
		t.Error("going back says that the newer one is bad; going on does not")
	}
}

func TestBranchNames(t *testing.T) {
	for _, name := range []string{"main", "feature/x-1", "v1.2", "ünïcode"} {
		if !branchFits(name) {
			t.Errorf("%q is refused", name)
		}
	}
	for _, name := range []string{"", "-x", "a..b", "a b", "x.lock", "/a", "a/", "a//b", ".a", "a/.b", "a~1", "a\x00", "@{u}", "a.", strings.Repeat("a", 201)} {
		if branchFits(name) {
			t.Errorf("%q is taken", name)
		}
	}
}
