package build_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/slipwayhq/slipway/internal/db/dbtest"
	"github.com/slipwayhq/slipway/internal/decide/build"
	"github.com/slipwayhq/slipway/internal/event"
	"github.com/slipwayhq/slipway/internal/fault"
	"github.com/slipwayhq/slipway/internal/pure/manifest"
	"github.com/slipwayhq/slipway/internal/wire"
)

func one() manifest.Test {
	return manifest.Test{Name: "all", Run: "make test", Format: manifest.FormatExit, Timeout: manifest.Every(time.Minute)}
}

func TestPushesWhileBusyBecomeOneBuild(t *testing.T) {
	each(t, func(w *world) {
		w.push(shop(one()))
		l := w.lease("agt_1") // the whole fleet is busy from here on
		w.push(shop(one()))
		w.push(shop(one()))
		head := w.push(shop(one()))
		w.wait("the batch", func() bool { return len(w.nth(2).Commits) == 3 })
		b := w.nth(2)
		if b.State != build.Queued || b.Head.SHA != head.SHA || b.Head.Subject != "Change 4" || shas(b.Commits) != "2 3 4" {
			w.t.Fatalf("batch: %+v", b)
		}
		if want := "The workers are busy with build #1 of shop."; b.Waiting != want {
			w.t.Errorf("it waits because %q, want %q", b.Waiting, want)
		}
		w.work("agt_1", l, nil)
		for n := 1; n <= 2; n++ {
			if b := w.finish("agt_1", n, nil); b.State != build.Passed {
				w.t.Errorf("#%d is %s", n, b.State)
			}
		}
		if got := events[event.BuildPassed](w); len(got) != 2 || shas(got[1].Commits) != "2 3 4" {
			w.t.Errorf("passed: %+v", got)
		}
		if got := events[event.BuildQueued](w); len(got) != 4 || shas(got[3].Commits) != "2 3 4" || got[3].Build != got[1].Build {
			w.t.Errorf("queued: %+v", got)
		}
	})
}

func TestNoWorkerIsSaid(t *testing.T) {
	each(t, func(w *world) {
		w.push(shop(one()))
		if got := w.nth(1).Waiting; !strings.HasPrefix(got, "No worker is connected.") {
			w.t.Errorf("it waits because %q", got)
		}
	})
}

// Between two leases a worker has not asked for a while: for as long as the first one took.
func TestAWorkerBetweenLeasesIsConnected(t *testing.T) {
	each(t, func(w *world) {
		w.push(shop(one()))
		l := w.lease("agt_1")
		for range 8 {
			w.clock.pass(10 * time.Second)
			if _, err := w.Beat(w.t.Context(), "agt_1", l.ID, wire.LeaseBeat{}); err != nil {
				w.t.Fatal(err)
			}
		}
		w.work("agt_1", l, nil)
		if got := w.nth(1).Waiting; got != "A worker is about to take it." {
			w.t.Errorf("it waits because %q", got)
		}
	})
}

// A free worker takes the next build although the one before is not done; but it does not pass first.
func TestBuildsPassInTheirOrder(t *testing.T) {
	each(t, func(w *world) {
		w.push(shop(one()))
		slow := w.lease("agt_1")
		w.push(shop(one()))
		w.work("agt_2", w.lease("agt_2"), nil) // the package of #1 or the test of #2: both are free
		w.work("agt_2", w.lease("agt_2"), nil)
		w.work("agt_2", w.lease("agt_2"), nil)
		w.idle("agt_2")
		b := w.nth(2)
		if b.State != build.Packaging || b.Waiting != "Everything passed. It waits for build #1, which came first." {
			w.t.Fatalf("#2 is %s and waits because %q", b.State, b.Waiting)
		}
		w.work("agt_1", slow, nil, "all") // #1 is red
		if one, two := w.nth(1), w.nth(2); one.State != build.Failed || two.State != build.Passed {
			w.t.Fatalf("#1 is %s, #2 is %s", one.State, two.State)
		}
		if got := events[event.BuildPassed](w); shas(got[0].Commits) != "1 2" {
			w.t.Errorf("passed: %+v", got)
		}
	})
}

