package peer

import (
	"math"
	"math/rand/v2"
	"testing"

	"github.com/slipwayhq/slipway/sim/canary"
)

// setting of a rollout by host: one vital, 10 of 100 hosts, half an hour, looks every minute.
func setting() *canary.Setting {
	return &canary.Setting{
		Split: canary.ByHost, Hosts: 100, TickSeconds: 10, Every: 60, Vitals: []canary.Vital{{Name: "errors", Base: 0.01}},
		Steps: []canary.Step{{Share: 0.1, Seconds: 1800, Hosts: 10}},
	}
}

// play gives a judge ticks of so many requests and events on each release, looking each minute, and returns when it rolls back, 0 for never. All of
// a minute is in its last tick; negative requests leave the new release unknown.
func play(j canary.Judge, s *canary.Setting, w *canary.Window, minute func(m int) (total [canary.Releases]canary.Count)) (minutes int) {
	j.Begin(s, w)
	for n := range s.Seconds() / s.TickSeconds {
		t := canary.Tick{Number: n, Second: (n + 1) * 10, Share: s.Steps[0].Share, Known: [canary.Releases]bool{true, true}, Hosts: make([]canary.Host, s.Hosts)}
		for h := range t.Hosts {
			t.Hosts[h].Age = -1
			if h < s.Steps[0].Hosts {
				t.Hosts[h].Age = n * 10
			}
		}
		if counted := minute(n/6 + 1); n%6 == 5 || counted[canary.New].Requests < 0 {
			t.Total = counted
			t.Hosts[0].Count[canary.New] = t.Total[canary.New]
			t.Hosts[s.Steps[0].Hosts].Count[canary.Old] = t.Total[canary.Old]
		}
		if t.Total[canary.New].Requests < 0 {
			t.Total[canary.New], t.Known[canary.New] = canary.Count{}, false
		}
		t.Ended = t.Total
		j.Observe(&t)
		if t.Second%s.Every == 0 && j.Look(t.Second).Action == canary.RollBack {
			return t.Second / 60
		}
	}
	return 0
}

func counts(newEvents, newRequests, oldEvents, oldRequests int64) (c [canary.Releases]canary.Count) {
	c[canary.New].Requests, c[canary.New].Events[0] = newRequests, newEvents
	c[canary.Old].Requests, c[canary.Old].Events[0] = oldRequests, oldEvents
	return c
}

func TestFlaggerAddsUpFailures(t *testing.T) {
	j := newFlagger(1.5, 5)(0)
	for _, c := range []struct {
		name string
		bad  func(m int) [canary.Releases]canary.Count
		want int
	}{
		{"five failures, and one interval more", func(int) [canary.Releases]canary.Count { return counts(16, 1000, 0, 9000) }, 6},
		{"the limit itself is no failure", func(int) [canary.Releases]canary.Count { return counts(15, 1000, 0, 9000) }, 0},
		{"successes forgive nothing", func(m int) [canary.Releases]canary.Count { return counts(int64(16*(m%2)), 1000, 0, 9000) }, 10},
		{"no value is a failure", func(int) [canary.Releases]canary.Count { return counts(0, 0, 0, 9000) }, 6},
	} {
		if got := play(j, setting(), nil, c.bad); got != c.want {
			t.Errorf("%s: rolled back after %d min, want %d", c.name, got, c.want)
		}
	}
}

func TestArgoAbortsBeyondItsLimit(t *testing.T) {
	bad := func(int) [canary.Releases]canary.Count { return counts(16, 1000, 0, 9000) }
	for _, c := range []struct {
		limit, want int
		minute      func(m int) [canary.Releases]canary.Count
	}{
		{0, 1, bad}, {3, 4, bad},
		{3, 4, func(int) [canary.Releases]canary.Count { return counts(0, 0, 0, 9000) }},  // 0/0 is no number and fails
		{0, 0, func(int) [canary.Releases]canary.Count { return counts(0, -1, 0, 9000) }}, // no sample is an error
		{3, 8, func(m int) [canary.Releases]canary.Count { return counts(int64(16*((m+1)%2)), 1000, 0, 9000) }},
	} {
		if got := play(newArgo(1.5, c.limit)(0), setting(), nil, c.minute); got != c.want {
			t.Errorf("limit %d: aborted after %d min, want %d", c.limit, got, c.want)
		}
	}
}

func TestDropsAreMeasuredOnTheSameScale(t *testing.T) {
	s := setting()
	s.Vitals[0] = canary.Vital{Name: "orders", Base: 0.10, Drop: true}
	var l ledger
	l.begin(s, false)
	l.ticks[0] = entry{known: [canary.Releases]bool{true, true}, count: counts(975, 10000, 0, 0)}
	if worst, known := badness(&l, 60); math.Abs(worst-1.5) > 1e-9 || !known {
		t.Errorf("2.5 %% fewer orders are %v", worst)
	}
}

