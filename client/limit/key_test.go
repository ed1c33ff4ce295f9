package limit

import (
	"errors"
	"net/http"
	"testing"
	"time"
)

const ms = time.Millisecond

func given(kind, policy string, amount, left int64, full time.Duration) Answer {
	return Answer{Group: "api:a", Limit: "api", kind: kind, policy: policy, state: `"api";r=1;t=1`, Passed: amount > 0, Amount: amount, Left: left, Full: full}
}

func refilled(l *Local, at, now time.Duration, a Answer) *key {
	k := &key{group: "api:a", batch: 1}
	k.learn(l, at, now, a, nil)
	k.left = a.Amount
	return k
}

// What is left is handed out until its time is over, and never later.
func TestWhatIsLeftIsThrownAway(t *testing.T) {
	for name, c := range map[string]struct {
		keep time.Duration
		a    Answer
		last time.Duration // at which some of it is handed out; it was asked for at 100 ms and came at 110
	}{
		"a tenth of the window":    {0, given("rolling", `"api";q=9;w=1`, 3, 5, time.Second), 210*ms - 1},
		"a second at most":         {0, given("rolling", `"api";q=9;w=3600`, 3, 5, time.Minute), 1110*ms - 1},
		"as the caller says":       {5 * time.Second, given("rolling", `"api";q=9;w=60`, 3, 5, time.Minute), 5110*ms - 1},
		"no calendar window later": {5 * time.Second, given("calendar", `"api";q=9;w=60`, 3, 5, 30*ms), 130*ms - 1},
		"in a long calendar one":   {0, given("calendar", `"api";q=9;w=3600`, 3, 5, time.Hour), 1110*ms - 1},
	} {
		k := refilled(&Local{keep: c.keep}, 100*ms, 110*ms, c.a)
		if !k.batches {
			t.Errorf("%s: it is not taken ahead", name)
		}
		if a, ok := k.have(c.last); !ok || !a.Passed || a.Amount != 1 || a.Left != 7 {
			t.Errorf("%s: %+v %v", name, a, ok)
		}
		if a, ok := k.have(c.last + 1); ok || k.left != 0 || !k.spare {
			t.Errorf("%s, too late: %+v", name, a)
		}
	}
}

func TestOnlyWhatComesBackIsTakenAhead(t *testing.T) {
	for _, c := range []struct {
		kind, policy string
		ahead        bool
	}{
		{"rolling", `"a\";w=5";q=9;w=1`, true}, {"calendar", `"a";q=9;w=86400;pk=:eA==:`, true}, {"rolling", `"a;w=5";q=9`, false}, {"ever", `"a";q=1`, false}, {"concurrent", `"a";q=1;w=60`, false}, {"", `"a";q=1;w=60`, false},
		{"rolling", ``, false}, {"rolling", `"a";w=x`, false},
	} {
		if got := batches(given(c.kind, c.policy, 1, 1, 0)); got != c.ahead {
			t.Errorf("%s %s: %v", c.kind, c.policy, got)
		}
	}
}

// Batches grow while they are used up quickly, to an eighth of what is left, and shrink to what was used.
func TestBatchesFollowTheirUse(t *testing.T) {
	l := &Local{keep: 100 * ms}
	a := given("rolling", `"api";q=9000;w=60`, 1, 8000, time.Second)
	k := refilled(l, 0, 0, a)
	for i, want := range []int64{2, 4, 8, 16, 16} {
		if got := k.want(40*ms, 16); got != want {
			t.Errorf("%d. batch: %d, want %d", i, got, want)
		}
	}
	if got := k.want(60*ms, 1000); got != 16 {
		t.Errorf("one that lasted: %d", got)
	}
	if k.last.Left = 40; k.want(60*ms, 1000) != 5 {
		t.Error("more than an eighth of what is left")
	}
	if k.last.Left = 0; k.want(60*ms, 1000) != 1 {
		t.Error("nobody waits, and nothing is left")
	}
	if k.waiting = 30; k.want(60*ms, 1000) != 31 {
		t.Error("who waits is asked for")
	}
	k.waiting, k.last.Left, k.left, k.used = 0, 8000, 16, 0
	for range 3 {
		k.have(50 * ms)
	}
	k.have(time.Hour)
	if got := k.want(time.Hour, 1000); got != 3 {
		t.Errorf("after some of it was thrown away: %d", got)
	}
}

func TestDenialsLastUntilThereIsMore(t *testing.T) {
	l := &Local{deny: 10 * time.Second}
	a := given("rolling", `"api";q=9;w=60`, 0, 0, time.Minute)
	for _, c := range []struct{ after, last, says time.Duration }{{2 * time.Second, 2 * time.Second, 500 * ms}, {time.Hour, 10 * time.Second, time.Hour - 1500*ms}, {Never, 10 * time.Second, Never}} {
		a.RetryAfter = c.after
		k := refilled(l, time.Second, time.Second+10*ms, a)
		if got, ok := k.have(2500 * ms); !ok || got.Passed || got.RetryAfter != c.says || got.Full != 58500*ms {
			t.Errorf("%s: %+v", c.after, got)
		}
		if _, ok := k.have(time.Second + c.last - 1); !ok {
			t.Errorf("%s: it ends early", c.after)
		}
		if got, ok := k.have(time.Second + c.last); ok {
			t.Errorf("%s: %+v", c.after, got)
		}
	}
	k := &key{}
	gone := errors.New("gone")
	k.learn(l, 0, time.Second, Answer{}, gone)
	if got, ok := k.have(2*time.Second - 1); !ok || !got.Failed || !errors.Is(got.Err, gone) || k.known {
		t.Errorf("%+v", got)
	}
	if _, ok := k.have(2 * time.Second); ok {
		t.Error("a failure lasts")
	}
}

func TestLocalHeaders(t *testing.T) {
	k := refilled(&Local{}, 0, 0, given("rolling", `"a;r=1";q=90;w=60`, 3, 5, 10*time.Second))
	k.last.state = `"a;r=1";r=5;t=10`
	a, _ := k.have(time.Nanosecond)
	h := http.Header{}
	a.SetHeaders(h)
	if h.Get("RateLimit") != `"a;r=1";r=7;t=10` || h.Get("RateLimit-Policy") != `"a;r=1";q=90;w=60` {
		t.Error(h)
	}
	for d, want := range map[time.Duration]int64{0: 0, 1: 1, time.Second: 1, time.Second + 1: 2, 59 * time.Minute: 3540} {
		if got := wholeSeconds(d); got != want {
			t.Errorf("%s: %d", d, got)
		}
	}
	for s, want := range map[float64]time.Duration{0: 0, -1: 0, 0.0000000001: 1, 1.5: 1500 * ms, 1e300: Never, 9.3e9: Never} {
		if got := duration(s); got != want {
			t.Errorf("%v s: %s", s, got)
		}
	}
}
