package sink

import (
	"context"
	"encoding/json"
	"log/slog"
	"net"
	"net/netip"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/slipwayhq/slipway/internal/agent/proc"
	"github.com/slipwayhq/slipway/internal/event"
)

var (
	old   = Release{"shop", "production", "rel_old"}
	fresh = Release{"shop", "production", "rel_new"}
	all   = []Release{old, fresh}
)

// start runs a sink on ports of its own until the test ends.
func start(t testing.TB, change func(*Options)) *Sink {
	t.Helper()
	o := Options{Addr: "127.0.0.1:0", Tags: []string{"status", "method"}, Logger: slog.New(slog.DiscardHandler)}
	if change != nil {
		change(&o)
	}
	s := New(o)
	if err := s.Listen(t.Context()); err != nil {
		t.Fatal(err)
	}
	s.Drain(all)
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- s.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	return s
}

// open gives a release a socket of its own.
func open(t testing.TB, s *Sink, r Release) (port int) {
	t.Helper()
	conn, err := net.ListenUDP("udp", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	port = conn.LocalAddr().(*net.UDPAddr).Port
	_ = conn.Close()
	if err := s.Open(t.Context(), r, port); err != nil {
		t.Fatal(err)
	}
	return port
}

// client sends packets to a port, from one socket.
func client(t testing.TB, to netip.AddrPort) func(packet string) {
	t.Helper()
	conn, err := net.DialUDP("udp", nil, net.UDPAddrFromAddrPort(to))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	return func(packet string) {
		if _, err := conn.Write([]byte(packet)); err != nil {
			t.Errorf("send: %v", err)
		}
	}
}

func loopback(port int) netip.AddrPort {
	return netip.AddrPortFrom(netip.AddrFrom4([4]byte{127, 0, 0, 1}), uint16(port))
}

// collect drains until that many packets were read, as one second.
func collect(t testing.TB, s *Sink, packets int64) (metrics map[Release][]event.Metric, count event.StatsdCount) {
	t.Helper()
	metrics, count.Dropped = map[Release][]event.Metric{}, map[string]int64{}
	for end := time.Now().Add(30 * time.Second); count.Packets < packets; time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("%d of %d packets came: %+v", count.Packets, packets, metrics)
		}
		sec := s.Drain(all)
		for r, list := range sec.Metrics {
			metrics[r] = append(metrics[r], list...)
		}
		if sec.Count == nil {
			continue
		}
		count.Packets += sec.Count.Packets
		count.Lines += sec.Count.Lines
		for why, n := range sec.Count.Dropped {
			count.Dropped[why] += n
		}
	}
	return metrics, count
}

