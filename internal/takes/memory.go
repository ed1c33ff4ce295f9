package takes

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/dchest/siphash"

	"github.com/slipwayhq/slipway/internal/fault"
	"github.com/slipwayhq/slipway/internal/journal"
	"github.com/slipwayhq/slipway/internal/pure/rate"
)

// Options of a Memory.
type Options struct {
	// Dir keeps what is taken across a restart.
	Dir string
	// Journal is the log that takes are written down in.
	Journal *journal.Journal
	// Find gives the limit of that name as it is now; nil: there is none any more. It is asked while takes are read back.
	Find func(app, env, group string) *rate.Defined
	// Watch is told of each block once it is on disk, by one caller at a time; it keeps nothing of it.
	Watch func(at time.Time, rows []Row)
	// MaxKeys is how many groups are counted at once; 0 is 10 million. More are refused, not forgotten.
	MaxKeys int
	// SaveEvery is how often the shards that changed are saved: the next start reads that much of the log again. 0 is 3 minutes.
	SaveEvery time.Duration
	Now       func() time.Time
	Logger    *slog.Logger
}

// shardCount is how many parts the table has: locks are held for tens of nanoseconds, and a part is copied at once when it is saved.
const shardCount = 256

// maxPending is how many groups of a shard may wait to be written: a hundred bytes each.
const maxPending = 4096

// Memory is the Store of one server: a table in memory, and the log. Open it with OpenMemory, then Run it; takes that have to be written down first wait for Run.
type Memory struct {
	opts   Options
	key    [2]uint64 // of the hash, which nobody outside can foresee
	shards [shardCount]shard
	most   int // cells in a shard

	// dirty has one in it when something waits to be written, urgent when somebody waits for it.
	dirty, urgent chan struct{}
	ended         chan struct{}
	closed        atomic.Bool
	clock         clock

	known known
	round round
	// blocks are read at the start
	blocks Reader
}

// known numbers the limits whose keys are in the table.
type known struct {
	mu      sync.Mutex
	numbers map[uint64]uint32 // by series
	limits  []*rate.Defined   // by number; the first is nobody's
	slow    []*rate.Rule      // by number: what is idle by it is idle; nil: the limit is no more, and nor is what was taken of it
}

// number is that of a limit, which is 1 or more.
func (k *known) number(d *rate.Defined) uint32 {
	k.mu.Lock()
	defer k.mu.Unlock()
	n, ok := k.numbers[d.Series]
	if !ok {
		n = uint32(len(k.limits))
		k.numbers[d.Series] = n
		k.limits, k.slow = append(k.limits, d), append(k.slow, d.Slowest())
	}
	if k.limits[n] != d {
		k.limits[n], k.slow[n] = d, d.Slowest()
	}
	return n
}

// renew asks for each limit as it is now, and gives their slowest rules by number.
func (k *known) renew(find func(app, env, group string) *rate.Defined) []*rate.Rule {
	k.mu.Lock()
	defer k.mu.Unlock()
	for n, d := range k.limits[1:] {
		switch now := find(d.App, d.Env, d.Group); {
		case now == nil || now.Series != d.Series:
			k.slow[n+1] = nil
		default:
			k.limits[n+1], k.slow[n+1] = now, now.Slowest()
		}
	}
	return append([]*rate.Rule(nil), k.slow...)
}

// all are the limits by their numbers.
func (k *known) all() []*rate.Defined {
	k.mu.Lock()
	defer k.mu.Unlock()
	return append([]*rate.Defined(nil), k.limits...)
}

// hashed is what a group is known by: 128 bits of SipHash-2-4, so that no two are taken for one another, and no group has to be kept.
type hashed struct{ a, b uint64 }

func (m *Memory) hash(series uint64, group string) hashed {
	var short [128]byte
	var b []byte
	if len(group) <= len(short) {
		b = short[:copy(short[:], group)]
	} else {
		b = []byte(group)
	}
	h := hashed{}
	h.a, h.b = siphash.Hash128(m.key[0]^series, m.key[1], b)
	if h == (hashed{}) {
		h.a = 1 // nothing stands for an empty place
	}
	return h
}

func (m *Memory) shard(h hashed) *shard { return &m.shards[h.a>>56] }

// now is the time in ns since 1970.
func (m *Memory) now() int64 {
	if m.opts.Now != nil {
		return m.opts.Now().UnixNano()
	}
	return m.clock.now()
}

// Take implements Store.
func (m *Memory) Take(ctx context.Context, asks []Ask, answers []rate.Answer) error {
	if err := Check(asks); err != nil {
		return err
	}
	if m.closed.Load() {
		return errEnding
	}
	if len(asks) == 1 {
		c, err := m.takeOne(&asks[0], &answers[0])
		if c == nil || err != nil {
			return err
		}
		return m.written(ctx, c)
	}
	cycles, err := m.takeAll(asks, answers)
	for _, c := range cycles {
		err = errors.Join(err, m.written(ctx, c))
	}
	return err
}

