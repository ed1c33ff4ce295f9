package sink

import (
	"net"
	"net/netip"
	"testing"

	"github.com/slipwayhq/slipway/internal/pure/statsd"
)

func newLine() *statsd.Line { return &statsd.Line{} }

func TestRowsOfTheKernel(t *testing.T) {
	const head = "   sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode ref pointer drops"
	for line, want := range map[string]string{
		" 2411: 0100007F:1FBD 00000000:0000 07 00000000:00000000 00:00000000 00000000     0        0 12345 2 0000000000000000 7":                     "127.0.0.1:8125",
		" 12: 00000000000000000000000001000000:1FBD 00000000000000000000000000000000:0000 07 00000000:00000000 00:00000000 00000000 0 0 12345 2 0 7": "[::1]:8125",
		" 12: 0000000000000000FFFF00000100007F:1FBD 00000000000000000000000000000000:0000 07 00000000:00000000 00:00000000 00000000 0 0 12345 2 0 7": "127.0.0.1:8125",
		head: "",
		" 2411: 0100007:1FBD 00000000:0000 07 00000000:00000000 00:00000000 00000000     0        0 12345 2 0 7":     "",
		" 2411: 0100007F:1FBDX 00000000:0000 07 00000000:00000000 00:00000000 00000000     0        0 12345 2 0 7":   "",
		" 2411: 0100007F:1FBD 00000000:0000 07 00000000:00000000 00:00000000 00000000     0        0 12345 2 0 many": "",
		" 2411: 0100007F:1FBD 00000000:0000 07 00000000:00000000 00:00000000 00000000     0        0 x 2 0 7":        "",
	} {
		r, ok := parseRow(line)
		if ok != (want != "") || ok && (r.local.String() != want || r.inode != 12345 || r.drops != 7) {
			t.Errorf("%q is %+v, %v", line, r, ok)
		}
	}
}

// TestAPortOfTwoIsNobodys: which of them sent cannot be told by the port.
func TestAPortOfTwoIsNobodys(t *testing.T) {
	at := netip.MustParseAddrPort
	ports := bySender([]row{
		{local: at("127.0.0.1:1"), inode: 1}, {local: at("0.0.0.0:2"), inode: 2}, {local: at("[::]:3"), inode: 3},
		{local: at("127.0.0.1:4"), inode: 4}, {local: at("[::1]:4"), inode: 5}, {local: at("127.0.0.2:4"), inode: 6},
		{local: at("127.0.0.1:5"), inode: 7}, {local: at("10.0.0.1:5"), inode: 8}, // that one is not on loopback
	})
	for port, want := range map[uint16]uint64{1: 1, 2: 2, 3: 3, 4: 0, 5: 7, 6: 0} {
		if ports[port] != want {
			t.Errorf("port %d is of %d, want %d", port, ports[port], want)
		}
	}
}

func TestTheKernelKnowsOurSockets(t *testing.T) {
	conn, err := net.ListenUDP("udp", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	inode := inodeOf(conn)
	if got := portTable()[uint16(conn.LocalAddr().(*net.UDPAddr).Port)]; inode == 0 || got != inode {
		t.Errorf("the port is of socket %d, want %d", got, inode)
	}
	if drops, ok := kernelDrops()[inode]; !ok || drops != 0 {
		t.Errorf("%d drops, %v", drops, ok)
	}
}

func TestCountingAllocatesNothing(t *testing.T) {
	s := New(Options{Tags: []string{"status"}})
	c, line := &socket{common: true}, newLine()
	s.Drain(all)
	packet := []byte("orders:1|c|#route:/a,status:200,release:rel_new\nload:4|g\ntook:10:20.5|ms|@0.5\nwho:ana|s\n")
	if n := testing.AllocsPerRun(100, func() {
		for range 10 {
			s.take(c, Release{}, packet, line)
		}
		c.read = 0
	}); n != 0 {
		t.Errorf("%g allocations for ten packets", n)
	}
}
