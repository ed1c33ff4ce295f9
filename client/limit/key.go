package limit

import (
	"container/list"
	"sync"
	"time"
)

// shard holds a part of the groups.
type shard struct {
	mu   sync.Mutex
	keys map[string]*list.Element // of *key
	used list.List                // asked for last in front
	most int
}

// key is what is here of a group. Times are those of Local.now.
type key struct {
	group   string
	known   bool // the server has answered
	batches bool // and it may be taken ahead
	last    Answer
	asked   time.Duration // when last was asked

	left  int64         // may be handed out
	until time.Duration // and is thrown away then
	used  int64         // handed out of the last batch
	spare bool          // some of it was thrown away
	batch int64         // how much is taken ahead
	keep  time.Duration

	denied  time.Duration // until then it is denied
	failed  time.Duration // until then it is decided by failure
	failure error

	under   chan struct{} // closed when the request under way is answered; nil: there is none
	waiting int64         // for it
}

// failFor is how long a group is not asked again of which no limit answered: who waits for each answer that does not come stands still.
const failFor = time.Second

// end is farther than anything here lasts, and can be added to a time.
const end = Never / 2

// find gives what is here of a group, and makes room for it.
func (s *shard) find(group string) *key {
	if e, ok := s.keys[group]; ok {
		s.used.MoveToFront(e)
		return e.Value.(*key) //nolint:forcetypeassert // there is nothing else in it
	}
	k := &key{group: group, batch: 1}
	s.keys[group] = s.used.PushFront(k)
	if s.used.Len() > s.most {
		old := s.used.Remove(s.used.Back()).(*key) //nolint:forcetypeassert // as above
		delete(s.keys, old.group)
	}
	return k
}

// have answers by what is here, if that is enough.
func (k *key) have(now time.Duration) (a Answer, ok bool) {
	if k.left > 0 && now >= k.until {
		k.left, k.spare = 0, true
	}
	switch {
	case k.left > 0:
		k.left--
		k.used++
		a = k.last
		a.Amount, a.Left = 1, k.left+k.last.Left
	case now < k.denied:
		a = k.last
		a.RetryAfter = less(a.RetryAfter, now-k.asked)
	case now < k.failed:
		return Answer{Failed: true, Err: k.failure}, true
	default:
		return a, false
	}
	a.Full, a.local = less(a.Full, now-k.asked), true
	return a, true
}

func less(d, by time.Duration) time.Duration {
	if d == Never {
		return Never
	}
	return max(d-by, 0)
}

// want is how much is asked for: what is waited for, and ahead of need no more than is used soon and leaves enough to others.
func (k *key) want(now time.Duration, most int64) int64 {
	switch {
	case k.spare:
		k.batch, k.spare = max(k.used, 1), false
	case now-k.asked < k.keep/2:
		k.batch = min(2*k.batch, most)
	}
	return max(k.waiting+1, min(k.batch, k.last.Left/8))
}

// batches tells whether a limit may be taken ahead: what is thrown away has to come back by the clock.
func batches(a Answer) bool {
	return (a.kind == "rolling" || a.kind == "calendar") && window(a.policy) > 0
}

// learn keeps what the server said by now to what was asked at a time.
func (k *key) learn(l *Local, at, now time.Duration, a Answer, err error) {
	if err != nil {
		k.failed, k.failure = now+failFor, err
		return
	}
	k.known, k.batches, k.last, k.asked = true, batches(a), a, at
	if k.keep = l.keep; k.keep == 0 {
		k.keep = min(window(a.policy)/10, time.Second)
	}
	if k.until = now + k.keep; a.kind == "calendar" { // when its window ends everything is there again
		k.until = min(k.until, at+min(a.Full, end))
	}
	if !a.Passed && k.batches {
		k.batch, k.denied = 1, at+min(a.RetryAfter, l.deny)
	}
}

// done wakes those who wait for the request under way.
func (k *key) done() {
	close(k.under)
	k.under = nil
}
