package edge

import (
	"context"
	"math/rand/v2"
	"net"
	"net/http"
	"sync/atomic"
	"time"

	"github.com/slipwayhq/slipway/internal/edge/count"
	"github.com/slipwayhq/slipway/internal/wire"
)

// Times of the health checks.
const (
	checkEvery   = time.Second
	checkTimeout = 2 * time.Second
	// checkFailures in a row take a backend out; one success takes it in again.
	checkFailures = 2
	// suspendTime is how long a backend that refused a connection gets no requests.
	suspendTime = time.Second
)

// backendKey tells backends apart: one that comes back under another address is another.
type backendKey struct {
	app, env, health string
	wire.Backend
}

// backend is one process that can answer. It lives as long as it is in the table, and its requests longer.
type backend struct {
	key       backendKey
	open      atomic.Int64 // requests under way
	down      atomic.Bool  // by the checks
	suspended atomic.Int64 // Unix nanoseconds until which it is left alone
}

// member is a backend as one arm of one epoch sees it.
type member struct {
	*backend
	cell *count.Cell
	// served is what a page is told of who served it, as a header's value.
	served string
}

func (b *backend) usable() bool {
	if b.down.Load() {
		return false
	}
	until := b.suspended.Load()
	return until == 0 || time.Now().UnixNano() >= until || until > time.Now().Add(2*suspendTime).UnixNano() // the clock was set back
}

// suspend leaves the backend alone for a moment.
func (b *backend) suspend() { b.suspended.Store(time.Now().Add(suspendTime).UnixNano()) }

// pick gives the less busy of two drawn at random among those that may, nil when none does.
func pick(members []member, may func(*backend) bool) *member {
	scan := func() *member {
		from := rand.IntN(len(members)) // balancing needs no secret
		for i := range members {
			m := &members[(from+i)%len(members)]
			if may(m.backend) {
				return m
			}
		}
		return nil
	}
	if len(members) == 0 {
		return nil
	}
	a := scan()
	if a == nil || len(members) == 1 {
		return a
	}
	if b := scan(); b != nil && b.open.Load() < a.open.Load() {
		return b
	}
	return a
}

// watch checks the backend until ctx ends. A new one counts as healthy: the server says that it is up.
func (b *backend) watch(ctx context.Context, client *http.Client) {
	ticker := time.NewTicker(checkEvery)
	defer ticker.Stop()
	failures := 0
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
		if b.check(ctx, client) {
			failures = 0
			b.down.Store(false)
			b.suspended.Store(0)
		} else if failures++; failures >= checkFailures && ctx.Err() == nil {
			b.down.Store(true)
		}
	}
}

// check asks the backend once: its health path must answer 200 to 399, or without one its port accept a connection.
func (b *backend) check(ctx context.Context, client *http.Client) bool {
	ctx, cancel := context.WithTimeout(ctx, checkTimeout)
	defer cancel()
	if b.key.health == "" {
		c, err := (&net.Dialer{}).DialContext(ctx, "tcp", b.key.Addr)
		if err != nil {
			return false
		}
		_ = c.Close()
		return true
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+b.key.Addr+b.key.health, nil)
	if err != nil {
		return false
	}
	res, err := client.Do(req)
	if err != nil {
		return false
	}
	_ = res.Body.Close()
	return res.StatusCode >= 200 && res.StatusCode < 400
}

// newCheckClient makes the client of the checks: no redirects followed, no connections kept, so that a check says that new ones are accepted.
func newCheckClient() *http.Client {
	return &http.Client{
		Transport:     &http.Transport{DisableKeepAlives: true, DisableCompression: true},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}
