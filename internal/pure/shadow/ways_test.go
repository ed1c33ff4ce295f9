package shadow_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/slipwayhq/slipway/internal/pure/accesslog"
	"github.com/slipwayhq/slipway/internal/pure/shadow"
)

// of gives the one deploy of a release that is no way back.
func of(t *testing.T, r shadow.Report, release string) shadow.Judged {
	t.Helper()
	i := slices.IndexFunc(r.Deploys, func(d shadow.Judged) bool { return d.Release == release && d.Verdict != shadow.WayBack })
	if i < 0 {
		t.Fatalf("there is no deploy of %s", release)
	}
	return r.Deploys[i]
}

// Where hosts get a release at different times they are compared, even while everybody's errors rise.
func TestHostsAreComparedSideBySide(t *testing.T) {
	good, bad := at(0, 10, 0), at(0, 16, 0)
	deploys := []shadow.Deploy{
		{Time: good, Release: "v1", Host: "web-1"}, {Time: good + 1800, Release: "v1", Host: "web-2"}, {Time: good + 1860, Release: "v1", Host: "web-3"},
		{Time: bad, Release: "v2", Host: "web-3"}, {Time: bad + 1800, Release: "v2"}, {Time: bad + 5400, Release: "v1"},
	}
	w := world{seed: 3, from: at(0, 8, 0), seconds: 12 * 3600, hosts: 3, rps: 30, errors: 0.01, factor: func(s int64, host int) float64 {
		f := 1.0
		if s >= good && s < good+3600 {
			f = 2 // the database is slow for all of them
		}
		if s >= bad && s < bad+5400 && (host == 2 || s >= bad+1800) {
			f *= 3
		}
		return f
	}}
	r := judge(t, w.traffic(t), deploys, shadow.Options{Alpha: 0.01})
	show(t, r)
	if d := of(t, r, "v1"); d.Verdict == shadow.TakenBack || d.Verdict == shadow.Indicated {
		t.Errorf("what all hosts share is held against v1: %+v", d)
	}
	d := of(t, r, "v2")
	if d.Method != shadow.SideBySide || d.Verdict != shadow.TakenBack || d.At.Sub(d.Time) > 12*time.Minute || d.Vital != "errors" || !strings.Contains(d.Sentence, "would have been taken back at 16:") {
		t.Errorf("%+v", d)
	}
	if d.WentBack == nil || d.WentBack.Unix() != bad+5400 || r.Score.Agreed != 1 || r.Score.SideBySide != 2 || !(d.Ratio > 2 && d.RateAfter > 2*d.RateBefore) {
		t.Errorf("%+v, %+v", d, r.Score)
	}
	if other := judge(t, w.traffic(t), append(deploys, shadow.Deploy{Time: at(0, 19, 0), Release: "v9", Host: "db-1"}), shadow.Options{}); !slices.ContainsFunc(other.Notes, func(n string) bool { return strings.Contains(n, "db-1") }) {
		t.Errorf("no note of a host that is not there: %v", other.Notes)
	}
}

// A log that names releases needs no list of deploys: v2 is a canary on a fifth of the requests that went wrong and was taken back, v3 reached everybody.
func TestALogThatNamesReleases(t *testing.T) {
	canary, all := at(0, 10, 0), at(0, 14, 0)
	w := world{seed: 5, from: at(0, 7, 0), seconds: 10 * 3600, hosts: 5, rps: 30, errors: 0.01,
		release: func(s int64, host int) string {
			switch {
			case s >= canary && s < canary+3600 && host == 4:
				return "v2"
			case s >= all && host <= int(s-all)/900:
				return "v3"
			}
			return "v1"
		},
		factor: func(s int64, host int) float64 {
			if s >= canary && s < canary+3600 && host == 4 {
				return 4
			}
			return 1
		}}
	r := judge(t, w.traffic(t), nil, shadow.Options{})
	show(t, r)
	if len(r.Deploys) != 2 {
		t.Fatalf("%d deploys", len(r.Deploys))
	}
	if d := of(t, r, "v2"); d.Method != shadow.SideBySide || d.Verdict != shadow.TakenBack || d.WentBack == nil || math.Abs(float64(d.WentBack.Unix()-canary-3600)) > 60 || d.Time.Unix()-canary > 30 {
		t.Errorf("%+v", d)
	}
	if d := of(t, r, "v3"); d.Method != shadow.SideBySide || d.Verdict != shadow.Healthy || d.WentBack != nil {
		t.Errorf("%+v", d)
	}
	if _, err := shadow.Judge(world{from: at(0, 0, 0), seconds: 600, hosts: 1, rps: 1}.traffic(t), nil, shadow.Options{}); err == nil || !strings.Contains(err.Error(), "--deploys") {
		t.Errorf("without deploys: %v", err)
	}
	if _, err := shadow.Judge(&shadow.Traffic{}, nil, shadow.Options{}); err == nil {
		t.Error("nothing is judged")
	}
}

