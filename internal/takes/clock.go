package takes

import (
	"sync/atomic"
	"time"
)

// clock is the machine's, at half the price: it reads the one that only goes forward, and adds the time of day that it was set at.
type clock struct{ set atomic.Pointer[setting] }

type setting struct {
	at time.Time // with what the other clock showed
	ns int64     // since 1970
}

// step is by how much the machine's clock has to differ to be followed; less is not worth a time that goes back.
const step = 50 * time.Millisecond

func (c *clock) follow() {
	now := time.Now()
	if s := c.set.Load(); s == nil || time.Duration(now.UnixNano()-c.now()).Abs() > step {
		c.set.Store(&setting{now, now.UnixNano()})
	}
}

func (c *clock) now() int64 {
	s := c.set.Load()
	return s.ns + int64(time.Since(s.at))
}
