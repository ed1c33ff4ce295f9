package crash

import (
	"bufio"
	"context"
	"encoding/json"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/slipwayhq/slipway/internal/event"
)

// feed follows the server's stream of events through all its deaths.
type feed struct {
	base string

	mu     sync.Mutex
	events []event.Event
	news   chan struct{} // closed and replaced when one comes
}

func (f *feed) follow(t *testing.T) {
	t.Helper()
	f.news = make(chan struct{})
	ctx, cancel := context.WithCancel(context.Background())
	var wg sync.WaitGroup
	wg.Go(func() {
		for ctx.Err() == nil {
			f.read(ctx)
			select {
			case <-time.After(20 * time.Millisecond): // the server is dead, or dies
			case <-ctx.Done():
			}
		}
	})
	t.Cleanup(func() { cancel(); wg.Wait() })
}

// read takes events until the stream breaks off.
func (f *feed) read(ctx context.Context) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, f.base+"/v1/stream?app=tiny&after="+strconv.FormatInt(f.position(), 10), nil)
	if err != nil {
		return
	}
	req.Header.Set("Authorization", "Bearer "+adminToken)
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return
	}
	lines := bufio.NewScanner(resp.Body)
	lines.Buffer(nil, 4<<20)
	for lines.Scan() {
		var ev event.Event
		data, ok := strings.CutPrefix(lines.Text(), "data: ")
		if ok && json.Unmarshal([]byte(data), &ev) == nil && ev.Position > 0 {
			f.add(ev)
		}
	}
}

func (f *feed) position() int64 {
	f.mu.Lock()
	defer f.mu.Unlock()
	if len(f.events) == 0 {
		return 0
	}
	return f.events[len(f.events)-1].Position
}

func (f *feed) add(ev event.Event) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.events = append(f.events, ev)
	close(f.news)
	f.news = make(chan struct{})
}

// length is how many events have come: what await begins behind.
func (f *feed) length() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return len(f.events)
}

// await waits for an event behind the first n; false when none came in time.
func (f *feed) await(n int, patience time.Duration, match func(event.Event) bool) bool {
	end := time.NewTimer(patience)
	defer end.Stop()
	for {
		f.mu.Lock()
		list, news := f.events, f.news
		f.mu.Unlock()
		for ; n < len(list); n++ {
			if match(list[n]) {
				return true
			}
		}
		select {
		case <-news:
		case <-end.C:
			return false
		}
	}
}

// movesTo matches the move of a rollout into a state.
func movesTo(state string) func(event.Event) bool {
	return func(ev event.Event) bool {
		m, err := event.Decode[event.RolloutMoved](ev)
		return err == nil && m.To == state
	}
}

func isType(want event.Type) func(event.Event) bool {
	return func(ev event.Event) bool { return ev.Type == want }
}
