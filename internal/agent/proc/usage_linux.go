package proc

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// tick is the unit of processor time in /proc, on every architecture that Go knows.
const tick = 10 * time.Millisecond

// Use looks once at all processes and tells what each of the commands uses: its group, and the descendants that have left it.
func Use(ids []Ident) []Usage {
	found := make([]Usage, len(ids))
	if len(ids) == 0 {
		return found
	}
	all := everything()
	children := map[int][]int{}
	for pid, s := range all {
		children[s.parent] = append(children[s.parent], pid)
	}
	for i, id := range ids {
		found[i] = use(id, all, children)
	}
	return found
}

// everything gives the processes of the machine.
func everything() map[int]stat {
	entries, _ := os.ReadDir("/proc") // without it nothing is found
	all := make(map[int]stat, len(entries))
	for _, entry := range entries {
		pid, err := strconv.Atoi(entry.Name())
		if err != nil {
			continue
		}
		if s, ok := readStat(pid); ok {
			all[pid] = s
		}
	}
	return all
}

func use(id Ident, all map[int]stat, children map[int][]int) Usage {
	var next []int
	for pid, s := range all {
		if s.group == id.Group || pid == id.PID {
			next = append(next, pid)
		}
	}
	var u Usage
	pageSize := int64(os.Getpagesize())
	seen := map[int]bool{}
	for ; len(next) > 0; next = next[1:] {
		pid := next[0]
		if seen[pid] {
			continue
		}
		seen[pid] = true
		s := all[pid]
		u.CPU += time.Duration(s.ticks) * tick
		if !s.dead() {
			u.PIDs = append(u.PIDs, pid)
			u.Memory += s.pages * pageSize
		}
		next = append(next, children[pid]...)
	}
	return u
}

// Sockets gives the numbers (inodes) of the sockets that a process has open, of its first so many descriptors.
func Sockets(pid int) (inodes []uint64) {
	const most = 4096
	dir := filepath.Join("/proc", strconv.Itoa(pid), "fd")
	f, err := os.Open(dir)
	if err != nil {
		return nil // it has ended
	}
	defer f.Close()
	names, _ := f.Readdirnames(most) // as many as there are
	for _, name := range names {
		to, err := os.Readlink(filepath.Join(dir, name))
		if err != nil {
			continue
		}
		text, ok := strings.CutPrefix(to, "socket:[")
		if !ok {
			continue
		}
		if n, err := strconv.ParseUint(strings.TrimSuffix(text, "]"), 10, 64); err == nil {
			inodes = append(inodes, n)
		}
	}
	return inodes
}
