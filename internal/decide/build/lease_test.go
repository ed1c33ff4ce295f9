package build_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/slipwayhq/slipway/internal/db/dbtest"
	"github.com/slipwayhq/slipway/internal/decide/build"
	"github.com/slipwayhq/slipway/internal/event"
	"github.com/slipwayhq/slipway/internal/fault"
	"github.com/slipwayhq/slipway/internal/wire"
)

// expire lets a lease fall silent. The clock's jump makes Run forgive all leases, so it may take more than one.
func (w *world) expire(id string) {
	w.t.Helper()
	w.wait("the lease to expire", func() bool {
		w.clock.pass(wire.LostAfter + time.Second)
		if err := w.Expire(w.t.Context()); err != nil {
			w.t.Fatal(err)
		}
		for _, e := range events[event.LeaseExpired](w) {
			if e.Lease == id {
				return true
			}
		}
		return false
	})
}

func TestSilentWorkerLosesItsLease(t *testing.T) {
	each(t, func(w *world) {
		w.push(shop(goSuite()))
		w.work("agt_1", w.lease("agt_1"), []string{"a"})
		lost := w.lease("agt_1")
		w.expire(lost.ID)
		again := w.lease("agt_2")
		if strings.Join(again.Units, " ") != "a" || again.ID == lost.ID {
			w.t.Fatalf("lease: %+v", again)
		}
		if err := w.Done(w.t.Context(), "agt_1", lost.ID, wire.LeaseResult{Units: units("failed", "a")}); !fault.Is(err, fault.CodeConflict) {
			w.t.Errorf("the late result: %v, want conflict", err)
		}
		if err := w.Log(w.t.Context(), "agt_1", lost.ID, 0, []byte("late")); !fault.Is(err, fault.CodeConflict) {
			w.t.Errorf("late output: %v, want conflict", err)
		}
		if order, err := w.Beat(w.t.Context(), "agt_1", lost.ID, wire.LeaseBeat{}); err != nil || !order.Cancel {
			w.t.Errorf("a beat of the lost lease: %+v, %v", order, err)
		}
		if err := w.Done(w.t.Context(), "agt_1", again.ID, wire.LeaseResult{}); !fault.Is(err, fault.CodeNotFound) {
			w.t.Errorf("a result for another's lease: %v, want not found", err)
		}
		w.work("agt_2", again, nil)
		if b := w.nth(1); b.Done != 1 || b.Failed != 0 || b.Units[0].Attempts != 2 {
			w.t.Errorf("build: %+v", b)
		}
		e := events[event.LeaseExpired](w)
		if len(e) != 1 || strings.Join(e[0].Units, " ") != "a" || e[0].Reason != "The worker was not heard of for 12s." {
			w.t.Errorf("expired: %+v", e)
		}
	})
}

func TestBeatsKeepALease(t *testing.T) {
	each(t, func(w *world) {
		w.push(shop(one()))
		l := w.lease("agt_1")
		for range 3 {
			w.clock.pass(2 * time.Second)
			if order, err := w.Beat(w.t.Context(), "agt_1", l.ID, wire.LeaseBeat{Phase: "run"}); err != nil || order.Cancel {
				w.t.Fatalf("beat: %+v, %v", order, err)
			}
			if err := w.Expire(w.t.Context()); err != nil {
				w.t.Fatal(err)
			}
		}
		if b := w.nth(1); b.Leases[0].Phase != "run" || b.Leases[0].State != "running" || b.Leases[0].StartedAt == nil {
			w.t.Errorf("lease: %+v", b.Leases[0])
		}
		w.work("agt_1", l, nil)
	})
}