func TestPackageRunsBesideTheLastTests(t *testing.T) {
	each(t, func(w *world) {
		w.push(shop(one()))
		test := w.lease("agt_1")
		pack := w.lease("agt_2")
		if pack.Kind != wire.LeasePackage {
			w.t.Fatalf("the idle worker got %s", pack.Kind)
		}
		w.work("agt_2", pack, nil)
		if b := w.nth(1); b.State != build.Testing || b.Artifact == "" {
			w.t.Fatalf("packaged, untested: %+v", b)
		}
		if got := events[event.BuildPassed](w); len(got) != 0 {
			w.t.Fatal("it passed before its tests")
		}
		w.work("agt_1", test, nil)
		if b := w.nth(1); b.State != build.Passed {
			w.t.Errorf("build is %s", b.State)
		}
	})
}

func TestRedStopsThePackage(t *testing.T) {
	each(t, func(w *world) {
		w.push(shop(one()))
		test := w.lease("agt_1")
		pack := w.lease("agt_2")
		w.work("agt_1", test, nil, "all")
		if b := w.nth(1); b.State != build.Failed {
			w.t.Fatalf("build is %s", b.State)
		}
		order, err := w.Beat(w.t.Context(), "agt_2", pack.ID, wire.LeaseBeat{Phase: "run"})
		if err != nil || !order.Cancel || order.Reason != "build #1 failed" {
			w.t.Errorf("order: %+v, %v", order, err)
		}
		if err := w.Done(w.t.Context(), "agt_2", pack.ID, wire.LeaseResult{Artifact: w.artifact()}); !fault.Is(err, fault.CodeConflict) {
			w.t.Errorf("the late package: %v, want conflict", err)
		}
	})
}

func TestListIsCachedByTree(t *testing.T) {
	each(t, func(w *world) {
		same := func(p *event.GitPushed) { p.Tree = strings.Repeat("7", 40) }
		w.push(shop(goSuite()), same)
		w.finish("agt_1", 1, []string{"a", "b"})
		w.push(shop(goSuite()), same)
		if l := w.lease("agt_1"); l.Kind != wire.LeaseTest {
			w.t.Fatalf("the same tree is listed again: %+v", l)
		} else {
			w.work("agt_1", l, nil)
		}
		w.finish("agt_1", 2, nil)
		if got := events[event.BuildListed](w); len(got) != 2 || got[0].Cached || !got[1].Cached || got[1].Units != 2 {
			w.t.Errorf("listed: %+v", got)
		}
		other := goSuite()
		other.List = "go list -test ./..."
		w.push(shop(other), same)
		if l := w.lease("agt_1"); l.Kind != wire.LeaseList {
			w.t.Errorf("another command is not listed anew: %+v", l)
		}
	})
}

func TestListThatCannotBeUsed(t *testing.T) {
	for name, c := range map[string]struct {
		result wire.LeaseResult
		want   string
	}{
		"nothing":     {wire.LeaseResult{}, "the list is empty"},
		"blank lines": {wire.LeaseResult{Listed: []string{"", " "}}, "the list is empty"},
		"too many":    {wire.LeaseResult{Listed: numbered(100_001)}, "more than 100000 units"},
		"long line":   {wire.LeaseResult{Listed: []string{"a", strings.Repeat("x", 5000)}}, "line 2 of the list has 5000 bytes"},
		"not text":    {wire.LeaseResult{Listed: []string{"a\x00b"}}, "not plain text"},
		"it failed":   {wire.LeaseResult{Exit: 2, Tail: "no such command\n"}, "ended with exit status 2. Its last output:\nno such command"},
		"it hung":     {wire.LeaseResult{Exit: -1, TimedOut: true}, "did not end within 1m0s"},
	} {
		t.Run(name, func(t *testing.T) {
			each(t, func(w *world) {
				w.push(shop(goSuite()))
				w.done("agt_1", w.lease("agt_1"), c.result)
				b := w.nth(1)
				if b.State != build.Failed || len(b.Reasons) != 1 || !strings.Contains(b.Reasons[0].Text, c.want) {
					w.t.Errorf("build is %s: %+v, want %q", b.State, b.Reasons, c.want)
				}
				w.idle("agt_1")
			})
		})
	}
}

func numbered(n int) []string {
	out := make([]string, n)
	for i := range out {
		out[i] = "unit-" + strings.Repeat("0", 4) + string(rune('a'+i%26)) + time.Duration(i).String()
	}
	return out
}

