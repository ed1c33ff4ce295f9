package ingest

import (
	"io"
	"sync/atomic"

	"github.com/slipwayhq/slipway/internal/door/api"
)

// mostHeld is how many bytes of bodies may be under way at once, from the network to the disk: many connections that each send a large one must not take all memory.
const mostHeld = 256 << 20

// errCrowded tells a client to come again.
var errCrowded error = api.Unavailable("too much comes at once; send this again in a few seconds")

// held counts the bytes of bodies that are under way.
type held struct {
	most, now atomic.Int64
}

func newHeld(most int64) *held {
	h := &held{}
	h.most.Store(most)
	return h
}

// reader counts what is read from a body, until it is let go.
func (h *held) reader(from io.Reader) *counted { return &counted{of: h, from: from} }

type counted struct {
	of   *held
	from io.Reader
	n    int64
}

func (c *counted) Read(p []byte) (int, error) {
	n, err := c.from.Read(p)
	c.n += int64(n)
	if c.of.now.Add(int64(n)) > c.of.most.Load() {
		return n, errCrowded
	}
	return n, err
}

// done lets go of what was read.
func (c *counted) done() {
	c.of.now.Add(-c.n)
	c.n = 0
}