// takeOne gives the cycle to wait for, if any. What time it is is asked once the shard is locked: a taker who waited for the lock with an older time would give back to the next one what had come back already.
func (m *Memory) takeOne(ask *Ask, answer *rate.Answer) (*cycle, error) {
	h := m.hash(ask.Limit.Series, ask.Group)
	rule := ask.Limit.For(ask.Group)
	s := m.shard(h)
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.take(m, h, rule, ask, m.now(), answer); err != nil {
		return nil, err
	}
	return m.due(s, rule, answer.Got), nil
}

// due gives the cycle that a take waits for: that which writes it down, when a crash before could give more again than the limit allows.
func (m *Memory) due(s *shard, rule *rate.Rule, got int64) *cycle {
	// Half: as much may be on its way to the disk. A limit in the shadow has nothing to lose.
	if got == 0 || rule.Limit.Shadow || s.pending[s.noted].counted <= rule.Slack()/2 {
		if len(s.pending) < maxPending { // a flood of new keys goes no faster than the log
			return nil
		}
	}
	signal(m.urgent)
	return s.cycle
}

func signal(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}

// takeAll asks all, and takes of all when all pass. Shards are locked in their order, so that nobody waits for one another.
func (m *Memory) takeAll(asks []Ask, answers []rate.Answer) ([]*cycle, error) {
	hashes := make([]hashed, len(asks))
	var held [shardCount]bool
	for i := range asks {
		hashes[i] = m.hash(asks[i].Limit.Series, asks[i].Group)
		held[hashes[i].a>>56] = true
	}
	for i := range m.shards {
		if held[i] {
			m.shards[i].mu.Lock()
			defer m.shards[i].mu.Unlock()
		}
	}
	now := m.now()
	for i := range asks { // all have a place, or nothing is taken
		if err := m.shard(hashes[i]).seat(m, hashes[i], &asks[i], now); err != nil {
			return nil, err
		}
	}
	pass := true
	for i := range asks {
		answers[i] = m.shard(hashes[i]).look(hashes[i], asks[i].Limit.For(asks[i].Group), &asks[i], now)
		pass = pass && answers[i].Passed
	}
	var cycles []*cycle
	for i := range asks {
		ask, s, rule := &asks[i], m.shard(hashes[i]), asks[i].Limit.For(asks[i].Group)
		var err error
		switch {
		case pass:
			err = s.take(m, hashes[i], rule, ask, now, &answers[i])
		case answers[i].Passed: // the others did not
			look := *ask
			look.Amount = 0
			answers[i] = s.look(hashes[i], rule, &look, now)
			continue
		default:
			err = s.note(m, hashes[i], rule, ask, &answers[i])
		}
		if err != nil {
			return cycles, err
		}
		if c := m.due(s, rule, answers[i].Got); c != nil {
			cycles = append(cycles, c)
		}
	}
	return cycles, nil
}

var errEnding error = fault.New(fault.CodeInternal, "the server is stopping; ask again")

// errUnwritten is for a take that counts, and is not on disk.
func errUnwritten(cause error) error {
	return fault.New(fault.CodeInternal, "the log does not take what was taken of the limit; ask again").Because(cause)
}

// longestWait is how long a take waits for the log.
const longestWait = 5 * time.Second

// written waits until a cycle is on disk.
func (m *Memory) written(ctx context.Context, c *cycle) error {
	select {
	case <-c.done:
		return nil
	default:
	}
	patience := time.NewTimer(longestWait)
	defer patience.Stop()
	select {
	case <-c.done:
		return nil
	case <-m.ended:
		return errEnding
	case <-ctx.Done():
		return errUnwritten(ctx.Err())
	case <-patience.C:
		return errUnwritten(errors.New("it has not answered for 5 s"))
	}
}

// Return implements Store.
func (m *Memory) Return(_ context.Context, ask Ask, ends int64) (bool, error) {
	if err := Check([]Ask{ask}); err != nil {
		return false, err
	}
	if ask.Limit.Rule.Limit.Kind != rate.Concurrent {
		return false, nil
	}
	h := m.hash(ask.Limit.Series, ask.Group)
	s := m.shard(h)
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.giveBack(ask, h, ends, m.now()) {
		return false, nil
	}
	signal(m.dirty)
	return true, nil
}

// Forget implements Store.
func (m *Memory) Forget(ctx context.Context, limit *rate.Defined, group string) error {
	ask := Ask{Limit: limit, Group: group}
	if err := Check([]Ask{ask}); err != nil {
		return err
	}
	h := m.hash(limit.Series, group)
	s := m.shard(h)
	s.mu.Lock()
	s.forget(ask, h)
	c := s.cycle
	s.mu.Unlock()
	signal(m.urgent)
	return m.written(ctx, c)
}

// Keys is how many groups are counted now.
func (m *Memory) Keys() (n int) {
	for i := range m.shards {
		s := &m.shards[i]
		s.mu.Lock()
		n += s.cells.count + len(s.leases)
		s.mu.Unlock()
	}
	return n
}