func TestZScore(t *testing.T) {
	near(t, "z", zScore(15, 100, 5, 100), 2.357, 0.0005) // 0.1 / sqrt(0.1·0.9·2/100)
	if zScore(0, 0, 5, 100) != 0 || zScore(0, 10, 0, 10) != 0 {
		t.Error("nothing to compare is not 0")
	}
}

// The rule of 2009 looks at the same hosts before, and never at the others.
func TestIMVUComparesWithTheMinuteBefore(t *testing.T) {
	w := &canary.Window{Seconds: 60, Minute: make([]canary.Count, 100)}
	for h := range w.Minute {
		w.Minute[h] = canary.Count{Requests: 100, Events: [canary.MaxVitals]int64{1}}
		if h >= 10 {
			w.Minute[h].Events[0] = 50
		}
	}
	if got := play(newIMVU(0.05), setting(), w, func(m int) [canary.Releases]canary.Count { return counts(10, 1000, 0, 9000) }); got != 0 {
		t.Errorf("the same rate rolls back after %d min", got)
	}
	both := func(m int) [canary.Releases]canary.Count { return counts(10+int64(m), 1000, 90+9*int64(m), 9000) }
	if got := play(newIMVU(0.05), setting(), w, both); got < 5 || got > 20 {
		t.Errorf("a rise on both releases rolls back after %d min", got)
	}
}

func TestPeekingPaysForNothing(t *testing.T) {
	unlucky := func(m int) [canary.Releases]canary.Count {
		if m == 2 {
			return counts(25, 1000, 90, 9000)
		}
		return counts(10, 1000, 90, 9000)
	}
	for _, c := range []struct {
		name string
		j    canary.Judge
		want int
	}{
		{"peek", newZTest(true)(0.05), 2}, {"once", newZTest(false)(0.05), 0},
		{"gst-obf", newGST(fleming)(0.05), 0}, {"grid", newGrid(0, false)(0.05), 0}, {"multinomial", newMultinomial(10)(0.05), 0},
	} {
		if got := play(c.j, setting(), &canary.Window{}, unlucky); got != c.want {
			t.Errorf("%s: rolled back after %d min, want %d", c.name, got, c.want)
		}
	}
}

func TestAllFindAFivefoldRise(t *testing.T) {
	w := &canary.Window{Seconds: 1800, Hosts: make([]canary.Count, 100), Minute: make([]canary.Count, 100)}
	for h := range w.Hosts {
		w.Hosts[h] = canary.Count{Requests: 3000, Events: [canary.MaxVitals]int64{int64(25 + h%11)}}
		w.Minute[h] = canary.Count{Requests: 100, Events: [canary.MaxVitals]int64{1}}
	}
	for _, m := range All() {
		s := setting()
		s.Every = max(m.Every, 60)
		if m.Name == "host-evalues" { // wants more than one host with traffic
			continue
		}
		got := play(m.New(0.05), s, w, func(m int) [canary.Releases]canary.Count { return counts(50+int64(m%3), 1000, 90-int64(m%5), 9000) })
		if got == 0 {
			t.Errorf("%s never rolls back", m.Name)
		}
		if got := play(m.New(0.05), s, w, func(m int) [canary.Releases]canary.Count { return counts(10, 1000, 90, 9000) }); got != 0 {
			t.Errorf("%s rolls back the same rate after %d min", m.Name, got)
		}
	}
}

func TestSettlingIsLeftOut(t *testing.T) {
	s := setting()
	s.Settle = 90
	cold := func(m int) [canary.Releases]canary.Count {
		if m == 1 {
			return counts(500, 1000, 90, 9000)
		}
		return counts(10, 1000, 90, 9000)
	}
	for _, m := range All() {
		s.Every = m.Every
		if got := play(m.New(0.05), s, &canary.Window{}, cold); got != 0 && m.Name != "imvu" {
			t.Errorf("%s rolls back a cold start after %d min", m.Name, got)
		}
	}
}

// The values of the closed form (facts: computed with lgamma).
func TestDirichletOdds(t *testing.T) {
	near(t, "ln O", dirichletOdds(100, []float64{0.2, 0.8}, []float64{30, 70}), 1.047954, 1e-6)
	near(t, "ln O", dirichletRatio([]float64{0.1, 0.9}, []float64{0.1, 0.9}, []float64{15, 35}), 4.667898, 1e-6)
	near(t, "ln O of nothing", dirichletOdds(10, []float64{0.1, 0.9}, []float64{0, 0}), 0, 1e-12)
}

