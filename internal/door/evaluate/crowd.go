package evaluate

import (
	"fmt"
	"strconv"
	"sync"
	"time"

	"github.com/slipwayhq/slipway/internal/door/api"
	"github.com/slipwayhq/slipway/internal/fault"
)

// crowd counts streams.
type crowd struct {
	streams sync.WaitGroup
	mu      sync.Mutex
	all     int
	of      map[string]int // by the key's id
}

// busy is the answer to one stream too many.
type busy struct{ error }

func (b busy) Unwrap() error { return b.error }

// after is when to come again, in seconds, spread.
func (busy) after() string {
	return strconv.Itoa(int(between(20*time.Second, time.Minute).Seconds()))
}

func (c *crowd) enter(key string, most, mostOfKey int) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case c.all >= most:
		return busy{api.Unavailable(fmt.Sprintf("this server has %d streams, and takes no more; come again later, or ask from time to time", c.all))}
	case c.of[key] >= mostOfKey:
		return busy{fault.Limited("this key has %d streams, and no more are opened; come again later, or ask from time to time", c.of[key])}
	}
	c.streams.Add(1)
	c.all++
	c.of[key]++
	return nil
}

func (c *crowd) leave(key string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.streams.Done()
	c.all--
	if c.of[key]--; c.of[key] == 0 {
		delete(c.of, key)
	}
}

func (c *crowd) count(key string) int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.of[key]
}