// A worker that beats for ever and never ends loses its lease at the deadline.
func TestABeatingWorkerLosesItsLeaseAtTheDeadline(t *testing.T) {
	each(t, func(w *world) {
		w.push(shop(goSuite()))
		w.work("agt_1", w.lease("agt_1"), []string{"a"})
		l := w.lease("agt_1")
		for range 10_000 {
			w.clock.pass(wire.LostAfter / 2)
			order, err := w.Beat(w.t.Context(), "agt_1", l.ID, wire.LeaseBeat{Phase: "run"})
			if err != nil {
				w.t.Fatal(err)
			}
			if order.Cancel {
				break
			}
			if err := w.Expire(w.t.Context()); err != nil {
				w.t.Fatal(err)
			}
		}
		e := events[event.LeaseExpired](w)
		if len(e) != 1 || e[0].Reason != "The lease was not done by its deadline." {
			w.t.Errorf("expired: %+v", e)
		}
	})
}

// A result counts once however often it is said, and also when the worker hung up before the store had taken it.
func TestAResultIsTakenOnce(t *testing.T) {
	each(t, func(w *world) {
		w.push(shop(goSuite()))
		list := w.lease("agt_1")
		hungUp, cancel := context.WithCancel(w.t.Context())
		cancel()
		for range 2 {
			if err := w.Done(hungUp, "agt_1", list.ID, wire.LeaseResult{Listed: []string{"a", "b"}}); err != nil {
				w.t.Fatal(err)
			}
		}
		if b := w.nth(1); b.Total != 2 || b.Suites[0].State != "listed" {
			w.t.Errorf("build: %+v, suites %+v", b.Build, b.Suites)
		}
	})
}

func TestUnitThatKillsItsWorkersIsAnError(t *testing.T) {
	each(t, func(w *world) {
		w.push(shop(goSuite()))
		w.work("agt_1", w.lease("agt_1"), []string{"a", "killer", "z"})
		for i := 0; w.nth(1).State.Open(); i++ {
			if i > 20 {
				w.t.Fatal("no end")
			}
			l := w.lease("agt_1")
			if strings.Contains(strings.Join(l.Units, " "), "killer") {
				w.expire(l.ID)
				continue
			}
			w.work("agt_1", l, nil)
		}
		b := w.nth(1)
		if b.State != build.Failed || b.Failed != 1 || b.Done != 3 || b.Units[0].Unit != "killer" || b.Units[0].Status != "error" {
			w.t.Fatalf("build: %+v", b)
		}
		if want := "The worker was lost three times while running this unit."; !strings.HasPrefix(b.Units[0].Output, want) {
			w.t.Errorf("output: %q", b.Units[0].Output)
		}
	})
}

func TestFaultyWorkerIsAvoided(t *testing.T) {
	each(t, func(w *world) {
		w.there("agt_2")
		w.push(shop(one()))
		w.done("agt_1", w.lease("agt_1"), wire.LeaseResult{Fault: "no space left on device"})
		w.idle("agt_1")
		l := w.lease("agt_2")
		if strings.Join(l.Units, " ") != "all" {
			w.t.Fatalf("lease: %+v", l)
		}
		w.work("agt_2", l, nil)
		b := w.finish("agt_2", 1, nil)
		if b.State != build.Passed || b.Leases[0].State != "lost" || b.Leases[0].Reason != "no space left on device" {
			w.t.Errorf("build: %s, %+v", b.State, b.Leases)
		}
	})
}

func TestThirdFaultIsTheEnd(t *testing.T) {
	for _, kind := range []string{wire.LeaseList, wire.LeaseTest, wire.LeasePackage} {
		t.Run(kind, func(t *testing.T) {
			each(t, func(w *world) {
				w.push(shop(goSuite()))
				for i := 0; w.nth(1).State.Open(); i++ {
					if i > 10 {
						w.t.Fatal("no end")
					}
					agent := fmt.Sprintf("agt_%d", i)
					l := w.lease(agent)
					if l.Kind == kind {
						w.done(agent, l, wire.LeaseResult{Fault: "git is not installed"})
						continue
					}
					w.work(agent, l, []string{"a"})
				}
				b := w.nth(1)
				text := b.Reasons[0].Text
				if kind == wire.LeaseTest {
					text = b.Units[0].Output
				}
				if b.State != build.Failed || !strings.Contains(text, "git is not installed") {
					w.t.Errorf("build is %s: %+v", b.State, b)
				}
			})
		})
	}
}

