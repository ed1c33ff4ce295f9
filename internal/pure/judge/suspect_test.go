package judge_test

import (
	"strings"
	"testing"

	"github.com/slipwayhq/slipway/internal/pure/judge"
	"github.com/slipwayhq/slipway/internal/pure/stats/units"
)

// watch puts the first hosts on the new release for so many ticks of ten seconds, and counts by host. factor is what a host's errors are multiplied by.
func (f *farm) watch(t *testing.T, canaries, ticks int, factor func(host int) float64) {
	t.Helper()
	f.group(t, canaries)
	each := 20000 / float64(len(f.hosts))
	for range ticks {
		counts := make([]judge.HostCount, len(f.hosts))
		for i, h := range f.hosts {
			counts[i] = judge.HostCount{Events: f.poisson(each * 0.01 * h * factor(i)), Requests: f.poisson(each)}
		}
		if err := f.s.Fold(f.p, judge.Tick{Hosts: map[string][]judge.HostCount{"errors": counts}}); err != nil {
			t.Fatal(err)
		}
	}
}

func TestABrokenHostIsNoHarmOfTheRelease(t *testing.T) {
	regressed, without := 0, 0
	const runs = 30
	for i := range runs {
		f := newFarm(uint64(i), 20, 0.2, judge.Rise)
		f.p.Fleet.Hosts[2] = "web-3"
		f.watch(t, 4, 30, func(host int) float64 {
			if host == 2 {
				return 15
			}
			return 1
		})
		v := judge.Judge(f.p, f.s)
		if v.Outcome == judge.Regressed {
			regressed++
			continue
		}
		e := v.Vitals[0]
		if v.Outcome != judge.Unknown || e.Suspect != "web-3" || !strings.Contains(e.Text, "it is the host web-3 alone that makes the difference") {
			t.Fatalf("%s: %+v", v.Outcome, e)
		}
		if f.s.Vitals[0].LogE() >= f.p.Threshold(f.p.Vitals[0]) {
			without++
		}
	}
	if regressed > 2 || without < runs-2 {
		t.Errorf("of %d releases that change nothing %d were taken for harm of one broken host; the plain evidence was enough in %d", runs, regressed, without)
	}
}

// The host that broke hides no harm that the others show, nor does it matter where it is the only one.
func TestHarmBesideABrokenHost(t *testing.T) {
	f := newFarm(1, 20, 0.2, judge.Rise)
	f.watch(t, 4, 30, func(host int) float64 {
		switch {
		case host == 2:
			return 15
		case host < 4:
			return 2
		}
		return 1
	})
	if v := judge.Judge(f.p, f.s); v.Outcome != judge.Regressed || v.Vitals[0].Suspect != "" {
		t.Errorf("%s: %+v", v.Outcome, v.Vitals[0])
	}
	alone := newFarm(2, 20, 0.2, judge.Rise)
	alone.watch(t, 1, 30, func(host int) float64 {
		if host == 0 {
			return 15
		}
		return 1
	})
	if v := judge.Judge(alone.p, alone.s); v.Outcome != judge.Regressed {
		t.Errorf("harm on the only host of the new release: %+v", v.Vitals[0])
	}
	drop := newFarm(3, 20, 0.2, judge.Drop)
	drop.watch(t, 4, 30, func(host int) float64 {
		if host == 2 {
			return 0.05
		}
		return 1
	})
	if v := judge.Judge(drop.p, drop.s); v.Outcome == judge.Regressed || v.Vitals[0].Suspect == "" {
		t.Errorf("one host on which what should not drop did: %s %+v", v.Outcome, v.Vitals[0])
	}
}

// In clusters of twenty, a twentieth of the events is evidence.
func TestEventsInClustersCountOnce(t *testing.T) {
	fired := func(size float64) (n int) {
		for i := range 30 {
			f := newFarm(uint64(i), 20, 0.05, judge.Rise)
			f.p.Fleet.Clusters = map[string]float64{"errors": size}
			for h := range f.p.Fleet.Before["errors"] {
				f.p.Fleet.Before["errors"][h].Events = 20 * float64(f.poisson(30*f.hosts[h]))
			}
			f.s = judge.NewState(f.p)
			f.group(t, 4)
			for range 60 {
				counts := make([]judge.HostCount, len(f.hosts))
				for h := range counts {
					counts[h] = judge.HostCount{Events: 20 * f.poisson(f.hosts[h]/2), Requests: 1000}
				}
				if err := f.s.Fold(f.p, judge.Tick{Hosts: map[string][]judge.HostCount{"errors": counts}}); err != nil {
					t.Fatal(err)
				}
			}
			if judge.HasRegressed(f.p, &f.s) {
				n++
			}
		}
		return n
	}
	if one, twenty := fired(1), fired(20); one < 5 || twenty > 3 {
		t.Errorf("of 30 releases that change nothing %d fire with events one by one, %d with clusters", one, twenty)
	}
}

