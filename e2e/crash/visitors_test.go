package crash

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/slipwayhq/slipway/internal/wire"
)

// The crowd is light: the machine has other work. A visitor does one thing at a time, so that the order of what it sees is known.
const (
	walkers  = 6  // things that happen at once
	each     = 80 // visitors of one walker
	walkRest = 45 * time.Millisecond
)

// sight is one answer: who saw which release.
type sight struct {
	visitor int
	release string
	begun   time.Time
}

// crowd are the visitors, and the observer of what they see.
type crowd struct {
	front   string
	walking bool // of the test's own goroutine

	mu     sync.Mutex
	seen   []sight
	lost   []string
	errors int
	excuse []span // while the edge itself was dead
}

// span is a time; an open one has no end yet.
type span struct{ from, to time.Time }

func (s span) holds(t time.Time) bool { return !t.Before(s.from) && (s.to.IsZero() || t.Before(s.to)) }

// walk lets visitors come until the test ends.
func (c *crowd) walk(t *testing.T) (stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	c.walking = true
	var wg sync.WaitGroup
	for i := range walkers {
		wg.Go(func() { c.walker(ctx, i) })
	}
	stop = sync.OnceFunc(func() { cancel(); wg.Wait() })
	t.Cleanup(stop)
	return stop
}

func (c *crowd) walker(ctx context.Context, number int) {
	client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 1}, Timeout: 20 * time.Second}
	defer client.CloseIdleConnections()
	rest := time.NewTicker(walkRest)
	defer rest.Stop()
	for turn := 0; ; turn++ {
		select {
		case <-rest.C:
			c.visit(ctx, client, number*each+turn%each, turn)
		case <-ctx.Done():
			return
		}
	}
}

// visit makes one request. Every fourth is a POST, which no client sends twice.
func (c *crowd) visit(ctx context.Context, client *http.Client, visitor, turn int) {
	method := http.MethodGet
	if turn%4 == 3 {
		method = http.MethodPost
	}
	begun := time.Now()
	req, err := http.NewRequestWithContext(ctx, method, c.front+"/", http.NoBody)
	if err != nil {
		c.lose(begun, err.Error())
		return
	}
	req.Header.Set("Cookie", fmt.Sprintf("%s=%032x", wire.CookieVisitor, visitor+1))
	resp, err := client.Do(req)
	if err != nil {
		if ctx.Err() == nil {
			c.lose(begun, err.Error())
		}
		return
	}
	body, err := io.ReadAll(resp.Body)
	_ = resp.Body.Close()
	ours := resp.StatusCode == http.StatusOK || strings.TrimSpace(string(body)) == "broken"
	switch {
	case ctx.Err() != nil:
	case err != nil:
		c.lose(begun, err.Error())
	case !ours:
		c.lose(begun, fmt.Sprintf("%s from %s: %s", resp.Status, resp.Header.Get(wire.HeaderRelease), body))
	default:
		c.see(sight{visitor: visitor, release: resp.Header.Get(wire.HeaderRelease), begun: begun}, resp.StatusCode)
	}
}

func (c *crowd) see(s sight, status int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.seen = append(c.seen, s)
	if status != http.StatusOK {
		c.errors++
	}
}

// lose notes a request without an answer, unless the edge was dead at some time of it.
func (c *crowd) lose(begun time.Time, why string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	ended := time.Now()
	for _, s := range c.excuse {
		if s.holds(begun) || s.holds(ended) || begun.Before(s.from) && ended.After(s.from) {
			return
		}
	}
	c.lost = append(c.lost, fmt.Sprintf("%s (after %s): %s", begun.Format("15:04:05.000"), ended.Sub(begun).Round(time.Millisecond), why))
}

// edgeDies begins a time without an edge; the function that it gives ends it.
func (c *crowd) edgeDies() (back func()) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.excuse = append(c.excuse, span{from: time.Now()})
	i := len(c.excuse) - 1
	return func() {
		c.mu.Lock()
		defer c.mu.Unlock()
		c.excuse[i].to = time.Now()
	}
}

// last gives the newest sight.
func (c *crowd) last() (s sight, ok bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.seen) == 0 {
		return s, false
	}
	return c.seen[len(c.seen)-1], true
}

// shipped is one rollout as the visitors may have seen it.
type shipped struct {
	release  string
	promoted bool
}

// check looks at everything the crowd saw. Each visitor goes through the rollouts in their order, enters a release once, and comes back from one only when it
// was rolled back. In the quiet times all see what is live then.
func (c *crowd) check(t *testing.T, line []shipped, quiet map[span]string) {
	t.Helper()
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.lost) > 0 {
		t.Errorf("%d requests were lost:\n%s", len(c.lost), strings.Join(c.lost[:min(10, len(c.lost))], "\n"))
	}
	var places []string // who may be where, in the order of time
	live := ""
	for _, s := range line {
		places = append(places, s.release)
		if s.promoted {
			live = s.release
		}
		places = append(places, live)
	}
	at := make([]int, walkers*each)
	wrong := 0
	for _, s := range c.seen {
		next := slices.Index(places[at[s.visitor]:], s.release)
		if next < 0 && wrong < 10 {
			t.Errorf("visitor %d saw %s at %s, which it had left or never should have seen; it was at %d of %v", s.visitor, s.release, s.begun.Format("15:04:05.000"), at[s.visitor], places)
		}
		if next < 0 {
			wrong++
			continue
		}
		at[s.visitor] += next
		for q, release := range quiet {
			if q.holds(s.begun) && s.release != release {
				if wrong++; wrong < 10 {
					t.Errorf("visitor %d saw %s at %s, when no rollout was under way and %s was live", s.visitor, s.release, s.begun.Format("15:04:05.000"), release)
				}
			}
		}
	}
	if wrong > 0 {
		t.Errorf("%d of %d sights were wrong", wrong, len(c.seen))
	}
	t.Logf("%d requests were answered, %d of them with an error of the app, %d lost", len(c.seen), c.errors, len(c.lost))
}
