package count

import (
	"sync"
	"time"

	"github.com/slipwayhq/slipway/internal/event"

	"github.com/slipwayhq/slipway/internal/edge/split"
)

// Visitor says who a request is counted for.
type Visitor struct {
	// Key is a hash of the visitor's id, or of the client where the visitor brought none.
	Key uint64
	// Alias is the hash of the id that the client was given with this request, 0 when it brought one: a client whose first error this is
	// must not be counted again under its new name.
	Alias uint64
}

// Request is one request under way. The zero value is ready; after End it may be used again. It is for one goroutine.
type Request struct {
	epoch   *Epoch
	cell    *Cell
	visitor Visitor
	bucket  int
	path    string
	start   time.Time
	status  int
	message string

	// Under the lock of list:
	list       *waiting
	prev, next *Request
	passed     byte // thresholds booked
}

// waiting is one shard of the requests that have no answer yet.
type waiting struct {
	mu   sync.Mutex
	head *Request
}

func (w *waiting) add(r *Request) {
	w.mu.Lock()
	defer w.mu.Unlock()
	r.list, r.prev, r.next = w, nil, w.head
	if w.head != nil {
		w.head.prev = r
	}
	w.head = r
}

// remove takes r out and books the thresholds it passed up to now.
func (w *waiting) remove(r *Request, now time.Time) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if r.prev != nil {
		r.prev.next = r.next
	} else {
		w.head = r.next
	}
	if r.next != nil {
		r.next.prev = r.prev
	}
	r.list, r.prev, r.next = nil, nil, nil
	r.book(now)
}

// sweep books the thresholds that waiting requests have passed.
func (w *waiting) sweep(now time.Time) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for r := w.head; r != nil; r = r.next {
		r.book(now)
	}
}

// book counts r as slow for each threshold it has reached and was not booked for.
func (r *Request) book(now time.Time) {
	took := now.Sub(r.start)
	for i, limit := range r.epoch.slow {
		bit := byte(1) << i
		if limit <= 0 || took < limit || r.passed&bit != 0 {
			continue
		}
		r.passed |= bit
		r.cell.slow[i].Add(1)
		if r.first(markSlow << i) {
			r.cell.firstSlow[i].Add(1)
		}
	}
}

// first reports whether this is the visitor's first of its kind in the rollout.
func (r *Request) first(mark byte) bool {
	m := r.epoch.memory
	if m == nil || !m.first(r.visitor.Key, mark) {
		return false
	}
	if r.visitor.Alias != 0 {
		m.first(r.visitor.Alias, mark)
	}
	return true
}

// Begin counts the request at its start, on the cell that is to serve it. It is false when the epoch is over: ask for the present one, and try again.
func (e *Epoch) Begin(r *Request, cell *Cell, visitor Visitor, path string) bool {
	if e.open.Add(1) <= 0 {
		e.open.Add(-1)
		return false
	}
	r.epoch, r.cell, r.visitor, r.path, r.passed = e, cell, visitor, path, 0
	r.bucket = bucketOf(visitor)
	cell.requests.Add(1)
	cell.arm.buckets[r.bucket].requests.Add(1)
	on := pathCell{requests: 1}
	if e.memory != nil {
		free := e.memory.unmarked(visitor.Key)
		if free&markError != 0 {
			cell.atRisk.Add(1)
			on.atRisk = 1
		} else {
			e.erred.add(visitor.Key, 0, 1)
		}
		for i := range event.Thresholds {
			if e.slow[i] > 0 && free&(markSlow<<i) != 0 {
				cell.atRiskSlow[i].Add(1)
			}
		}
	}
	cell.arm.paths.add(path, e.key.Assets, on)
	r.start = time.Now()
	e.counter.pick(r).add(r)
	return true
}

// Answered says that the answer's header came.
func (r *Request) Answered() {
	if r.list == nil {
		return
	}
	now := time.Now()
	r.list.remove(r, now)
	r.cell.latency.observe(now.Sub(r.start))
}

// Waited is the time since Begin.
func (r *Request) Waited() time.Duration { return time.Since(r.start) }

// Said notes the status of the answer and what the app says of its error, which tell one kind of failure from another.
func (r *Request) Said(status int, message string) { r.status, r.message = status, message }

// End is the request's last word; failed counts it as an error.
func (r *Request) End(failed bool) {
	if r.list != nil {
		r.list.remove(r, time.Now())
	}
	if failed {
		r.fail()
	}
	r.epoch.open.Add(-1)
	r.epoch, r.cell, r.path, r.status, r.message = nil, nil, "", 0, ""
}

func (r *Request) fail() {
	on := pathCell{errors: 1}
	r.cell.errors.Add(1)
	r.cell.arm.buckets[r.bucket].errors.Add(1)
	first := r.first(markError)
	if first {
		r.cell.firstErrors.Add(1)
		on.firstErrors = 1
	}
	r.again(first)
	assets := r.epoch.key.Assets
	r.cell.arm.paths.add(r.path, assets, on)
	at := place{release: r.cell.arm.release}
	if s := r.epoch.key.Split; s.New != "" && s.Mode == split.Hosts {
		at.host = r.cell.host
	}
	r.epoch.failures.add(kindOf(r, assets), at, on.firstErrors)
}

// again follows the visitor from the first error on. A client without an id of ours is drawn afresh at each request, so that its later errors are of no release.
func (r *Request) again(first bool) {
	if r.visitor.Alias != 0 {
		return
	}
	now := time.Now()
	before := r.epoch.history.add(r.visitor.Key, now)
	if first {
		r.epoch.erred.begin(r.visitor.Key, erredVisitor{release: r.cell.arm.release, since: now.Unix(), before: before})
		return
	}
	r.epoch.erred.add(r.visitor.Key, 1, 0)
}
