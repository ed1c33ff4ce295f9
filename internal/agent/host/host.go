package host

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/slipwayhq/slipway/internal/agent/client"
	"github.com/slipwayhq/slipway/internal/agent/sink"
	"github.com/slipwayhq/slipway/internal/wire"
)

// Host keeps this machine as the server wishes.
type Host struct {
	o      Options
	store  *store
	ports  *ports
	prober *prober
	sink   *sink.Sink // nil where apps cannot send statsd
	udp    *ports     // of the releases' own sockets

	tasks sync.WaitGroup // what Run waits for
	wake  chan struct{}  // something changed: plan again
	news  chan struct{}  // something changed: report

	mu       sync.Mutex
	wished   bool // false until there is a wish: then nothing is touched, for no wish is not a wish for nothing
	desired  wire.Desired
	releases map[releaseKey]*release
	services map[serviceKey]*service
	current  map[envKey]string
	// past counts the starts of processes that died while no agent looked.
	past map[serviceKey]int
	// changes counts what happened to any of the above; told is the count the server has acknowledged.
	changes int64
}

// release is what is known of one release on this host.
type release struct {
	place  place
	cancel context.CancelFunc // of the staging under way
	code   string
	text   string
	tries  int
	retry  time.Time
}

// New prepares the data folder. Nothing runs before Run.
func New(o Options) (*Host, error) {
	o, err := o.withDefaults()
	if err != nil {
		return nil, err
	}
	// Processes run in their own folders: a relative path would mean another one there.
	if o.Dir, err = filepath.Abs(o.Dir); err != nil {
		return nil, fmt.Errorf("the host's data folder: %w", err)
	}
	for _, folder := range []string{"blobs", "releases", "logs", "run"} {
		if err := os.MkdirAll(filepath.Join(o.Dir, folder), 0o700); err != nil {
			return nil, fmt.Errorf("make the host's data folder: %w", err)
		}
	}
	h := &Host{
		o: o, store: &store{dir: filepath.Join(o.Dir, "blobs"), client: o.Client}, ports: newPorts(o.Ports, portFree), udp: newPorts(o.Ports, udpFree),
		wake: make(chan struct{}, 1), news: make(chan struct{}, 1),
		releases: map[releaseKey]*release{}, services: map[serviceKey]*service{}, current: map[envKey]string{},
		past: map[serviceKey]int{}, prober: newProber(),
	}
	if o.Statsd != "" {
		h.sink = sink.New(sink.Options{Addr: o.Statsd, Tags: o.StatsdTags, Sockets: h.sockets, Logger: o.Logger})
	}
	return h, nil
}

// Run takes over what an earlier agent left, and keeps the host as wished until ctx ends (nil) or the server refuses this agent for good (client.ErrRemoved,
// client.ErrTooOld). Processes go on running afterwards, unless they are Tied. Run once.
func (h *Host) Run(ctx context.Context) error {
	if err := h.recover(); err != nil {
		return err
	}
	m, err := h.newMeter()
	if err != nil {
		return err
	}
	h.listen(ctx)
	g, ctx := errgroup.WithContext(ctx)
	h.adopt(ctx)
	g.Go(func() error { return m.run(ctx) })
	if h.sink != nil {
		g.Go(func() error { return h.sink.Run(ctx) })
	}
	g.Go(func() error { return h.poll(ctx) })
	g.Go(func() error { return h.report(ctx) })
	g.Go(func() error { h.converge(ctx); return nil })
	err = g.Wait()
	h.tasks.Wait()
	return errors.Join(err, m.end())
}

// changed is called, under mu, after every change of state.
func (h *Host) changed() {
	h.changes++
	ring(h.wake)
	ring(h.news)
}

// update changes state.
func (h *Host) update(change func()) {
	h.mu.Lock()
	defer h.mu.Unlock()
	change()
	h.changed()
}

func ring(bell chan struct{}) {
	select {
	case bell <- struct{}{}:
	default:
	}
}

// poll waits for wishes. The first is asked for whatever generation is on disk, for the server may have been set back.
func (h *Host) poll(ctx context.Context) error {
	var after int64
	var pause client.Backoff
	for ctx.Err() == nil {
		d, err := h.o.Client.Desired(ctx, after)
		if err == nil && d != nil {
			if err = h.accept(*d); err == nil {
				after = d.Generation
			}
		}
		switch {
		case ctx.Err() != nil:
			return nil
		case errors.Is(err, client.ErrRemoved), errors.Is(err, client.ErrTooOld):
			return err
		case err != nil:
			h.o.Logger.Error("cannot take the server's wish", "error", err)
			pause.Wait(ctx)
		default:
			pause.Reset()
		}
	}
	return nil
}

// accept makes d the wish, on disk first.
func (h *Host) accept(d wire.Desired) error {
	if err := checkDesired(&d); err != nil {
		return err
	}
	if err := h.saveDesired(d); err != nil {
		// It can be followed all the same; only a restart without the server would not know of it.
		h.o.Logger.Error("cannot keep the server's wish on disk", "error", err)
	}
	h.update(func() {
		h.desired, h.wished = d, true
		for key, r := range h.releases {
			if _, held := h.heldRelease(key); !held && r.place == absent {
				delete(h.releases, key) // it failed, and nobody asks any more
			}
		}
	})
	return nil
}

// converge plans and acts until ctx ends.
func (h *Host) converge(ctx context.Context) {
	timer := time.NewTimer(0)
	defer timer.Stop()
	logs := time.NewTicker(2 * time.Second)
	defer logs.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-h.wake:
		case <-timer.C:
		case <-logs.C:
			h.rotateLogs()
			continue
		}
		now := h.o.Clock()
		timer.Stop()
		if next := h.step(ctx, now); !next.IsZero() {
			timer.Reset(max(next.Sub(now), time.Millisecond))
		}
	}
}

// step plans once, begins what is to be done, and gives the time of the next look (zero: when something changes).
func (h *Host) step(ctx context.Context, now time.Time) (next time.Time) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if !h.wished {
		return time.Time{}
	}
	steps, next := plan(h.desired, h.view(), h.o.Drain, now)
	moved := false
	for _, step := range steps {
		moved = h.act(ctx, step) || moved
	}
	if moved {
		h.changed()
	}
	return next
}

// view is what plan may know. Under mu.
func (h *Host) view() view {
	v := view{releases: map[releaseKey]releaseView{}, services: h.serviceViews(), current: h.current, blobs: h.store.list()}
	for key, r := range h.releases {
		v.releases[key] = releaseView{place: r.place, retry: r.retry}
	}
	return v
}

// serviceViews is what plan may know of the processes. Under mu.
func (h *Host) serviceViews() map[serviceKey]serviceView {
	out := make(map[serviceKey]serviceView, len(h.services))
	for key, s := range h.services {
		out[key] = serviceView{phase: s.phase, visible: s.visible(), told: s.told}
	}
	return out
}
