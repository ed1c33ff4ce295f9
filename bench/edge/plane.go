package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"strconv"
	"sync"
	"time"

	"github.com/slipwayhq/slipway/internal/event"
	"github.com/slipwayhq/slipway/internal/wire"
)

// plane is the server as the edge knows it: it gives snapshots and takes seconds.
type plane struct {
	url    string
	server *http.Server
	done   chan struct{}

	mu      sync.Mutex
	snap    wire.Snapshot
	applied int64
	seconds map[string]int64 // requests by the second's key
	lags    []float64        // ms from the end of a second until it was here
	changed chan struct{}
}

func newPlane() (*plane, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("listen for the edge: %w", err)
	}
	p := &plane{url: "http://" + l.Addr().String(), done: make(chan struct{}), seconds: map[string]int64{}, changed: make(chan struct{})}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /edge/v1/snapshot", p.snapshot)
	mux.HandleFunc("POST /edge/v1/seconds", p.post)
	p.server = &http.Server{Handler: mux, ReadHeaderTimeout: 10 * time.Second}
	go func() { // close waits for it
		defer close(p.done)
		_ = p.server.Serve(l) // says that it was closed
	}()
	return p, nil
}

func (p *plane) close() {
	_ = p.server.Close()
	<-p.done
}

func (p *plane) tell() {
	close(p.changed)
	p.changed = make(chan struct{})
}

func (p *plane) snapshot(w http.ResponseWriter, r *http.Request) {
	after, _ := strconv.ParseInt(r.URL.Query().Get("after"), 10, 64)
	applied, _ := strconv.ParseInt(r.URL.Query().Get("applied"), 10, 64)
	p.mu.Lock()
	defer p.mu.Unlock()
	if applied > p.applied {
		p.applied = applied
		p.tell()
	}
	for late := time.After(wire.PollTime); p.snap.Generation == after; {
		changed := p.changed
		p.mu.Unlock()
		select {
		case <-changed:
		case <-late:
			after = -1 // "nothing new", said below
		case <-r.Context().Done():
		}
		p.mu.Lock()
		if r.Context().Err() != nil {
			return
		}
	}
	if after == -1 {
		w.WriteHeader(http.StatusNoContent)
		return
	}
	_ = json.NewEncoder(w).Encode(p.snap)
}

func (p *plane) post(w http.ResponseWriter, r *http.Request) {
	var seconds []event.EdgeSecond
	if err := json.NewDecoder(r.Body).Decode(&seconds); err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	now := time.Now()
	p.mu.Lock()
	defer p.mu.Unlock()
	if n := len(seconds); n > 0 {
		p.lags = append(p.lags, float64(now.Sub(time.Unix(seconds[n-1].Second+1, 0)).Microseconds())/1000)
	}
	for _, s := range seconds {
		n := int64(0)
		for _, route := range s.Routes {
			for _, h := range route.Hosts {
				n += h.Requests
			}
		}
		p.seconds[s.Key()] = n
	}
	p.tell()
	w.WriteHeader(http.StatusNoContent)
}

func (p *plane) set(routes ...wire.Route) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.snap = wire.Snapshot{Generation: p.snap.Generation + 1, Routes: routes}
	p.tell()
}

// await waits until the condition holds.
func (p *plane) await(ctx context.Context, holds func(*plane) bool) error {
	for {
		p.mu.Lock()
		ok, changed := holds(p), p.changed
		p.mu.Unlock()
		if ok {
			return nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return fmt.Errorf("wait for the edge: %w", ctx.Err())
		}
	}
}

// counted is the number of requests that all seconds told of.
func (p *plane) counted() int64 {
	var n int64
	for _, s := range p.seconds {
		n += s
	}
	return n
}
