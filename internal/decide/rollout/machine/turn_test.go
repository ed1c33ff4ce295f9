package machine

import (
	"fmt"
	"strings"
	"testing"

	"github.com/slipwayhq/slipway/internal/event"
	"github.com/slipwayhq/slipway/internal/pure/manifest"
)

// row reads "2 3h 4b 5d": rollouts by number; h is a hotfix, b a way back, d one whose code diverged from those before. Each brings the commit of its number.
func row(t *testing.T, text string) []*Rollout {
	var out []*Rollout
	for word := range strings.FieldsSeq(text) {
		m := &Rollout{State: Queued}
		if _, err := fmt.Sscanf(word, "%d", &m.Number); err != nil {
			t.Fatal(err)
		}
		m.Commits = []event.Commit{{SHA: fmt.Sprint(m.Number)}}
		if strings.ContainsAny(word, "hb") {
			m.Hotfix = &event.Hotfix{SkipWatch: true, Reason: "payments are down"}
		}
		m.Back, m.Diverged = strings.Contains(word, "b"), strings.Contains(word, "d")
		out = append(out, m)
	}
	return out
}

func numbers(row []*Rollout) string {
	var out []string
	for _, m := range row {
		out = append(out, fmt.Sprint(m.Number))
	}
	return strings.Join(out, " ")
}

func TestWhoseTurnIsNext(t *testing.T) {
	for _, c := range []struct{ waiting, next, superseded string }{
		{"", "", ""},
		{"2", "2", ""},
		{"2 3 4", "4", "2 3"},
		{"2 3h", "3", "2"},
		{"2 3h 4 5", "3", "2"}, // what came later waits on
		{"2h 3 4h 5", "4", "2 3"},
		{"2 3 4b", "4", ""}, // a way back holds nobody's commits
		{"2b 3", "2", ""},
		{"2b 3h", "3", "2"},
	} {
		next, superseded := Next(row(t, c.waiting))
		got := ""
		if next != nil {
			got = fmt.Sprint(next.Number)
		}
		if got != c.next || numbers(superseded) != c.superseded {
			t.Errorf("of %q next is %s, superseded are %q; want %s and %q", c.waiting, got, numbers(superseded), c.next, c.superseded)
		}
	}
}

func TestCommitsThatGoAlong(t *testing.T) {
	for text, want := range map[string]string{"2": "2 from 0", "2 3 4": "2 3 4 from 0", "2d 3": "2 3 from 0", "2 3d 4": "3 4 from 1", "2 3d 4d": "4 from 2", "2 2 3": "2 3 from 0"} {
		commits, from := GoAlong(row(t, text))
		var shas []string
		for _, c := range commits {
			shas = append(shas, c.SHA)
		}
		if got := fmt.Sprintf("%s from %d", strings.Join(shas, " "), from); got != want {
			t.Errorf("of %q %s go along, want %s", text, got, want)
		}
	}
}

func TestMakingWayForAHotfix(t *testing.T) {
	hotfix := row(t, "9h")[0]
	for state, want := range map[State]State{
		Queued: "", Staging: Returning, Starting: Returning, Shifting: Returning, Settling: Returning, Watching: Returning, Paused: Returning, Held: Returning,
		Promoting: "", Returning: "", Promoted: "", RolledBack: "", Superseded: "",
	} {
		m := &Rollout{Number: 7, From: "rel_1", Release: "rel_2", State: state, Commits: make([]event.Commit, 2)}
		mv, ok := m.MakeWay(hotfix, "ana", true)
		if ok != (want != "") || mv.To != want {
			t.Errorf("from %s it moves to %q, %t; want %q", state, mv.To, ok, want)
		}
		if ok && (mv.Reasons[0].Text != "a hotfix by ana takes its place (rollout #9): payments are down" || mv.Reasons[1].Text != "its 2 commits are part of the hotfix and ship with it") {
			t.Errorf("the reasons are %+v", mv.Reasons)
		}
	}
	for name, m := range map[string]*Rollout{
		"a way back": {Number: 7, From: "rel_2", Release: "rel_1", State: Watching, Back: true}, "a newer one": {Number: 10, From: "rel_1", State: Watching},
	} {
		if mv, ok := m.MakeWay(hotfix, "ana", true); ok {
			t.Errorf("%s makes way: %+v", name, mv)
		}
	}
	m := &Rollout{Number: 7, From: "rel_1", State: Watching, Commits: make([]event.Commit, 1)}
	if _, ok := m.MakeWay(row(t, "9")[0], "ana", true); ok {
		t.Error("it makes way for one that is no hotfix")
	}
	if mv, _ := m.MakeWay(hotfix, "", false); mv.Reasons[0].Text != "a hotfix takes its place (rollout #9): payments are down" || mv.Reasons[1].Code != "left_out" {
		t.Errorf("without its commits: %+v", mv.Reasons)
	}
	if mv, _ := m.MakeWay(hotfix, "", true); !strings.HasPrefix(mv.Reasons[1].Text, "its commit is part") {
		t.Errorf("with one commit: %+v", mv.Reasons)
	}
}

// TestFirstReleaseIsNotTakenAwayForAHotfix: without it nobody would be served.
func TestFirstReleaseIsNotTakenAwayForAHotfix(t *testing.T) {
	w := newWorld(t, manifest.CanaryVisitors, "")
	hotfix := row(t, "9h")[0]
	if mv, ok := w.m.MakeWay(hotfix, "ana", true); !ok || mv.To != Returning {
		t.Errorf("while nobody is on it: %+v, %t", mv, ok)
	}
	w.stopAt(Settling)
	mv, ok := w.m.MakeWay(hotfix, "ana", true)
	if !ok || mv.To != Promoting {
		t.Fatalf("while everyone is on it: %+v, %t", mv, ok)
	}
	w.move(mv)
	w.advance()
	w.answer()
	if w.m.State != Promoted {
		t.Errorf("it is %s", w.m.State)
	}
}
