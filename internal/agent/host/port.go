package host

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"strconv"
	"sync"
)

// ports hands out ports that nobody listens on.
type ports struct {
	low, high int
	free      func(port int) bool

	mu    sync.Mutex
	taken map[int]bool // by our own processes, some of which may not listen yet
}

func newPorts(bounds [2]int, free func(port int) bool) *ports {
	return &ports{low: bounds[0], high: bounds[1], free: free, taken: map[int]bool{}}
}

var errNoPort = errors.New("no free port")

// take gives a free port, the preferred one if it is free. Search begins at random, so that agents on one machine rarely meet.
func (p *ports) take(preferred int) (int, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if preferred >= p.low && preferred <= p.high && !p.taken[preferred] && p.free(preferred) {
		p.taken[preferred] = true
		return preferred, nil
	}
	count := p.high - p.low + 1
	first := rand.IntN(count)
	for i := range count {
		port := p.low + (first+i)%count
		if !p.taken[port] && p.free(port) {
			p.taken[port] = true
			return port, nil
		}
	}
	return 0, fmt.Errorf("%w from %d to %d: widen the agent's port range", errNoPort, p.low, p.high)
}

// hold notes the port of an adopted process.
func (p *ports) hold(port int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.taken[port] = true
}

func (p *ports) release(port int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.taken, port)
}

// portFree reports whether nobody listens on the TCP port, whatever the address.
func portFree(port int) bool {
	l, err := net.Listen("tcp", ":"+strconv.Itoa(port)) //nolint:noctx // it does not wait
	if err != nil {
		return false
	}
	return l.Close() == nil
}

// udpFree is portFree for UDP.
func udpFree(port int) bool {
	c, err := net.ListenPacket("udp", ":"+strconv.Itoa(port)) //nolint:noctx // it does not wait
	if err != nil {
		return false
	}
	return c.Close() == nil
}
