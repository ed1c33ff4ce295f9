package rollout_test

import (
	"fmt"
	"math"
	"slices"
	"testing"
	"time"

	"github.com/slipwayhq/slipway/internal/access"
	"github.com/slipwayhq/slipway/internal/db"
	"github.com/slipwayhq/slipway/internal/decide/rollout"
	"github.com/slipwayhq/slipway/internal/decide/rollout/machine"
	"github.com/slipwayhq/slipway/internal/decide/rollout/score"
	"github.com/slipwayhq/slipway/internal/event"
	"github.com/slipwayhq/slipway/internal/fault"
	"github.com/slipwayhq/slipway/internal/pure/manifest"
)

func (w *world) score(days int) score.Score {
	w.t.Helper()
	s, err := w.Score(w.t.Context(), app, env, days)
	if err != nil {
		w.t.Fatal(err)
	}
	return s
}

// verdicts gives the numbers of the rollouts whose verdicts are listed.
func (w *world) verdicts(show, before string, limit int) (numbers []int, list []rollout.Verdict) {
	w.t.Helper()
	list, err := w.Verdicts(w.t.Context(), app, env, show, 7, before, limit)
	if err != nil {
		w.t.Fatal(err)
	}
	for _, v := range list {
		numbers = append(numbers, v.Number)
	}
	return numbers, list
}

// say calls a verdict right or wrong, whatever was said before.
func (w *world) say(n int, word score.Word, note string) error {
	return w.Assess(w.t.Context(), ana, app, w.nth(n).ID, word, note, func(int64) error { return nil })
}

func TestTheScoreIsKept(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		w.join("us1", "us2")
		w.ship(1, 0, "promoted") // a first release is compared with nothing
		w.ship(2, .02, "promoted")
		bad := w.ship(3, .4, "rolled_back")
		w.release(slow)
		w.reach(4, "watching")
		if err := w.Do(t.Context(), ana, app, w.nth(4).ID, machine.RollBack, "no good"); err != nil {
			t.Fatal(err)
		}
		w.end(4, .02, .02)

		s := w.score(7)
		if s.App != app || s.Env != env || s.Judged != 3 || s.NotJudged != 1 || s.Promoted != 1 || s.RolledBack != 2 || s.ByJudge != 1 || s.ByPerson != 1 || s.Unsaid != 1 ||
			s.Spent != .03 || s.Budget != .03 || s.ByDay[6].RolledBack+s.ByDay[5].RolledBack != 2 || s.DecisionS <= 0 {
			t.Errorf("the score is %+v", s)
		}
		if s.Failed.Rollouts != 1 || s.Failed.Done <= 0 || s.Failed.Spared <= s.Failed.Done || s.Failed.Least <= 0 || s.Slow.Rollouts != 0 {
			t.Errorf("the harm is %+v, %+v", s.Failed, s.Slow)
		}
		if numbers, _ := w.verdicts("all", "", 10); !slices.Equal(numbers, []int{4, 3, 2}) {
			t.Errorf("the verdicts are %v", numbers)
		}
		if numbers, _ := w.verdicts("rolled_back", "", 10); !slices.Equal(numbers, []int{4, 3}) {
			t.Errorf("what came back is %v", numbers)
		}
		numbers, list := w.verdicts("to_say", "", 10)
		if !slices.Equal(numbers, []int{3}) {
			t.Fatalf("nothing is said of %v", numbers)
		}
		v := list[0]
		if v.Release.ID != bad || v.By != score.Judge || !v.CanBeSaid || v.Harm == nil || v.Verdict != "regressed" || v.Text == "" {
			t.Errorf("the verdict is %+v", v)
		}
		// 1,000 requests a second, half of them on the new release: 38 % more of them fail than on the old one.
		if math.Abs(v.Harm.Second-380) > 1 || v.Met.IsZero() || !v.Decided.After(v.Met) {
			t.Errorf("the harm is %+v, from %s to %s", v.Harm, v.Met, v.Decided)
		}
		numbers, list = w.verdicts("all", "", 1)
		if next, _ := w.verdicts("all", list[0].Rollout, 1); !slices.Equal(append(numbers, next...), []int{4, 3}) {
			t.Errorf("a part of one, and the next: %v, %v", numbers, next)
		}
		w.clock.pass(8 * 24 * time.Hour)
		if s := w.score(7); s.Judged != 0 {
			t.Errorf("after a week and a day the score is %+v", s)
		}
		if numbers, _ := w.verdicts("all", "", 10); numbers != nil {
			t.Errorf("after a week and a day the verdicts are %v", numbers)
		}
	})
}

func TestAWordOnAVerdict(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		w.join("us1")
		w.ship(1, 0, "promoted")
		w.ship(2, .4, "rolled_back")
		id := w.nth(2).ID
		steps := []struct {
			word score.Word
			note string
		}{{score.Wrong, ""}, {score.Wrong, "a crawler ran wild"}, {score.Wrong, "a crawler ran wild"}, {score.Right, ""}, {score.Unsaid, ""}, {score.Right, "after all"}}
		revisions := []int64{1, 2, 2, 3, 4, 5}
		for i, say := range steps {
			if err := w.say(2, say.word, say.note); err != nil {
				t.Fatal(err)
			}
			v, err := w.Verdict(t.Context(), app, id)
			a := v.Assessment
			if err != nil || a.Word != say.word || a.Note != say.note || a.Revision != revisions[i] || (say.word != "") != (a.By == "ana" && !a.At.IsZero()) {
				t.Errorf("after %d it says %+v, %v", i, a, err)
			}
			s := w.score(30)
			if s.Wrong != map[score.Word]int{score.Wrong: 1}[say.word] || s.Right != map[score.Word]int{score.Right: 1}[say.word] || s.Right+s.Wrong+s.Unsaid != 1 {
				t.Errorf("after %d the score is %+v", i, s)
			}
			if (say.word == score.Wrong) != (s.Failed.Spared == 0) {
				t.Errorf("called %q, %v is said to be spared", say.word, s.Failed.Spared)
			}
		}
		w.checkWords(id)
		w.checkEvents(2)
	})
}

