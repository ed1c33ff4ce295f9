package evaluate

import (
	"context"
	"math/rand/v2"
	"net/http"
	"time"

	"github.com/slipwayhq/slipway/internal/decide/flag"
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
	d.stream(w, r, k, r.Header.Get("Last-Event-ID"), func(t *told) frame {
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
func (d *Door) stream(w http.ResponseWriter, r *http.Request, k flag.Key, last string, message func(*told) frame) {
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
	out, ctx, err := d.take(w, r)
	if err != nil {
		d.refuse(w, r, err)
		return
	}
	defer out.close()
	// The id alone is no message, but is what the client says when it comes back, also if it has seen none.
	err = out.write(newFrame("retry: %d\nid: %s\n\n", between(backLeast, backMost).Milliseconds(), t.id))
	if err == nil && t.id != last {
		err = out.write(message(t))
	}
	if err == nil {
		err = d.follow(ctx, out, k, t.id, gone, message)
	}
	d.log.Debug("a stream of flags ended", "key", k.Name, "app", k.App, "error", err)
}

// follow writes what changes, each once.
func (d *Door) follow(ctx context.Context, out *writer, k flag.Key, last string, gone <-chan struct{}, message func(*told) frame) error {
	rest := time.NewTimer(between(d.restLeast, d.restMost))
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
			err = out.write(d.rest)
		}
		if err != nil {
			return err
		}
		last = t.id
		if resting {
			rest.Reset(between(d.restLeast, d.restMost))
		}
	}
}

// between is a time between two, by dice.
func between(least, most time.Duration) time.Duration {
	return least + rand.N(most-least)
}
