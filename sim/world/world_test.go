package world

import (
	"math"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/slipwayhq/slipway/sim/canary"
)

func TestCatalogueIsSound(t *testing.T) {
	all := Catalogue()
	twins := map[string]Scenario{}
	for _, s := range all {
		if s.Harmless() {
			twins[s.Name] = s
		}
	}
	seen := map[string]bool{}
	for _, s := range all {
		if seen[s.Name] {
			t.Errorf("%s is there twice", s.Name)
		}
		seen[s.Name] = true
		if s.Harmless() != strings.HasPrefix(s.Name, "aa-") {
			t.Errorf("%s: those without harm, and no others, begin with aa-", s.Name)
		}
		twin, ok := twins[s.Twin]
		twin.Name, twin.Harm, s.Harm = s.Name, Harm{}, Harm{}
		if !ok || !reflect.DeepEqual(twin, s) {
			t.Errorf("%s has no twin in the same world", s.Name)
		}
	}
	if len(all) < 60 {
		t.Errorf("only %d scenarios", len(all))
	}
}

func find(t *testing.T, name string) *Scenario {
	t.Helper()
	all := Catalogue()
	i := slices.IndexFunc(all, func(s Scenario) bool { return s.Name == name })
	if i < 0 {
		t.Fatalf("no scenario %s", name)
	}
	return &all[i]
}

// play plays a run and keeps the ticks.
func play(st *Stream, seed, run uint64) (ticks []canary.Tick, w canary.Window, excess float64) {
	_, window := st.Begin(seed, run)
	for {
		_, bad, ok := st.Next(func(tick *canary.Tick) {
			ticks = append(ticks, canary.Tick{})
			ticks[len(ticks)-1].CopyFrom(tick)
		})
		if !ok {
			return ticks, *window, excess
		}
		excess += bad
	}
}

func TestRunsDependOnSeedScenarioAndNumberAlone(t *testing.T) {
	for _, name := range []string{"aa-mix-sd-0.05-cohort-2000rps", "errors-2x-visitors-differ-20rps", "errors-2x-late-30s-200rps", "hanging-release-errors-and-latency-200rps"} {
		a, b := find(t, name).Open(), find(t, name).Open()
		play(a, 1, 7)
		first, _, _ := play(a, 1, 3)
		second, _, _ := play(b, 1, 3)
		other, _, _ := play(b, 1, 4)
		if !reflect.DeepEqual(first, second) {
			t.Errorf("%s: run 3 differs after another run", name)
		}
		if reflect.DeepEqual(first, other) {
			t.Errorf("%s: runs 3 and 4 are the same", name)
		}
	}
}

// Whatever is counted in several ways adds up.
func TestCountsAddUp(t *testing.T) {
	for _, s := range Catalogue() {
		if s.Traffic.RPS > 200 && s.Traffic.MixSD == 0 {
			continue
		}
		ticks, w, excess := play(s.Open(), 5, 0)
		if w.Total.Requests == 0 || s.Harmless() != (excess == 0) {
			t.Errorf("%s: %d requests before, excess %v", s.Name, w.Total.Requests, excess)
		}
		for _, tick := range ticks {
			for r := range canary.Releases {
				check(t, &s, &tick, r)
			}
		}
		if t.Failed() {
			return
		}
	}
}

func check(t *testing.T, s *Scenario, tick *canary.Tick, r int) {
	t.Helper()
	total := tick.Total[r]
	var hosts, buckets canary.Count
	var failed, routed int64
	for i := range tick.Hosts {
		hosts.Add(&tick.Hosts[i].Count[r])
	}
	var first canary.First
	for h := range tick.FirstHosts {
		for v := range s.Vitals {
			first.Events[v] += tick.FirstHosts[h][r].Events[v]
			first.AtRisk[v] += tick.FirstHosts[h][r].AtRisk[v]
		}
	}
	if len(tick.FirstHosts) > 0 && first != tick.First[r] {
		t.Errorf("%s, second %d: hosts counted %v of %v first", s.Name, tick.Second, first, tick.First[r])
	}
	for i := range tick.Buckets {
		buckets.Add(&tick.Buckets[i].Count[r])
	}
	for _, route := range tick.Routes {
		failed += route.Errors[r]
		routed += route.Requests[r]
	}
	if s.Traffic.Visitors == nil && hosts != total {
		t.Errorf("%s, second %d: hosts counted %v of %v", s.Name, tick.Second, hosts, total)
	}
	if len(tick.Buckets) > 0 && buckets != total {
		t.Errorf("%s, second %d: buckets counted %v of %v", s.Name, tick.Second, buckets, total)
	}
	if len(tick.Routes) > 0 && (failed != total.Events[0] || routed != total.Requests) {
		t.Errorf("%s, second %d: routes counted %d of %d, %d errors of %d", s.Name, tick.Second, routed, total.Requests, failed, total.Events[0])
	}
	for v := range s.Vitals {
		first := tick.First[r]
		if first.Events[v] > total.Events[v] || first.AtRisk[v] > total.Requests || first.Events[v] > first.AtRisk[v] {
			t.Errorf("%s, second %d: first %v of %v", s.Name, tick.Second, first, total)
		}
	}
}