// A quiet night in which nobody asks is no deploy.
func TestSilenceIsNoDeploy(t *testing.T) {
	traffic := &shadow.Traffic{}
	for m := range 24 * 60 {
		release := "v1"
		if m >= 1200 {
			release = "v2"
		}
		if m < 120 || m > 300 {
			if err := traffic.Add(shadow.Sample{Second: at(0, 0, m), Release: release, Requests: 10}); err != nil {
				t.Fatal(err)
			}
		}
	}
	if r := judge(t, traffic, nil, shadow.Options{}); len(r.Deploys) != 1 || r.Deploys[0].Release != "v2" {
		t.Errorf("%+v", r.Deploys)
	}
}

// A checkout that is wholly broken hides in the total where it is a hundredth of the requests.
func TestABrokenRouteIsNamed(t *testing.T) {
	bad := at(2, 10, 0)
	var traffic shadow.Traffic
	f := traffic.File("")
	w := world{seed: 8, from: at(0, 0, 0), seconds: 3 * 86400, hosts: 1, rps: 4, errors: 0.01}
	n := 0
	for i := range 500 { // somebody tries all doors
		f.Count(accesslog.Entry{Time: at(0, 0, 0), Path: fmt.Sprintf("/door%c%c", 'a'+i%26, 'a'+i/26), Status: 404, Duration: -1}, fmt.Sprint("door", i))
	}
	w.each(func(e accesslog.Entry, line string) {
		if n++; n%100 == 0 {
			e.Path = "/pay/4711"
			if e.Status = 200; e.Time >= bad && n%200 == 0 {
				e.Status = 503
			}
		}
		f.Count(e, line)
	})
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	r := judge(t, &traffic, []shadow.Deploy{{Time: bad, Release: "v1"}}, shadow.Options{Alpha: 0.05})
	show(t, r)
	if d := of(t, r, "v1"); d.Verdict != shadow.Indicated || d.Vital != "errors on /pay/:id" || d.RateBefore != 0 || !strings.Contains(d.Sentence, "never seen in the hour before") {
		t.Errorf("%+v", d)
	}
}

func TestSlowRequestsAreJudged(t *testing.T) {
	bad := at(1, 10, 0)
	w := world{seed: 9, from: at(0, 0, 0), seconds: 2 * 86400, hosts: 1, rps: 4, errors: 0.01, duration: func(r *rand.Rand, s int64) float64 {
		d := 0.05 * math.Exp(0.5*r.NormFloat64())
		if s >= bad && r.IntN(20) == 0 {
			d *= 20
		}
		return d
	}}
	r := judge(t, w.traffic(t), []shadow.Deploy{{Time: bad, Release: "v1"}}, shadow.Options{})
	show(t, r)
	if d := of(t, r, "v1"); d.Verdict != shadow.Indicated || !strings.HasPrefix(d.Vital, "requests slower than ") || d.RateBefore > 0.001 {
		t.Errorf("%+v", d)
	}
}

// What cannot be told is not told: too little before, too little after, too little history, too few requests.
func TestUnknownSaysOfWhatThereIsTooLittle(t *testing.T) {
	long := world{seed: 2, from: at(0, 0, 0), seconds: 2 * 86400, hosts: 1, rps: 1, errors: 0.02}.traffic(t)
	tiny := world{seed: 2, from: at(0, 0, 0), seconds: 2 * 86400, hosts: 1, rps: 0.02, errors: 0.002}.traffic(t)
	for name, c := range map[string]struct {
		traffic *shadow.Traffic
		deploys []shadow.Deploy
		want    string
	}{
		"at the beginning":  {long, []shadow.Deploy{{Time: at(0, 0, 5), Release: "v"}}, "only 5 minutes with requests before"},
		"after another one": {long, []shadow.Deploy{{Time: at(1, 9, 0), Release: "u"}, {Time: at(1, 9, 4), Release: "v"}}, "minutes with requests before"},
		"before another":    {long, []shadow.Deploy{{Time: at(1, 9, 0), Release: "v"}, {Time: at(1, 9, 4), Release: "w"}}, "only 2 minutes with requests between"},
		"not covered":       {long, []shadow.Deploy{{Time: at(9, 9, 0), Release: "v"}}, "does not cover"},
		"a short log":       {world{from: at(0, 0, 0), seconds: 4 * 3600, hosts: 1, rps: 1, errors: 0.02}.traffic(t), []shadow.Deploy{{Time: at(0, 2, 0), Release: "v"}}, "what is usual is not known"},
		"few requests":      {tiny, []shadow.Deploy{{Time: at(1, 9, 0), Release: "v"}}, "not even ten times"},
	} {
		r := judge(t, c.traffic, c.deploys, shadow.Options{})
		if d := of(t, r, "v"); d.Verdict != shadow.Unknown || !strings.Contains(d.Reason, c.want) {
			t.Errorf("%s: %+v", name, d)
		}
	}
	for _, o := range []shadow.Options{{Alpha: 2}, {Alpha: -1}, {Settle: time.Hour}} {
		if _, err := shadow.Judge(long, []shadow.Deploy{{Time: at(1, 9, 0), Release: "v"}}, o); err == nil {
			t.Errorf("%+v is taken", o)
		}
	}
}

