package rig

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"io"
	"net/http"
	"sync"
	"time"

	"github.com/slipwayhq/slipway/internal/wire"
)

// Crowd asks a site all the time, each request as a visitor who was never there before, and notes when which release answered.
type Crowd struct {
	cancel context.CancelFunc
	wait   sync.WaitGroup

	mu   sync.Mutex
	seen map[string]Span
	lost int
}

// Span is the answers of one release.
type Span struct {
	// First and Last are the moments at which the first and the last answer were there.
	First, Last time.Time
	Answers     int
}

// Crowd sends about so many requests a second over a few connections until Close.
func (s *Server) Crowd(ctx context.Context, perSecond int) *Crowd {
	const connections = 8
	ctx, cancel := context.WithCancel(ctx)
	c := &Crowd{cancel: cancel, seen: map[string]Span{}}
	client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: connections}, Timeout: 10 * time.Second}
	for range connections {
		c.wait.Go(func() {
			tick := time.NewTicker(time.Second * connections / time.Duration(perSecond))
			defer tick.Stop()
			for {
				select {
				case <-tick.C:
					c.ask(ctx, client, s.EdgeURL)
				case <-ctx.Done():
					return
				}
			}
		})
	}
	return c
}

func (c *Crowd) ask(ctx context.Context, client *http.Client, url string) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return // the address is our own
	}
	var id [16]byte
	_, _ = rand.Read(id[:])                                                                 // never fails
	req.AddCookie(&http.Cookie{Name: wire.CookieVisitor, Value: hex.EncodeToString(id[:])}) // without one, the edge would count all requests of an address as one visitor's
	resp, err := client.Do(req)
	release := ""
	if err == nil {
		release = resp.Header.Get(wire.HeaderRelease)
		_, err = io.Copy(io.Discard, resp.Body)
		err = errors.Join(err, resp.Body.Close())
	}
	if ctx.Err() != nil {
		return
	}
	now := time.Now()
	c.mu.Lock()
	defer c.mu.Unlock()
	if err != nil {
		c.lost++
		return
	}
	span := c.seen[release]
	if span.Answers == 0 {
		span.First = now
	}
	span.Last = now
	span.Answers++
	c.seen[release] = span
}

// Of gives the answers of a release so far.
func (c *Crowd) Of(release string) Span {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.seen[release]
}

// Close ends the asking and gives how many requests had no answer.
func (c *Crowd) Close() (lost int) {
	c.cancel()
	c.wait.Wait()
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.lost
}
