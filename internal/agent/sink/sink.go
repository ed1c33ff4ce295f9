package sink

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"slices"
	"sync"
	"time"

	"github.com/slipwayhq/slipway/internal/event"
)

// Release names one that runs on this host. The zero value is nobody.
type Release struct{ App, Env, ID string }

// Options of a sink.
type Options struct {
	// Addr is where the common socket listens.
	Addr string
	// Tags are the names of the tags by whose values a name is told apart; the others are left out.
	Tags []string
	// Sockets tells, by inode, whose the open sockets of the running releases' processes are. It is asked at most once a second, when a sender is not known.
	Sockets func() map[uint64]Release
	Logger  *slog.Logger
}

// Sink is the sink of one host. Listen, then Run; Open, Close and Drain may be called at any time.
type Sink struct {
	o       Options
	tags    []string
	senders senders
	readers sync.WaitGroup

	mu      sync.Mutex
	common  []*socket
	own     map[int]*socket // by port
	ended   bool
	running map[string]Release // by id
	books   map[Release]*book
	turn    chan struct{} // closed when a second begins
	packets int64
	lines   int64
	dropped map[string]int64
	lost    map[Release]int64
}

// New makes a sink.
func New(o Options) *Sink {
	s := &Sink{o: o, tags: slices.Sorted(slices.Values(o.Tags)), own: map[int]*socket{}, running: map[string]Release{}, books: map[Release]*book{},
		turn: make(chan struct{}), dropped: map[string]int64{}, lost: map[Release]int64{}}
	s.senders.sockets = o.Sockets
	return s
}

// retryEvery is how often a port that is taken is tried again.
const retryEvery = 10 * time.Second

// Listen opens the common socket. Where it cannot, Run goes on trying.
func (s *Sink) Listen(ctx context.Context) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.common) > 0 || s.ended {
		return nil
	}
	conn, err := listen(ctx, s.o.Addr)
	if err != nil {
		return fmt.Errorf("listen for statsd at %s: %w", s.o.Addr, err)
	}
	s.common = append(s.common, s.begin(conn, Release{}, true))
	at := addrOf(conn)
	if at.Addr() != netip.AddrFrom4([4]byte{127, 0, 0, 1}) {
		return nil
	}
	// "localhost" is ::1 to many clients. A machine without IPv6 has none of these.
	if conn, err = listen(ctx, netip.AddrPortFrom(netip.IPv6Loopback(), at.Port()).String()); err == nil {
		s.common = append(s.common, s.begin(conn, Release{}, true))
	}
	return nil
}

// Addr is where the common socket listens; not valid where it does not.
func (s *Sink) Addr() netip.AddrPort {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.common) == 0 {
		return netip.AddrPort{}
	}
	return addrOf(s.common[0].conn)
}

// Run keeps the sink up until ctx ends; then all sockets are closed, and what had come can be drained.
func (s *Sink) Run(ctx context.Context) error {
	retry := time.NewTicker(retryEvery)
	defer retry.Stop()
	for ctx.Err() == nil {
		select {
		case <-ctx.Done():
		case <-retry.C:
			if missing := !s.Addr().IsValid(); missing && s.Listen(ctx) == nil {
				s.o.Logger.Info("apps can send statsd now", "address", s.o.Addr)
			}
		}
	}
	s.mu.Lock()
	s.ended = true
	for _, c := range s.common {
		c.end()
	}
	for _, c := range s.own {
		c.end()
	}
	s.mu.Unlock()
	s.readers.Wait()
	return nil
}

// Open gives a release a socket of its own on a port of loopback: whatever comes there is that release's.
func (s *Sink) Open(ctx context.Context, r Release, port int) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.ended {
		return errors.New("the agent ends")
	}
	conn, err := listen(ctx, netip.AddrPortFrom(netip.AddrFrom4([4]byte{127, 0, 0, 1}), uint16(port)).String())
	if err != nil {
		return fmt.Errorf("listen for the statsd of a release: %w", err)
	}
	s.running[r.ID] = r
	s.own[port] = s.begin(conn, r, false)
	return nil
}

// Close closes the socket at a port, once what has come there is read.
func (s *Sink) Close(port int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if c := s.own[port]; c != nil {
		s.countKernel()
		delete(s.own, port)
		c.end()
	}
}

// Second is what came in one second.
type Second struct {
	// Metrics by release; those of nobody under the zero value.
	Metrics map[Release][]event.Metric
	// Lost is what had no room, by the release that it was of, or may have been.
	Lost map[Release]int64
	// Count is nil where nothing came.
	Count *event.StatsdCount
}

// Drain ends a second and gives what came in it. From now on these releases are those that run.
func (s *Sink) Drain(running []Release) Second {
	s.mu.Lock()
	defer s.mu.Unlock()
	clear(s.running)
	for _, r := range running {
		s.running[r.ID] = r
	}
	if s.packets > 0 {
		s.countKernel()
	}
	out := Second{Metrics: map[Release][]event.Metric{}, Lost: s.lost}
	s.lost = map[Release]int64{}
	for r, b := range s.books {
		if list := b.drain(); len(list) > 0 {
			out.Metrics[r] = list
		}
		if len(b.series) == 0 {
			delete(s.books, r)
		}
	}
	if s.packets > 0 || len(s.dropped) > 0 {
		out.Count = &event.StatsdCount{Packets: s.packets, Lines: s.lines}
		if len(s.dropped) > 0 {
			out.Count.Dropped, s.dropped = s.dropped, map[string]int64{}
		}
	}
	s.packets, s.lines = 0, 0
	for _, c := range s.sockets() {
		c.read = 0
	}
	close(s.turn)
	s.turn = make(chan struct{})
	return out
}

// sockets are all that are open. Under mu.
func (s *Sink) sockets() []*socket {
	all := slices.Clone(s.common)
	for _, c := range s.own {
		all = append(all, c)
	}
	return all
}

// countKernel adds the packets that the kernel dropped since it was last asked. Under mu.
func (s *Sink) countKernel() {
	lost := kernelDrops()
	for _, c := range s.sockets() {
		n, ok := lost[c.inode]
		if !ok || n <= c.lost {
			continue
		}
		s.dropped[dropKernel] += n - c.lost
		s.lose(c, n-c.lost)
		c.lost = n
	}
}

// lose notes packets that were lost before anybody knew whose they were: of a release's own socket its own, else perhaps of each that runs. Under mu.
func (s *Sink) lose(c *socket, n int64) {
	if !c.common {
		s.lost[c.owner] += n
		return
	}
	for _, r := range s.running {
		s.lost[r] += n
	}
}

func listen(ctx context.Context, addr string) (*net.UDPConn, error) {
	conn, err := new(net.ListenConfig).ListenPacket(ctx, "udp", addr)
	if err != nil {
		return nil, err
	}
	udp, ok := conn.(*net.UDPConn)
	if !ok {
		return nil, errors.Join(errors.New("it is no UDP socket"), conn.Close())
	}
	_ = udp.SetReadBuffer(readBuffer) // the system gives what it allows
	return udp, nil
}

func addrOf(conn *net.UDPConn) netip.AddrPort {
	at, ok := conn.LocalAddr().(*net.UDPAddr)
	if !ok {
		return netip.AddrPort{}
	}
	p := at.AddrPort()
	return netip.AddrPortFrom(p.Addr().Unmap(), p.Port())
}
