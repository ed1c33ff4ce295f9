package proc

import (
	"syscall"
	"time"
)

// Ident names a process for good: its number, and its birth, which no other process with the same number shares, not even after a reboot.
type Ident struct {
	PID   int    `json:"pid"`
	Group int    `json:"group"`
	Birth string `json:"birth"`
}

// Alive reports whether exactly this process still runs.
func (id Ident) Alive() bool {
	return id.PID > 1 && id.Birth != "" && birth(id.PID) == id.Birth
}

// Adopt takes over a process that an earlier agent started; false when it is gone. Its exit status will not be known.
// The rest of a group whose command has ended is not taken over.
func Adopt(id Ident, linger time.Duration) (*Process, bool) {
	if !id.Alive() {
		return nil, false
	}
	p := &Process{id: id, group: id.Group, linger: linger,
		done: make(chan struct{}), detached: make(chan struct{}), stop: make(chan time.Duration, 1)}
	p.watch = watchExit(id)
	go p.wait()
	return p, true
}

// signalGroup never reaches beyond one group: 0 and -1 mean something else to the system.
func signalGroup(group int, signal syscall.Signal) {
	if group > 1 {
		_ = syscall.Kill(-group, signal) // gone already is as good
	}
}

// alive reports whether a living process other than the guard is in the group.
func alive(group int, g *guard) bool {
	except := 0
	if g != nil {
		except = g.pid()
	}
	if syscall.Kill(-group, 0) == syscall.ESRCH {
		return false
	}
	return populated(group, except)
}
