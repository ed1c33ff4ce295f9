package sink

import (
	"net"
	"os"
	"strings"

	"golang.org/x/sys/unix"
)

// table lists the UDP sockets of the machine, as far as this process sees them.
func table() (rows []row) {
	for _, path := range []string{"/proc/net/udp", "/proc/net/udp6"} {
		data, err := os.ReadFile(path)
		if err != nil {
			continue // a machine without IPv6
		}
		for line := range strings.Lines(string(data)) {
			if r, ok := parseRow(line); ok {
				rows = append(rows, r)
			}
		}
	}
	return rows
}

func portTable() map[uint16]uint64 { return bySender(table()) }

// kernelDrops tells, by inode, how many packets of each socket were dropped since it was opened.
func kernelDrops() map[uint64]int64 {
	drops := map[uint64]int64{}
	for _, r := range table() {
		drops[r.inode] = r.drops
	}
	return drops
}

// inodeOf is the number of a socket, 0 where it cannot be told.
func inodeOf(conn *net.UDPConn) (inode uint64) {
	raw, err := conn.SyscallConn()
	if err != nil {
		return 0
	}
	var st unix.Stat_t
	if raw.Control(func(fd uintptr) { err = unix.Fstat(int(fd), &st) }) != nil || err != nil {
		return 0
	}
	return st.Ino
}
