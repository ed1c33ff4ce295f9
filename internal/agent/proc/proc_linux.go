package proc

import (
	"bytes"
	"os"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// stat is what we need of /proc/PID/stat.
type stat struct {
	state  byte
	parent int
	group  int
	start  string // clock ticks since boot
	ticks  int64  // of processor time, with that of children that have ended
	pages  int64  // resident
}

func readStat(pid int) (stat, bool) {
	data, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
	if err != nil {
		return stat{}, false
	}
	// The name, in parentheses, may hold anything; the fields after it are numbered from 3.
	fields := bytes.Fields(data[bytes.LastIndexByte(data, ')')+1:])
	if len(fields) < 22 {
		return stat{}, false
	}
	parent, err1 := strconv.Atoi(string(fields[1]))
	group, err2 := strconv.Atoi(string(fields[2]))
	if err1 != nil || err2 != nil {
		return stat{}, false
	}
	s := stat{state: fields[0][0], parent: parent, group: group, start: string(fields[19])}
	for _, f := range fields[11:15] { // utime, stime, cutime, cstime
		n, err := strconv.ParseInt(string(f), 10, 64)
		if err != nil {
			return stat{}, false
		}
		s.ticks += n
	}
	s.pages, err1 = strconv.ParseInt(string(fields[21]), 10, 64)
	return s, err1 == nil
}

func (s stat) dead() bool { return s.state == 'Z' || s.state == 'X' }

// birth is the boot and the tick in it at which a living process began; empty for a dead one.
func birth(pid int) string {
	s, ok := readStat(pid)
	if !ok || s.dead() {
		return ""
	}
	boot, err := os.ReadFile("/proc/sys/kernel/random/boot_id")
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(boot)) + ":" + s.start
}

// populated reports whether a living process other than except is in the group. Zombies that nobody reaps do not count.
func populated(group, except int) bool {
	entries, err := os.ReadDir("/proc")
	if err != nil {
		return false
	}
	for _, entry := range entries {
		pid, err := strconv.Atoi(entry.Name())
		if err != nil || pid == except {
			continue
		}
		if s, ok := readStat(pid); ok && s.group == group && !s.dead() {
			return true
		}
	}
	return false
}

// exitHandle is a pidfd, which becomes readable when the process ends.
type exitHandle struct{ file *os.File }

func openExit(id Ident) *exitHandle {
	fd, err := unix.PidfdOpen(id.PID, unix.PIDFD_NONBLOCK)
	if err != nil {
		return nil
	}
	return &exitHandle{file: os.NewFile(uintptr(fd), "pidfd")}
}

// wait returns true when the process has ended, false when the handle was closed or is of no use.
func (h *exitHandle) wait() bool {
	conn, err := h.file.SyscallConn()
	if err != nil {
		return false
	}
	ended := false
	err = conn.Read(func(fd uintptr) bool {
		ready := []unix.PollFd{{Fd: int32(fd), Events: unix.POLLIN}}
		n, err := unix.Poll(ready, 0)
		ended = err == nil && n > 0
		return ended
	})
	return err == nil && ended
}

func (h *exitHandle) close() { _ = h.file.Close() }