// Files in any order, lines in any order, and copies of files make no difference.
func TestRepeatedAndShuffledLinesChangeNothing(t *testing.T) {
	var all []request
	world{seed: 4, from: at(0, 0, 0), seconds: 86400, hosts: 2, rps: 2, errors: 0.02}.each(func(e accesslog.Entry, line string) { all = append(all, request{e, line}) })
	once := &shadow.Traffic{}
	count(t, once, all)
	deploys := []shadow.Deploy{{Time: at(0, 16, 0), Release: "v"}}
	want := judge(t, once, deploys, shadow.Options{})

	half := len(all) / 2
	shuffled := slices.Clone(all)
	rand.New(rand.NewPCG(1, 1)).Shuffle(len(shuffled), func(i, j int) { shuffled[i], shuffled[j] = shuffled[j], shuffled[i] })
	again := &shadow.Traffic{}
	count(t, again, all[half:])
	count(t, again, all[:half])
	count(t, again, shuffled)
	got := judge(t, again, deploys, shadow.Options{})
	// The tick that was cut in two is in neither copy as it is in the whole, and is counted twice.
	if extra := got.Requests - want.Requests; extra < 0 || extra > 60 || again.Repeated != int64(len(all))-extra {
		t.Errorf("%d requests, and %d without copies; %d said twice", got.Requests, want.Requests, again.Repeated)
	}
	if len(got.Notes) != 1 || got.Deploys[0].Verdict != want.Deploys[0].Verdict || got.Score != want.Score {
		t.Errorf("%+v\n%+v", got, want)
	}
}

// request is one of a world.
type request struct {
	e    accesslog.Entry
	line string
}