func text(t testing.TB, v any) string {
	t.Helper()
	data, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

func TestWhatComesIsAddedUp(t *testing.T) {
	s := start(t, nil)
	send := client(t, loopback(open(t, s, fresh)))
	// One packet, so that it is one second.
	send("orders:2|c\norders:1|c|@0.5\norders:1|c|#status:500,route:/a\norders:1|c|#route:/b,status:500\nload:4|g\nload:+2|g\nload:1:-1|g\n" +
		"took:10:20|ms\ntook:30|h|@0.5\nwho:ana|s\nwho:bob|s\nwho:ana|s\na:1|c|#method:GET,status:200\na:1|c|#status:200,method:GET\nbad\nbad:-1|c\n_e{1,1}:a|b\n" +
		"old:1|c|T1656581400\nbig:9e18|g\nbig:+9e18|g\nx:1|c|#status:" + strings.Repeat("x", 65))
	metrics, count := collect(t, s, 1)
	want := []string{
		`{"name":"a","tags":"method:GET,status:200","kind":"counter","values":2,"sum":2}`,
		`{"name":"big","kind":"gauge","values":1,"sum":9000000000000000000,"last":9000000000000000000}`,
		`{"name":"load","kind":"gauge","values":4,"sum":11}`,
		`{"name":"orders","kind":"counter","values":2,"scaled":3,"sum":4}`,
		`{"name":"orders","tags":"status:500","kind":"counter","values":2,"sum":2}`,
		`{"name":"took","kind":"timer","values":3,"scaled":4,"sum":60,"squares":1400,"histogram":{"i":[117,133,143],"n":[1,1,1]}}`,
		`{"name":"who","kind":"set","values":3,"distinct":2}`,
		`{"name":"x","kind":"counter","values":1,"sum":1}`,
	}
	got := metrics[fresh]
	for i := range max(len(got), len(want)) {
		switch {
		case i >= len(got):
			t.Errorf("missing %s", want[i])
		case i >= len(want) || text(t, got[i]) != want[i]:
			t.Errorf("is    %s\nnot   %s", text(t, got[i]), slices.Concat(want, []string{"", ""})[i])
		}
	}
	if len(metrics) != 1 || count.Lines != 21 || text(t, count.Dropped) != `{"event":1,"huge":1,"malformed":1,"negative":1,"old":1}` {
		t.Errorf("of %d releases: %+v", len(metrics), count)
	}
	// Where a gauge stood is known in the next second, and nothing else is.
	send("load:+5|g\nwho:ana|s\ntook:1|ms")
	metrics, _ = collect(t, s, 1)
	if got, want := text(t, metrics[fresh]), `[{"name":"load","kind":"gauge","values":1,"sum":5,"last":5},`+
		`{"name":"took","kind":"timer","values":1,"sum":1,"squares":1,"histogram":{"i":[65],"n":[1]}},{"name":"who","kind":"set","values":1,"distinct":1}]`; got != want {
		t.Errorf("the next second is %s", got)
	}
}

// TestWhosePacketItIs sends the same to a release's own socket and to the common one, with and without the release's name, and from a socket that the kernel says is a release's.
func TestWhosePacketItIs(t *testing.T) {
	var mine sync.Map // inode to release
	s := start(t, func(o *Options) {
		o.Sockets = func() map[uint64]Release {
			out := map[uint64]Release{}
			mine.Range(func(inode, r any) bool { out[inode.(uint64)] = r.(Release); return true })
			return out
		}
	})
	own, common := client(t, loopback(open(t, s, old))), client(t, s.Addr())
	own("a:1|c")
	own("a:2|c|#release:rel_new") // its own socket knows better
	common("b:1|c|#release:rel_new,version:rel_old")
	common("b:2|c|#version:rel_old")
	common("c:1|c")
	common("c:2|c|#release:rel_gone,version:1.2.3")
	metrics, _ := collect(t, s, 6)
	check := func(r Release, want string) {
		t.Helper()
		sums := map[string]float64{}
		for _, m := range metrics[r] {
			sums[m.Name] += m.Sum
		}
		if got := text(t, sums); got != want {
			t.Errorf("of %q is %s, want %s", r.ID, got, want)
		}
	}
	check(old, `{"a":3,"b":2}`)
	check(fresh, `{"b":1}`)
	check(Release{}, `{"c":3}`)

	before := proc.Sockets(os.Getpid())
	known := client(t, s.Addr())
	for _, inode := range proc.Sockets(os.Getpid()) {
		if !slices.Contains(before, inode) {
			mine.Store(inode, fresh)
		}
	}
	for tries := 1; ; tries++ { // who has which sockets is asked for once a second
		known("d:1|c")
		if metrics, _ = collect(t, s, 1); len(metrics[fresh]) > 0 {
			break
		}
		if tries == 3000 {
			t.Fatal("the kernel's word does not count")
		}
	}
	common("e:1|c") // another socket of the same moment is still nobody's
	metrics, _ = collect(t, s, 1)
	check(Release{}, `{"e":1}`)
	known("f:1|c")
	metrics, _ = collect(t, s, 1)
	check(fresh, `{"f":1}`)
}

func TestATakenPortIsTold(t *testing.T) {
	first := start(t, nil)
	second := New(Options{Addr: first.Addr().String(), Logger: slog.New(slog.DiscardHandler)})
	if err := second.Listen(t.Context()); err == nil || !strings.Contains(err.Error(), "address already in use") || !strings.Contains(err.Error(), first.Addr().String()) {
		t.Errorf("a port that is taken: %v", err)
	}
	if second.Addr().IsValid() {
		t.Error("it listens all the same")
	}
	port := open(t, second, old) // a release's own works
	client(t, loopback(port))("a:1|c")
	if metrics, _ := collect(t, second, 1); len(metrics[old]) != 1 {
		t.Errorf("%v", metrics)
	}
	if err := second.Open(t.Context(), fresh, port); err == nil {
		t.Error("a port is opened twice")
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if err := second.Run(ctx); err != nil {
		t.Error(err)
	}
	if err := second.Open(t.Context(), fresh, port); err == nil {
		t.Error("a port is opened after the end")
	}
	second.Close(port)
}

// TestAClosedSocketHasItsLastWords: what a process sent before it ended counts.
func TestAClosedSocketHasItsLastWords(t *testing.T) {
	s := start(t, nil)
	port := open(t, s, old)
	send := client(t, loopback(port))
	for range 50 {
		send("a:1|c")
	}
	s.Close(port)
	s.Close(port)
	metrics, _ := collect(t, s, 50)
	sum := 0.
	for _, m := range metrics[old] {
		sum += m.Sum
	}
	if sum != 50 {
		t.Errorf("%g of 50 counted", sum)
	}
}

// TestLocalhostIsBoth: many clients take ::1 for localhost.
func TestLocalhostIsBoth(t *testing.T) {
	s := start(t, nil)
	if conn, err := net.ListenPacket("udp", "[::1]:0"); err != nil {
		t.Skip("no IPv6 here")
	} else {
		_ = conn.Close()
	}
	client(t, netip.AddrPortFrom(netip.IPv6Loopback(), s.Addr().Port()))("a:1|c")
	if metrics, _ := collect(t, s, 1); len(metrics[Release{}]) != 1 {
		t.Errorf("%v", metrics)
	}
}
