package journal

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/slipwayhq/slipway/internal/pure/turns"
)

// line is the way into one stream: what arrives while a commit is under way shares the next one. Senders take turns in it, so that none waits for another's backlog.
type line struct {
	ended chan struct{}
	some  chan struct{} // tells run that something waits

	mu      sync.Mutex
	waiting turns.Queue[appendRequest]
	// the last who sent, and when another than the last did
	last  string
	mixed time.Time
}

func newLine() *line {
	return &line{ended: make(chan struct{}), some: make(chan struct{}, 1), waiting: turns.Queue[appendRequest]{Quantum: shortBatch / 2}}
}

func (l *line) append(ctx context.Context, sender string, msgs []message) (last uint64, err error) {
	for _, m := range msgs {
		if len(m.data) > maxMessage { // here, or it would fail all that share its batch
			return 0, fmt.Errorf("write to the log under %q: a message of %d bytes is larger than %d", m.subject, len(m.data), maxMessage)
		}
	}
	if err := ctx.Err(); err != nil {
		return 0, err
	}
	req := appendRequest{msgs: msgs, done: make(chan appended, 1)}
	l.push(sender, req)
	select {
	case a := <-req.done:
		return a.last, a.err
	case <-l.ended:
		return req.refused()
	case <-ctx.Done():
		return 0, ctx.Err()
	}
}

// refused is the answer once Run has ended: what became of the request when it was in the last commit, else that it came too late. Nobody will take it any more.
func (r appendRequest) refused() (last uint64, err error) {
	select {
	case a := <-r.done:
		return a.last, a.err
	default:
		return 0, errClosed
	}
}

func (l *line) push(sender string, req appendRequest) {
	l.mu.Lock()
	l.waiting.Push(sender, len(req.msgs), req)
	if sender != l.last {
		l.last, l.mixed = sender, time.Now()
	}
	l.mu.Unlock()
	select {
	case l.some <- struct{}{}:
	default:
	}
}

// While there are several senders, commits are short, as whoever comes waits for the one under way: a commit of 100 takes about a fifth of one of 1,000, and where many send it costs them little.
const (
	shortBatch = 100
	mixedFor   = time.Second
)

// take gives what shares the next commit, up to a batch: of each sender in turn, as many messages of one as of another.
func (l *line) take() (group []appendRequest) {
	l.mu.Lock()
	defer l.mu.Unlock()
	most := maxBatch
	if time.Since(l.mixed) < mixedFor {
		most = shortBatch
	}
	for n := 0; n < most; {
		req, ok := l.waiting.Pop()
		if !ok {
			break
		}
		group, n = append(group, req), n+len(req.msgs)
	}
	return group
}

// commitFunc writes the first n of at most maxBatch messages, all of these or none, and gives the sequence of the last one.
type commitFunc func(context.Context, []message) (n int, last uint64, err error)

func (l *line) run(ctx context.Context, commit commitFunc) {
	defer close(l.ended)
	for ctx.Err() == nil {
		select {
		case <-l.some:
			for group := l.take(); len(group) > 0 && ctx.Err() == nil; group = l.take() {
				commitGroup(group, commit)
			}
		case <-ctx.Done():
		}
	}
}
