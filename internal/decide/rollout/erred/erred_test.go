package erred_test

import (
	"encoding/json"
	"reflect"
	"testing"

	"github.com/slipwayhq/slipway/internal/decide/rollout/erred"
	"github.com/slipwayhq/slipway/internal/pure/judge"
	"github.com/slipwayhq/slipway/internal/pure/stats/repeats"
)

// one is a visitor of an age, with so many errors more.
func one(age, errors int64) [5]int64 { return [5]int64{age, errors, 9, 0, 1} }

// play hears seconds one after the other, the rollout kept as JSON in between, and gives the looks by the second in which they were whole.
func play(t *testing.T, told []erred.Told) map[int64]*judge.VisitorLook {
	t.Helper()
	looks := map[int64]*judge.VisitorLook{}
	var g erred.Gathering
	for _, s := range told {
		if l := g.Hear(s); l != nil {
			looks[s.Second] = l
		}
		kept, err := json.Marshal(g)
		if err != nil {
			t.Fatal(err)
		}
		g = erred.Gathering{}
		if err := json.Unmarshal(kept, &g); err != nil {
			t.Fatal(err)
		}
	}
	return looks
}

// seconds are those of two edges that tell every five of a visitor each who erred as the step began, and of one who did before it.
func seconds(from, to int64, step int, begun int64, tells bool) (all []erred.Told) {
	for second := from; second < to; second++ {
		s := erred.Told{Second: second, Step: step, Share: []float64{.1, .5}[step], Begun: begun}
		if at := second + 1; tells && at%5 == 0 {
			age := int64(repeats.Age(at - begun - 1))
			s.New, s.Old = [][5]int64{one(age, 3)}, [][5]int64{one(age, 0), one(age+1, 0)}
		}
		all = append(all, s, s)
	}
	return all
}

func TestLooksAreGatheredFromAllEdges(t *testing.T) {
	told := append(seconds(1000, 1057, 0, 1000, true), seconds(1057, 1090, 1, 1060, true)...)
	want := func(step, look int, share float64) *judge.VisitorLook {
		return &judge.VisitorLook{Step: step, Look: look, Share: share, Cells: []repeats.Cell{{Requests: 9, Old: 2}, {Errors: 3, Requests: 9, New: 2}}}
	}
	got := play(t, told)
	expected := map[int64]*judge.VisitorLook{
		1023: want(0, 0, .1), // due after 20 seconds, told at once, and whole three seconds later
		1053: want(0, 1, .1),
		1083: want(1, 0, .5),
	}
	if !reflect.DeepEqual(got, expected) {
		for at, l := range got {
			t.Logf("second %d: %+v", at, *l)
		}
		t.Errorf("%d looks, want %d", len(got), len(expected))
	}
}

// The look that was told of as the step ended is not lost, and where nothing is told, or nothing counts yet, there is none.
func TestLooksAtTheEdges(t *testing.T) {
	told := append(seconds(1000, 1020, 0, 1000, true), seconds(1020, 1030, 1, 1025, false)...)
	if got := play(t, told); len(got) != 1 || got[1020] == nil || got[1020].Step != 0 {
		t.Errorf("as the step ended: %v", got)
	}
	if got := play(t, seconds(1000, 1100, 0, 1000, false)); len(got) != 0 {
		t.Errorf("edges that tell nothing: %v", got)
	}
	if got := play(t, seconds(1000, 1100, 0, 0, true)); len(got) != 0 {
		t.Errorf("before anything counts: %v", got)
	}
	// A host that settles late puts off what counts: no look is taken twice.
	told = append(seconds(1000, 1060, 0, 1000, true), seconds(1060, 1140, 0, 1050, true)...)
	got := play(t, told)
	if len(got) != 3 || got[1133] == nil || got[1133].Look != 2 {
		for at, l := range got {
			t.Logf("second %d: look %d", at, l.Look)
		}
		t.Errorf("%d looks while what counts is put off", len(got))
	}
}