func TestAHundredThousandUnits(t *testing.T) {
	each(t, func(w *world) {
		w.push(shop(goSuite()))
		l := w.lease("agt_1")
		began := time.Now()
		w.done("agt_1", l, wire.LeaseResult{Listed: numbered(100_000)})
		w.t.Logf("stored in %s", time.Since(began))
		if b := w.nth(1); b.Total != 100_000 || len(b.Units) != build.MaxUnitsShown {
			w.t.Fatalf("total %d, shown %d", b.Total, len(b.Units))
		}
		for range 3 {
			began = time.Now()
			l = w.lease("agt_1")
			w.t.Logf("%d leased in %s", len(l.Units), time.Since(began))
			began = time.Now()
			w.work("agt_1", l, nil)
			w.t.Logf("done in %s", time.Since(began))
		}
	})
}

func TestHotfixGoesFirstAndOvertakes(t *testing.T) {
	each(t, func(w *world) {
		w.push(shop(one()))
		slow := w.lease("agt_1")
		w.push(shop(one())) // waits behind it
		w.wait("#2", func() bool { return w.nth(2).State == build.Queued })
		fix := w.push(shop(one()), hotfix)
		w.wait("the hotfix", func() bool { return w.nth(2).Hotfix != nil })
		l := w.lease("agt_2")
		if l.Kind != wire.LeasePackage || l.Commit != fix.SHA {
			w.t.Fatalf("the free worker got %+v, want the hotfix's package", l)
		}
		w.work("agt_2", l, nil)
		if got := w.nth(2); got.State != build.Passed || shas(got.Commits) != "2 3" || got.Total != 0 {
			w.t.Fatalf("hotfix: %+v", got)
		}
		if got := w.nth(1); got.State != build.Cancelled || !strings.Contains(got.Reasons[0].Text, "Hotfix build #2") {
			w.t.Errorf("the overtaken build: %s %+v", got.State, got.Reasons)
		}
		if err := w.Done(w.t.Context(), "agt_1", slow.ID, wire.LeaseResult{}); !fault.Is(err, fault.CodeConflict) {
			w.t.Errorf("result of the overtaken build: %v", err)
		}
		if got := events[event.BuildPassed](w); shas(got[0].Commits) != "1 2 3" || got[0].Hotfix == nil {
			w.t.Errorf("passed: %+v", got)
		}
	})
}

func TestPushDoesNotRideOnAHotfix(t *testing.T) {
	each(t, func(w *world) {
		w.push(shop(one()), hotfix)
		w.push(shop(one()))
		w.wait("two builds", func() bool { return w.nth(2).State == build.Queued })
		if b := w.nth(2); b.Hotfix != nil || shas(b.Commits) != "2" {
			w.t.Errorf("#2 is %+v", b)
		}
	})
}

func TestForcedPushStartsAnew(t *testing.T) {
	each(t, func(w *world) {
		w.push(shop(one()))
		w.finish("agt_1", 1, nil, "all")
		w.push(shop(one()))
		w.wait("#2", func() bool { return w.nth(2).State == build.Queued })
		w.push(shop(one()), func(p *event.GitPushed) { p.Forced = true })
		w.wait("the forced push", func() bool { return shas(w.nth(2).Commits) == "3" })
		w.finish("agt_1", 2, nil)
		if got := events[event.BuildPassed](w); shas(got[0].Commits) != "3" {
			w.t.Errorf("the release holds %s; 1 and 2 are no longer in the branch", shas(got[0].Commits))
		}
	})
}

// TestWhatABuildNeedNotHoldIsSaid: rollouts tell by it whether commits go along with what takes their place.
func TestWhatABuildNeedNotHoldIsSaid(t *testing.T) {
	each(t, func(w *world) {
		number := 0
		ship := func(want bool, change ...func(*event.GitPushed)) {
			w.t.Helper()
			number++
			w.push(shop(one()), change...)
			w.wait("the build", func() bool { return w.nth(number).State == build.Queued })
			w.finish("agt_1", number, nil)
			passed := events[event.BuildPassed](w)
			if got := passed[len(passed)-1]; got.Number != number || got.Diverged != want {
				w.t.Errorf("#%d: passed #%d, diverged %t, want %t", number, got.Number, got.Diverged, want)
			}
		}
		forced := func(p *event.GitPushed) { p.Forced = true }
		ship(false, forced) // nothing was before
		ship(false)
		ship(true, forced)
		ship(false)
		number++
		w.push(shop(one()), forced)
		w.finish("agt_1", number, nil, "all") // red
		ship(true)
		ship(false)
		ship(true, func(p *event.GitPushed) { p.Branch = "next" })
		ship(false, func(p *event.GitPushed) { p.Branch = "next" })
	})
}