func TestAfterATimeoutUnitsGoAlone(t *testing.T) {
	each(t, func(w *world) {
		// Known lengths, so that the first lease holds more than one.
		var list []string
		for i := range 40 {
			list = append(list, fmt.Sprintf("u%02d", i))
		}
		w.push(shop(goSuite()))
		w.finish("agt_1", 1, list)
		w.push(shop(goSuite()))
		w.work("agt_1", w.lease("agt_1"), list)
		l := w.lease("agt_1")
		if len(l.Units) < 3 {
			w.t.Fatalf("lease of %v", l.Units)
		}
		r := wire.LeaseResult{TimedOut: true, Exit: -1, Units: append(units("passed", l.Units[0]), units("error", l.Units[1:]...)...)}
		w.done("agt_1", l, r)
		if b := w.nth(2); b.Done != 1 || b.Failed != 0 {
			w.t.Fatalf("after the timeout: %+v", b.Build)
		}
		for range l.Units[1:] {
			next := w.lease("agt_1")
			if len(next.Units) != 1 {
				w.t.Fatalf("%v go together", next.Units)
			}
			if next.Units[0] == l.Units[1] {
				w.done("agt_1", next, wire.LeaseResult{TimedOut: true, Exit: -1, Units: units("error", next.Units...)})
			} else {
				w.work("agt_1", next, nil)
			}
		}
		if b := w.finish("agt_1", 2, nil); b.Failed != 1 || b.Units[0].Unit != l.Units[1] {
			w.t.Errorf("build: %+v", b.Build)
		}
	})
}

func TestStoppedWorkersBlameNobody(t *testing.T) {
	each(t, func(w *world) {
		w.push(shop(goSuite()))
		for _, kind := range []string{wire.LeaseList, wire.LeaseTest, wire.LeasePackage} {
			for range build.MaxTries + 1 {
				l := w.lease("agt_1")
				if l.Kind != kind {
					w.t.Fatalf("%s instead of %s", l.Kind, kind)
				}
				w.done("agt_1", l, wire.LeaseResult{Stopped: true})
			}
			w.work("agt_1", w.lease("agt_1"), []string{"a"})
		}
		if b := w.nth(1); b.State != build.Passed {
			w.t.Errorf("build is %s: %+v", b.State, b.Reasons)
		}
	})
}

func TestMissingResultIsAnError(t *testing.T) {
	each(t, func(w *world) {
		w.push(shop(one()))
		w.done("agt_1", w.lease("agt_1"), wire.LeaseResult{Units: units("passed", "another"), Tail: "bad \x00\xff"})
		b := w.nth(1)
		if b.State != build.Failed || b.Units[0].Status != "error" || !strings.HasPrefix(b.Units[0].Output, "The worker gave no result") {
			w.t.Errorf("build: %+v", b)
		}
	})
}

func TestArtifactMustBeStored(t *testing.T) {
	each(t, func(w *world) {
		w.push(shop())
		l := w.lease("agt_1")
		err := w.Done(w.t.Context(), "agt_1", l.ID, wire.LeaseResult{Artifact: strings.Repeat("a", 64), Size: 5})
		if !fault.Is(err, fault.CodeInvalid) {
			w.t.Fatalf("Done: %v, want invalid", err)
		}
		w.work("agt_1", l, nil)
		if b := w.nth(1); b.State != build.Passed {
			w.t.Errorf("build is %s", b.State)
		}
	})
}

func TestRemovedWorkerGivesBack(t *testing.T) {
	each(t, func(w *world) {
		dbtest.Emit(w.t, w.db, event.Meta{Actor: "agent:agt_1"}, event.AgentJoined{Agent: "agt_1", Name: "builder-1", Roles: []string{"work"}})
		w.push(shop(one()))
		w.lease("agt_1")
		w.wait("the name", func() bool { return w.nth(1).Leases[0].Worker == "builder-1" })
		dbtest.Emit(w.t, w.db, event.Meta{Actor: "person:ana"}, event.AgentRemoved{Agent: "agt_1", Name: "builder-1"})
		w.wait("the lease to be taken back", func() bool { return w.nth(1).Leases[0].State != "running" })
		l := w.lease("agt_2")
		if strings.Join(l.Units, " ") != "all" {
			w.t.Errorf("lease: %+v", l)
		}
		if b := w.nth(1); b.Leases[0].State != "lost" || b.Leases[0].Reason != "The worker was removed." {
			w.t.Errorf("leases: %+v", b.Leases)
		}
	})
}

