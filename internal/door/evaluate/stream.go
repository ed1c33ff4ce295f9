package evaluate

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net/http"
	"strconv"
	"sync"
	"time"

	"github.com/slipwayhq/slipway/internal/decide/flag"
	"github.com/slipwayhq/slipway/internal/door/api"
	"github.com/slipwayhq/slipway/internal/fault"
)

const (
	// writeTime is how long a write may take. Who reads slower than that is dropped, and comes back by itself.
	writeTime = 10 * time.Second
	// Streams are silent no longer than this, so that what stands between does not take them for dead; spread, so that they do not all speak at once.
	restLeast, restMost = 15 * time.Second, 25 * time.Second
	// Whoever is cut off comes back after so long: ten thousand who were cut off at once do not come back at once.
	backLeast, backMost = time.Second, 10 * time.Second
	// smallPayload goes out to everybody in the message itself. Above it clients are told to fetch: compressed, and not at all where they have it. At this size ten thousand streams take 320 MB a change,
	// three seconds of a gigabit line, and one message fits into what the system holds for a socket, so that no write waits for a reader.
	smallPayload = 32 << 10
	// keyBudget is what the streams of a server's key may take a change; below it they get the payload whatever its size: they are few, and GrowthBook's client in Go knows no other message.
	keyBudget = 10_000 * smallPayload
)

// subscribe is the stream of GrowthBook's clients. Those who are told values are told to ask again.
func (d *Door) subscribe(w http.ResponseWriter, r *http.Request) {
	k, err := d.key(r.PathValue("key"))
	if err != nil {
		d.refuse(w, r, err)
		return
	}
	d.stream(w, r, k, r.Header.Get("Last-Event-ID"), func(t *told) []byte {
		if k.Remote || len(t.payload) > d.mostWhole(k) {
			return t.hint
		}
		return t.whole()
	})
}

// mostWhole is how large a payload may be that is sent to the streams of a key.
func (d *Door) mostWhole(k flag.Key) int {
	if k.Kind != "server" {
		return smallPayload
	}
	return max(smallPayload, keyBudget/max(1, d.crowd.count(k.ID)))
}

// stream tells of changes as long as the client reads, its key counts and the server runs. last is the id of what the client has.
func (d *Door) stream(w http.ResponseWriter, r *http.Request, k flag.Key, last string, message func(*told) []byte) {
	if err := d.crowd.enter(k.ID, d.MaxStreams, d.MaxOfKey); err != nil {
		d.refuse(w, r, err)
		return
	}
	defer d.crowd.leave(k.ID)
	set, gone, err := d.flags.Watch(r.Context(), k.App, k.Environment)
	var t *told
	if err == nil {
		t, err = d.told(set, k)
	}
	if err != nil {
		d.refuse(w, r, err)
		return
	}
	h := w.Header()
	h.Set("Content-Type", "text/event-stream")
	h.Set("Cache-Control", "no-store")
	h.Set("X-Accel-Buffering", "no")
	if r.Method == http.MethodHead {
		return
	}
	// The id alone is no message, but is what the client says when it comes back, also if it has seen none.
	hello := fmt.Appendf(nil, "retry: %d\nid: %s\n\n", between(backLeast, backMost).Milliseconds(), t.id)
	out := &writer{w: w, control: http.NewResponseController(w), time: d.writeTime}
	if t.id != last {
		err = out.write(hello, message(t))
	} else {
		err = out.write(hello)
	}
	if err == nil {
		err = d.follow(r.Context(), out, k, t.id, gone, message)
	}
	d.log.Debug("a stream of flags ended", "key", k.Name, "app", k.App, "error", err)
}

// follow writes what changes, each once.
func (d *Door) follow(ctx context.Context, out *writer, k flag.Key, last string, gone <-chan struct{}, message func(*told) []byte) error {
	rest := time.NewTimer(between(restLeast, restMost))
	defer rest.Stop()
	for {
		resting := false
		select {
		case <-gone:
		case <-rest.C:
			resting = true
		case <-ctx.Done():
			return nil
		}
		if _, ok := d.flags.Key(k.Key); !ok {
			return nil // stopped or turned: its clients are told so when they come back
		}
		var set *flag.Set
		var err error
		if set, gone, err = d.flags.Watch(ctx, k.App, k.Environment); err != nil {
			return err
		}
		t, err := d.told(set, k)
		if err != nil {
			return err
		}
		switch {
		case t.id != last:
			err = out.write(message(t))
		case resting:
			err = out.write([]byte(": rest\n\n"))
		}
		if err != nil {
			return err
		}
		last = t.id
		if resting {
			rest.Reset(between(restLeast, restMost))
		}
	}
}

// between is a time between two, by dice.
func between(least, most time.Duration) time.Duration {
	return least + rand.N(most-least)
}

// writer writes messages, and waits for no reader.
type writer struct {
	w       http.ResponseWriter
	control *http.ResponseController
	time    time.Duration // that a write may take
}

func (o *writer) write(parts ...[]byte) error {
	if err := o.control.SetWriteDeadline(time.Now().Add(o.time)); err != nil {
		return err
	}
	for _, p := range parts {
		if _, err := o.w.Write(p); err != nil {
			return err
		}
	}
	if err := o.control.Flush(); err != nil {
		return err
	}
	return o.control.SetWriteDeadline(time.Time{}) // by HTTP/2 it would end the stream, also where nothing is written
}

// crowd counts streams.
type crowd struct {
	mu  sync.Mutex
	all int
	of  map[string]int // by the key's id
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
	c.all++
	c.of[key]++
	return nil
}

func (c *crowd) leave(key string) {
	c.mu.Lock()
	defer c.mu.Unlock()
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
