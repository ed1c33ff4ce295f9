package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// changes is what became of a load while something changed again and again.
type changes struct {
	What     string  `json:"what"`
	Number   int     `json:"number"`
	Gets     int64   `json:"gets"`
	Posts    int64   `json:"posts"`
	Lost     int64   `json:"lost"`
	Counted  int64   `json:"counted"` // requests that the seconds told of
	MedianMS float64 `json:"median_ms"`
	MostMS   float64 `json:"most_ms"`
}

// Of the loads during changes.
const (
	changeClients = 8 // of GETs, and as many of POSTs
	changeEvery   = 50 * time.Millisecond
	changeNumber  = 100
	restartNumber = 10
)

// change changes the weights a hundred times.
func (s *stage) change(ctx context.Context) (changes, error) {
	return s.during(ctx, "weight changes", changeNumber, func(i int) error {
		s.plane.set(s.route(float64(i%21)/20, fmt.Sprintf("trf_%d", i+1)))
		return s.plane.await(ctx, func(p *plane) bool { return p.applied == p.snap.Generation })
	})
}

// restart replaces the edge ten times by a new process.
func (s *stage) restart(ctx context.Context) (changes, error) {
	return s.during(ctx, "restarts", restartNumber, func(int) error {
		e, err := s.startAt(ctx, "edge", s.edge.addr, s.plane.url, s.dir)
		s.edge = e
		if err == nil {
			time.Sleep(5 * changeEvery) // let it take over and see some traffic
		}
		return err
	})
}

// during does something n times under load.
func (s *stage) during(ctx context.Context, what string, n int, do func(i int) error) (changes, error) {
	c := changes{What: what, Number: n}
	var before int64
	if err := s.plane.settle(ctx, func(counted int64) bool { before = counted; return true }); err != nil {
		return c, err
	}
	var gets, posts, lost atomic.Int64
	run, stop := context.WithCancel(ctx)
	defer stop()
	var group sync.WaitGroup
	for i := range changeClients {
		group.Go(func() { loop(run, http.MethodGet, s.edge.addr, i, &gets, &lost) })
		group.Go(func() { loop(run, http.MethodPost, s.edge.addr, changeClients+i, &posts, &lost) })
	}
	var took []float64
	for i := range n {
		began := time.Now()
		if err := do(i); err != nil {
			return c, err
		}
		took = append(took, float64(time.Since(began).Microseconds())/1000)
		time.Sleep(changeEvery)
	}
	stop()
	group.Wait()
	c.Gets, c.Posts, c.Lost = gets.Load(), posts.Load(), lost.Load()
	c.MedianMS, c.MostMS = median(took), slices.Max(took)
	err := s.plane.settle(ctx, func(counted int64) bool {
		c.Counted = counted - before
		return c.Counted >= c.Gets+c.Posts
	})
	return c, err
}

// settle waits until the counts are as wished, or have not changed for three seconds.
func (p *plane) settle(ctx context.Context, wished func(counted int64) bool) error {
	last, since := int64(-1), time.Now()
	for ctx.Err() == nil {
		p.mu.Lock()
		counted := p.counted()
		p.mu.Unlock()
		done := wished(counted)
		if counted != last {
			last, since = counted, time.Now()
		} else if done && time.Since(since) > 1500*time.Millisecond || time.Since(since) > 3*time.Second {
			return nil
		}
		time.Sleep(20 * time.Millisecond)
	}
	return ctx.Err()
}

func loop(ctx context.Context, method, addr string, visitor int, sent, lost *atomic.Int64) {
	client := &http.Client{Transport: &http.Transport{}, Timeout: 10 * time.Second}
	defer client.CloseIdleConnections()
	cookie := fmt.Sprintf("slipway_visitor=%032x", visitor)
	var body []byte
	if method == http.MethodPost {
		body = bytes.Repeat([]byte("p"), answerSize)
	}
	for ctx.Err() == nil {
		if err := ask(client, method, addr, cookie, body); err != nil {
			lost.Add(1)
		}
		sent.Add(1)
	}
}

// ask makes one request and wants its whole answer. It is not sent again: a POST that is lost is lost.
func ask(client *http.Client, method, addr, cookie string, body []byte) error {
	req, err := http.NewRequest(method, "http://"+addr+"/product/81723", bytes.NewReader(body)) // it must end by itself
	if err != nil {
		return fmt.Errorf("make a request: %w", err)
	}
	req.GetBody = nil
	req.Header.Set("Cookie", cookie)
	res, err := client.Do(req)
	if err != nil {
		return fmt.Errorf("ask %s: %w", addr, err)
	}
	defer func() { _ = res.Body.Close() }()
	n, err := io.Copy(io.Discard, res.Body)
	if err != nil || res.StatusCode != http.StatusOK || n != answerSize {
		return fmt.Errorf("ask %s: %s, %d bytes: %w", addr, res.Status, n, err)
	}
	return nil
}
