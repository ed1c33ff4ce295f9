package proc

import (
	"errors"
	"os"
	"strconv"
	"syscall"

	"golang.org/x/sys/unix"
)

// signalBelow sends a signal to everything that came of this process, once, and reports whether it reached anything that it knows of. What forks at that very moment may be
// missed, except where the process has a namespace of its own.
func signalBelow(walls Walls, signal syscall.Signal) (reached bool) {
	if walls.PIDs && os.Getpid() == 1 {
		_ = syscall.Kill(-1, signal) // all of the namespace but its first process, at one stroke; the answer tells nothing of single ones
		return false
	}
	for _, p := range descendants(os.Getpid()) {
		reached = signalExactly(p, signal) || reached
	}
	return reached
}

// one is a process as it was seen, told by its start from another that has its number later.
type one struct {
	pid   int
	start string
}

// descendants gives the living children of a process, theirs, and so on, in no order.
func descendants(of int) (found []one) {
	entries, _ := os.ReadDir("/proc") // without it nothing is found, and in vain
	children := map[int][]one{}
	dead := map[int]bool{}
	for _, entry := range entries {
		pid, err := strconv.Atoi(entry.Name())
		if err != nil {
			continue
		}
		if s, ok := readStat(pid); ok {
			children[s.parent] = append(children[s.parent], one{pid, s.start})
			dead[pid] = s.dead()
		}
	}
	for next := children[of]; len(next) > 0; next = next[1:] {
		if !dead[next[0].pid] {
			found = append(found, next[0])
		}
		next = append(next, children[next[0].pid]...)
	}
	return found
}

// signalExactly signals that process and no other, and reports whether it could.
func signalExactly(p one, signal syscall.Signal) bool {
	handle, err := unix.PidfdOpen(p.pid, 0)
	if errors.Is(err, unix.ENOSYS) { // before Linux 5.3: its number would have to be given away within microseconds
		s, ok := readStat(p.pid)
		return ok && s.start == p.start && syscall.Kill(p.pid, signal) == nil
	}
	if err != nil {
		return false
	}
	defer unix.Close(handle)
	s, ok := readStat(p.pid)
	return ok && s.start == p.start && unix.PidfdSendSignal(handle, signal, nil, 0) == nil
}