// checkWords looks whether each change is in the audit and was told.
func (w *world) checkWords(id string) {
	w.t.Helper()
	entries, err := access.AuditList(w.t.Context(), w.db, app, 0, 100)
	if err != nil {
		w.t.Fatal(err)
	}
	var audited, told []string
	for _, e := range slices.Backward(entries) {
		if e.Action == "rollout.assessed" {
			audited = append(audited, fmt.Sprintf("%v>%v %s", e.Detail["was"], e.Detail["word"], e.Reason))
			if e.Target != id || e.Env != env || e.Actor != ana {
				w.t.Errorf("the audit has %+v", e)
			}
		}
	}
	events, err := db.Events(w.t.Context(), w.db, `SELECT COALESCE(position, 0), body FROM events ORDER BY seq`)
	if err != nil {
		w.t.Fatal(err)
	}
	for _, ev := range events {
		if a, err := event.Decode[event.RolloutAssessed](ev); err == nil {
			told = append(told, fmt.Sprintf("%v>%v %s", a.Was, a.Word, a.Note))
			if a.Rollout != id || a.Number != 2 || a.Outcome != "rolled_back" || a.Verdict != "regressed" || ev.Actor != ana || ev.Env != env {
				w.t.Errorf("it was told %+v by %s", a, ev.Actor)
			}
		}
	}
	want := []string{">wrong ", "wrong>wrong a crawler ran wild", "wrong>right ", "right> ", ">right after all"}
	if !slices.Equal(audited, want) || !slices.Equal(told, want) {
		w.t.Errorf("audited: %q; told: %q", audited, told)
	}
}

func TestOnlyVerdictsAreCalledRightOrWrong(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		w.join("us1")
		w.ship(1, 0, "promoted")
		w.ship(2, .02, "promoted")
		w.release(slow)
		w.reach(3, "watching")
		w.release()
		w.release()
		refused := func(n int, want string) {
			t.Helper()
			if err := w.say(n, score.Right, ""); !fault.Is(err, fault.CodeConflict) || err.Error() != want {
				t.Errorf("#%d: %v, want %s", n, err, want)
			}
		}
		refused(1, "rollout #1 was not ended by the judge's verdict (this is the first release: there is nothing to compare it with, so its health alone decided): there is nothing to call right or wrong")
		refused(3, "rollout #3 has not ended: there is no verdict on it yet")
		if err := w.Do(t.Context(), ana, app, w.nth(3).ID, machine.RollBack, "no good"); err != nil {
			t.Fatal(err)
		}
		w.end(3, .02, .02)
		refused(3, "rollout #3 was not ended by the judge's verdict (rolled back by ana: no good): there is nothing to call right or wrong")
		w.until("#4 is superseded", func() bool { return w.nth(4).State == machine.Superseded })
		refused(4, "rollout #4 was superseded: there is no verdict on it")
		if err := w.say(2, score.Wrong, ""); err != nil {
			t.Error(err)
		}
		if s := w.score(7); s.Missed != 1 || s.Wrong != 0 {
			t.Errorf("a release that should have come back: %+v", s)
		}
		id := w.nth(2).ID
		if err := w.Assess(t.Context(), ana, "other", id, score.Right, "", func(int64) error { return nil }); !fault.Is(err, fault.CodeNotFound) {
			t.Errorf("by another app: %v", err)
		}
		if _, err := w.Verdict(t.Context(), "other", id); !fault.Is(err, fault.CodeNotFound) {
			t.Errorf("read by another app: %v", err)
		}
		stale := fault.Conflict("stale")
		if err := w.Assess(t.Context(), ana, app, id, score.Right, "", func(now int64) error {
			if now != 1 {
				t.Errorf("the present revision is %d", now)
			}
			return stale
		}); !fault.Is(err, fault.CodeConflict) || err.Error() != "stale" {
			t.Errorf("who has not seen what was said: %v", err)
		}
	})
}

// What ended before facts were kept is in the score once the server has started, and nothing is in it twice.
func TestVerdictsOfBeforeAreAdded(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		w.join("us1")
		w.ship(1, 0, "promoted")
		w.ship(2, .4, "rolled_back")
		w.release(func(_ *event.ReleaseCreated, m *manifest.Manifest) {
			m.Rollout.Alpha, m.Rollout.FalseAlarms = 0, manifest.Rate{Count: 2, Per: "week"}
		})
		w.end(3, .02, .02)
		before := w.score(14)
		if before.Budget != 4 || before.Judged != 2 {
			t.Errorf("two a week are %v in two weeks", before.Budget)
		}
		w.stop()
		err := w.db.Tx(t.Context(), func(tx *db.Tx) error {
			_, err := tx.Exec(t.Context(), `DELETE FROM rollout_verdicts WHERE rollout <> $1`, w.nth(3).ID)
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		if s := w.score(14); s.Judged != 1 {
			t.Fatalf("without what was kept: %+v", s)
		}
		if err := w.say(2, score.Right, ""); !fault.Is(err, fault.CodeConflict) {
			t.Errorf("before it is added: %v", err)
		}
		w.start()
		w.until("the past is added", func() bool { return w.score(14).Judged == 2 })
		after := w.score(14)
		if fmt.Sprint(after) != fmt.Sprint(before) {
			t.Errorf("the score is\n%+v, and was\n%+v", after, before)
		}
	})
}
