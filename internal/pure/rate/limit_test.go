package rate_test

import (
	"errors"
	"fmt"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/slipwayhq/slipway/internal/pure/rate"
)

func TestWhatIsWrongWithALimitIsSaid(t *testing.T) {
	for _, c := range []struct {
		field string
		l     rate.Limit
	}{
		{"kind", rate.Limit{}},
		{"kind", rate.Limit{Kind: "token"}},
		{"amount", rate.Limit{Kind: rate.Ever, Amount: -1}},
		{"amount", rate.Limit{Kind: rate.Ever, Amount: rate.MaxAmount + 1}},
		{"near", rate.Limit{Kind: rate.Ever, Near: -0.1}},
		{"near", rate.Limit{Kind: rate.Ever, Near: 1.1}},
		{"near", rate.Limit{Kind: rate.Ever, Near: math.NaN()}},
		{"unit", rate.Limit{Kind: rate.Rolling}},
		{"unit", rate.Limit{Kind: rate.Rolling, Unit: "fortnight"}},
		{"unit", rate.Limit{Kind: rate.Calendar}},
		{"unit", rate.Limit{Kind: rate.Ever, Unit: rate.Day}},
		{"unit", rate.Limit{Kind: rate.Concurrent, HoldSeconds: 1, Unit: rate.Day}},
		{"unit", rate.Limit{Kind: rate.Concurrent, Refill: 1}},
		{"every", rate.Limit{Kind: rate.Rolling, Unit: rate.Day, Every: -1}},
		{"every", rate.Limit{Kind: rate.Rolling, Unit: rate.Year, Every: 11}},
		{"every", rate.Limit{Kind: rate.Rolling, Unit: rate.Second, Every: math.MaxInt64}},
		{"every", rate.Limit{Kind: rate.Calendar, Unit: rate.Day, Every: 2}},
		{"burst", rate.Limit{Kind: rate.Rolling, Unit: rate.Day, Burst: -1}},
		{"burst", rate.Limit{Kind: rate.Rolling, Unit: rate.Day, Burst: rate.MaxAmount + 1}},
		{"burst", rate.Limit{Kind: rate.Calendar, Unit: rate.Day, Burst: 1}},
		{"zone", rate.Limit{Kind: rate.Calendar, Unit: rate.Day, Zone: "Mars/Olympus"}},
		{"zone", rate.Limit{Kind: rate.Rolling, Unit: rate.Day, Zone: "UTC"}},
		{"hold_seconds", rate.Limit{Kind: rate.Concurrent}},
		{"hold_seconds", rate.Limit{Kind: rate.Concurrent, HoldSeconds: -1}},
		{"hold_seconds", rate.Limit{Kind: rate.Concurrent, HoldSeconds: rate.Longest + 1}},
		{"hold_seconds", rate.Limit{Kind: rate.Concurrent, HoldSeconds: 1, Refill: 1, Unit: rate.Day}},
		{"hold_seconds", rate.Limit{Kind: rate.Rolling, Unit: rate.Day, HoldSeconds: 1}},
		{"refill", rate.Limit{Kind: rate.Concurrent, Refill: -1}},
		{"refill", rate.Limit{Kind: rate.Concurrent, Refill: rate.MaxAmount + 1, Unit: rate.Day}},
		{"refill", rate.Limit{Kind: rate.Ever, Refill: 1}},
	} {
		_, err := rate.Compile(c.l, time.LoadLocation)
		var f *rate.Fault
		if !errors.As(err, &f) || f.Field != c.field || f.Text == "" {
			t.Errorf("%+v: %v, want a fault at %s", c.l, err, c.field)
		}
	}
}