// Summed over all outcomes of a few events, the e-values have a mean of 1 under no change.
func TestEValuesAreFair(t *testing.T) {
	const n, share = 12, 0.3
	s := setting()
	s.Steps[0] = canary.Step{Share: share, Seconds: 1800, Hosts: 30}
	w := &canary.Window{Hosts: make([]canary.Count, 100)}
	for _, c := range []struct {
		name string
		j    canary.Judge
	}{{"grid", newGrid(0, false)(0.05)}, {"beta-binomial", newBetaBinomial(0.05)}} {
		mean := 0.0
		for x := range int64(n + 1) {
			c.j.Begin(s, w)
			tick := canary.Tick{Second: 10, Share: share, Known: [canary.Releases]bool{true, true}, Ended: counts(x, 300, n-x, 700)}
			c.j.Observe(&tick)
			ways, _ := math.Lgamma(n + 1)
			a, _ := math.Lgamma(float64(x + 1))
			b, _ := math.Lgamma(float64(n - x + 1))
			p := math.Exp(ways - a - b + float64(x)*math.Log(share) + float64(n-x)*math.Log(1-share))
			mean += p * math.Exp(c.j.Look(10).Evidence)
		}
		near(t, c.name, mean, 1, 1e-9)
	}
}

func TestSpreadOfHostsIsFound(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 1))
	sum := 0.0
	for range 40 {
		hosts := make([]canary.Count, 100)
		for h := range hosts {
			rate := 36000 * 0.01 * math.Exp(0.2*rng.NormFloat64()-0.02)
			hosts[h].Requests = 36000
			hosts[h].Events[0] = int64(math.Round(rate + math.Sqrt(rate)*rng.NormFloat64()))
		}
		sum += spreadOfHosts(hosts, 0) / 40
	}
	near(t, "standard deviation", math.Sqrt(sum), 0.2, 0.02)
	if dispersion(nil, 0) != 0 || spreadOfHosts(make([]canary.Count, 3), 0) != 0 {
		t.Error("nothing known is not 0")
	}
}

// Hosts are the units: one loud host is not news, all of them are.
func TestHostEValuesNeedManyHosts(t *testing.T) {
	for _, c := range []struct {
		name  string
		extra func(h int) int64
		fires bool
	}{
		{"none", func(int) int64 { return 0 }, false},
		{"one", func(h int) int64 {
			if h == 0 {
				return 200
			}
			return 0
		}, false},
		{"all", func(int) int64 { return 20 }, true},
	} {
		j, w := newHostE(0.01), &canary.Window{Hosts: make([]canary.Count, 100)}
		tick := canary.Tick{Second: 60, Known: [canary.Releases]bool{true, true}, Hosts: make([]canary.Host, 100)}
		for h := range w.Hosts {
			n := int64(20 + h%7)
			w.Hosts[h] = canary.Count{Requests: 1000, Events: [canary.MaxVitals]int64{n}}
			r := canary.Old
			tick.Hosts[h].Age = -1
			if h < 10 {
				r, tick.Hosts[h].Age, n = canary.New, 0, n+c.extra(h)
			}
			tick.Hosts[h].Count[r] = canary.Count{Requests: 1000, Events: [canary.MaxVitals]int64{n + int64(h%3)}}
		}
		j.Begin(setting(), w)
		j.Observe(&tick)
		if got := j.Look(60).Action == canary.RollBack; got != c.fires {
			t.Errorf("%s: rolls back %v", c.name, got)
		}
	}
}

// A judge that plays one rollout after the other shares alpha among the vitals of each.
func TestBoundsBelongToTheRollout(t *testing.T) {
	g := &gst{alpha: 0.05, spend: fleming}
	one, five := setting(), setting()
	for range 4 {
		five.Vitals = append(five.Vitals, five.Vitals[0])
	}
	var last []float64
	for _, s := range []*canary.Setting{one, five, one} {
		g.Begin(s, nil)
		last = append(last, g.bounds[len(g.bounds)-1])
	}
	if last[0] != last[2] || last[1] < last[0]+0.3 {
		t.Errorf("last bounds %v for one, five, and one vital", last)
	}
}

func TestInformationFollowsThePlan(t *testing.T) {
	s := setting()
	s.Steps = []canary.Step{{Share: 0.1, Seconds: 60}, {Share: 0.5, Seconds: 60}}
	got := information(s)
	near(t, "first look", got[0], 0.09/(0.09+0.25), 1e-9)
	near(t, "last look", got[1], 1, 1e-12)
}
