package exposed

import (
	"context"
	"encoding/json"
	"hash/maphash"
	"log/slog"
	"strings"
	"sync"
	"time"

	"github.com/slipwayhq/slipway/internal/decide/flag/ramp"
	"github.com/slipwayhq/slipway/internal/pure/capture"
	"github.com/slipwayhq/slipway/internal/pure/judge"
)

const (
	// mostVisitors is how many are remembered of a ramp, by each of their ids; some 40 MB.
	mostVisitors = 1 << 20
	// justNow is how old a ramp may be that nobody has counted for.
	justNow = 5 * time.Second
	// late is how long ago an event may have happened: what is told of later may have been done before its visitor was given anything.
	late = 5 * time.Minute
)

// arm is what a visitor was given.
type arm uint8

const (
	none arm = iota
	old
	fresh
	both // nothing is known of the draw
)

// visitor is what is known of one id.
type visitor struct {
	arm  arm
	had  uint16 // the vitals that counted, by bits, in any step
	step uint16 // in which the arm was told
	at   int64  // when, in Unix seconds
}

// watch is a ramp that is counted for.
type watch struct {
	ramp.Ramp
	key     string
	vitals  map[string]int
	known   map[uint64]visitor
	counts  []judge.Count // of the second, by vital
	traffic judge.Traffic // of the second: who was given a value for the first time in the step
	any     bool
}

// buckets is by how many groups of visitors it is seen how evenly they come.
const buckets = 64

// Had is that somebody did something.
type Had struct{ User, Anonymous, Event string }

// Counter counts. Make it with New, give it what comes, and Run it.
type Counter struct {
	// Past tells who did what since a time, for ramps that were under way before the program started: who had their event counts no more. Without it they may count once more.
	Past func(ctx context.Context, app, env string, events []string, since time.Time) ([]Had, error)

	ramps *ramp.Service
	now   func() time.Time
	log   *slog.Logger
	seed  maphash.Seed

	mu      sync.Mutex
	watches map[place][]*watch
}

type place struct{ app, env string }

// New makes a counter.
func New(ramps *ramp.Service, now func() time.Time, log *slog.Logger) *Counter {
	return &Counter{ramps: ramps, now: now, log: log, seed: maphash.MakeSeed(), watches: map[place][]*watch{}}
}

// Count takes events that are on disk. Exposures count also when they were told before: the key says of which step they are, and nobody is put into an arm twice.
func (c *Counter) Count(events []capture.Event, isFresh []bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.watches) == 0 {
		return
	}
	now := c.now()
	for i := range events {
		e := &events[i]
		for _, w := range c.watches[place{e.App, e.Environment}] {
			if e.Kind == capture.Exposure {
				if a := w.armOf(e); a != none {
					w.expose(c.who(e), a, within(e.Time, now))
				}
				continue
			}
			if v, ok := w.vitals[nameOf(e)]; ok && isFresh[i] && now.Sub(e.Time) < late {
				w.count(c.who(e), v, e.Time)
			}
		}
	}
}

// within is when something happened, as far as it may be believed: clients tell of several things at once, some time later.
func within(at, now time.Time) time.Time {
	switch {
	case at.After(now):
		return now
	case now.Sub(at) > late:
		return now.Add(-late)
	}
	return at
}

// nameOf is how vitals name an event: by its name, or what is seen by its kind.
func nameOf(e *capture.Event) string {
	switch e.Kind {
	case capture.Track:
		return e.Name
	case capture.Page, capture.Screen:
		return string(e.Kind)
	}
	return ""
}

// who are hashes of the ids that an event names, 0 for none.
func (c *Counter) who(e *capture.Event) (ids [2]uint64) {
	for i, id := range [2]string{e.Anonymous, e.User} {
		if id == "" {
			continue
		}
		// What a client says is a visitor's id is one, whichever of the two members it sends it as.
		ids[i] = max(maphash.String(c.seed, id), 1)
	}
	return ids
}

// armOf tells which value an exposure says its visitor was given, by the key of the present step.
func (w *watch) armOf(e *capture.Event) arm {
	var p struct {
		Experiment json.RawMessage `json:"experiment"`
		Variation  json.RawMessage `json:"variation"`
		Value      json.RawMessage `json:"value"`
	}
	if e.Name != w.key && e.Name != w.Name || json.Unmarshal(e.Properties, &p) != nil {
		return none
	}
	said := p.Value
	if e.Name == w.Name {
		if text(p.Experiment) != w.key {
			return none
		}
		said = p.Variation
	}
	switch text(said) {
	case "new", "1":
		return fresh
	case "old", "0":
		return old
	}
	return none
}

// text is a JSON text or number, without quotes.
func text(raw json.RawMessage) string { return strings.Trim(string(raw), `"`) }

