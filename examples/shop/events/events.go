// Package events tells Slipway what visitors do: which pages they view, what they put into their cart and order. It
// never lets a visitor wait: what happens is noted, and sent in the background, many at a time.
package events

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"hash/fnv"
	"io"
	"log/slog"
	"math"
	"net/http"
	"net/url"
	"sync"
	"time"
)

const (
	every    = time.Second     // between two bodies
	patience = 5 * time.Second // for one answer
	// maxKept bounds what waits while Slipway does not answer; what happens beyond it is not told.
	maxKept = 1000
)

// Event is one thing that a visitor did, as Slipway's plain form has it.
type Event struct {
	Kind       string         `json:"kind,omitempty"` // "page" is a page view; none is what Name says
	Name       string         `json:"name"`
	User       string         `json:"user,omitempty"`      // of a customer
	Anonymous  string         `json:"anonymous,omitempty"` // the visitor, also before it is a customer
	Properties map[string]any `json:"properties,omitempty"`
	Context    map[string]any `json:"context,omitempty"`

	ID   string    `json:"id"` // what is sent twice with one id is written once
	Time time.Time `json:"time"`
}

// Options say to whom events are told.
type Options struct {
	URL     string  // Slipway's address
	Key     string  // write key of the source that they belong to
	Release string  // which release, and on which host, serves the visitors
	Share   float64 // part of the visitors who are told of, 0 to 1
	Log     *slog.Logger
}

// Teller tells events. It is safe for concurrent use. A nil one tells nothing.
type Teller struct {
	Options
	client *http.Client

	mu   sync.Mutex
	kept []Event
}

// New checks the options. Without a URL the teller is nil.
func New(o Options) (*Teller, error) {
	if o.URL == "" {
		return nil, nil //nolint:nilnil // a nil teller tells nothing
	}
	if u, err := url.Parse(o.URL); err != nil || u.Host == "" {
		return nil, fmt.Errorf("events to %q: want an address such as http://127.0.0.1:7070", o.URL)
	}
	if o.Key == "" {
		return nil, errors.New("events need a write key")
	}
	if math.IsNaN(o.Share) || o.Share < 0 || o.Share > 1 {
		return nil, fmt.Errorf("share of visitors %v: want a number from 0 to 1", o.Share)
	}
	return &Teller{Options: o, client: &http.Client{Timeout: patience}}, nil
}

// Tell notes an event. All of a visitor are told, or none, so that what visitors do one after the other can be counted.
func (t *Teller) Tell(e Event) {
	if t == nil || !drawn(e.Anonymous, t.Share) {
		return
	}
	e.ID, e.Time = rand.Text(), time.Now().UTC()
	t.mu.Lock()
	defer t.mu.Unlock()
	if len(t.kept) < maxKept {
		t.kept = append(t.kept, e)
	}
}

// drawn draws visitors by their id: every host draws the same ones.
func drawn(visitor string, share float64) bool {
	h := fnv.New32a()
	h.Write([]byte(visitor))
	return float64(h.Sum32()) < share*(1<<32)
}

// Run sends what is noted until ctx ends, and then what is left.
func (t *Teller) Run(ctx context.Context) {
	if t == nil {
		return
	}
	clock := time.NewTicker(every)
	defer clock.Stop()
	for {
		select {
		case <-clock.C:
			t.send(ctx)
		case <-ctx.Done():
			t.send(context.WithoutCancel(ctx))
			return
		}
	}
}

// send sends what is noted. What was not taken for want of an answer, or of room, is sent again the next time.
func (t *Teller) send(ctx context.Context) {
	t.mu.Lock()
	batch := t.kept
	t.kept = nil
	t.mu.Unlock()
	if len(batch) == 0 {
		return
	}
	again, err := t.post(ctx, batch)
	if err == nil {
		return
	}
	t.Log.Warn("events were not taken", "events", len(batch), "again", again, "error", err)
	if again {
		t.mu.Lock()
		t.kept = append(batch, t.kept...)
		t.kept = t.kept[:min(len(t.kept), maxKept)]
		t.mu.Unlock()
	}
}

// post sends one body, and says whether a failure may pass.
func (t *Teller) post(ctx context.Context, batch []Event) (again bool, err error) {
	body, err := json.Marshal(map[string]any{"release": t.Release, "sent": time.Now().UTC(), "events": batch})
	if err != nil {
		return false, err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, t.URL+"/v1/events", bytes.NewReader(body))
	if err != nil {
		return false, err
	}
	req.Header.Set("Authorization", "Bearer "+t.Key)
	req.Header.Set("Content-Type", "application/json")
	res, err := t.client.Do(req)
	if err != nil {
		return true, err
	}
	defer res.Body.Close()
	said, _ := io.ReadAll(io.LimitReader(res.Body, 1000)) // the status counts; this is for the log
	if res.StatusCode < 300 {
		return false, nil
	}
	return res.StatusCode >= 500 || res.StatusCode == http.StatusTooManyRequests, fmt.Errorf("answered %d: %s", res.StatusCode, bytes.TrimSpace(said))
}
