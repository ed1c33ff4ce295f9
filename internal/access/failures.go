package access

import (
	"sync"
	"time"
)

const (
	// failureBurst is how many different wrong credentials an address may send at once, failureEvery how often one more.
	failureBurst = 20
	failureEvery = 3 * time.Second
	// failureAddrs bounds the memory; beyond it the oldest go.
	failureAddrs = 10_000
)

// failures counts wrong credentials by address, as a leaking bucket. The same wrong credential again counts once: a forgotten script with an old token is
// no attack, and must not lock out the people who share its address.
type failures struct {
	mu sync.Mutex
	by map[string]failure
}

type failure struct {
	// full is when the bucket will have leaked empty.
	full time.Time
	last string // hash of the last wrong credential
}

func newFailures() *failures { return &failures{by: map[string]failure{}} }

// wait is how long the address has to wait, 0 when it need not.
func (f *failures) wait(addr string, now time.Time) time.Duration {
	f.mu.Lock()
	defer f.mu.Unlock()
	c, known := f.by[addr]
	if !known {
		return 0
	}
	return max(0, c.full.Sub(now)-failureBurst*failureEvery)
}

func (f *failures) add(addr, credential string, now time.Time) {
	f.mu.Lock()
	defer f.mu.Unlock()
	c := f.by[addr]
	if c.last == credential {
		return
	}
	if c.full.Before(now) {
		c.full = now
	}
	f.by[addr] = failure{full: c.full.Add(failureEvery), last: credential}
	if len(f.by) > failureAddrs {
		f.forget(now)
	}
}

// forget drops addresses whose bucket is empty, and all when that is not enough.
func (f *failures) forget(now time.Time) {
	for addr, c := range f.by {
		if c.full.Before(now) {
			delete(f.by, addr)
		}
	}
	if len(f.by) > failureAddrs {
		clear(f.by)
	}
}
