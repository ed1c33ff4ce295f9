package control

import (
	"encoding/json"
	"fmt"
	"math"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/slipwayhq/slipway/internal/pure/judge"
)

var noon = time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC)

const settle = 20 * time.Second

func after(seconds float64) time.Time {
	return noon.Add(time.Duration(seconds * float64(time.Second)))
}

func TestChoose(t *testing.T) {
	for name, c := range map[string]struct {
		hosts    map[string]Host
		order    string
		canaries int
		want     string
	}{
		"as many as there are canaries":      {nil, "a b c d", 2, "a b"},
		"as many as there are":               {nil, "a b", 3, "a b"},
		"none for none":                      {nil, "a b", 0, ""},
		"none is left":                       {nil, "", 2, ""},
		"one is on its way":                  {map[string]Host{"b": {Start: 7001}}, "a b c d", 2, "a"},
		"one is up":                          {map[string]Host{"b": {Start: 7001, Up: noon}}, "a b c d", 2, "a"},
		"all are up":                         {map[string]Host{"a": {Start: 7001, Up: noon}, "b": {Start: 7001, Up: noon}}, "a b c d", 2, ""},
		"one that became a canary is missed": {map[string]Host{"x": {Start: 7001, Up: noon}}, "a b", 2, "a b"},
		"one could not":                      {map[string]Host{"a": {Start: 7001, GivenUp: true}}, "a b c", 2, "b c"},
		"none twice without need":            {map[string]Host{"a": {Start: 7001, Up: noon, Compared: noon}}, "a b c", 2, "b c"},
		"twice where there is need":          {map[string]Host{"a": {Start: 7001, Up: noon, Compared: noon}}, "a b", 2, "b a"},
	} {
		if got := (Hosts{By: c.hosts}).Choose(strings.Fields(c.order), c.canaries); !slices.Equal(got, strings.Fields(c.want)) {
			t.Errorf("%s: chosen are %v, want %s", name, got, c.want)
		}
	}
	if got := (Hosts{Asked: numbers - 1}).Choose([]string{"a"}, 1); got != nil {
		t.Errorf("without a number of its own %v is chosen", got)
	}
}

// No two askings have the same number, in whatever rollout, and a rollout that begins anew has no number twice.
func TestNumbersAreNeverTheSame(t *testing.T) {
	seen := map[int64]string{}
	for rollout := range 4 {
		var k Hosts
		for asking := 0; len(k.Choose([]string{"a"}, 1)) == 1; asking++ {
			k.Ask([]string{"a"}, rollout+1)
			n, who := k.Start("a"), fmt.Sprintf("%d of rollout %d", asking, rollout)
			if n == 0 || seen[n] != "" {
				t.Fatalf("%s has the number %d, as %s", who, n, seen[n])
			}
			seen[n] = who
			k.By = nil // as where it begins anew
		}
	}
}

func TestWhatIsCold(t *testing.T) {
	var k Hosts
	k.Ask([]string{"early", "equal", "late", "stuck", "gone"}, 7)
	k.Ask(nil, 7)
	if k.Asked != 1 || k.Start("equal") != 7001 || k.Start("other") != 0 {
		t.Errorf("asked are %+v", k)
	}
	k.Heard("early", 7001, after(-8))
	k.Heard("equal", 7001, after(-2))
	k.Heard("equal", 7001, after(-1)) // it is told of again
	k.Heard("late", 6001, after(-1))  // the process of an earlier rollout
	k.Heard("other", 7001, noon)
	k.GiveUp("stuck", "equal", "other")
	k.Drop("gone")
	if got := k.Pending([]string{"early", "equal", "late", "stuck", "gone", "other"}); !slices.Equal(got, []string{"late"}) || k.Start("stuck") != 0 {
		t.Errorf("pending are %v", got)
	}
	k.InForce(noon)
	k.Heard("late", 7001, after(3))
	k.InForce(after(40)) // of the next step
	for _, c := range []struct {
		host          string
		at            float64
		cold, partner bool
	}{
		{"equal", 0, true, true}, {"equal", 19.9, true, true}, {"equal", 20, false, false},
		{"early", 5, true, false}, {"early", 11.9, true, false}, {"early", 12, false, false}, // it had visitors for too long before
		{"late", 22.9, true, false}, {"late", 23, false, false},
		{"stuck", 5, false, false}, {"gone", 5, false, false}, {"other", 5, false, false},
	} {
		if cold, partner := k.Cold(c.host, after(c.at), settle), k.Partner(c.host, after(c.at), settle); cold != c.cold || partner != c.partner {
			t.Errorf("%s after %v s: cold %v, partner %v, want %v and %v", c.host, c.at, cold, partner, c.cold, c.partner)
		}
	}
	k.Shift(time.Hour)
	if !k.Partner("equal", after(3610), settle) || k.Partner("equal", after(3620), settle) || !k.Cold("equal", noon, settle) {
		t.Error("it does not go with a clock that was set")
	}
	k.Ask([]string{"equal"}, 7)
	if !k.Cold("equal", after(9000), settle) || k.Start("equal") != 7002 || len(k.Pending([]string{"equal"})) != 1 {
		t.Errorf("asked again it is %+v", k.By["equal"])
	}
}

