package score

import (
	"cmp"
	"maps"
	"slices"
	"time"
)

// Word is what somebody says of a verdict.
type Word string

// The words. Of a release that came back, Wrong means a false alarm; of a promoted one, that it should have come back.
const (
	Unsaid Word = ""
	Right  Word = "right"
	Wrong  Word = "wrong"
)

// Said is a past verdict with the word on it.
type Said struct {
	Facts
	Word Word
}

// CanBeSaid tells whether there is a verdict to call right or wrong: the judge ended the rollout, and not a person, a crash or a lack of hosts.
func (f Facts) CanBeSaid() bool { return f.Judged && f.By == Judge }

// Score is what the verdicts of a time add up to.
type Score struct {
	App   string    `json:"app"`
	Env   string    `json:"environment" doc:"Empty for all environments of the app"`
	Days  int       `json:"days" doc:"How many days, in UTC, today's included"`
	Since time.Time `json:"since"`

	Judged     int `json:"judged" doc:"Rollouts that ended in this time and were compared with the release before"`
	NotJudged  int `json:"not_judged" doc:"Others that ended: first releases, hotfixes without a watch, ways back"`
	Promoted   int `json:"promoted" doc:"Of those judged"`
	Unknown    int `json:"unknown" doc:"Of those judged and promoted, how many without harm or health being shown"`
	RolledBack int `json:"rolled_back" doc:"Of those judged, whoever took them back"`
	ByJudge    int `json:"by_judge" doc:"Of those rolled back, by the verdict"`
	ByPerson   int `json:"by_person" doc:"Of those rolled back, by somebody"`
	ByCrash    int `json:"by_crash" doc:"Of those rolled back, since the release could not run"`
	ByHosts    int `json:"by_hosts" doc:"Of those rolled back, since too few hosts were left"`

	Right  int `json:"right" doc:"Rollbacks by the judge that people call right"`
	Wrong  int `json:"wrong" doc:"Rollbacks by the judge that people call wrong: the known false alarms"`
	Unsaid int `json:"unsaid" doc:"Rollbacks by the judge of which nobody has said anything"`
	Missed int `json:"missed" doc:"Promoted by the judge, and called wrong: they should have come back"`

	Budget float64 `json:"budget" doc:"False alarms that the policy accepts in this time: the newest policy of each environment; where that names alpha, the sum of it"`
	Spent  float64 `json:"spent" doc:"The part of it that was put at stake: alpha, summed over the rollouts judged. That many false alarms are to be expected at most if no release changed anything"`

	Failed    Harms   `json:"failed" doc:"Requests that failed, beyond the old release's rate"`
	Slow      Harms   `json:"slow" doc:"Requests slower than before the push, beyond the old release's rate"`
	DecisionS float64 `json:"decision_s" doc:"Median, over rollbacks by the judge, of the seconds from the first visitor to the verdict; 0 where there is none"`
	ByDay     []Day   `json:"by_day" nullable:"false" doc:"One entry a day, in UTC"`
}

// Harms adds up harm of one kind. Rollbacks that people call wrong are not in it: there was no harm to spare.
type Harms struct {
	Rollouts int     `json:"rollouts" doc:"Of how many rollbacks by the judge"`
	Done     float64 `json:"done" doc:"Bad requests that visitors met"`
	Spared   float64 `json:"spared" doc:"Bad requests that the rest of the planned watches would have cost"`
	Least    float64 `json:"spared_at_least" doc:"The same by the lower ends of the intervals"`
}

// Day is what was judged on one day.
type Day struct {
	Day        string `json:"day" doc:"In UTC" example:"2026-11-20"`
	Promoted   int    `json:"promoted"`
	RolledBack int    `json:"rolled_back"`
	Wrong      int    `json:"wrong" doc:"Of those rolled back by the judge, called wrong"`
}

const day = 24 * time.Hour

// Since is when the days begin of which the last is now's.
func Since(now time.Time, days int) time.Time {
	return now.UTC().Truncate(day).Add(-time.Duration(days-1) * day)
}

// Sum adds up the verdicts of the days up to now.
func Sum(list []Said, now time.Time, days int) Score {
	s := Score{Days: days, Since: Since(now, days)}
	for i := range days {
		s.ByDay = append(s.ByDay, Day{Day: s.Since.Add(time.Duration(i) * day).Format(time.DateOnly)})
	}
	var took []float64
	for _, v := range list {
		if !v.Judged {
			s.NotJudged++
			continue
		}
		s.Judged++
		s.Spent += v.Alpha
		s.add(v)
		if i := int(v.Ended.Sub(s.Since) / day); i >= 0 && i < days {
			s.ByDay[i].add(v)
		}
		if v.returned() && !v.Met.IsZero() {
			took = append(took, max(v.Decided.Sub(v.Met).Seconds(), 0))
		}
	}
	s.Spent, s.Budget, s.DecisionS = round(s.Spent), round(budget(list, days)), round(median(took))
	return s
}

// returned tells whether the judge took the release back.
func (f Facts) returned() bool { return f.By == Judge && f.Outcome == "rolled_back" }

func (s *Score) add(v Said) {
	if v.Outcome == "promoted" {
		s.Promoted++
		if v.Verdict == "unknown" {
			s.Unknown++
		}
		if v.By == Judge && v.Word == Wrong {
			s.Missed++
		}
		return
	}
	s.RolledBack++
	switch v.By {
	case Person:
		s.ByPerson++
	case Crash:
		s.ByCrash++
	case Hosts:
		s.ByHosts++
	case Judge:
		s.ByJudge++
		s.say(v)
	}
}

// say counts the word on a rollback by the judge, and its harm.
func (s *Score) say(v Said) {
	switch v.Word {
	case Right:
		s.Right++
	case Wrong:
		s.Wrong++
		return
	default:
		s.Unsaid++
	}
	switch {
	case v.Harm == nil:
	case v.Harm.Kind == Failed:
		s.Failed.add(*v.Harm)
	default:
		s.Slow.add(*v.Harm)
	}
}

func (h *Harms) add(of Harm) {
	h.Rollouts++
	h.Done, h.Spared, h.Least = h.Done+of.Done, h.Spared+of.Spared, h.Least+of.Least
}

func (d *Day) add(v Said) {
	if v.Outcome == "promoted" {
		d.Promoted++
		return
	}
	d.RolledBack++
	if v.By == Judge && v.Word == Wrong {
		d.Wrong++
	}
}

// budget is what the policy accepts: each environment has its own, by the newest rollout judged in it.
func budget(list []Said, days int) float64 {
	newest, alphas := map[string]Said{}, map[string]float64{}
	for _, v := range list {
		if !v.Judged {
			continue
		}
		alphas[v.Env] += v.Alpha
		if of, ok := newest[v.Env]; !ok || v.Ended.After(of.Ended) {
			newest[v.Env] = v
		}
	}
	sum := 0.0
	for _, env := range slices.Sorted(maps.Keys(newest)) {
		if v := newest[env]; v.PerDay > 0 {
			sum += v.PerDay * float64(days)
		} else {
			sum += alphas[env]
		}
	}
	return sum
}

// median is 0 of nothing, and the mean of the two in the middle of an even number.
func median(xs []float64) float64 {
	slices.SortFunc(xs, cmp.Compare)
	if len(xs) == 0 {
		return 0
	}
	return (xs[(len(xs)-1)/2] + xs[len(xs)/2]) / 2
}
