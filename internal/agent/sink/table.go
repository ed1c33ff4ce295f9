package sink

import (
	"encoding/binary"
	"encoding/hex"
	"net/netip"
	"strconv"
	"strings"
)

// row is a UDP socket as the kernel lists it.
type row struct {
	local netip.AddrPort
	inode uint64
	drops int64
}

// parseRow reads a line of /proc/net/udp or udp6; false for the head, and for what cannot be read.
func parseRow(line string) (r row, ok bool) {
	f := strings.Fields(line)
	if len(f) < 13 {
		return r, false
	}
	host, port, _ := strings.Cut(f[1], ":")
	addr, ok := parseAddr(host)
	p, err := strconv.ParseUint(port, 16, 16)
	if !ok || err != nil {
		return r, false
	}
	r.local = netip.AddrPortFrom(addr, uint16(p))
	if r.inode, err = strconv.ParseUint(f[9], 10, 64); err != nil {
		return r, false
	}
	r.drops, err = strconv.ParseInt(f[12], 10, 64)
	return r, err == nil
}

// parseAddr reads words of 32 bits in the machine's own order.
func parseAddr(text string) (netip.Addr, bool) {
	raw, err := hex.DecodeString(text)
	if err != nil || len(raw)%4 != 0 {
		return netip.Addr{}, false
	}
	for word := raw; len(word) > 0; word = word[4:] {
		binary.BigEndian.PutUint32(word, binary.NativeEndian.Uint32(word))
	}
	addr, ok := netip.AddrFromSlice(raw)
	return addr.Unmap(), ok
}

// bySender gives the socket of each port that a packet from loopback can come from; 0 where there are several.
func bySender(rows []row) map[uint16]uint64 {
	ports := make(map[uint16]uint64, len(rows))
	for _, r := range rows {
		if a := r.local.Addr(); !a.IsLoopback() && !a.IsUnspecified() {
			continue
		}
		if _, another := ports[r.local.Port()]; another {
			ports[r.local.Port()] = 0
			continue
		}
		ports[r.local.Port()] = r.inode
	}
	return ports
}
