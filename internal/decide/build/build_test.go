package build_test

import (
	"strings"
	"testing"

	"github.com/slipwayhq/slipway/internal/decide/build"
	"github.com/slipwayhq/slipway/internal/event"
	"github.com/slipwayhq/slipway/internal/wire"
)

func TestGreen(t *testing.T) {
	each(t, func(w *world) {
		w.push(shop(goSuite()))
		l := w.lease("agt_1")
		if l.Kind != wire.LeaseList || l.Command != "go list ./..." || l.Commit != commit(1).SHA {
			t := w.t
			t.Fatalf("first lease: %+v", l)
		}
		w.work("agt_1", l, []string{"a", "b", "a", "", "c"})
		for range 3 {
			l := w.lease("agt_1")
			if l.Kind != wire.LeaseTest || l.Command != "go test -json {units}" || l.Format != "gotest" {
				w.t.Fatalf("test lease: %+v", l)
			}
			w.work("agt_1", l, nil)
			if w.nth(1).Done == 3 {
				break
			}
		}
		l = w.lease("agt_1")
		if l.Kind != wire.LeasePackage || l.Path != "dist" || l.Command != "make dist" {
			w.t.Fatalf("package lease: %+v", l)
		}
		w.work("agt_1", l, nil)
		b := w.nth(1)
		if b.State != build.Passed || b.Total != 3 || b.Done != 3 || b.Failed != 0 || b.Artifact == "" || b.Size != 8 || len(b.Units) != 3 {
			w.t.Fatalf("build: %+v", b)
		}
		if b.Suites[0].Note != "The list named 1 unit twice; it runs once." {
			w.t.Errorf("note: %q", b.Suites[0].Note)
		}
		passed := events[event.BuildPassed](w)
		if len(passed) != 1 || shas(passed[0].Commits) != "1" || passed[0].Artifact != b.Artifact || len(passed[0].Manifest) == 0 {
			w.t.Errorf("passed: %+v", passed)
		}
		if got := events[event.BuildStarted](w); len(got) != 1 {
			w.t.Errorf("started: %+v", got)
		}
		if got := events[event.BuildListed](w); len(got) != 1 || got[0].Units != 3 || got[0].Cached {
			w.t.Errorf("listed: %+v", got)
		}
		w.idle("agt_1")
	})
}

func TestRedNamesUnitsAndSuspects(t *testing.T) {
	each(t, func(w *world) {
		w.push(shop(goSuite()))
		if b := w.finish("agt_1", 1, []string{"a", "b"}); b.State != build.Passed {
			w.t.Fatalf("#1 is %s", b.State)
		}
		w.push(shop(goSuite()))
		w.finish("agt_1", 2, []string{"a", "b"}, "b")
		w.push(shop(goSuite()))
		b := w.finish("agt_1", 3, []string{"a", "b"}, "b")
		if b.State != build.Failed || b.Failed != 1 || b.Units[0].Unit != "b" || b.Units[0].Output != "FAIL b" || shas(b.Suspects) != "2 3" {
			w.t.Fatalf("build: %+v", b)
		}
		if want := "1 of 2 units failed: b."; len(b.Reasons) != 1 || b.Reasons[0].Text != want {
			w.t.Errorf("reasons: %+v", b.Reasons)
		}
		failed := events[event.BuildFailed](w)
		if len(failed) != 2 || strings.Join(failed[1].Failed, " ") != "b" || shas(failed[1].Suspects) != "2 3" {
			w.t.Errorf("failed: %+v", failed)
		}
		w.push(shop(goSuite()))
		if b := w.finish("agt_1", 4, []string{"a", "b"}); b.State != build.Passed {
			w.t.Fatalf("#4 is %s", b.State)
		}
		passed := events[event.BuildPassed](w)
		if got := shas(passed[1].Commits); got != "2 3 4" {
			w.t.Errorf("the release holds %s, want all since the last green build", got)
		}
	})
}
