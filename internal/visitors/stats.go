package visitors

import (
	"fmt"
	"maps"
	"net/http"
	"slices"
	"sync"
)

// Tally counts requests that are over. Requests = Answered + Lost.
type Tally struct {
	Requests int64    `json:"requests"`
	Lost     int64    `json:"lost"`   // no answer
	Cut      int64    `json:"cut"`    // answered, but the body ended early
	Class    [6]int64 `json:"status"` // answers by the first digit of their status; [0] is what has none
}

// Answered counts the requests that were answered, with whatever status.
func (t Tally) Answered() int64 { return t.Requests - t.Lost }

// Failed counts the answers with a status of 500 and above.
func (t Tally) Failed() int64 { return t.Class[5] }

func (t *Tally) add(o outcome) {
	t.Requests++
	switch {
	case o.status == 0:
		t.Lost++
		return
	case o.err != nil:
		t.Cut++
	}
	class := o.status / 100
	if class > 5 {
		class = 0
	}
	t.Class[class]++
}

// Plus adds two tallies.
func (t Tally) Plus(o Tally) Tally {
	t.Requests += o.Requests
	t.Lost += o.Lost
	t.Cut += o.Cut
	for i := range t.Class {
		t.Class[i] += o.Class[i]
	}
	return t
}

// Stats is what a crowd has seen so far.
type Stats struct {
	Get      Tally            `json:"get"`
	Post     Tally            `json:"post"`
	Releases map[string]Tally `json:"releases"` // answers by the release that made them; "" made by none
	Visitors int64            `json:"visitors"` // who came, those who left included
	Open     int64            `json:"open"`     // requests without an answer yet
	Skipped  int64            `json:"skipped"`  // fell due while MaxOpen were open, and were not begun
	Losses   []string         `json:"losses"`   // the latest lost or cut requests, in words, at most 20
}

// Total counts all requests that are over.
func (s Stats) Total() Tally { return s.Get.Plus(s.Post) }

const maxLosses = 20

// counter keeps Stats while the crowd runs. All numbers of one snapshot belong together.
type counter struct {
	mu    sync.Mutex
	stats Stats
}

func (c *counter) snapshot() Stats {
	c.mu.Lock()
	defer c.mu.Unlock()
	s := c.stats
	s.Releases = maps.Clone(s.Releases)
	s.Losses = slices.Clone(s.Losses)
	return s
}

func (c *counter) change(f func(*Stats)) {
	c.mu.Lock()
	defer c.mu.Unlock()
	f(&c.stats)
}

// finish counts a request that is over.
func (c *counter) finish(r request, o outcome) {
	c.mu.Lock()
	defer c.mu.Unlock()
	s := &c.stats
	s.Open--
	if r.method == http.MethodPost {
		s.Post.add(o)
	} else {
		s.Get.add(o)
	}
	if o.status != 0 {
		if s.Releases == nil {
			s.Releases = make(map[string]Tally)
		}
		t := s.Releases[o.release]
		t.add(o)
		s.Releases[o.release] = t
	}
	if o.err != nil {
		if len(s.Losses) == maxLosses {
			s.Losses = s.Losses[1:]
		}
		s.Losses = append(s.Losses, fmt.Sprintf("%s %s: %v", r.method, r.path, o.err))
	}
}
