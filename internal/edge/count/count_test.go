package count

import (
	"fmt"
	"math"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/slipwayhq/slipway/internal/event"
)

func counter(t *testing.T, dir string) *Counter {
	t.Helper()
	c, err := New("agt_1", "boot_1", dir)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func key(traffic, rollout string, slow ...float64) Key {
	return Key{App: "shop", Env: "production", Traffic: traffic, Rollout: rollout, Split: event.Split{Mode: "visitors", Old: "a", New: "b", Slow: slow}}
}

func apply(t *testing.T, c *Counter, keys ...Key) []*Epoch {
	t.Helper()
	epochs, err := c.Apply(keys)
	if err != nil {
		t.Fatal(err)
	}
	return epochs
}

// drained closes a second and gives its sums by traffic id.
func drained(t *testing.T, c *Counter) map[string]event.Counts {
	t.Helper()
	s, _, err := c.Close(time.Unix(1, 0))
	if err != nil {
		t.Fatal(err)
	}
	sums := map[string]event.Counts{}
	for _, r := range s.Routes {
		for _, h := range r.Hosts {
			n := sums[r.Traffic]
			n.Add(h.Counts)
			sums[r.Traffic] = n
		}
	}
	return sums
}

// A request is booked under the split it began with, however late it fails, and the split's epoch lives exactly so long.
func TestALateErrorBelongsToTheSplitItBeganWith(t *testing.T) {
	c := counter(t, "")
	first := apply(t, c, key("t1", "r1"))[0]
	var r Request
	if !first.Begin(&r, first.Cell("b", "h1"), Visitor{Key: 7}, "/") {
		t.Fatal("the running epoch refuses")
	}
	second := apply(t, c, key("t2", "r1"))[0]
	if first == second || apply(t, c, key("t2", "r1"))[0] != second {
		t.Fatal("a new split begins a new epoch, an equal one does not")
	}
	if n := drained(t, c)["t1"]; n.Requests != 1 || n.AtRisk != 1 {
		t.Errorf("counted %+v", n)
	}
	r.Answered()
	r.End(true)
	if n := drained(t, c); n["t1"].Errors != 1 || n["t1"].FirstErrors != 1 || len(n) != 1 {
		t.Errorf("counted %+v", n)
	}
	var late Request
	if first.Begin(&late, first.Cell("b", "h1"), Visitor{Key: 8}, "/") {
		t.Error("an epoch that is over takes a request")
	}
	if !second.Begin(&late, second.Cell("b", "h1"), Visitor{Key: 7}, "/") {
		t.Fatal("the running epoch refuses")
	}
	late.End(true)
	if n := drained(t, c)["t2"]; n.AtRisk != 0 || n.FirstErrors != 0 || n.Errors != 1 {
		t.Errorf("a step of the same rollout forgot who has erred: %+v", n)
	}
}

func TestNothingCountedIsLostBetweenSecondsAndSplits(t *testing.T) {
	c := counter(t, "")
	var mu sync.RWMutex
	current := apply(t, c, key("t0", "r1", 0.001))[0]
	const workers, each = 4, 2000
	var group sync.WaitGroup
	for w := range workers {
		group.Go(func() {
			var r Request
			for i := range each {
				for {
					mu.RLock()
					e := current
					mu.RUnlock()
					if e.Begin(&r, e.Cell("b", fmt.Sprintf("h%d", i%3)), Visitor{Key: uint64(w*each + i)}, fmt.Sprintf("/p%d", i%700)) {
						break
					}
				}
				if i%2 == 0 {
					r.Answered()
				}
				r.End(i%10 == 0)
			}
		})
	}
	done := make(chan struct{})
	go func() { defer close(done); group.Wait() }()
	var sum event.Counts
	var buckets, paths, latencies, bucketErrors, pathErrors int64
	collect := func() {
		s, _, err := c.Close(time.Now())
		if err != nil {
			t.Error(err)
		}
		for _, r := range s.Routes {
			for _, h := range r.Hosts {
				sum.Add(h.Counts)
			}
			for _, b := range r.Buckets {
				buckets += b.Requests
				bucketErrors += b.Errors
			}
			if len(r.Paths) > 50 {
				t.Errorf("%d patterns in one second", len(r.Paths))
			}
			for _, p := range r.Paths {
				paths += p.Requests
				pathErrors += p.Errors
			}
			for _, h := range r.Latency {
				for _, n := range h.Count {
					latencies += n
				}
			}
		}
	}
	for i, running := 1, true; running; i++ {
		select {
		case <-done:
			running = false
		default:
		}
		next := apply(t, c, key(fmt.Sprintf("t%d", i), "r1", 0.001))[0]
		mu.Lock()
		current = next
		mu.Unlock()
		collect()
	}
	collect()
	const n = workers * each
	if sum.Requests != n || sum.Errors != n/10 || sum.FirstErrors != n/10 || sum.AtRisk != n || buckets != n || paths != n || latencies != n/2 ||
		bucketErrors != n/10 || pathErrors != n/10 {
		t.Errorf("of %d: %+v, buckets %d (%d failed), paths %d (%d failed), latencies %d", n, sum, buckets, bucketErrors, paths, pathErrors, latencies)
	}
	if len(c.epochs) != 1 {
		t.Errorf("%d epochs are left", len(c.epochs))
	}
}

func TestASecondWithoutTrafficIsToldOnlyDuringARollout(t *testing.T) {
	c := counter(t, "")
	apply(t, c, key("t1", ""))
	if _, told, _ := c.Close(time.Unix(1, 0)); told {
		t.Error("an idle second without a rollout was told")
	}
	apply(t, c, key("t2", "r1"))
	for want := int64(1); want < 4; want++ {
		if s, told, _ := c.Close(time.Unix(9, 0)); !told || s.Number != want || s.Second != 9 {
			t.Errorf("second %d: %+v, %v", want, s, told)
		}
	}
}

// Full, the memory lets the evidence stop growing: nobody is counted first twice, and nobody at risk whose error could not be counted.
func TestAFullMemoryStopsTheEvidenceAndNeverFalsifiesIt(t *testing.T) {
	m, err := openMemory("", memoryShards*8) // 8 visitors a shard: 6 for being slow, 8 for errors
	if err != nil {
		t.Fatal(err)
	}
	slow, errors := 0, 0
	for i := range uint64(20) {
		visitor := i * memoryShards // all in one shard
		free := m.unmarked(visitor)
		if first := m.first(visitor, markSlow); first != (free&markSlow != 0) {
			t.Errorf("visitor %d: at risk %v, counted %v", i, free&markSlow != 0, first)
		} else if first {
			slow++
		}
		free = m.unmarked(visitor)
		if first := m.first(visitor, markError); first != (free&markError != 0) {
			t.Errorf("visitor %d: at risk %v, counted %v", i, free&markError != 0, first)
		} else if first {
			errors++
		}
		if m.first(visitor, markError) || m.first(visitor, markSlow) || m.unmarked(visitor)&(markSlow|markError) != 0 {
			t.Errorf("visitor %d counts twice", i)
		}
	}
	if slow != 6 || errors != 8 {
		t.Errorf("%d slow, %d erred", slow, errors)
	}
}

func TestWhoHasErredOutlivesARestartAndHalfARecord(t *testing.T) {
	dir := t.TempDir()
	c := counter(t, dir)
	e := apply(t, c, key("t1", "r1", 1))[0]
	for i := range uint64(5) {
		var r Request
		e.Begin(&r, e.Cell("b", "h1"), Visitor{Key: i, Alias: i + math.MaxUint64/2}, "/")
		r.End(true)
	}
	drained(t, c)
	files, _ := filepath.Glob(filepath.Join(dir, "erred-*"))
	if len(files) != 1 {
		t.Fatalf("files: %v", files)
	}
	f, _ := os.OpenFile(files[0], os.O_APPEND|os.O_WRONLY, 0)
	_, _ = f.WriteString("half")
	_ = f.Close()

	c = counter(t, dir)
	e = apply(t, c, key("t1", "r1", 1))[0]
	for _, id := range []uint64{3, 3 + math.MaxUint64/2, 99} {
		var r Request
		e.Begin(&r, e.Cell("b", "h1"), Visitor{Key: id}, "/")
		r.End(true)
	}
	if n := drained(t, c)["t1"]; n.FirstErrors != 1 || n.AtRisk != 1 {
		t.Errorf("counted %+v", n)
	}
	info, err := os.Stat(files[0])
	if err != nil || info.Size() != 11*recordSize {
		t.Errorf("%v, %v", info, err)
	}
	apply(t, c, key("t9", "r2"))
	if _, err := os.Stat(files[0]); !os.IsNotExist(err) {
		t.Errorf("the file of a rollout that is over: %v", err)
	}
}

func TestPathsThatFailedComeFirst(t *testing.T) {
	var p paths
	for i := range 600 {
		p.add(fmt.Sprintf("/%s%d", strings.Repeat("x", i/100), i%100), nil, pathCell{requests: 1000 - int64(i)})
	}
	p.add("/x7", nil, pathCell{errors: 3})
	got := p.drain("a", nil)
	if len(got) != pathsReported || got[0].Path != "/x7" || got[0].Errors != 3 || got[1].Path != "/:id" || got[len(got)-1].Path != Other {
		t.Errorf("%d patterns: %+v", len(got), got)
	}
	var sum int64
	for _, n := range got {
		sum += n.Requests
	}
	if want := int64(600*1000 - 599*600/2); sum != want {
		t.Errorf("%d requests in all, expected %d", sum, want)
	}
}

func TestCountingAllocatesNothing(t *testing.T) {
	c := counter(t, "")
	e := apply(t, c, key("t1", "r1", 1, 2, 3))[0]
	cell := e.Cell("b", "h1")
	var r Request
	if n := testing.AllocsPerRun(100, func() {
		e.Begin(&r, cell, Visitor{Key: 7}, "/product/81723")
		r.Answered()
		r.End(false)
	}); n != 0 {
		t.Errorf("%v allocations a request", n)
	}
}

func BenchmarkRequest(b *testing.B) {
	c, _ := New("agt_1", "boot_1", "")
	epochs, _ := c.Apply([]Key{key("t1", "r1", 1, 2, 3)})
	cell := epochs[0].Cell("b", "h1")
	b.ReportAllocs()
	b.RunParallel(func(pb *testing.PB) {
		var r Request
		for i := uint64(0); pb.Next(); i++ {
			epochs[0].Begin(&r, cell, Visitor{Key: i * 0x9e3779b97f4a7c15}, "/product/81723")
			r.Answered()
			r.End(false)
		}
	})
}

// Clients that keep no cookie, each failing under another name: what the edge remembers stays within its bounds, and so does what it counts first.
func TestAFloodOfNewVisitorsIsBounded(t *testing.T) {
	const limit, flood = 1 << 14, 1 << 18
	c := counter(t, t.TempDir())
	c.limit = limit
	e := apply(t, c, key("t1", "r1", 0.001, 0.002, 0.003))[0]
	cell := e.Cell("b", "h1")
	var before, after runtime.MemStats
	request := func(i uint64) {
		var r Request
		id := i * 0x9e3779b97f4a7c15
		e.Begin(&r, cell, Visitor{Key: id, Alias: ^id}, "/p"+strconv.FormatUint(i, 36)+"x")
		r.End(true)
	}
	var sum event.Counts
	second := func(from, to uint64) {
		for i := from; i < to; i++ {
			request(i)
		}
		sum.Add(drained(t, c)["t1"])
	}
	const step = flood / 16
	second(0, 4*step) // fills it
	runtime.GC()
	runtime.ReadMemStats(&before)
	for from := uint64(4 * step); from < flood; from += step {
		second(from, from+step)
	}
	runtime.GC()
	runtime.ReadMemStats(&after)
	if grown := int64(after.HeapAlloc) - int64(before.HeapAlloc); grown > 1<<20 {
		t.Errorf("full, it grew by %d bytes", grown)
	}
	held := 0
	for i := range e.memory.shards {
		held += len(e.memory.shards[i].marks)
	}
	if held > limit || held < limit/2 || len(cell.arm.paths.held) > pathsHeld+1 {
		t.Errorf("%d visitors of at most %d, %d patterns of at most %d", held, limit, len(cell.arm.paths.held), pathsHeld)
	}
	if sum.Requests != flood || sum.Errors != flood || sum.FirstErrors > int64(held) || sum.AtRisk > sum.FirstErrors+1 {
		t.Errorf("counted %+v", sum)
	}
	if info, err := os.Stat(e.memory.file); err != nil || info.Size() > 2*(1+event.Thresholds)*limit*recordSize {
		t.Errorf("on disk: %v, %v", info, err)
	}
}

// A request that outlives its rollout does not keep alive who has erred in it.
func TestWhatIsRememberedEndsWithItsRollout(t *testing.T) {
	c := counter(t, "")
	e := apply(t, c, key("t1", "r1"))[0]
	cell := e.Cell("b", "h1")
	var socket, bad Request
	e.Begin(&socket, cell, Visitor{Key: 1}, "/ws")
	e.Begin(&bad, cell, Visitor{Key: 2}, "/")
	bad.End(true)
	apply(t, c, key("t2", ""))
	for i := range e.memory.shards {
		if e.memory.shards[i].marks != nil {
			t.Error("the marks of a rollout that is over are held")
		}
	}
	var late Request
	if !e.Begin(&late, cell, Visitor{Key: 3}, "/") { // drawn by a table that was read a moment before
		t.Fatal("the epoch is not over, and refuses")
	}
	late.End(true)
	socket.End(true)
	if n := drained(t, c)["t1"]; n.Requests != 3 || n.Errors != 3 || n.FirstErrors != 1 || n.AtRisk != 2 {
		t.Errorf("counted %+v", n)
	}
}

// A visitor's first error is counted once in all, on the route where it was, with its kind.
func TestFirstErrorsByRouteAndKind(t *testing.T) {
	c := counter(t, "")
	e := apply(t, c, key("t1", "r1"))[0]
	request := func(visitor uint64, path string, status int, message string) {
		var r Request
		e.Begin(&r, e.Cell("b", "h1"), Visitor{Key: visitor}, path)
		if status >= 500 {
			r.Said(status, message)
		}
		r.End(status >= 500)
	}
	request(1, "/cart/123", 500, "no item 77 in cart")
	request(1, "/pay", 502, "")
	request(2, "/cart/9", 500, "no item 78x in cart")
	request(3, "/pay", 200, "ignored")
	s, _, _ := c.Close(time.Unix(1, 0))
	cart := event.PathCount{Release: "b", Path: "/cart/:id", Requests: 2, Errors: 2, FirstErrors: 2, AtRisk: 2}
	pay := event.PathCount{Release: "b", Path: "/pay", Requests: 2, Errors: 1, AtRisk: 1}
	if got := s.Routes[0].Paths; len(got) != 2 || got[0] != cart || got[1] != pay {
		t.Errorf("paths %+v", got)
	}
	item := event.FailureCount{Release: "b", Path: "/cart/:id", Status: 500, Error: "no item # in cart", Errors: 2, FirstErrors: 2}
	gone := event.FailureCount{Release: "b", Path: "/pay", Status: 502, Errors: 1}
	if got := s.Routes[0].Failures; len(got) != 2 || got[0] != item || got[1] != gone {
		t.Errorf("failures %+v", got)
	}
}

// An app that names every error anew cannot make the edge grow, and what is cut off is no kind of its own.
func TestKindsOfFailureAreBounded(t *testing.T) {
	var f failures
	for i := range 5000 {
		f.add(kind{path: "/", status: 500, message: foldMessage(strings.Repeat("x", i%300) + " y")}, place{release: "a", host: "h1"}, 1)
		f.add(kind{path: "/p" + strconv.Itoa(i)}, place{release: "a"}, 0)
	}
	if len(f.held) > failuresHeld+1 {
		t.Errorf("%d kinds are held", len(f.held))
	}
	got := f.drain()
	var all, first int64
	for _, n := range got {
		all, first = all+n.Errors, first+n.FirstErrors
		if n.Path == Other && (n.Status != 0 || n.Error != "" || n.Host != "") {
			t.Errorf("what is cut off looks like a kind: %+v", n)
		}
	}
	if len(got) > failuresReported+1 || len(got) < failuresReported || all != 10000 || first != 5000 || len(f.drain()) != 0 {
		t.Errorf("%d kinds of %d errors, %d first", len(got), all, first)
	}
}

// However many kinds there are, each release's part of those that are told is its part of all: nothing is cut off for being of the one with more visitors.
func TestWhatIsCutOffIsOfBothReleases(t *testing.T) {
	for _, kinds := range []int{10, 100, 2000} {
		var f failures
		for i := range 20_000 {
			release := "old"
			if i%10 == 0 {
				release = "new"
			}
			f.add(kind{path: "/" + strconv.Itoa(i/10%kinds), status: 500}, place{release: release}, 1)
		}
		told := map[string]int64{}
		for _, n := range f.drain() {
			if n.Path != Other {
				told[n.Release] += n.FirstErrors
			}
		}
		if share := float64(told["new"]) / float64(told["new"]+told["old"]); math.Abs(share-0.1) > 0.03 {
			t.Errorf("of %d kinds the new release has %.3f of those that are told, and .1 of all: %v", kinds, share, told)
		}
	}
}

func TestMessagesThatDifferInNumbersAreOne(t *testing.T) {
	for message, want := range map[string]string{
		"order 17: timeout after 3s": "order # timeout after #", "": "", "a\x00b\nc": "a b c", "  x  y ": "x y ",
		strings.Repeat("é1", 90): "#", strings.Repeat("word ", 40): strings.Repeat("word ", 16),
	} {
		if got := foldMessage(message); got != want {
			t.Errorf("%q: %q, want %q", message, got, want)
		}
	}
}

// Latencies come by host while one release serves, and by release always.
func TestLatencyByHostBeforeARollout(t *testing.T) {
	c := counter(t, "")
	k := Key{App: "shop", Env: "production", Traffic: "t1", Split: event.Split{Old: "a"}}
	second := func() event.RouteSecond {
		e := apply(t, c, k)[0]
		for i, host := range []string{"h1", "h2", "h2"} {
			var r Request
			e.Begin(&r, e.Cell("a", host), Visitor{Key: uint64(i)}, "/")
			r.Answered()
			r.End(false)
		}
		s, _, _ := c.Close(time.Unix(1, 0))
		return s.Routes[len(s.Routes)-1]
	}
	total := func(d event.HistogramData) (sum int64) {
		for _, n := range d.Count {
			sum += n
		}
		return sum
	}
	s := second()
	if total(s.HostLatency["h1"]) != 1 || total(s.HostLatency["h2"]) != 2 || total(s.Latency["a"]) != 3 {
		t.Errorf("%+v, %+v", s.HostLatency, s.Latency)
	}
	k.Traffic, k.Rollout, k.Split.New = "t2", "r1", "b"
	if s = second(); s.HostLatency != nil || total(s.Latency["a"]) != 3 {
		t.Errorf("during a rollout: %+v, %+v", s.HostLatency, s.Latency)
	}
}