// What is stored is read again the same, and nothing is stored of none.
func TestStored(t *testing.T) {
	var k, again Hosts
	k.Ask([]string{"a", "b"}, 7)
	k.Heard("a", 7001, noon)
	k.InForce(after(1))
	k.GiveUp("b")
	body, err := json.Marshal(k)
	if err == nil {
		err = json.Unmarshal(body, &again)
	}
	if err != nil || !reflect.DeepEqual(k, again) {
		t.Errorf("%s is read as %+v, %v", body, again, err)
	}
	if body, err = json.Marshal(Hosts{}); err != nil || string(body) != "{}" {
		t.Errorf("of none %s is stored, %v", body, err)
	}
}

// Two groups alone are as uncertain as the part says that stands for them; two that are all there are stand for themselves.
func TestVisitors(t *testing.T) {
	for _, c := range [][2]float64{{.1, .1}, {.85, .05}, {.05, .85}, {.02, .3}, {.5, .5}, {.9, .1}, {.1, .9}} {
		v := Visitors(c[0], c[1])
		if got, want := 1/(v*(1-v)), 1/c[0]+1/c[1]; math.Abs(got-want) > 1e-9*want || (v > .5) != (c[0] > c[1]) {
			t.Errorf("%v stand for %v, whose variance is %v, want %v", c, v, got, want)
		}
		if c[0]+c[1] == 1 && math.Abs(v-c[0]) > 1e-9 {
			t.Errorf("%v stand for %v", c, v)
		}
	}
	if v := Visitors(0, .5); v != 0 {
		t.Errorf("nobody stands for %v", v)
	}
}

// A second of a control waits until the canaries are as old, is taken once, and is forgotten when it waited in vain.
func TestSecondsWaitUntilTheCanariesAreAsOld(t *testing.T) {
	var k Hosts
	k.Ask([]string{"a", "b"}, 7)
	k.Heard("a", 7001, after(-3.5))
	s := noon.Unix()
	hold := func(second int64, events int64) {
		for _, host := range []string{"a", "b"} {
			if k.Holds(host, second, settle) {
				k.Hold(second, host, "errors", judge.HostCount{Events: events, Requests: 100})
			}
		}
	}
	hold(s-4, 1) // the process that made way had a part of it
	hold(s-3, 2)
	hold(s-2, 4)
	hold(s-2, 8) // of another edge
	k.InForce(after(.5))
	hold(s-1, 16)
	hold(s, 32)
	hold(s+1, 64)
	for i, want := range []int64{2, 12, 16, 32} {
		if got := k.Take("a", s+1+int64(i))["errors"]; got.Events != want {
			t.Errorf("when the canaries are %d s old a control did %+v, want %d", i, got, want)
		}
	}
	hold(s+2, 128)
	if got := k.Take("a", s+6)["errors"]; got.Events != 64+128 {
		t.Errorf("what was not taken in time: %+v", got)
	}
	if got := k.Take("a", s+60); len(got) > 0 || len(k.Held) > 0 {
		t.Errorf("taken twice: %+v, %+v", got, k.Held)
	}
	hold(s+6, 1)
	k.Prune(s + 17)
	if len(k.Held) != 1 {
		t.Error("it is forgotten too soon")
	}
	if k.Prune(s + 18); len(k.Held) > 0 {
		t.Errorf("it is never forgotten: %+v", k.Held)
	}
	if k.Holds("a", s+40, settle) || k.Holds("b", s, settle) || k.Holds("other", s, settle) {
		t.Error("what is not cold is held")
	}
}
