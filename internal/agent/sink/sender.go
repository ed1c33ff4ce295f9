package sink

import (
	"net/netip"
	"sync"
	"time"
)

// Times of looking who sends.
const (
	// tableAge is how long the kernel's table of sockets is believed: a port may have another owner later.
	tableAge = time.Second
	// tablePause is between two looks at it for a sender that is not in it.
	tablePause = 100 * time.Millisecond
	// socketsPause is between two looks at who has which sockets.
	socketsPause = time.Second
)

// senders knows whose process sends from a port of this machine.
type senders struct {
	sockets func() map[uint64]Release

	mu     sync.Mutex
	ports  map[uint16]uint64 // the inode of the socket; 0 where several share the port
	read   time.Time         // when ports was
	owners map[uint64]Release
	asked  time.Time // when owners was
}

// owner tells whose process sent a packet, nobody where that is not known for sure: the sender's socket is gone already, is no release's, or shares its port with another.
func (s *senders) owner(from netip.AddrPort, now time.Time) Release {
	if !isLocal(from) || s.sockets == nil {
		return Release{}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	inode, there := s.ports[from.Port()]
	if age := now.Sub(s.read); age > tableAge || !there && age > tablePause {
		s.ports, s.read = portTable(), now
		inode, there = s.ports[from.Port()]
	}
	if !there || inode == 0 {
		return Release{}
	}
	r, known := s.owners[inode]
	if !known && now.Sub(s.asked) > socketsPause {
		s.owners, s.asked = s.sockets(), now
		r = s.owners[inode]
	}
	return r
}
