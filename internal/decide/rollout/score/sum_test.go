package score_test

import (
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/slipwayhq/slipway/internal/decide/rollout/score"
)

// past is a verdict of so many days ago.
func past(days int, outcome string, by score.By, word score.Word) score.Said {
	return score.Said{Word: word, Facts: score.Facts{
		Env: "production", Judged: true, Outcome: outcome, By: by, Verdict: "healthy", Alpha: .01, PerDay: .1, Ended: noon.AddDate(0, 0, -days),
	}}
}

func TestTheScore(t *testing.T) {
	back := func(days int, word score.Word, kind score.Kind, took time.Duration) score.Said {
		v := past(days, "rolled_back", score.Judge, word)
		v.Met, v.Decided = noon, noon.Add(took)
		v.Harm = &score.Harm{Kind: kind, Done: 10, Spared: 100, Least: 40}
		if kind == score.Slow {
			v.Harm.Done = 7
		}
		return v
	}
	unknown := past(1, "promoted", score.Judge, score.Unsaid)
	unknown.Verdict, unknown.Met = "unknown", noon
	first := past(3, "promoted", score.Judge, score.Unsaid)
	first.Judged, first.Alpha = false, 0
	bare := back(2, score.Unsaid, score.Failed, time.Hour)
	bare.Harm, bare.Met = nil, time.Time{}
	s := score.Sum([]score.Said{
		back(0, score.Right, score.Failed, 30*time.Second), back(0, score.Wrong, score.Failed, 50*time.Second), back(2, score.Unsaid, score.Slow, 100*time.Second), bare,
		past(6, "promoted", score.Judge, score.Wrong), past(6, "promoted", score.Judge, score.Right), past(6, "promoted", score.Person, score.Wrong), unknown, first,
		past(4, "rolled_back", score.Person, score.Wrong), past(4, "rolled_back", score.Crash, ""), past(4, "rolled_back", score.Hosts, ""),
	}, noon, 7)

	got := fmt.Sprintf("judged %d, not %d; promoted %d, unknown %d, missed %d; back %d: judge %d, person %d, crash %d, hosts %d; right %d, wrong %d, unsaid %d; budget %g, spent %g; failed %v, slow %v; %g s",
		s.Judged, s.NotJudged, s.Promoted, s.Unknown, s.Missed, s.RolledBack, s.ByJudge, s.ByPerson, s.ByCrash, s.ByHosts, s.Right, s.Wrong, s.Unsaid, s.Budget, s.Spent, s.Failed, s.Slow, s.DecisionS)
	want := "judged 11, not 1; promoted 4, unknown 1, missed 1; back 7: judge 4, person 1, crash 1, hosts 1; right 1, wrong 1, unsaid 2; budget 0.7, spent 0.11; " +
		"failed {1 10 100 40}, slow {1 7 100 40}; 50 s"
	if got != want {
		t.Errorf("the score is\n%s, not\n%s", got, want)
	}
	var days []string
	for _, d := range s.ByDay {
		days = append(days, fmt.Sprintf("%s +%d -%d !%d", d.Day[8:], d.Promoted, d.RolledBack, d.Wrong))
	}
	if got, want := strings.Join(days, ", "), "14 +3 -0 !0, 15 +0 -0 !0, 16 +0 -3 !0, 17 +0 -0 !0, 18 +0 -2 !0, 19 +1 -0 !0, 20 +0 -2 !1"; got != want {
		t.Errorf("by day %s, not %s", got, want)
	}
}

func TestTheMedianOfTwo(t *testing.T) {
	var list []score.Said
	for _, took := range []time.Duration{30, 50} {
		v := past(1, "rolled_back", score.Judge, "")
		v.Met, v.Decided = noon, noon.Add(took*time.Second)
		list = append(list, v)
	}
	if s := score.Sum(list, noon, 7); s.DecisionS != 40 {
		t.Errorf("of 30 s and 50 s it is %g s", s.DecisionS)
	}
}

// Each environment has a budget of its own, by what its policy says now.
func TestTheBudget(t *testing.T) {
	older, newer, staging, again := past(5, "promoted", score.Judge, ""), past(1, "promoted", score.Judge, ""), past(2, "promoted", score.Judge, ""), past(1, "promoted", score.Judge, "")
	older.PerDay, newer.PerDay = 9, .5
	staging.Env, staging.PerDay, again.Env, again.PerDay = "staging", 0, "staging", 0
	if s := score.Sum([]score.Said{newer, older, staging, again}, noon, 10); s.Budget != 5.02 || s.Spent != .04 {
		t.Errorf("the budget is %g, and %g of it is spent", s.Budget, s.Spent)
	}
	if s := score.Sum(nil, noon, 3); s.Budget != 0 || s.DecisionS != 0 || len(s.ByDay) != 3 || !reflect.DeepEqual(s.Failed, score.Harms{}) {
		t.Errorf("the score of nothing is %+v", s)
	}
}

func TestDaysBeginAtMidnight(t *testing.T) {
	for text, want := range map[string]string{"2026-11-20T00:00:00Z": "2026-11-14T00:00:00Z", "2026-11-20T23:59:59Z": "2026-11-14T00:00:00Z", "2026-11-20T23:30:00-02:00": "2026-11-15T00:00:00Z"} {
		now, err := time.Parse(time.RFC3339, text)
		if err != nil {
			t.Fatal(err)
		}
		if got := score.Since(now, 7).Format(time.RFC3339); got != want {
			t.Errorf("seven days to %s begin at %s, not %s", text, got, want)
		}
	}
}
