package vitals

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"hash/maphash"
	"log/slog"
	"maps"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/slipwayhq/slipway/internal/analytics"
	"github.com/slipwayhq/slipway/internal/decide/rollout"
	"github.com/slipwayhq/slipway/internal/event"
	"github.com/slipwayhq/slipway/internal/journal"
	"github.com/slipwayhq/slipway/internal/pure/capture"
)

const (
	// askEvery is after how many seconds it is asked anew what is wanted; at once where an event names what is not known.
	askEvery = 5
	// mostWaiting bounds the events of a second. A second with more is left out whole: it would say less of one release than of the other.
	mostWaiting = 1 << 17
	// late is how long ago an event may have happened: what is told of later may have been done before the rollout.
	late = 5 * time.Minute
)

// Counter counts events for vitals. Make it with New, give it what comes, and Run it.
type Counter struct {
	Rollouts *rollout.Service
	Journal  *journal.Journal
	// Events are asked how many came lately, for who tries a vital.
	Events analytics.Engine
	Now    func() time.Time
	Logger *slog.Logger

	seed   maphash.Seed
	boot   string
	wanted atomic.Pointer[map[place]*wanted] // what Count looks at; it is replaced, and not changed

	waits   sync.Mutex
	waiting []done
	over    bool // more came than are taken
	ask     bool // something came that is not known

	mu      sync.Mutex // of what follows
	vitals  map[place][]*vital
	numbers map[string]int64 // by host
	seconds int
	unasked bool // it could not be asked what is wanted
}

// place is an environment.
type place struct{ app, env string }

// wanted is what an environment asks for.
type wanted struct {
	rollout.Queries
	names map[string]bool
	any   bool // a vital is divided by all that happens
}

// done is an event, as far as it matters here.
type done struct {
	place
	name                 string
	release, host, split string
	// who are hashes of the ids that it names: of the browser or device, and of the user.
	who           [2]uint64
	late, browser bool
}

// New makes a counter.
func New(rollouts *rollout.Service, j *journal.Journal, events analytics.Engine, now func() time.Time, log *slog.Logger) *Counter {
	return &Counter{
		Rollouts: rollouts, Journal: j, Events: events, Now: now, Logger: log, seed: maphash.MakeSeed(), boot: "events-" + rand.Text(),
		vitals: map[place][]*vital{}, numbers: map[string]int64{},
	}
}

// Count takes events that are on disk; those that are not fresh were there before.
func (c *Counter) Count(events []capture.Event, fresh []bool) {
	all := c.wanted.Load()
	if all == nil || len(*all) == 0 {
		return
	}
	now := c.Now()
	var take []done
	ask := false
	for i := range events {
		e := &events[i]
		w := (*all)[place{e.App, e.Environment}]
		if w == nil || !fresh[i] {
			continue
		}
		name := nameOf(e)
		if !w.any && !w.names[name] {
			continue
		}
		ask = ask || e.Release != "" && w.Release(e.Release) == "" || e.Split != "" && w.Compares != "" && e.Split > w.Split // ids are in order of their time
		take = append(take, done{
			place: place{e.App, e.Environment}, name: name, release: e.Release, host: e.Host, split: e.Split, who: [2]uint64{c.hash('a', e.Anonymous), c.hash('u', e.User)},
			late:    max(e.Received.Sub(e.Time), now.Sub(e.Time)) > late, // received long ago is what was repaired since
			browser: bytes.Contains(e.Context, []byte(`"userAgent":"Mozilla/`)),
		})
	}
	if len(take) == 0 {
		return
	}
	c.waits.Lock()
	defer c.waits.Unlock()
	c.ask = c.ask || ask
	if len(c.waiting)+len(take) > mostWaiting {
		c.over = true
		return
	}
	c.waiting = append(c.waiting, take...)
}

// nameOf is how vitals name an event: by its name, or what is seen by its kind.
func nameOf(e *capture.Event) string {
	switch e.Kind {
	case capture.Track:
		return e.Name
	case capture.Page, capture.Screen:
		return string(e.Kind)
	default:
		return "" // who somebody is, and what flag they got, is nothing that they do
	}
}