func TestWhatIsNotBuilt(t *testing.T) {
	each(t, func(w *world) {
		dbtest.Emit(w.t, w.db, event.Meta{App: "shop", Actor: "person:ana"}, event.GitPushed{Branch: "side", After: commit(8).SHA})
		w.push(shop(one()), func(p *event.GitPushed) { p.After = "" })
		w.push(shop(one()))
		if b := w.nth(1); b.Head.SHA != commit(2).SHA {
			w.t.Errorf("built %s", b.Head.SHA)
		}
	})
}

func TestNothingToTestOrShip(t *testing.T) {
	each(t, func(w *world) {
		m := shop()
		m.Package = manifest.Package{}
		w.push(m)
		w.wait("the build to end", func() bool {
			w.idle("agt_1")
			return !w.nth(1).State.Open()
		})
		if b := w.nth(1); b.State != build.Passed || b.Artifact != "" {
			w.t.Errorf("build: %+v", b)
		}
	})
}

func TestCancelAndRetryOnlyWhatFailed(t *testing.T) {
	each(t, func(w *world) {
		w.push(shop(goSuite()))
		w.work("agt_1", w.lease("agt_1"), []string{"a", "b", "c"})
		red := w.finish("agt_1", 1, nil, "b")
		id, err := w.Retry(w.t.Context(), "person:ana", "shop", red.ID)
		if err != nil {
			w.t.Fatal(err)
		}
		l := w.lease("agt_2")
		if l.Kind != wire.LeaseTest || strings.Join(l.Units, " ") != "b" || l.Build != id {
			w.t.Fatalf("the retry runs %+v, want b alone", l)
		}
		if b := w.build(id); b.Total != 3 || b.Done != 2 || b.RetryOf != red.ID {
			w.t.Errorf("retry: %+v", b.Build)
		}
		if err := w.Cancel(w.t.Context(), "person:ana", "shop", id, ""); err != nil {
			w.t.Fatal(err)
		}
		if b := w.build(id); b.State != build.Cancelled || b.Reasons[0].Text != "Cancelled by ana." {
			w.t.Errorf("cancelled: %+v", b.Build)
		}
		if err := w.Cancel(w.t.Context(), "person:ana", "shop", id, ""); !fault.Is(err, fault.CodeConflict) {
			w.t.Errorf("cancelling twice: %v", err)
		}
		if _, err := w.Retry(w.t.Context(), "person:ana", "shop", red.ID); !fault.Is(err, fault.CodeConflict) || !strings.Contains(err.Error(), "#2") {
			w.t.Errorf("retrying an older build: %v", err)
		}
		if id, err = w.Retry(w.t.Context(), "person:ana", "shop", id); err != nil {
			w.t.Fatal(err)
		}
		if b := w.finish("agt_1", 3, nil); b.State != build.Passed || shas(b.Commits) != "1" {
			w.t.Errorf("second retry: %+v", b.Build)
		}
		if _, err := w.Retry(w.t.Context(), "person:ana", "shop", id); !fault.Is(err, fault.CodeConflict) {
			w.t.Errorf("retrying a green build: %v", err)
		}
		if _, err := w.Retry(w.t.Context(), "person:ana", "other", id); !fault.Is(err, fault.CodeNotFound) {
			w.t.Errorf("another app's build: %v", err)
		}
	})
}