func TestWindowsCapacityAndSlack(t *testing.T) {
	const day = 24 * time.Hour
	for _, c := range []struct {
		l        rate.Limit
		window   time.Duration
		capacity int64
		slack    int64
	}{
		{rate.Limit{Kind: rate.Rolling, Amount: 500, Unit: rate.Second}, time.Second, 500, 500},
		{rate.Limit{Kind: rate.Rolling, Amount: 500, Unit: rate.Minute, Every: 5}, 5 * time.Minute, 500, 5},
		{rate.Limit{Kind: rate.Rolling, Amount: 6000, Unit: rate.Minute, Burst: 10}, time.Minute, 10, 100},
		{rate.Limit{Kind: rate.Rolling, Amount: 50, Unit: rate.Hour}, time.Hour, 50, 0},
		{rate.Limit{Kind: rate.Rolling, Amount: 1000, Unit: rate.Month}, 30 * day, 1000, 10},
		{rate.Limit{Kind: rate.Rolling, Amount: 1000, Unit: rate.Month, Exact: true}, 30 * day, 1000, 0},
		{rate.Limit{Kind: rate.Rolling, Amount: 1, Unit: rate.Year, Every: 10}, 3650 * day, 1, 0},
		{rate.Limit{Kind: rate.Calendar, Amount: 1000, Unit: rate.Week}, 7 * day, 1000, 10},
		{rate.Limit{Kind: rate.Ever, Amount: 1000}, 0, 1000, 0},
		{rate.Limit{Kind: rate.Concurrent, Amount: 1000, HoldSeconds: 1}, 0, 1000, 0},
		{rate.Limit{Kind: rate.Concurrent, Amount: 1000, Refill: 5, Unit: rate.Second}, time.Second, 1000, 0},
	} {
		r := compile(t, c.l)
		if r.Window() != c.window || r.Capacity() != c.capacity || r.Slack() != c.slack {
			t.Errorf("%+v: window %v, capacity %d, slack %d", c.l, r.Window(), r.Capacity(), r.Slack())
		}
	}
}

func defined(groups ...string) []*rate.Defined {
	all := make([]*rate.Defined, len(groups))
	for i, g := range groups {
		all[i] = &rate.Defined{Group: g}
	}
	return all
}

func TestTheLongestDefinedGroupCounts(t *testing.T) {
	deep := strings.Repeat("a:", 80) + "b" // deeper than the depths that are known one by one
	s := rate.NewSet(defined("event", "event:pageload", "event:pageload:home:1", "x:y:z", "trailing:", deep, deep+":c:d"))
	for group, want := range map[string]string{
		"event": "event", "event:pageload": "event:pageload", "event:pageload:home": "event:pageload", "event:pageload:home:1": "event:pageload:home:1",
		"event:pageload:home:2": "event:pageload", "event:pageloads": "event", "events": "", "": "", "event:": "event", "x:y": "", "x": "", "x:y:z:": "x:y:z", "trailing": "", "trailing::": "trailing:",
		deep: deep, deep + ":c": deep, deep + ":c:d": deep + ":c:d", deep + ":c:d:e:f": deep + ":c:d", deep + "c": "", "a:a": "",
		"event" + strings.Repeat(":", 1000): "event",
	} {
		got := ""
		if d := s.Find(group); d != nil {
			got = d.Group
		}
		if got != want {
			t.Errorf("%q has the limit %q, want %q", group, got, want)
		}
	}
	if rate.NewSet(nil).Find("a:b") != nil {
		t.Error("a limit of nothing")
	}
}

func TestASetGivesEachLimitOnce(t *testing.T) {
	seen := map[string]int{}
	s := rate.NewSet(defined("a", "a:b", "c"))
	for d := range s.All {
		seen[d.Group]++
	}
	if fmt.Sprint(seen) != "map[a:1 a:b:1 c:1]" {
		t.Errorf("%v", seen)
	}
	for range s.All {
		break // it stops when it is told to
	}
}

func TestAnOverrideIsForItsGroupAlone(t *testing.T) {
	plain, other := compile(t, rate.Limit{Kind: rate.Ever, Amount: 1}), compile(t, rate.Limit{Kind: rate.Ever, Amount: 2})
	d := &rate.Defined{Group: "a", Rule: plain, Overrides: map[string]*rate.Rule{"a:b": other}}
	if d.For("a:b") != other || d.For("a") != plain || d.For("a:b:c") != plain {
		t.Error("the override holds for others, or not for its own")
	}
	if (&rate.Defined{Rule: plain}).For("a") != plain {
		t.Error("without overrides")
	}
}
