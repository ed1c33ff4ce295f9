package limit

import (
	"cmp"
	"container/list"
	"context"
	"hash/maphash"
	"time"
)

// LocalOptions of a Local.
type LocalOptions struct {
	// KeepFor is how long what was taken may be handed out; what is left then is thrown away. 0 is a tenth of the limit's window, and a second at most.
	KeepFor time.Duration
	// Batch is how much is taken ahead of need at most; 0 is 1,000.
	Batch int64
	// DenyFor is how long a group is denied without asking at most, however long it takes until there is more; 0 is 10 s. So long it takes until a raised limit is noticed.
	DenyFor time.Duration
	// Keys is how many groups are kept in mind at most; what is left of the one that was asked for longest ago is thrown away. 0 is 10,000.
	Keys int
}

// Local hands out in the process what a [Client] takes of the server in batches, without a request for each: for groups of which thousands are taken a second. Its methods may be called at once; callers of the
// same group share one request.
//
// How much it takes ahead grows while that is used up, and shrinks when some of it is thrown away; it is an eighth of what the limit has left at most, so that several programs share fairly, and the last of a limit
// are asked for as they are needed. A group that is denied is denied without asking until there is more, and one of which no limit answered is decided by OnError for a second.
//
// What it hands out, the server has given: in all it is never more than the limit, and what is thrown away is lost to the callers. Of a calendar window nothing is handed out after its end. Of a rolling one, what was
// taken is handed out up to KeepFor after it came: any T seconds see at most what the limit gives in T + KeepFor.
//
// Limits that count otherwise (ever, concurrent) are asked for each, as by the Client.
type Local struct {
	client *Client
	keep   time.Duration // 0: by the window
	batch  int64
	deny   time.Duration
	begin  time.Time
	seed   maphash.Seed
	shards [16]shard
}

// NewLocal makes a Local of a Client, which others may use beside it.
func NewLocal(c *Client, o LocalOptions) *Local {
	l := &Local{
		client: c, keep: max(o.KeepFor, 0), batch: max(cmp.Or(o.Batch, 1000), 1), deny: max(cmp.Or(o.DenyFor, 10*time.Second), 0), begin: time.Now(), seed: maphash.MakeSeed(),
	}
	for i := range l.shards {
		l.shards[i].most = max(cmp.Or(o.Keys, 10_000)/len(l.shards), 1)
		l.shards[i].keys = map[string]*list.Element{}
	}
	return l
}

// rounds is for how many batches a caller waits that others were faster to use up, or that came when their window was over.
const rounds = 10

// Check takes one of a group, of what is here already where there is some. With [Open] and [Closed] the error is always nil.
func (l *Local) Check(ctx context.Context, group string) (Answer, error) {
	s := &l.shards[maphash.String(l.seed, group)%uint64(len(l.shards))]
	for round := 0; ; round++ {
		s.mu.Lock()
		k := s.find(group)
		if a, ok := k.have(l.now()); ok {
			s.mu.Unlock()
			if a.Failed {
				return l.client.failed(group, 1, a.Err)
			}
			return a, nil
		}
		if k.known && !k.batches || round > rounds {
			s.mu.Unlock()
			return l.direct(ctx, s, k)
		}
		wait := k.under
		if wait == nil {
			wait = make(chan struct{})
			k.under = wait
			if !k.known {
				s.mu.Unlock()
				return l.first(ctx, s, k)
			}
			go l.refill(context.WithoutCancel(ctx), s, k, k.want(l.now(), l.batch)) // ends with the client's timeout
		}
		k.waiting++
		s.mu.Unlock()
		var gone error
		select {
		case <-wait:
		case <-ctx.Done():
			gone = ctx.Err()
		}
		s.mu.Lock()
		k.waiting--
		s.mu.Unlock()
		if gone != nil {
			return l.client.failed(group, 1, gone)
		}
	}
}

// Return gives back what was taken of a concurrent limit, as [Client.Return].
func (l *Local) Return(ctx context.Context, a Answer) error { return l.client.Return(ctx, a) }

// now counts from when the Local was made, by the clock that never goes back.
func (l *Local) now() time.Duration { return time.Since(l.begin) }

// first asks for a group of which nothing is known: what it is given may be a lease, which is one caller's alone. Others wait for what is learnt.
func (l *Local) first(ctx context.Context, s *shard, k *key) (Answer, error) {
	at := l.now()
	a, err := l.client.single(context.WithoutCancel(ctx), asked{Group: k.group, Amount: 1}) // whoever waits for it would fail with this one
	s.mu.Lock()
	k.learn(l, at, l.now(), a, err)
	k.done()
	s.mu.Unlock()
	if err != nil {
		return l.client.failed(k.group, 1, err)
	}
	return a, nil
}

// direct asks for a group of which nothing is taken ahead.
func (l *Local) direct(ctx context.Context, s *shard, k *key) (Answer, error) {
	a, err := l.client.single(ctx, asked{Group: k.group, Amount: 1})
	if err != nil {
		return l.client.failed(k.group, 1, err)
	}
	s.mu.Lock()
	k.batches = batches(a)
	s.mu.Unlock()
	return a, nil
}

// refill takes a batch.
func (l *Local) refill(ctx context.Context, s *shard, k *key, want int64) {
	at := l.now()
	a, err := l.client.single(ctx, asked{Group: k.group, Amount: want, Partial: true})
	if err == nil && !a.Passed && want > 1 { // it says when there is a whole batch; callers want one
		at = l.now()
		a, err = l.client.single(ctx, asked{Group: k.group, Amount: 1})
	}
	s.mu.Lock()
	k.learn(l, at, l.now(), a, err)
	if err == nil && a.Lease == "" {
		k.left, k.used = a.Amount, 0
	}
	k.done()
	s.mu.Unlock()
	if a.Lease != "" { // the limit is another one than before: callers ask for leases of their own
		_ = l.client.Return(ctx, a) // else it comes back by itself
	}
}
