package shadow

import (
	"encoding/binary"
	"errors"
	"math"
	"slices"

	"github.com/slipwayhq/slipway/internal/pure/accesslog"
	"github.com/slipwayhq/slipway/internal/pure/route"
)

// tick is how many seconds are counted together.
const tick = 10

// What is kept at most. A route, host or release beyond its number is counted as Other.
const (
	maxRoutes   = 200
	maxHosts    = 1000
	maxReleases = 1000
	maxCells    = 3_000_000
)

// Other is the name of what is not told apart.
const Other = "other"

// ErrTooMuch says that the counts do not fit.
var ErrTooMuch = errors.New("there are more hosts and hours than can be counted at once: give fewer days with --since and --until")

// buckets of durations: bucket i holds those up to 1 ms · 2^(i/2), the last one all above 8 s.
const buckets = 28

// bound is the longest duration of a bucket, in seconds.
func bound(i int) float64 { return 0.001 * math.Pow(2, float64(i)/2) }

func bucketOf(seconds float64) int {
	if seconds <= 0.001 {
		return 0
	}
	return min(int(math.Ceil(2*math.Log2(seconds/0.001)-1e-9)), buckets-1)
}

// cell is what one host counted of one release in one tick.
type cell struct {
	requests, errors int64
	durations        *[buckets]uint32
}

type cellKey struct {
	tick          int64 // its first second
	host, release int32
}

type routeKey struct {
	minute int64 // its first second
	route  int32
}

// names gives numbers to names, and the last number to all beyond the most.
type names struct {
	number map[string]int32
	list   []string
}

func (n *names) of(name string, most int) int32 {
	if i, ok := n.number[name]; ok {
		return i
	}
	if len(n.list) >= most {
		name = Other
		if i, ok := n.number[name]; ok {
			return i
		}
	}
	if n.number == nil {
		n.number = map[string]int32{}
	}
	name = string(append([]byte(nil), name...)) // the line that it is part of must not stay
	n.number[name] = int32(len(n.list))
	n.list = append(n.list, name)
	return n.number[name]
}

// all gives each of the other's numbers the one that its name has here, in the other's order.
func (n *names) all(o names, most int) []int32 {
	now := make([]int32, len(o.list))
	for i, name := range o.list {
		now[i] = n.of(name, most)
	}
	return now
}

// Traffic is what was counted of requests, whatever it was read from. The zero value is empty.
type Traffic struct {
	hosts, releases, routes names
	cells                   map[cellKey]*cell
	byRoute                 map[routeKey]*[2]int64 // errors, requests
	seen                    map[int64][]signature  // by tick
	// Repeated is how many lines said again what another file had said.
	Repeated int64
}

// signature tells whether two files say the same of a tick: the sum of their lines' hashes, which does not depend on their order.
type signature struct {
	sum   uint64
	lines int64
}

// Sample is counts of one host and release that began in a second.
type Sample struct {
	Second                 int64
	Host, Release          string
	Requests, Errors, Slow int64
	// Timed says that Slow is known.
	Timed bool
}

// Add counts a sample, from a source that has counts and no lines. Slow requests are taken for longer than any bound, the others for shorter.
func (t *Traffic) Add(s Sample) error {
	c := t.cell(floor(s.Second, tick), t.hosts.of(s.Host, maxHosts), t.releases.of(s.Release, maxReleases))
	if c == nil {
		return ErrTooMuch
	}
	c.requests += s.Requests
	c.errors += s.Errors
	if s.Timed {
		if c.durations == nil {
			c.durations = &[buckets]uint32{}
		}
		c.durations[0] += uint32(s.Requests - s.Slow)
		c.durations[buckets-1] += uint32(s.Slow)
	}
	return nil
}

func (t *Traffic) cell(second int64, host, release int32) *cell {
	if t.cells == nil {
		t.cells, t.byRoute, t.seen = map[cellKey]*cell{}, map[routeKey]*[2]int64{}, map[int64][]signature{}
	}
	key := cellKey{second, host, release}
	c := t.cells[key]
	if c == nil {
		if len(t.cells) >= maxCells {
			return nil
		}
		c = &cell{}
		t.cells[key] = c
	}
	return c
}

// File is a log while it is read. What it says counts when it ends.
type File struct {
	into *Traffic
	own  Traffic
	host string
	err  error
}

// File begins a log. The host is that of lines which name none.
func (t *Traffic) File(host string) *File { return &File{into: t, host: host} }