// rates are what a scenario shows on average: requests a second, the share of the new release, and each release's fraction of vital v.
func rates(s *Scenario, v, runs int) (rps, share float64, fraction [canary.Releases]float64, excess float64) {
	st := s.Open()
	var sum [canary.Releases]canary.Count
	seconds := 0.0
	for run := range runs {
		ticks, _, bad := play(st, 11, uint64(run))
		excess += bad / float64(runs)
		for i := range ticks {
			seconds += TickSeconds
			for r := range sum {
				sum[r].Add(&ticks[i].Total[r])
			}
		}
	}
	all := float64(sum[canary.Old].Requests + sum[canary.New].Requests)
	for r := range fraction {
		fraction[r] = float64(sum[r].Events[v]) / float64(sum[r].Requests)
	}
	return all / seconds, float64(sum[canary.New].Requests) / all, fraction, excess
}

func TestScenariosAreWhatTheySay(t *testing.T) {
	for _, c := range []struct {
		name           string
		vital          int
		rps, share     float64
		old, new       float64
		excess, within float64
	}{
		{"errors-2x-200rps", 0, 200, 0.10, 0.01, 0.02, 360, 0.06},
		{"errors-2x-by-request-200rps", 0, 200, 0.10, 0.01, 0.02, 360, 0.06},
		{"drop-5pct-conversions-200rps", 0, 200, 0.10, 0.10, 0.095, 180, 0.03},
		{"tail-3x-slow-p99-200rps", 0, 200, 0.10, 0.01, 0.03, 720, 0.05},
		{"lognormal-1.5x-latency-200rps", 1, 200, 0.10, 0.01, 0.0275, -1, 0.06},
		{"lognormal-1.5x-latency-200rps", 3, 200, 0.10, 0.50, 0.657, -1, 0.02},
		{"aa-drift-200rps", 0, 200, 0.10, 0.015, 0.015, 0, 0.07},
		{"aa-share-off-2x-200rps", 0, 200, 0.20, 0.01, 0.01, 0, 0.07},
		{"aa-broken-host-200rps", 0, 200, 0.10, 0.01, 0.03, 0, 0.06},
		{"warm-up-no-settle-200rps", 0, 200, 0.10, 0.01, 0.01 + 0.04/30, 48, 0.07},
		{"errors-2x-bursts-5-200rps", 0, 200, 0.10, 0.01, 0.02, 360, 0.12},
		{"slow-leak-200rps", 0, 200, 0.10, 0.01, 0.01 + 0.04*25.0/60, 600, 0.06},
		{"restart-storm-200rps", 0, 200, 0.10, 0.01, 0.01 + 0.5*20/300*29.0/30, -1, 0.06},
		{"route-broken-routes-200rps", 0, 200, 0.10, 0.01, 0.015, 180, 0.06},
		{"errors-2x-visitors-equal-200rps", 0, 200, 0.10, 0.01, 0.02, 240, 0.07},
		{"aa-visitors-retry-200rps", 0, 200 * 1.03, 0.10, 0.04 / 1.03, 0.04 / 1.03, 0, 0.12},
		{"one-bad-2x-correlated-vitals-200rps", 2, 200, 0.10, 0.01, 0.02, 360, 0.35},
	} {
		rps, share, fraction, excess := rates(find(t, c.name), c.vital, 4)
		near := func(what string, got, want float64) {
			if math.Abs(got-want) > c.within*math.Abs(want)+1e-9 {
				t.Errorf("%s: %s %v, want %v", c.name, what, got, want)
			}
		}
		near("requests a second", rps, c.rps)
		near("share", share, c.share)
		near("fraction on old", fraction[canary.Old], c.old)
		near("fraction on new", fraction[canary.New], c.new)
		if c.excess >= 0 {
			near("excess", excess, c.excess)
		}
	}
}

