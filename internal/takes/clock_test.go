package takes

import (
	"testing"
	"time"
)

// The clock follows the machine's when that is put forward or back, and not for what differs by itself.
func TestClockFollows(t *testing.T) {
	var c clock
	for _, off := range []time.Duration{time.Hour, -time.Hour} {
		now := time.Now()
		c.set.Store(&setting{now, now.Add(off).UnixNano()})
		c.follow()
		if d := time.Until(time.Unix(0, c.now())).Abs(); d > time.Minute {
			t.Errorf("it is off by %s", d)
		}
	}
	c.follow()
	before := c.set.Load()
	if c.follow(); c.set.Load() != before {
		t.Error("it was set for nothing")
	}
	if a, b := c.now(), c.now(); b < a || a == 0 {
		t.Errorf("%d, then %d", a, b)
	}
}
