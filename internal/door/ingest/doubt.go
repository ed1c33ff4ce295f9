package ingest

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/slipwayhq/slipway/internal/door/api"
	"github.com/slipwayhq/slipway/internal/journal"
	"github.com/slipwayhq/slipway/internal/seen"
)

const (
	// mostDoubts is how many ids may be in doubt: 20 MB or so. While there are as many, nothing more is taken.
	mostDoubts = 1 << 18
	// settleAfter is longer than the log holds on to a batch that was begun and not ended.
	settleAfter = 12 * time.Second
)

// errDoubts tells a client to come again.
var errDoubts error = api.Unavailable("it is not known yet whether many events that came before are on disk; send this again in a few seconds")

// errCutOff is why it is not known whether the log has what a call wrote that ended in the middle of it.
var errCutOff = errors.New("the call was cut off while it wrote events")

// doubt is a body that the log failed to answer for: it may be in there, or come there yet. Its ids are held until that is known, however long it takes: who sends its events again waits, or is told to come again.
type doubt struct {
	claim *seen.Claim
	keys  []seen.Key
	why   error
	since time.Time
}

// doubts are the bodies of which nobody knows yet, the oldest first.
type doubts struct {
	came chan struct{} // has room for one
	most int

	mu    sync.Mutex
	open  []doubt
	ids   int       // how many they have
	asked time.Time // when the log was asked last, and did not say
	over  bool      // nobody settles any more
}

func newDoubts() *doubts { return &doubts{came: make(chan struct{}, 1), most: mostDoubts} }

// add tells whether somebody is going to settle it.
func (d *doubts) add(one doubt) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.over {
		return false
	}
	one.since = time.Now()
	d.open = append(d.open, one)
	d.ids += len(one.keys)
	select {
	case d.came <- struct{}{}:
	default: // it is known that some came
	}
	return true
}

func (d *doubts) full() bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.ids >= d.most
}

// due tells when the oldest is old enough for the log to be asked, and was not asked just now; nil is never.
func (d *doubts) due(after time.Duration) <-chan time.Time {
	d.mu.Lock()
	defer d.mu.Unlock()
	if len(d.open) == 0 {
		return nil
	}
	from := d.open[0].since
	if d.asked.After(from) {
		from = d.asked
	}
	return time.After(time.Until(from.Add(after)))
}

// until are those that came before a time.
func (d *doubts) until(t time.Time) (old []doubt) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, one := range d.open {
		if one.since.After(t) {
			break
		}
		old = append(old, one)
	}
	return old
}

// settled takes out the n oldest. Where these are not all that should have been, the others are left for later.
func (d *doubts) settled(n int, all bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for i := range d.open[:n] {
		d.ids -= len(d.open[i].keys)
		d.open[i] = doubt{}
	}
	if d.open = d.open[n:]; len(d.open) == 0 {
		d.open = nil
	}
	if !all {
		d.asked = time.Now()
	}
}

// end takes out all; none comes any more.
func (d *doubts) end() []doubt {
	d.mu.Lock()
	defer d.mu.Unlock()
	left := d.open
	d.open, d.ids, d.over = nil, 0, true
	return left
}

// Closed tells why no events are taken just now; nil when they are.
func (e *Events) Closed() error {
	if e.Full != nil {
		if err := e.Full(); err != nil {
			return err
		}
	}
	if e.doubts.full() {
		return errDoubts
	}
	return nil
}

// doubt has it found out what the log has of a body.
func (e *Events) doubt(claim *seen.Claim, keys []seen.Key, why error) {
	if errors.Is(why, journal.ErrRefused) {
		claim.Release()
		return
	}
	if !e.doubts.add(doubt{claim: claim, keys: keys, why: why}) {
		claim.Abandon(why)
	}
}

// Run finds out what became of bodies in doubt, until ctx ends. What is left then the next start finds out.
func (e *Events) Run(ctx context.Context) error {
	var due <-chan time.Time
	told := false // one line for as long as it fails
	for {
		select {
		case <-e.doubts.came:
		case <-due:
			err := e.settle(ctx)
			if err != nil && ctx.Err() == nil && !told {
				e.log.Error("it is not known yet whether the log has events that it did not answer for; who sends them again waits, and the log is asked again", "error", err)
			}
			told = err != nil
		case <-ctx.Done():
			for _, d := range e.doubts.end() {
				d.claim.Abandon(d.why)
			}
			return nil
		}
		due = e.doubts.due(e.settleAfter)
	}
}

// settle finds out what the log has of the bodies that are in doubt for long enough. If it fails, they stay so.
func (e *Events) settle(ctx context.Context) error {
	old := e.doubts.until(time.Now().Add(-e.settleAfter))
	held, err := e.heldOf(ctx, old)
	n := 0
	for ; n < len(old) && err == nil; n++ {
		if err = old[n].claim.Commit(func(i int) bool { return held[old[n].keys[i]] }); err != nil {
			break
		}
	}
	e.doubts.settled(n, err == nil)
	return err
}

// heldOf are those ids of bodies that the log has. It remembers no others: however far behind its index is, this takes no more memory than what is in doubt.
func (e *Events) heldOf(ctx context.Context, some []doubt) (map[seen.Key]bool, error) {
	held := map[seen.Key]bool{}
	for _, d := range some {
		for _, k := range d.keys {
			held[k] = false
		}
	}
	err := e.readTail(ctx, func(_ time.Time, keys []seen.Key) error {
		for _, k := range keys {
			if _, asked := held[k]; asked {
				held[k] = true
			}
		}
		return nil
	})
	return held, err
}
