package redis

import (
	"context"
	"log/slog"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/redis/rueidis"

	"github.com/slipwayhq/slipway/internal/fault"
	"github.com/slipwayhq/slipway/internal/pure/rate"
	"github.com/slipwayhq/slipway/internal/takes"
)

// Options of a Store.
type Options struct {
	// URL is redis://[user:password@]host:port[/database], rediss:// for TLS, or unix:///path.
	URL string
	// Timeout is how long a take waits; 0 is 100 ms.
	Timeout time.Duration
	// Now is another clock than that of Redis, which all servers must share. Keys outlive their time by an hour then, for that clock may stand still.
	Now    func() time.Time
	Logger *slog.Logger
}

// Store is the takes.Store of several servers. Open it, then Run it; it need not find Redis there.
type Store struct {
	opts   Options
	client rueidis.ClientOption
	script *rueidis.Lua
	linger int64 // ns

	wake  chan struct{}
	ended chan struct{}
	mu    sync.Mutex
	queue []*wish
}

var _ takes.Store = (*Store)(nil)

// Open makes a store. It does not look whether Redis is there: limits that nobody can count now must not keep a server from starting.
func Open(opts Options) (*Store, error) {
	client, err := rueidis.ParseURL(opts.URL)
	if err != nil { // whose text has the password
		return nil, fault.Invalid("the address of Redis is redis://host:6379/0, with user:password@ before the host, and rediss:// for TLS").At("redis")
	}
	s := &Store{opts: opts, client: client, script: rueidis.NewLuaScript(compareAndWrite), wake: make(chan struct{}, 1), ended: make(chan struct{})}
	if s.opts.Timeout <= 0 {
		s.opts.Timeout = 100 * time.Millisecond
	}
	if s.opts.Logger == nil {
		s.opts.Logger = slog.New(slog.DiscardHandler)
	}
	if s.opts.Now != nil {
		s.linger = int64(time.Hour)
	}
	s.client.ForceSingleClient = s.client.Sentinel.MasterSet == "" // takes of several keys need them in one place
	s.client.DisableCache = true
	s.client.DisableRetry = true    // what to send again is for the store to say
	s.client.PipelineMultiplex = -1 // one connection: there is one round at a time
	s.client.ClientName = "slipway"
	s.client.Dialer.Timeout = s.opts.Timeout
	s.client.ConnWriteTimeout = max(s.opts.Timeout, time.Second)
	return s, nil
}

// wish is a Take, a Return or a Forget that waits.
type wish struct {
	do      func(w *wish, now int64) error
	asks    []takes.Ask
	answers []rate.Answer
	ends    int64 // of the lease that is returned
	ok      bool  // it was out

	slots []*slot // of its asks, in this round
	gone  atomic.Bool
	err   error
	done  chan struct{}
}

// Take implements takes.Store.
func (s *Store) Take(ctx context.Context, asks []takes.Ask, answers []rate.Answer) error {
	if err := takes.Check(asks); err != nil {
		return err
	}
	w := &wish{do: (*wish).take, asks: slices.Clone(asks), answers: make([]rate.Answer, len(asks))}
	if err := s.wait(ctx, w); err != nil {
		return err
	}
	copy(answers, w.answers)
	return nil
}

// Return implements takes.Store.
func (s *Store) Return(ctx context.Context, ask takes.Ask, ends int64) (bool, error) {
	w := &wish{do: (*wish).giveBack, asks: []takes.Ask{ask}, ends: ends}
	if err := takes.Check(w.asks); err != nil {
		return false, err
	}
	if ask.Limit.For(ask.Group).Limit.Kind != rate.Concurrent {
		return false, nil
	}
	err := s.wait(ctx, w)
	return err == nil && w.ok, err
}

// Forget implements takes.Store.
func (s *Store) Forget(ctx context.Context, limit *rate.Defined, group string) error {
	w := &wish{do: (*wish).forget, asks: []takes.Ask{{Limit: limit, Group: group}}}
	if err := takes.Check(w.asks); err != nil {
		return err
	}
	return s.wait(ctx, w)
}

// wait queues a wish, and waits for it.
func (s *Store) wait(ctx context.Context, w *wish) error {
	ctx, cancel := context.WithTimeout(ctx, s.opts.Timeout)
	defer cancel()
	w.done = make(chan struct{})
	s.mu.Lock()
	s.queue = append(s.queue, w)
	s.mu.Unlock()
	select {
	case s.wake <- struct{}{}:
	default:
	}
	select {
	case <-w.done:
		return w.err
	case <-s.ended:
		return fault.New(fault.CodeInternal, "the server is stopping; ask again")
	case <-ctx.Done():
		w.gone.Store(true)
		return away(ctx.Err())
	}
}

func away(cause error) error {
	return fault.New(fault.CodeInternal, "the store of limits does not answer: nobody knows what is left").Because(cause)
}

// most is how many wishes share a round: so many that a crowd is answered soon, and so few that Redis, which does one thing at a time, has a moment for others.
const most = 256

// next are the wishes of the next round. Who has stopped waiting is left out.
func (s *Store) next() []*wish {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.queue = slices.DeleteFunc(s.queue, func(w *wish) bool { return w.gone.Load() })
	n := min(len(s.queue), most)
	batch := slices.Clone(s.queue[:n])
	s.queue = slices.Delete(s.queue, 0, n)
	return batch
}

// again puts wishes back before all others.
func (s *Store) again(lost []*wish) {
	if len(lost) == 0 {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.queue = append(lost, s.queue...)
}

func (w *wish) end(err error) {
	w.err = err
	close(w.done)
}