func TestHotfixShipsTheNewestBuildWithoutItsTests(t *testing.T) {
	each(t, func(w *world) {
		w.push(shop(goSuite()))
		w.work("agt_1", w.lease("agt_1"), []string{"a", "b", "c"})
		red := w.finish("agt_1", 1, nil, "b")
		for _, h := range []event.Hotfix{{SkipTests: true}, {Reason: "payments are down"}} {
			if _, err := w.Hotfix(w.t.Context(), "person:ana", "shop", red.ID, h); !fault.Is(err, fault.CodeInvalid) {
				w.t.Errorf("%+v was taken: %v", h, err)
			}
		}
		id, err := w.Hotfix(w.t.Context(), "person:ana", "shop", red.ID, event.Hotfix{SkipTests: true, Reason: "payments are down"})
		if err != nil {
			w.t.Fatal(err)
		}
		if b := w.finish("agt_1", 2, nil); b.State != build.Passed || b.ID != id || b.Hotfix == nil || b.Hotfix.By != "person:ana" || shas(b.Commits) != "1" {
			w.t.Errorf("hotfix: %+v", b.Build)
		}
		var audited int
		if err := w.db.QueryRow(w.t.Context(), `SELECT COUNT(*) FROM access_audit WHERE action = 'build.hotfixed' AND reason = 'payments are down'`).Scan(&audited); err != nil || audited != 1 {
			w.t.Errorf("audited %d times, %v", audited, err)
		}
		for _, old := range []string{red.ID, id} {
			if _, err := w.Hotfix(w.t.Context(), "person:ana", "shop", old, event.Hotfix{SkipWatch: true, Reason: "again"}); !fault.Is(err, fault.CodeConflict) {
				w.t.Errorf("a hotfix of a build that is over: %v", err)
			}
		}
	})
}

func TestListOfBuilds(t *testing.T) {
	each(t, func(w *world) {
		for n := 1; n <= 3; n++ {
			w.push(shop(one()))
			w.finish("agt_1", n, nil)
		}
		var numbers []int
		after := ""
		for {
			page, next, err := w.Builds(w.t.Context(), "shop", "production", after, 2)
			if err != nil {
				w.t.Fatal(err)
			}
			for _, b := range page {
				numbers = append(numbers, b.Number)
			}
			if after = next; next == "" {
				break
			}
		}
		if len(numbers) != 3 || numbers[0] != 3 || numbers[2] != 1 {
			w.t.Errorf("builds %v, want 3 2 1", numbers)
		}
		if page, _, err := w.Builds(w.t.Context(), "shop", "staging", "", 10); err != nil || len(page) != 0 {
			w.t.Errorf("another environment: %v, %v", page, err)
		}
	})
}

func TestWorkerThatHungUpLosesNothing(t *testing.T) {
	each(t, func(w *world) {
		w.push(shop(one()))
		w.nth(1)
		ctx, cancel := context.WithCancel(w.t.Context())
		cancel()
		if l, err := w.Lease(ctx, "agt_1", wire.LeaseRequest{}); l != nil || err != nil && !errors.Is(err, context.Canceled) {
			w.t.Fatalf("Lease: %v, %v", l, err)
		}
		l := w.lease("agt_2")
		if err := w.Undo(w.t.Context(), "agt_2", l.ID); err != nil {
			w.t.Fatal(err)
		}
		if l = w.lease("agt_2"); strings.Join(l.Units, " ") != "all" {
			w.t.Fatalf("after Undo: %+v", l)
		}
		if u := w.nth(1).Units[0]; u.Attempts != 1 {
			w.t.Errorf("attempts: %d", u.Attempts)
		}
	})
}

func TestEstimates(t *testing.T) {
	each(t, func(w *world) {
		w.push(shop(goSuite()))
		l := w.lease("agt_1")
		w.work("agt_1", l, []string{"slow", "quick"})
		for w.nth(1).Done < 2 {
			l := w.lease("agt_1")
			r := wire.LeaseResult{}
			for _, u := range l.Units {
				d := 40 * time.Second
				if u == "quick" {
					d = time.Second
				}
				r.Units = append(r.Units, wire.UnitResult{Unit: u, Status: "passed", Duration: d})
			}
			w.done("agt_1", l, r)
		}
		w.finish("agt_1", 1, nil)
		w.push(shop(goSuite()))
		w.work("agt_1", w.lease("agt_1"), []string{"slow", "quick", "new"})
		var order []string
		for range 3 {
			l := w.lease("agt_1")
			order = append(order, l.Units...)
			if len(order) == 1 {
				if b := w.nth(2); b.EstimateS < 30 || b.EstimateS > 60 {
					w.t.Errorf("estimate: %v s", b.EstimateS)
				}
			}
			w.work("agt_1", l, nil)
			if len(order) == 3 {
				break
			}
		}
		if got := strings.Join(order, " "); got != "new slow quick" {
			w.t.Errorf("units went out as %s, want the new one first, then the longest", got)
		}
	})
}