func TestHostsThatAreNotOfTheFleet(t *testing.T) {
	f := newFarm(1, 3, 0.2, judge.Rise)
	f.watch(t, 1, 1, func(int) float64 { return 1 })
	for name, counts := range map[string][]judge.HostCount{
		"too few": {{Events: 1, Requests: 2}}, "negative": {{Events: -1}, {}, {}}, "absurd": {{Requests: 1 << 50}, {}, {}},
	} {
		if err := f.s.Fold(f.p, judge.Tick{Hosts: map[string][]judge.HostCount{"errors": counts}}); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
	if f.s.Rejected != 3 || f.s.Ticks != 1 {
		t.Errorf("%d ticks, %d rejected", f.s.Ticks, f.s.Rejected)
	}
}

// A host that was forgotten counts no more, and the others go on as if it had never been there: good releases get healthy, bad ones regressed.
func TestAForgottenHostTookNoPart(t *testing.T) {
	for _, harm := range []float64{1, 2.5} {
		f := newFarm(7, 20, 0.2, judge.Rise)
		f.p.Fleet.Hosts[2] = "web-3"
		broken := func(host int) float64 {
			switch {
			case host == 2:
				return 15
			case host < 4 && harm > 1 && f.s.Ticks >= 10:
				return harm
			}
			return 1
		}
		f.watch(t, 4, 10, broken)
		if e := judge.Judge(f.p, f.s).Vitals[0]; e.Suspect != "web-3" {
			t.Fatalf("before: %+v", e)
		}
		f.s.Forget(f.p, "web-3")
		f.s.Forget(f.p, "no such host")
		if got := len(f.s.Vitals[0].Hosts); got != len(f.s.Vitals[0].Units.Phases) || f.s.Vitals[0].Hosts[0][2].Requests != 0 || f.s.Vitals[0].Suspect != "" {
			t.Fatalf("of what is kept: %d phases, %+v", got, f.s.Vitals[0])
		}
		if total := f.s.Vitals[0].Total; float64(total.New) > .02*float64(total.AtRiskNew) || total.AtRiskNew < 25_000 || total.AtRiskOld < 150_000 {
			t.Errorf("what is shown is %+v", total) // three hosts of 1,000 requests a tick, of which one in a hundred fails, and sixteen others
		}
		l := units.Layout{New: []int{0, 1, 3, 4}}
		for i := 5; i < 20; i++ {
			l.Old = append(l.Old, i)
		}
		if err := f.s.Group(f.p, l); err != nil {
			t.Fatal(err)
		}
		for range 60 {
			counts := make([]judge.HostCount, len(f.hosts))
			for i, h := range f.hosts {
				factor := broken(i)
				if i == 4 {
					factor = harm
				}
				counts[i] = judge.HostCount{Events: f.poisson(10 * h * factor), Requests: f.poisson(1000)}
			}
			if err := f.s.Fold(f.p, judge.Tick{Hosts: map[string][]judge.HostCount{"errors": counts}}); err != nil {
				t.Fatal(err)
			}
		}
		want := judge.Healthy
		if harm > 1 {
			want = judge.Regressed
		}
		if v := judge.Judge(f.p, f.s); v.Outcome != want {
			t.Errorf("harm %v: %s: %+v", harm, v.Outcome, v.Vitals[0])
		}
	}
}

// Three hosts, one minute known before, hardly any error ever: the new release fails one request in twenty. The hosts' own differences do not explain that, and the host that had it first is not taken
// for broken before the second one has had a chance to be better.
func TestErrorsOutOfNothingAreTheReleases(t *testing.T) {
	p := judge.Standard(judge.ByHost, .002, nil)
	p.Margin, p.Vitals[0].Weight = 0, .3
	quiet := []units.Unit{{Requests: 1200}, {Requests: 1200}, {Requests: 1200}}
	p.Fleet = &judge.Fleet{Hosts: []string{"h1", "h2", "h3"}, Before: map[string][]units.Unit{judge.Errors: quiet}, History: map[string]units.Spread{judge.Errors: units.Usual()}}
	for name, c := range map[string]struct {
		alone   int      // seconds that h2 has it alone
		fails   [3]int64 // of 20 requests a second, in the other seconds none
		within  int      // seconds in all
		outcome judge.Outcome
		suspect string
	}{
		"the release, seen at the first host":   {40, [3]int64{0, 1, 0}, 40, judge.Regressed, ""},
		"the release, just on the second host":  {12, [3]int64{1, 1, 0}, 16, judge.Unknown, ""},
		"the release, seen at both":             {12, [3]int64{1, 1, 0}, 80, judge.Regressed, ""},
		"one broken host, and one that is fine": {12, [3]int64{0, 1, 0}, 60, judge.Unknown, "h2"},
	} {
		t.Run(name, func(t *testing.T) {
			s := judge.NewState(p)
			for second := range c.within {
				l := units.Layout{New: []int{1}, Old: []int{0, 2}}
				if second >= c.alone {
					l = units.Layout{New: []int{0, 1}, Old: []int{2}}
				}
				if err := s.Group(p, l); err != nil {
					t.Fatal(err)
				}
				hosts := []judge.HostCount{{0, 20}, {0, 20}, {0, 20}}
				for _, i := range l.New {
					if second%2 == 1 {
						hosts[i].Events = c.fails[i]
					}
				}
				if err := s.Fold(p, judge.Tick{Second: int64(second), Share: float64(len(l.New)) / 3, Hosts: map[string][]judge.HostCount{judge.Errors: hosts}}); err != nil {
					t.Fatal(err)
				}
			}
			v := judge.Judge(p, s)
			if v.Outcome != c.outcome || s.Vitals[0].Suspect != c.suspect {
				t.Errorf("%s, suspect %q, ln e %.2f of %.2f: %v", v.Outcome, s.Vitals[0].Suspect, s.Vitals[0].Peak, p.Threshold(p.Vitals[0]), v.Reasons)
			}
		})
	}
}

// Evidence that is enough but for the doubt whether one host broke decides nothing, and the page must not leave a reader alone with it.
func TestEnoughEvidenceThatOneHostCouldExplainIsSaidToBe(t *testing.T) {
	seen := 0
	for seed := range uint64(20) {
		f := newFarm(seed, 20, 0.2, judge.Rise)
		for range 30 {
			f.watch(t, 2, 1, func(host int) float64 {
				if host < 2 {
					return 3
				}
				return 1
			})
			e := judge.Judge(f.p, f.s).Vitals[0]
			doubt := e.Outcome == judge.Unknown && e.Suspect == "" && f.s.Vitals[0].LogE() >= f.p.Threshold(f.p.Vitals[0])
			if doubt != strings.Contains(e.Text, "; one broken host could explain that as well, so that it does not decide yet") {
				t.Fatalf("%s, evidence 10^%.1f of 10^%.1f: %s", e.Outcome, e.EValue, e.Threshold, e.Text)
			}
			if doubt {
				seen++
			}
		}
	}
	if seen == 0 {
		t.Error("it never came to that")
	}
}

// A host of the old release that was mended before the push now errs less than its window foretells, and what is compared with it seems to err more.
func TestAHostThatGotWellIsNoHarmOfTheRelease(t *testing.T) {
	for healed, want := range map[float64]judge.Outcome{1: judge.Unknown, 4: judge.Regressed} { // what the new release multiplies errors by
		wrong, plain := 0, 0
		const runs = 20
		for i := range runs {
			f := newFarm(uint64(i), 6, 0.1, judge.Rise)
			before := f.p.Fleet.Before["errors"]
			before[5].Events *= 15
			f.s = judge.NewState(f.p)
			f.watch(t, 3, 30, func(host int) float64 {
				if host < 3 {
					return healed
				}
				return 1
			})
			if judge.Judge(f.p, f.s).Outcome != want {
				wrong++
			}
			if f.s.Vitals[0].LogE() >= f.p.Threshold(f.p.Vitals[0]) {
				plain++
			}
		}
		if wrong > 0 || plain != runs {
			t.Errorf("errors times %v: %d of %d are not %s; the plain evidence was enough in %d", healed, wrong, runs, want, plain)
		}
	}
}