// A lease lives on when the server restarts, for nobody could beat meanwhile, and when its clock jumps.
func TestLeaseSurvivesRestartAndClock(t *testing.T) {
	each(t, func(w *world) {
		w.push(shop(one()))
		l := w.lease("agt_1")
		beatAt := func() (at int64) {
			if err := w.db.QueryRow(w.t.Context(), `SELECT beat_at FROM build_leases WHERE id = $1`, l.ID).Scan(&at); err != nil {
				w.t.Fatal(err)
			}
			return at
		}
		old := beatAt() // before the jump, which may be noticed at once
		w.clock.pass(time.Hour)
		w.wait("the jump to be noticed", func() bool { return beatAt() > old+time.Minute.Microseconds() })
		if got := events[event.LeaseExpired](w); len(got) != 0 {
			w.t.Fatalf("expired: %+v", got)
		}
		w.clock.pass(wire.LostAfter / 2)
		w.Service = build.New(w.db, w.j, w.blobs, build.Options{}) // the next server
		w.work("agt_1", l, nil)
		if b := w.finish("agt_1", 1, nil); b.State != build.Passed {
			w.t.Errorf("build is %s", b.State)
		}
	})
}

// Whatever workers do, each unit counts once.
func TestNoUnitLostOrCountedTwice(t *testing.T) {
	each(t, func(w *world) {
		random := rand.New(rand.NewPCG(3, 4))
		var list []string
		for i := range 60 {
			list = append(list, fmt.Sprintf("u%02d", i))
		}
		w.push(shop(goSuite()))
		w.work("agt_0", w.lease("agt_0"), list)
		type held struct {
			agent string
			lease wire.Lease
		}
		var open, late []held
		for i := 0; w.nth(1).State.Open(); i++ {
			if i > 2000 {
				w.t.Fatal("no end")
			}
			agent := fmt.Sprintf("agt_%d", i%5)
			if b := w.nth(1); len(open) < 4 && b.Done < b.Total {
				running := 0
				for _, h := range open {
					running += len(h.lease.Units)
				}
				if running < b.Total-b.Done {
					open = append(open, held{agent, w.lease(agent)})
				}
			}
			if len(open) == 0 {
				open = append(open, held{agent, w.lease(agent)})
			}
			at := random.IntN(len(open))
			h := open[at]
			switch random.IntN(8) {
			case 0:
				if h.lease.Kind == wire.LeaseTest && len(late) < 10 {
					w.expire(h.lease.ID)
					late = append(late, open...)
					open = nil
				}
			case 1:
				if len(late) > 0 {
					l := late[random.IntN(len(late))]
					_ = w.Done(w.t.Context(), l.agent, l.lease.ID, wire.LeaseResult{Units: units("failed", l.lease.Units...)}) // counts for nothing
				}
			default:
				open = append(open[:at], open[at+1:]...)
				w.work(h.agent, h.lease, nil)
			}
		}
		b := w.nth(1)
		if b.Done != 60 || b.Total != 60 || len(b.Units) != 60 {
			w.t.Fatalf("build: %+v", b.Build)
		}
		if b.Failed > 0 {
			for _, u := range b.Units {
				if u.Status == "failed" {
					w.t.Errorf("the late result of %s counted", u.Unit)
				}
			}
		}
		progress := events[event.BuildProgressed](w)
		last := 0
		for _, p := range progress {
			if p.Done < last {
				w.t.Errorf("done went from %d to %d", last, p.Done)
			}
			last = p.Done
		}
	})
}
