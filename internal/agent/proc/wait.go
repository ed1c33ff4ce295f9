package proc

import (
	"syscall"
	"time"
)

// wait sees the command and then its group to the end.
func (p *Process) wait() {
	if p.watch != nil {
		defer p.watch.close()
	}
	if p.hold != nil {
		defer p.hold.close()
	}
	var deadline <-chan time.Time
	ended := p.ended()
	for {
		select {
		case <-p.detached:
			return
		case grace := <-p.stop:
			deadline = p.terminate(grace)
		case <-deadline:
			deadline = p.kill()
		case <-ended:
			p.bury(deadline)
			close(p.done)
			return
		}
	}
}

// ended gives a channel that is closed when the command, or all that a keeper kept, has ended.
func (p *Process) ended() <-chan struct{} {
	if p.keeper != nil {
		return p.keeper.ended()
	}
	return p.watch.ended()
}

// terminate asks politely and gives the time when politeness ends.
func (p *Process) terminate(grace time.Duration) <-chan time.Time {
	switch {
	case grace <= 0:
		return p.kill()
	case p.keeper != nil:
		p.keeper.order(orderEnd)
	default:
		signalGroup(p.group, syscall.SIGTERM)
	}
	return time.After(grace)
}

// kill ends everything at once. The time that it gives, if any, is when that has to be looked after.
func (p *Process) kill() <-chan time.Time {
	if p.keeper != nil {
		return p.killBelow()
	}
	signalGroup(p.group, syscall.SIGKILL)
	return nil
}

// bury ends the rest of the group, once the command itself has ended, and takes its status.
// The leader stays unreaped until then, so that its number cannot be given to another group.
func (p *Process) bury(deadline <-chan time.Time) {
	if p.keeper != nil {
		p.exit = p.keeper.bury()
		return
	}
	if deadline == nil {
		deadline = time.After(p.linger)
		if p.linger > 0 {
			signalGroup(p.group, syscall.SIGTERM)
		}
	}
	p.awaitGroup(deadline)
	if p.guard != nil {
		p.guard.end()
	}
	if p.cmd == nil {
		return
	}
	state, err := p.cmd.Process.Wait()
	if err != nil {
		return // somebody else took the status; Exit stays unknown
	}
	p.exit = Exit{Known: true, Code: state.ExitCode()}
	if status, ok := state.Sys().(syscall.WaitStatus); ok && status.Signaled() {
		p.exit.Signal = status.Signal().String()
	}
}

// awaitGroup returns when no living process but the guard is in the group; past the deadline it kills.
func (p *Process) awaitGroup(deadline <-chan time.Time) {
	const slowest = 100 * time.Millisecond
	for pause := time.Millisecond; alive(p.group, p.guard); pause = min(2*pause, slowest) {
		select {
		case <-deadline:
			deadline = p.kill()
		case grace := <-p.stop:
			deadline = p.terminate(grace)
		case <-time.After(pause):
		}
	}
}