// hash is 0 for nobody.
func (c *Counter) hash(kind byte, id string) uint64 {
	if id == "" {
		return 0
	}
	var h maphash.Hash
	h.SetSeed(c.seed)
	_ = h.WriteByte(kind)
	_, _ = h.WriteString(id)
	return max(h.Sum64(), 1)
}

// Run tells of each second until ctx ends.
func (c *Counter) Run(ctx context.Context) error {
	for {
		now := time.Now()
		select {
		case <-time.After(now.Truncate(time.Second).Add(time.Second).Sub(now)):
		case <-ctx.Done():
			return nil
		}
		if err := c.second(ctx); err != nil && ctx.Err() == nil {
			c.Logger.Error("a second of users' events was not counted for vitals", "error", err)
		}
	}
}

// second counts what came in the last second, and tells of it. What is wanted is asked before: a split is written down before anybody can come by it. Where that fails, what was known before counts: what it does not know of counts for nothing.
func (c *Counter) second(ctx context.Context) error {
	c.waits.Lock()
	came, over, ask := c.waiting, c.over, c.ask
	c.waiting, c.over, c.ask = nil, false, false
	c.waits.Unlock()
	c.mu.Lock()
	defer c.mu.Unlock()
	now := c.Now()
	if ask || c.unasked || c.seconds%askEvery == 0 {
		err := c.refresh(ctx, now)
		if err != nil && ctx.Err() == nil && !c.unasked {
			c.Logger.Error("it cannot be asked which events are vitals; they are counted by what was known before", "error", err)
		}
		c.unasked = err != nil
	}
	c.seconds++
	if over {
		c.Logger.Warn("more events came in a second than are counted for vitals; it counts nothing", "most", mostWaiting)
		return nil
	}
	counts := map[cell]map[string]int64{}
	for i := range came {
		c.count(&came[i], counts)
	}
	return c.tell(ctx, now.Add(-time.Second), counts)
}

// count counts one event for all vitals that it matters to.
func (c *Counter) count(d *done, counts map[cell]map[string]int64) {
	w := (*c.wanted.Load())[d.place]
	for _, v := range c.vitals[d.place] {
		event, of := d.name == v.Event, d.name != "" && (v.Per == "" || d.name == v.Per)
		if w == nil || !event && !of {
			continue
		}
		at, why := v.place(w, d)
		if event {
			v.tally[why]++
		}
		if why != counted {
			continue
		}
		if counts[at] == nil {
			counts[at] = map[string]int64{}
		}
		events, per, _ := v.Counters()
		if of {
			counts[at][per]++
		}
		if event {
			counts[at][events]++
			v.had(d.who)
		}
	}
}

// cell is where events are added up.
type cell struct{ app, env, release, host string }

// tell puts counts into the log, host by host.
func (c *Counter) tell(ctx context.Context, at time.Time, counts map[cell]map[string]int64) error {
	byHost := map[string][]event.ReleaseSecond{}
	for at, metrics := range counts {
		r := event.ReleaseSecond{App: at.app, Env: at.env, Release: at.release}
		for _, name := range slices.Sorted(maps.Keys(metrics)) {
			r.Metrics = append(r.Metrics, event.Metric{Name: name, Kind: event.MetricCounter, Values: metrics[name], Sum: float64(metrics[name])})
		}
		byHost[at.host] = append(byHost[at.host], r)
	}
	var batch [][]byte
	for _, host := range slices.Sorted(maps.Keys(byHost)) {
		c.numbers[host]++
		data, err := json.Marshal(event.HostSecond{Agent: host, Boot: c.boot, Number: c.numbers[host], Second: at.Unix(), Releases: byHost[host]})
		if err != nil {
			return fmt.Errorf("tell what users did: %w", err)
		}
		batch = append(batch, data)
	}
	if len(batch) == 0 {
		return nil
	}
	if err := c.Journal.Append(ctx, "host", batch...); err != nil {
		return fmt.Errorf("tell what users did: %w", err)
	}
	return nil
}
