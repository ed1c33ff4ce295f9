// Package score keeps the score of past verdicts: what was decided and by whom, what people say of it, the harm that was met and the harm that was spared. It is pure:
// the slice stores the facts when a rollout ends, and adds up those of a time when somebody asks.
//
// It reads no log and emits nothing itself.
package score

import (
	"math"
	"slices"
	"strings"
	"time"

	"github.com/slipwayhq/slipway/internal/decide/rollout/machine"
	"github.com/slipwayhq/slipway/internal/pure/judge"
)

// By is who or what ended a rollout.
type By string

// Who ends a rollout.
const (
	Judge  By = "judge"  // the verdict
	Person By = "person" // somebody's command, a hotfix that took its place, or a way back
	Crash  By = "crash"  // the new release could not run, or died
	Hosts  By = "hosts"  // too few hosts could take part
)

// Facts are what is known for good about a rollout that has ended.
type Facts struct {
	Rollout   string  `json:"id" doc:"Id of the rollout"`
	Number    int     `json:"number"`
	App       string  `json:"app"`
	Env       string  `json:"environment"`
	ReleaseID string  `json:"release_id"`
	Judged    bool    `json:"judged" doc:"It was compared with the release before"`
	Outcome   string  `json:"outcome" enum:"promoted,rolled_back"`
	By        By      `json:"by" enum:"judge,person,crash,hosts" doc:"Who ended it: the judge's verdict, a person, a release that could not run, or hosts of which too few were left"`
	Verdict   string  `json:"verdict" enum:"healthy,regressed,unknown,wrong_split,none" doc:"The judge's, at the end"`
	Vital     string  `json:"vital,omitempty" doc:"The vital that regressed most clearly"`
	Text      string  `json:"text" doc:"Why it ended so, in one sentence"`
	Alpha     float64 `json:"alpha" doc:"The chance that the judge takes back a release that changes nothing: this rollout's part of the budget"`
	// PerDay is how many false alarms a day the policy accepts; 0 where it names alpha instead.
	PerDay  float64   `json:"false_alarms_a_day,omitempty" doc:"What the policy accepts; absent where it names alpha instead"`
	Met     time.Time `json:"visitors_at,omitzero" doc:"When the first visitors met the new release"`
	Decided time.Time `json:"decided_at,omitzero" doc:"When it was decided to take the release back"`
	Ended   time.Time `json:"ended_at"`
	Harm    *Harm     `json:"harm,omitempty" doc:"Of a release that the judge took back: what it did and what it would have done. Absent where that cannot be estimated"`
}

// Kind is what a bad request is.
type Kind string

// The kinds of bad requests.
const (
	Failed Kind = "failed"
	Slow   Kind = "slow"
)

// Harm is what a release that was taken back did, and what it would have done: estimates, by the numbers at the time of the verdict.
//
// What would have been is the rest of the plan: without a verdict the release goes through what was left of its planned watch, at the shares that were planned, and is
// taken back in the moment the last watch is over. So nothing is counted for the time after, in which everybody has it and nobody may notice.
type Harm struct {
	Kind Kind `json:"kind" enum:"failed,slow" doc:"What a bad request is here: one that failed, or one slower than before the push"`
	// Done and Spared are requests beyond what the old release's rate leads to expect.
	Done   float64 `json:"done" doc:"Bad requests beyond the old release's rate, until nobody was on the new release any more"`
	Spared float64 `json:"spared" doc:"Bad requests that the rest of the planned watch would have cost besides, at the same excess and the same traffic"`
	Least  float64 `json:"spared_at_least" doc:"The same by the lower end of the interval for the ratio: 0 where it is not known"`
	Second float64 `json:"a_second" doc:"Bad requests a second beyond the old release's rate, had everybody been on the new one"`
	Rest   float64 `json:"rest_s" doc:"Seconds for which everybody would have had it: what was left of each planned watch, times its share"`
}

// Seen is the time in which edges counted visitors of both releases: the first second, and how many.
type Seen struct {
	First   int64
	Seconds int64
}

