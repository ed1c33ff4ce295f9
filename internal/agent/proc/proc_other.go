//go:build unix && !linux

package proc

import (
	"os/exec"
	"strconv"
	"strings"
)

// birth is the time at which a living process began, as ps tells it; empty for a dead one.
func birth(pid int) string {
	out, err := exec.Command("ps", "-p", strconv.Itoa(pid), "-o", "stat=,lstart=").Output()
	state, start, _ := strings.Cut(strings.TrimSpace(string(out)), " ")
	if err != nil || strings.HasPrefix(state, "Z") {
		return ""
	}
	return strings.Join(strings.Fields(start), " ")
}

// populated reports whether a living process other than except is in the group.
func populated(group, except int) bool {
	out, err := exec.Command("ps", "-A", "-o", "pid=,pgid=,stat=").Output()
	if err != nil {
		return false
	}
	for line := range strings.Lines(string(out)) {
		f := strings.Fields(line)
		if len(f) == 3 && f[0] != strconv.Itoa(except) && f[1] == strconv.Itoa(group) && !strings.HasPrefix(f[2], "Z") {
			return true
		}
	}
	return false
}

// exitHandle is not to be had here: the process is looked at now and then.
type exitHandle struct{}

func openExit(Ident) *exitHandle { return nil }
func (*exitHandle) wait() bool   { return false }
func (*exitHandle) close()       {}
