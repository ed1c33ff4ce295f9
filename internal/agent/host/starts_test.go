package host

import (
	"net/http"
	"os"
	"os/exec"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/slipwayhq/slipway/internal/agent/proc"
	"github.com/slipwayhq/slipway/internal/wire"
)

// started finds the process of rel_1 that was started for a number.
func started(r wire.Report, start int64) (p wire.ReportProcess) {
	for _, p := range findRelease(r, "rel_1").Processes {
		if p.Start == start {
			return p
		}
	}
	return p
}

// servingAt is where visitors of rel_1 are to be sent by a report: to the newest process that is up.
func servingAt(r wire.Report) (addr string) {
	var newest int64 = -1
	for _, p := range findRelease(r, "rel_1").Processes {
		if p.State == wire.ProcessUp && p.Start > newest {
			addr, newest = p.Addr, p.Start
		}
	}
	return addr
}

// TestStartedAnewWithoutLosingARequest: a process makes way for another of the same release while visitors come all the time, twice, and none is turned away.
func TestStartedAnewWithoutLosingARequest(t *testing.T) {
	s := newServer(t)
	s.hostIn(t.TempDir(), func(o *Options) { o.Drain = 400 * time.Millisecond })
	env := wire.DesiredEnv{Hold: []wire.HeldRelease{s.release("rel_1", "late")}, Run: []string{"rel_1"}}
	s.wish(env)
	first := web(s.until("up", converged(1)), "rel_1")

	var asked, lost atomic.Int64
	done := make(chan struct{})
	visitor := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	var visitors sync.WaitGroup
	for range 4 {
		visitors.Go(func() {
			for {
				select {
				case <-done:
					return
				default:
				}
				s.mu.Lock()
				addr := servingAt(s.report)
				s.mu.Unlock()
				asked.Add(1)
				response, err := visitor.Get("http://" + addr + "/slow")
				if err != nil || response.StatusCode != http.StatusOK || response.Body.Close() != nil {
					lost.Add(1)
				}
			}
		})
	}
	before := first
	for _, start := range []int64{7, 3} {
		env.Starts = map[string]int64{"rel_1": start}
		s.wish(env)
		s.until("the new one is up beside the old one", func(r wire.Report) bool {
			old, fresh := started(r, before.Start), started(r, start)
			return fresh.State == wire.ProcessUp && old.Addr == before.Addr && old.Addr != fresh.Addr
		})
		if r := s.until("there is one", converged(map[int64]int64{7: 2, 3: 3}[start])); len(findRelease(r, "rel_1").Processes) != 1 || started(r, start).PID == before.PID {
			t.Errorf("for start %d there are %+v", start, findRelease(r, "rel_1").Processes)
		} else {
			before = started(r, start)
		}
	}
	close(done)
	visitors.Wait()
	if asked.Load() == 0 || lost.Load() > 0 {
		t.Errorf("of %d requests %d were lost", asked.Load(), lost.Load())
	}

	// Without a number whatever runs will do.
	env.Starts = nil
	s.wish(env)
	if last := web(s.until("nothing changes", converged(4)), "rel_1"); last.PID != before.PID || last.Start != 3 || last.Restarts != 0 {
		t.Errorf("without a number it is %+v, before %+v", last, before)
	}
}

// TestOneThatCannotBeStartedAnewServesOn: where the new process does not come up the old one is not touched, and serves alone again once nobody asks for another.
func TestOneThatCannotBeStartedAnewServesOn(t *testing.T) {
	s := newServer(t)
	s.hostIn(t.TempDir(), nil)
	held := s.release("rel_1", "well")
	env := wire.DesiredEnv{Hold: []wire.HeldRelease{held}, Run: []string{"rel_1"}}
	s.wish(env)
	first := web(s.until("up", converged(1)), "rel_1")
	env.Hold[0].Environ = []string{"HOST_TEST_APP=dies"} // its database is gone by now
	env.Starts = map[string]int64{"rel_1": 7}
	s.wish(env)
	r := s.until("the new one fails", func(r wire.Report) bool { return findRelease(r, "rel_1").State == wire.ReleaseFailed })
	if old := started(r, 0); old.PID != first.PID || old.State != wire.ProcessUp || r.Environments[0].Converged {
		t.Errorf("beside one that fails there is %+v", r)
	}
	get(t, first.Addr, "/healthz")
	env.Starts = nil
	s.wish(env)
	r = s.until("it is alone", func(r wire.Report) bool { return converged(3)(r) && len(findRelease(r, "rel_1").Processes) == 1 })
	if p := web(r, "rel_1"); p.PID != first.PID || p.Restarts != 0 {
		t.Errorf("it is %+v, before %+v", p, first)
	}
}

// TestKilledWhileOneIsStartedAnew: each agent that comes after a kill adopts the processes with the number that they were started for.
func TestKilledWhileOneIsStartedAnew(t *testing.T) {
	s := newServer(t)
	dir := t.TempDir()
	endStrays(t, dir)
	start := func() *exec.Cmd {
		cmd := exec.Command(os.Args[0])
		cmd.Env = append(proc.Environ(), "HOST_TEST_AGENT="+s.http.URL, "HOST_TEST_DIR="+dir)
		cmd.Stderr = os.Stderr
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		return cmd
	}
	kill := func(cmd *exec.Cmd) { _ = cmd.Process.Kill(); _ = cmd.Wait() }
	env := wire.DesiredEnv{Hold: []wire.HeldRelease{s.release("rel_1", "well")}, Run: []string{"rel_1"}}
	cmd := start()
	s.wish(env)
	old := web(s.until("up", converged(1)), "rel_1")
	env.Starts = map[string]int64{"rel_1": 7}
	s.wish(env)
	for i := range 10 {
		time.Sleep(time.Duration(i) * 4 * time.Millisecond) // not a wait: the moment of the kill
		kill(cmd)
		cmd = start()
	}
	fresh := started(s.until("the new one is up", converged(2)), 7)
	if fresh.PID == 0 || fresh.PID == old.PID || fresh.Restarts != 0 {
		t.Errorf("started anew it is %+v, before %+v", fresh, old)
	}
	kill(cmd)
	if n := apps(t); n != 1 {
		t.Errorf("%d apps run, want 1", n)
	}
	s.change(func() { s.report = wire.Report{} })
	cmd = start()
	if p := started(s.until("it is adopted", converged(2)), 7); p.PID != fresh.PID {
		t.Errorf("adopted is %+v, before %+v", p, fresh)
	}
	s.change(func() { s.desired = wire.Desired{Generation: 3} })
	eventually(t, "all is stopped and removed", func() bool { return gone(dir + "/releases/shop") })
	kill(cmd)
}