// Of gives the facts of a rollout that has ended. It is none of the score's (ok false) when it never went out.
func Of(m *machine.Rollout, seen Seen) (f Facts, ok bool) {
	if m.State != machine.Promoted && m.State != machine.RolledBack {
		return f, false
	}
	f = Facts{
		Rollout: m.ID, Number: m.Number, App: m.App, Env: m.Env, ReleaseID: m.Release, Judged: m.Judged() && len(m.Judge.Vitals) > 0,
		Outcome: m.Outcome, By: endedBy(m), Verdict: string(m.Verdict), Ended: m.EndedAt,
	}
	if why := m.EndReasons(); len(why) > 0 {
		f.Text = why[0].Text
	}
	if seen.Seconds > 0 {
		f.Met = time.Unix(seen.First, 0).UTC()
	}
	if m.State == machine.RolledBack {
		f.Decided = m.RegressAt
	}
	if !f.Judged {
		f.Verdict = "none"
		return f, true
	}
	f.Alpha, f.PerDay, f.Vital = m.Judge.Alpha, m.Policy.FalseAlarms.PerDay(), m.Vital
	if m.Policy.Alpha > 0 {
		f.PerDay = 0
	}
	if f.By == Judge && m.State == machine.RolledBack {
		f.Harm = harmOf(m, seen.Seconds)
	}
	return f, true
}

// endedBy tells who ended a rollout, by the first of the reasons that decided.
func endedBy(m *machine.Rollout) By {
	code := ""
	if why := m.EndReasons(); len(why) > 0 {
		code = why[0].Code
	}
	switch {
	case m.State == machine.RolledBack && m.Verdict == judge.Regressed:
		return Judge
	case strings.HasPrefix(code, "by_") || code == "hotfix":
		return Person
	case m.State == machine.Promoted:
		return Judge
	case code == "crash_loop" || strings.HasPrefix(code, "host_"):
		return Crash
	}
	return Hosts
}

// harmOf estimates the harm of a regression; nil where the counts do not allow it.
func harmOf(m *machine.Rollout, seconds int64) *Harm {
	x, ok := excessOf(m)
	if !ok || seconds <= 0 || !(x.rate > 0) {
		return nil
	}
	traffic := float64(x.onNew+x.onOld) / float64(seconds)
	rest := restOf(m).Seconds()
	least := min(max(x.before*(x.low-1), 0), x.rate)
	return &Harm{
		Kind: x.kind, Done: math.Round(x.rate * float64(x.onNew)), Second: round(x.rate * traffic), Rest: round(rest),
		Spared: math.Round(x.rate * traffic * rest), Least: math.Round(least * traffic * rest),
	}
}

// excess is how much worse the new release was, by the vital that regressed most clearly.
type excess struct {
	kind         Kind
	rate         float64 // bad requests, as a part of all, beyond the old release's
	before       float64 // the old release's rate
	low          float64 // the lower end of the interval for the ratio of both
	onNew, onOld int64   // requests that rate is a part of
}

// excessOf gives the excess; not where it is no matter of requests (cpu, or a counter of the app's own), or where one release got none.
func excessOf(m *machine.Rollout) (x excess, ok bool) {
	vitals := judge.Judge(m.Judge, m.Evidence).Vitals
	i := slices.IndexFunc(vitals, func(e judge.VitalEvidence) bool { return e.Name == m.Vital })
	if i < 0 {
		return x, false
	}
	e, t, route := vitals[i], m.Totals, judge.RouteOf(m.Vital)
	x = excess{kind: Failed, low: e.RatioLow, onNew: t.RequestsNew, onOld: t.RequestsOld, before: e.RateOld, rate: e.RateNew - e.RateOld}
	switch {
	case m.Vital == judge.Errors, m.Vital == judge.VisitorErrors: // all requests are counted, those of hosts that had not settled too
		x.between(t.ErrorsNew, t.ErrorsOld)
	case route != "":
		p := t.Paths[route]
		x.onNew, x.onOld = p.New, p.Old
		x.between(p.NewErrors, p.OldErrors)
	case m.Vital == judge.NewErrors:
	case m.Vital == judge.LatencyP50, m.Vital == judge.LatencyP90, m.Vital == judge.LatencyP99:
		x.kind = Slow
	default:
		return x, false
	}
	return x, x.onNew > 0 && x.onOld > 0
}

// between takes the rates from what failed on both.
func (x *excess) between(onNew, onOld int64) {
	x.before = float64(onOld) / float64(x.onOld)
	x.rate = float64(onNew)/float64(x.onNew) - x.before
}

// restOf is for how long everybody would have had the release: what was left of each planned watch when it was taken back, times its share. The time in which hosts
// settle is left out.
func restOf(m *machine.Rollout) time.Duration {
	var rest time.Duration
	for i := m.Step; i < len(m.Steps); i++ {
		s := m.Steps[i]
		left := s.Watch
		if i == m.Step && !s.Until.IsZero() {
			left = min(max(s.Until.Sub(m.RegressAt), 0), s.Watch)
		}
		rest += time.Duration(float64(left) * (s.Share - s.HoldBack))
	}
	return rest
}

// round keeps three digits behind the point.
func round(x float64) float64 { return math.Round(x*1e3) / 1e3 }
