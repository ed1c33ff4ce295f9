package events

import (
	"math/rand/v2"
	"syscall"
	"testing"
	"time"
)

// TestCrashLosesNoEvent kills the server at random moments while many send: while it works, and while it starts.
func TestCrashLosesNoEvent(t *testing.T) {
	kills := number(t, "SLIPWAY_KILLS", 4)
	seed := uint64(number(t, "SLIPWAY_SEED", int(time.Now().UnixNano()%1e9)))
	t.Logf("%d kills with SLIPWAY_SEED=%d", kills, seed)
	dice := rand.New(rand.NewPCG(seed, 1000))
	s := newServer(t)
	c := s.send(seed)
	for n := range kills {
		if n%4 != 3 { // each fourth death is one at the start
			s.ready()
			more := c.answers.Load() + 20
			c.until(t, "events are taken", func() bool { return c.answers.Load() > more })
		}
		time.Sleep(time.Duration(dice.IntN(400)) * time.Millisecond) // a part of the draw
		s.end(syscall.SIGKILL)
		s.start()
	}
	s.ready()
	more := c.answers.Load() + 20
	c.until(t, "events are taken after the last kill", func() bool { return c.answers.Load() > more })
	c.stop()
	stored := s.stored()
	c.check(s.kept())
	c.check(stored)
}

func (c *crowd) until(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for end := time.Now().Add(patience); time.Now().Before(end); time.Sleep(5 * time.Millisecond) {
		if ok() {
			return
		}
	}
	t.Fatalf("not within %s: %s", patience, what)
}

// check compares what is kept, by id, with what was sent and acknowledged.
func (c *crowd) check(kept map[string]int) {
	c.t.Helper()
	lost, doubled := 0, 0
	for id := range c.acked {
		if kept[id] == 0 {
			if lost++; lost < 10 {
				c.t.Errorf("%s was acknowledged, and is not kept", id)
			}
		}
	}
	for id, n := range kept {
		if n > 1 {
			if doubled++; doubled < 10 {
				c.t.Errorf("%s is kept %d times", id, n)
			}
		}
		if !c.sent[id] {
			c.t.Errorf("%s was never sent", id)
		}
	}
	if lost+doubled > 0 {
		c.t.Errorf("of %d acknowledged events %d are lost and %d doubled", len(c.acked), lost, doubled)
	}
	if c.repeated.Load() == 0 || c.noAnswers.Load() == 0 {
		c.t.Errorf("nothing was sent again: %d repeated, %d without an answer", c.repeated.Load(), c.noAnswers.Load())
	}
	c.t.Logf("%d events sent, %d acknowledged, %d kept; %d requests answered, %d not; %d events repeated of those that the server says it of", len(c.sent), len(c.acked), len(kept), c.answers.Load(), c.noAnswers.Load(), c.repeated.Load())
}