// The window before shows the rate that goes on where nothing changes: judges that compare with it must not be misled.
func TestTheWindowBeforeIsLikeWhatFollows(t *testing.T) {
	for _, name := range []string{"aa-200rps", "aa-latency-200rps", "aa-hosts-sd-0.2-200rps", "aa-bursts-5-200rps", "aa-visitors-retry-200rps", "aa-routes-200rps"} {
		s := find(t, name)
		st := s.Open()
		var before canary.Count
		for run := range uint64(6) {
			_, w, _ := play(st, 11, run)
			before.Add(&w.Total)
		}
		for v := range s.Vitals {
			_, _, fraction, _ := rates(s, v, 6)
			was := float64(before.Events[v]) / float64(before.Requests)
			if math.Abs(fraction[canary.Old]/was-1) > 0.12 {
				t.Errorf("%s, vital %d: %v before, %v after", name, v, was, fraction[canary.Old])
			}
		}
	}
}

// A hanging release shows in what is counted as requests start, and in access logs only when they are given up.
func TestHangingRequestsEndLate(t *testing.T) {
	ticks, _, _ := play(find(t, "hanging-release-errors-and-latency-200rps").Open(), 1, 1)
	var started, ended int64
	for i := range ticks {
		started += ticks[i].Total[canary.New].Events[1]
		ended += ticks[i].Ended[canary.New].Events[1]
		if i == 5 && ended*2 > started {
			t.Errorf("in a minute %d are slow, %d of them have ended", started, ended)
		}
	}
	if ended >= started || float64(ended) < 0.95*float64(started) {
		t.Errorf("%d are slow, %d have ended", started, ended)
	}
}

func TestFaultsLoseAndDelay(t *testing.T) {
	lost, _, _ := play(find(t, "aa-gaps-200rps").Open(), 1, 1)
	if n := len(lost); n < 120 || n > 165 {
		t.Errorf("%d of 180 ticks arrive", n)
	}
	late, _, _ := play(find(t, "aa-late-30s-200rps").Open(), 1, 1)
	disorder := 0
	for i := 1; i < len(late); i++ {
		if late[i].Number < late[i-1].Number {
			disorder++
		}
	}
	if len(late) < 176 || disorder < 20 {
		t.Errorf("%d ticks arrive, %d of them after a later one", len(late), disorder)
	}
	half, _, _ := play(find(t, "aa-gaps-one-side-200rps").Open(), 1, 1)
	unknown := 0
	for i := range half {
		for r := range canary.Releases {
			if !half[i].Known[r] {
				unknown++
				if half[i].Total[r].Requests != 0 {
					t.Fatal("an unknown count is not empty")
				}
			}
		}
	}
	if unknown < 40 || unknown > 110 {
		t.Errorf("%d counts are unknown", unknown)
	}
}

// The log ratio of the rates of the two releases' visitors has the standard deviation that the scenario names.
func TestVisitorsMixHasItsSpread(t *testing.T) {
	s := find(t, "aa-mix-sd-0.10-2000rps")
	f := newFleet(s, s.steps())
	st := Stream{scenario: s, machine: f}
	sum := 0.0
	const runs = 400
	for run := range uint64(runs) {
		st.Begin(1, run)
		f.mix(MixShare)
		d := math.Log(f.sides[canary.New].mix / f.sides[canary.Old].mix)
		sum += d * d
	}
	if sd := math.Sqrt(sum / runs); math.Abs(sd-0.10) > 0.013 {
		t.Errorf("standard deviation %v, want 0.10", sd)
	}
}

func BenchmarkRun(b *testing.B) {
	for _, name := range []string{"aa-200rps", "aa-2000rps", "aa-hosts-sd-0.2-2000rps", "aa-mix-sd-0.05-2000rps", "aa-visitors-differ-200rps", "aa-routes-200rps", "aa-latency-200rps"} {
		all := Catalogue()
		i := slices.IndexFunc(all, func(s Scenario) bool { return s.Name == name })
		st := all[i].Open()
		b.Run(name, func(b *testing.B) {
			for run := range b.N {
				st.Begin(1, uint64(run))
				for ok := true; ok; {
					_, _, ok = st.Next(func(*canary.Tick) {})
				}
			}
		})
	}
}