// Count counts a request, whose line tells it from what other files say. From the first error on it does nothing.
func (f *File) Count(e accesslog.Entry, line string) {
	if f.err != nil {
		return
	}
	host := e.Host
	if f.host != "" {
		host = f.host
	}
	t := &f.own
	at := floor(e.Time, tick)
	c := t.cell(at, t.hosts.of(host, maxHosts), t.releases.of(e.Release, maxReleases))
	if c == nil {
		f.err = ErrTooMuch
		return
	}
	failed := e.Status >= 500 && e.Status <= 599
	c.requests++
	if failed {
		c.errors++
	}
	if e.Duration >= 0 {
		if c.durations == nil {
			c.durations = &[buckets]uint32{}
		}
		c.durations[bucketOf(e.Duration)]++
	}
	t.countRoute(floor(e.Time, minute), e, failed)
	s := t.seen[at]
	if len(s) == 0 {
		s = []signature{{}}
		t.seen[at] = s
	}
	s[0].sum += hash(line)
	s[0].lines++
}

// countRoute counts by route. A request that met nothing (404) makes no route known: those who try all doors would fill the list.
func (t *Traffic) countRoute(at int64, e accesslog.Entry, failed bool) {
	var buf [160]byte
	pattern := route.Append(buf[:0], e.Path, nil)
	number, known := t.routes.number[string(pattern)]
	if !known {
		name := string(pattern)
		if e.Path == "" || e.Status >= 400 && e.Status < 500 {
			name = Other
		}
		number = t.routes.of(name, maxRoutes)
	}
	key := routeKey{at, number}
	n := t.byRoute[key]
	if n == nil {
		n = &[2]int64{}
		t.byRoute[key] = n
	}
	n[1]++
	if failed {
		n[0]++
	}
}

// Close adds what the file said. A tick of which another file says exactly the same, in any order of the lines, is counted once: logs are copied, and copies of copies are kept.
func (f *File) Close() error {
	if f.err != nil {
		return f.err
	}
	fresh, freshMinutes := map[int64]bool{}, map[int64]bool{}
	for at, s := range f.own.seen {
		if slices.Contains(f.into.seen[at], s[0]) {
			f.into.Repeated += s[0].lines
			continue
		}
		fresh[at], freshMinutes[floor(at, minute)] = true, true
	}
	hosts, releases, routes := f.into.hosts.all(f.own.hosts, maxHosts), f.into.releases.all(f.own.releases, maxReleases), f.into.routes.all(f.own.routes, maxRoutes)
	for key, c := range f.own.cells {
		if !fresh[key.tick] {
			continue
		}
		to := f.into.cell(key.tick, hosts[key.host], releases[key.release])
		if to == nil {
			return ErrTooMuch
		}
		to.add(c)
	}
	for key, n := range f.own.byRoute {
		if !freshMinutes[key.minute] {
			continue
		}
		key.route = routes[key.route]
		to := f.into.byRoute[key]
		if to == nil {
			to = &[2]int64{}
			f.into.byRoute[key] = to
		}
		to[0], to[1] = to[0]+n[0], to[1]+n[1]
	}
	for at, s := range f.own.seen {
		if fresh[at] {
			f.into.seen[at] = append(f.into.seen[at], s[0])
		}
	}
	f.own = Traffic{}
	return nil
}

func (c *cell) add(o *cell) {
	c.requests += o.requests
	c.errors += o.errors
	if o.durations == nil {
		return
	}
	if c.durations == nil {
		c.durations = &[buckets]uint32{}
	}
	for i, n := range o.durations {
		c.durations[i] += n
	}
}

// floor is the beginning of the stretch of time that a second is in.
func floor(second, width int64) int64 {
	return second - (second%width+width)%width
}

// hash mixes a line into 64 bits, eight bytes at a time.
func hash(line string) uint64 {
	const prime = 0x9E3779B97F4A7C15
	h := uint64(len(line)) * prime
	var last [8]byte
	for len(line) >= 8 {
		copy(last[:], line)
		h = mix(h ^ binary.LittleEndian.Uint64(last[:]))
		line = line[8:]
	}
	last = [8]byte{}
	copy(last[:], line)
	return mix(h ^ binary.LittleEndian.Uint64(last[:]))
}

func mix(h uint64) uint64 {
	h ^= h >> 32
	h *= 0xD6E8FEB86659FD93
	h ^= h >> 29
	h *= 0x9E3779B97F4A7C15
	return h ^ h>>32
}