// expose puts a visitor into an arm.
func (w *watch) expose(who [2]uint64, a arm, now time.Time) {
	var was visitor
	for _, id := range who {
		if v, ok := w.known[id]; ok && id != 0 {
			was.had |= v.had
			if int(v.step) == w.Step && v.arm != none {
				if was.arm != none && was.arm != v.arm {
					was.arm = both
				} else {
					was.arm = v.arm
				}
				was.at = v.at
			}
		}
	}
	v := visitor{arm: a, had: was.had, step: uint16(w.Step), at: now.Unix()}
	seen := was.arm != none
	if seen {
		v.at = was.at
		if was.arm != a {
			v.arm = both
		}
	}
	stored := false
	for _, id := range who {
		if _, known := w.known[id]; id != 0 && (known || len(w.known) < mostVisitors) {
			w.known[id], stored = v, true
		}
	}
	if seen || v.arm == both || !stored {
		return
	}
	w.any = true
	if a == fresh {
		w.traffic.New++
	} else {
		w.traffic.Old++
		if w.traffic.Buckets == nil {
			w.traffic.Buckets = make([]int64, buckets)
		}
		w.traffic.Buckets[max(who[0], who[1])%buckets]++
	}
	for i := range w.counts { // at risk are those who have not had theirs
		if v.had&(1<<i) == 0 {
			w.any = true
			if a == fresh {
				w.counts[i].AtRiskNew++
			} else {
				w.counts[i].AtRiskOld++
			}
		}
	}
}

// count counts a visitor's first event of a vital.
func (w *watch) count(who [2]uint64, vital int, at time.Time) {
	var a arm
	had := false
	since := int64(0)
	for _, id := range who {
		v, ok := w.known[id]
		if !ok || id == 0 {
			continue
		}
		had = had || v.had&(1<<vital) != 0
		if int(v.step) == w.Step && v.arm != none {
			if a != none && a != v.arm {
				a = both
			} else {
				a = v.arm
			}
			since = max(since, v.at)
		}
	}
	if a == none || a == both || had || at.Unix() < since {
		return
	}
	for _, id := range who {
		if v, ok := w.known[id]; ok && id != 0 {
			v.had |= 1 << vital
			w.known[id] = v
		}
	}
	w.any = true
	if a == fresh {
		w.counts[vital].New++
	} else {
		w.counts[vital].Old++
	}
}

// Run asks what there is to count for, and tells what was, each second until ctx ends.
func (c *Counter) Run(ctx context.Context) error {
	failing := false
	for {
		select {
		case <-time.After(time.Second):
		case <-ctx.Done():
			return nil
		}
		err := c.Second(ctx)
		if err != nil && ctx.Err() == nil && !failing {
			c.log.Error("a second of what visitors did was not counted for ramps", "error", err)
		}
		failing = err != nil
	}
}

// told is what one ramp is told.
type told struct {
	id   string
	step int
	tick judge.Tick
}

// Second tells what was counted, and asks which ramps are under way.
func (c *Counter) Second(ctx context.Context) error {
	var failed error
	for _, t := range c.take() {
		if err := c.ramps.Take(ctx, t.id, t.step, t.tick); err != nil {
			failed = err
		}
	}
	open, err := c.ramps.Open(ctx)
	if err != nil {
		return err
	}
	before := map[string]*watch{}
	c.mu.Lock()
	for _, all := range c.watches {
		for _, w := range all {
			before[w.ID] = w
		}
	}
	c.mu.Unlock()
	fresh := map[string]*watch{}
	for _, r := range open {
		if before[r.ID] == nil {
			if fresh[r.ID], err = c.begin(ctx, r); err != nil { // without its past it would count some twice: it is tried again
				failed = err
			}
		}
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.watches = map[place][]*watch{}
	for _, r := range open {
		w := before[r.ID]
		if w == nil {
			w = fresh[r.ID]
		}
		if w == nil {
			continue
		}
		if w.Step != r.Step { // what was counted since is of the step before, which is over
			w.empty(len(r.Spec.Vitals))
		}
		w.Ramp, w.key = r, r.Key()
		at := place{r.App, r.Environment}
		c.watches[at] = append(c.watches[at], w)
	}
	return failed
}

// begin is what a ramp is counted by from now on. Who had their event while another program counted has had it.
func (c *Counter) begin(ctx context.Context, r ramp.Ramp) (*watch, error) {
	w := &watch{vitals: map[string]int{}, known: map[uint64]visitor{}, counts: make([]judge.Count, len(r.Spec.Vitals))}
	events := make([]string, 0, len(r.Spec.Vitals))
	for i, v := range r.Spec.Vitals {
		w.vitals[v.Event] = i
		events = append(events, v.Event)
	}
	if c.Past == nil || c.now().Sub(r.StartedAt) < justNow {
		return w, nil
	}
	past, err := c.Past(ctx, r.App, r.Environment, events, r.StartedAt)
	if err != nil {
		return nil, err
	}
	for _, p := range past {
		for _, id := range c.who(&capture.Event{User: p.User, Anonymous: p.Anonymous}) {
			if id != 0 {
				v := w.known[id]
				v.had |= 1 << w.vitals[p.Event]
				w.known[id] = v
			}
		}
	}
	return w, nil
}

func (w *watch) empty(vitals int) {
	w.counts, w.traffic, w.any = make([]judge.Count, vitals), judge.Traffic{}, false
}

// take empties what was counted.
func (c *Counter) take() (all []told) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, some := range c.watches {
		for _, w := range some {
			if !w.any {
				continue
			}
			t := told{w.ID, w.Step, judge.Tick{Second: c.now().Unix(), Counts: map[string]judge.Count{}, Traffic: &judge.Traffic{New: w.traffic.New, Old: w.traffic.Old, Buckets: w.traffic.Buckets}}}
			for i, v := range w.Spec.Vitals {
				t.tick.Counts[v.Event] = w.counts[i]
			}
			w.empty(len(w.Spec.Vitals))
			all = append(all, t)
		}
	}
	return all
}
