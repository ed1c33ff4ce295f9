package count

import (
	"reflect"
	"testing"
	"testing/synctest"
	"time"

	"github.com/slipwayhq/slipway/internal/event"
	"github.com/slipwayhq/slipway/internal/pure/stats/repeats"
)

// ask makes a request of a visitor that fails or not.
func ask(t *testing.T, e *Epoch, release string, who Visitor, failed bool) {
	t.Helper()
	var r Request
	if !e.Begin(&r, e.Cell(release, "h1"), who, "/") {
		t.Fatal("the epoch is over")
	}
	r.Answered()
	r.End(failed)
}

// told closes the present second, and gives what is told of visitors who erred under a split.
func told(t *testing.T, c *Counter, traffic string) map[string][][5]int64 {
	t.Helper()
	s, _, err := c.Close(time.Unix(time.Now().Unix()-1, 0))
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range s.Routes {
		if r.Traffic == traffic {
			return r.Erred
		}
	}
	return nil
}

// cell is one visitor, erred so long ago.
func cell(age, errors, requests, before int64) [][5]int64 {
	return [][5]int64{{int64(repeats.Age(age)), int64(repeats.Bucket(errors)), int64(repeats.Bucket(requests)), int64(repeats.Bucket(before)), 1}}
}

// A visitor is followed from the first error on, under the split it came in, with what it did before the rollout.
func TestVisitorsAreFollowedFromTheirFirstError(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		time.Sleep(5*time.Second - time.Duration(time.Now().UnixNano()%int64(5*time.Second)))
		c := counter(t, "")
		alone := key("t0", "")
		alone.Split.New = ""
		before := apply(t, c, alone)[0]
		for range 3 {
			ask(t, before, "a", Visitor{Key: 7}, true)
		}
		e := apply(t, c, key("t1", "r1"))[0]
		ask(t, e, "b", Visitor{Key: 7}, false) // not yet
		ask(t, e, "b", Visitor{Key: 7}, true)
		ask(t, e, "b", Visitor{Key: 7}, true)
		for range 4 {
			ask(t, e, "b", Visitor{Key: 7}, false)
		}
		ask(t, e, "a", Visitor{Key: 8}, true)
		ask(t, e, "a", Visitor{Key: 9, Alias: 10}, true) // drawn afresh each time
		ask(t, e, "a", Visitor{Key: 9, Alias: 11}, true)
		ask(t, e, "b", Visitor{Key: 12}, false)
		want := map[string][][5]int64{"b": cell(0, 1, 5, 3), "a": cell(0, 0, 0, 0)}
		if got := told(t, c, "t1"); !reflect.DeepEqual(got, want) {
			t.Errorf("told %v, want %v", got, want)
		}
		time.Sleep(time.Second)
		ask(t, e, "b", Visitor{Key: 7}, true)
		if got := told(t, c, "t1"); got != nil {
			t.Errorf("told %v, a second after the last time", got)
		}
		time.Sleep(99 * time.Second)
		want = map[string][][5]int64{"b": cell(100, 2, 6, 3), "a": cell(100, 0, 0, 0)}
		if got := told(t, c, "t1"); !reflect.DeepEqual(got, want) {
			t.Errorf("after 100 seconds told %v, want %v", got, want)
		}
		var late Request
		e.Begin(&late, e.Cell("b", "h1"), Visitor{Key: 8}, "/")
		next := apply(t, c, key("t2", "r1"))[0]
		ask(t, next, "b", Visitor{Key: 7}, true) // not the first error of the rollout
		ask(t, next, "b", Visitor{Key: 12}, true)
		want = map[string][][5]int64{"b": cell(0, 0, 0, 0)}
		if got := told(t, c, "t2"); !reflect.DeepEqual(got, want) {
			t.Errorf("in the next step told %v, want %v", got, want)
		}
		late.End(true)
		if got := told(t, c, "t1"); got != nil {
			t.Errorf("of the step before, which a request is still of, told %v", got)
		}
	})
}

func TestNobodyIsFollowedWhereVisitorsAreNotDrawn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for _, mode := range []string{"hosts", "requests"} {
			c := counter(t, "")
			k := key("t1", "r1")
			k.Split.Mode = mode
			e := apply(t, c, k)[0]
			ask(t, e, "b", Visitor{Key: 7}, true)
			time.Sleep(5*time.Second - time.Duration(time.Now().UnixNano()%int64(5*time.Second)))
			if got := told(t, c, "t1"); got != nil {
				t.Errorf("split by %s: told %v", mode, got)
			}
		}
	})
}

// Beyond the bound nobody is followed any more, on either release.
func TestFollowedVisitorsAreBounded(t *testing.T) {
	e := newErred(event.Split{Mode: "visitors", Old: "a", New: "b"})
	for v := range uint64(2 * erredLimit) {
		e.begin(v, erredVisitor{release: []string{"a", "b"}[v/64%2]})
		e.add(v, 1, 1)
	}
	n := map[string]int64{}
	for release, cells := range e.tell(10) {
		for _, c := range cells {
			n[release] += c[4]
		}
	}
	if n["a"] != erredLimit/2 || n["b"] != erredLimit/2 {
		t.Errorf("followed %v, want %d together", n, erredLimit)
	}
}

// Errors are remembered for half an hour at least, of a bounded number of visitors, and not beyond the environment.
func TestWhatVisitorsDidBefore(t *testing.T) {
	h := &history{}
	start := time.Unix(1e9, 0)
	for i, c := range []struct {
		after time.Duration
		want  int64
	}{{0, 0}, {29 * time.Minute, 1}, {31 * time.Minute, 2}, {59 * time.Minute, 3}, {62 * time.Minute, 2}, {3 * time.Hour, 0}} {
		if got := h.add(7, start.Add(c.after)); got != c.want {
			t.Errorf("error %d, after %s: %d before it, want %d", i+1, c.after, got, c.want)
		}
	}
	for v := range uint64(2 * historyLimit) {
		h.add(v, start.Add(3*time.Hour))
	}
	if len(h.young) != historyLimit {
		t.Errorf("%d visitors are remembered", len(h.young))
	}
	c := counter(t, "")
	apply(t, c, key("t1", "r1"))
	if other := key("t1", "r1"); len(c.history) != 1 || c.historyOf(other) == nil {
		t.Errorf("histories %v", c.history)
	}
	apply(t, c)
	if len(c.history) != 0 {
		t.Error("an environment that is gone is remembered")
	}
}
