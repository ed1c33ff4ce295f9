package sink

import (
	"net"
	"net/netip"
	"sync"
	"time"

	"github.com/slipwayhq/slipway/internal/pure/statsd"
)

const (
	// readBuffer is what the kernel is asked to keep for a socket, in bytes.
	readBuffer = 4 << 20
	// packetSize is the largest packet there can be.
	packetSize = 64 << 10
	// mostPackets are read of one socket in a second. Whoever sends more does not take more of the machine.
	mostPackets = 100_000
	// lastWords is how long a socket that is closed is read: what has come is there already.
	lastWords = 20 * time.Millisecond
)

// socket is one that apps send to.
type socket struct {
	conn   *net.UDPConn
	inode  uint64
	owner  Release // of a common one nobody
	common bool
	ending chan struct{}
	once   sync.Once

	// Under Sink.mu:
	read int   // packets in this second
	lost int64 // packets that the kernel dropped, since ever
}

// begin reads a socket until it ends. Under mu.
func (s *Sink) begin(conn *net.UDPConn, owner Release, common bool) *socket {
	c := &socket{conn: conn, inode: inodeOf(conn), owner: owner, common: common, ending: make(chan struct{})}
	s.readers.Go(func() { s.receive(c) })
	return c
}

// end lets the reader take what has come, and close the socket.
func (c *socket) end() {
	c.once.Do(func() {
		_ = c.conn.SetReadDeadline(time.Now().Add(lastWords)) // it fails on a closed one only
		close(c.ending)
	})
}

func (s *Sink) receive(c *socket) {
	defer c.conn.Close()
	buf := make([]byte, packetSize)
	var line statsd.Line
	for {
		n, from, err := c.conn.ReadFromUDPAddrPort(buf)
		if err != nil {
			select {
			case <-c.ending:
				return
			case <-time.After(lastWords): // some errors are of one packet
				continue
			}
		}
		owner := c.owner
		if c.common {
			owner = s.senders.owner(from, time.Now())
		}
		if wait := s.take(c, owner, buf[:n], &line); wait != nil {
			select {
			case <-wait:
			case <-c.ending:
			}
		}
	}
}

// take counts a packet. Where the socket has had enough for this second, it gives what to wait for.
func (s *Sink) take(c *socket, owner Release, packet []byte, line *statsd.Line) (wait <-chan struct{}) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.packets++
	now := time.Now().Unix()
	for text, rest := statsd.Cut(packet); len(text) > 0; text, rest = statsd.Cut(rest) {
		s.lines++
		if why := s.count(c, owner, text, line, now); why != "" {
			s.dropped[why]++
		}
	}
	if c.read++; c.read >= mostPackets {
		return s.turn
	}
	return nil
}

// timeOff is how far a line's own time may be from now, in seconds: what was counted long ago is nothing of this second.
const timeOff = 60

// count counts a line; where it does not, it says why.
func (s *Sink) count(c *socket, owner Release, text []byte, line *statsd.Line, now int64) (why string) {
	if reason := line.Read(text); reason != statsd.Fine {
		return reason.String()
	}
	if line.Time != 0 && (line.Time < now-timeOff || line.Time > now+timeOff) {
		return dropOld
	}
	if c.common {
		if named, ok := s.named(line.Tags); ok {
			owner = named
		}
	}
	b := s.books[owner]
	if b == nil {
		b = newBook(s.tags)
		s.books[owner] = b
	}
	if why = b.add(line); why == dropNames || why == dropMembers {
		s.lost[owner]++
	}
	return why
}

// named is the running release that a tag names. Under mu.
func (s *Sink) named(tags statsd.Tags) (Release, bool) {
	for name, value := range tags.All {
		if string(name) != "release" && string(name) != "version" {
			continue
		}
		if r, ok := s.running[string(value)]; ok {
			return r, true
		}
	}
	return Release{}, false
}

// isLocal tells whether a packet came from this machine, whose kernel then knows the sender.
func isLocal(from netip.AddrPort) bool { return from.Addr().Unmap().IsLoopback() }