func count(t *testing.T, into *shadow.Traffic, all []request) {
	t.Helper()
	f := into.File("")
	for _, r := range all {
		f.Count(r.e, r.line)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
}

// Routes, hosts and releases without number, and all doors that somebody tries, are counted within bounds.
func TestWhatIsKeptIsBounded(t *testing.T) {
	traffic := &shadow.Traffic{}
	f := traffic.File("")
	for i := range 20_000 {
		f.Count(accesslog.Entry{Time: at(0, 0, i%60), Host: fmt.Sprintf("h%d", i), Release: fmt.Sprintf("r%d", i), Path: fmt.Sprintf("/a%c/b%c%c", 'a'+i%26, 'a'+i/26%26, 'a'+i/676%26), Status: 200, Duration: -1}, fmt.Sprint(i))
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	if hosts := traffic.Hosts(); len(hosts) != 1001 || !slices.Contains(hosts, shadow.Other) {
		t.Errorf("%d hosts", len(hosts))
	}
	r := judge(t, traffic, []shadow.Deploy{{Time: at(0, 0, 30), Release: "v"}}, shadow.Options{})
	if r.Requests != 20_000 {
		t.Errorf("%d requests", r.Requests)
	}
}

func TestAlphaFollowsFromHowOftenThereAreDeploys(t *testing.T) {
	traffic := world{from: at(0, 0, 0), seconds: 86400, hosts: 1, rps: 0.1}.traffic(t)
	var deploys []shadow.Deploy
	for h := range 10 {
		deploys = append(deploys, shadow.Deploy{Time: at(0, 2*h+1, 0), Release: fmt.Sprint("v", h)})
	}
	if r := judge(t, traffic, deploys, shadow.Options{}); math.Abs(r.Alpha-1.0/300) > 1e-6 {
		t.Errorf("ten a day: %v", r.Alpha)
	}
	if r := judge(t, traffic, deploys[:1], shadow.Options{Alpha: 0.02}); r.Alpha != 0.02 {
		t.Errorf("%v", r.Alpha)
	}
}

// What a restart breaks is left out, if it is over when the release has settled.
func TestARestartIsLeftOut(t *testing.T) {
	deploy := at(1, 10, 0)
	traffic := world{seed: 11, from: at(0, 0, 0), seconds: 2 * 86400, hosts: 1, rps: 5, errors: 0.01, factor: between(deploy, deploy+90, 60)}.traffic(t)
	deploys := []shadow.Deploy{{Time: deploy, Release: "v"}}
	if d := of(t, judge(t, traffic, deploys, shadow.Options{}), "v"); d.Verdict != shadow.NothingSeen {
		t.Errorf("%+v", d)
	}
	if d := of(t, judge(t, traffic, deploys, shadow.Options{Settle: -1}), "v"); d.Verdict != shadow.Indicated {
		t.Errorf("without settling: %+v", d)
	}
}

// steadily counts so many minutes in which ten requests are made, where with says so, and none fails but at the minute of failures.
func steadily(t *testing.T, minutes int, with func(m int) bool, failures map[int]int64) *shadow.Traffic {
	t.Helper()
	var traffic shadow.Traffic
	for m := range minutes {
		if with(m) {
			if err := traffic.Add(shadow.Sample{Second: at(0, 0, m), Requests: 10, Errors: failures[m]}); err != nil {
				t.Fatal(err)
			}
		}
	}
	return &traffic
}

func TestHistoryIsWhatIsWholeAndElsewhere(t *testing.T) {
	always := func(int) bool { return true }
	deploys := []shadow.Deploy{{Time: at(9, 0, 0), Release: "v"}}
	// Of 14 moments, 11 are left that do not overlap one in the middle: too few to judge it by.
	if s := judge(t, steadily(t, 16*60, always, nil), deploys, shadow.Options{}).Score; s.Moments > 4 {
		t.Errorf("%d moments were judged by themselves", s.Moments)
	}
	if s := judge(t, steadily(t, 4*1440, func(m int) bool { return m%60 < 20 }, nil), deploys, shadow.Options{}).Score; s.Moments != 0 {
		t.Errorf("%d moments without most of their minutes", s.Moments)
	}
	if s := judge(t, steadily(t, 4*1440, always, nil), deploys, shadow.Options{}).Score; s.Moments < 90 {
		t.Errorf("%d moments of four days", s.Moments)
	}
}

// Two errors are none, however quiet it was before and whatever is allowed.
func TestTwoErrorsAreNoRise(t *testing.T) {
	always := func(int) bool { return true }
	deploys := []shadow.Deploy{{Time: at(1, 0, 0), Release: "v"}}
	for errs, want := range map[int64]bool{2: false, 10: true} {
		d := of(t, judge(t, steadily(t, 2*1440, always, map[int]int64{1443: errs}), deploys, shadow.Options{Alpha: 0.5}), "v")
		if (d.Verdict == shadow.Indicated) != want {
			t.Errorf("%d errors: %+v", errs, d)
		}
	}
}

// A release that comes again after days is no way back, and a host that gets one days later is a deploy of its own.
func TestDaysLaterIsAnotherDeploy(t *testing.T) {
	traffic := steadily(t, 60, func(int) bool { return true }, nil)
	r := judge(t, traffic, []shadow.Deploy{
		{Time: at(0, 1, 0), Release: "v1"}, {Time: at(0, 2, 0), Release: "v2"}, {Time: at(2, 3, 0), Release: "v1"}, // two days
		{Time: at(4, 0, 0), Release: "v3", Host: "a"}, {Time: at(4, 1, 0), Release: "v3", Host: "b"}, {Time: at(6, 0, 0), Release: "v3", Host: "c"},
		{Time: at(6, 1, 0), Release: "v4"}, {Time: at(6, 2, 0), Release: "v3"},
	}, shadow.Options{})
	var got []string
	for _, d := range r.Deploys {
		got = append(got, d.Release+" "+string(d.Verdict))
	}
	want := []string{"v1 unknown", "v2 unknown", "v1 unknown", "v3 unknown", "v3 unknown", "v4 unknown", "v3 way_back"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

// Slower than a limit is beyond it: what takes as long as most do is not slow.
func TestWhatIsAsSlowAsTheLimitIsNotSlow(t *testing.T) {
	bad := at(1, 10, 0)
	w := world{seed: 12, from: at(0, 0, 0), seconds: 2 * 86400, hosts: 1, rps: 1.5, errors: 0.01, duration: func(r *rand.Rand, s int64) float64 {
		if r.Float64() < 0.02 || s >= bad && s < bad+7200 && r.Float64() < 0.3 {
			return 0.1
		}
		return 0.01
	}}
	d := of(t, judge(t, w.traffic(t), []shadow.Deploy{{Time: bad, Release: "v"}}, shadow.Options{}), "v")
	if d.Verdict != shadow.Indicated || d.Vital != "requests slower than 11 ms" || math.Abs(d.RateBefore-0.02) > 0.01 || d.RateAfter < 0.2 {
		t.Errorf("%+v", d)
	}
}
