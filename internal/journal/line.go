package journal

import (
	"context"
	"fmt"
	"sync"
)

// line is the way into one stream: what arrives while a commit is under way shares the next one. Senders take turns in it, so that none waits for another's backlog.
type line struct {
	ended chan struct{}
	some  chan struct{} // tells run that something waits

	mu      sync.Mutex
	waiting map[string][]appendRequest // by sender, the oldest first
	turns   []string                   // the senders that wait, the next first
}

func newLine() *line {
	return &line{ended: make(chan struct{}), some: make(chan struct{}, 1), waiting: map[string][]appendRequest{}}
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
	if len(l.waiting[sender]) == 0 {
		l.turns = append(l.turns, sender)
	}
	l.waiting[sender] = append(l.waiting[sender], req)
	l.mu.Unlock()
	select {
	case l.some <- struct{}{}:
	default:
	}
}

// take gives what shares the next commit, up to a batch: one request of each sender in turn.
func (l *line) take() (group []appendRequest) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for n := 0; n < maxBatch && len(l.turns) > 0; {
		sender := l.turns[0]
		req := l.waiting[sender][0]
		group, n = append(group, req), n+len(req.msgs)
		l.turns = l.turns[1:]
		if rest := l.waiting[sender][1:]; len(rest) > 0 {
			l.waiting[sender], l.turns = rest, append(l.turns, sender)
		} else {
			delete(l.waiting, sender)
		}
	}
	return group
}

// commitFunc writes at most maxBatch messages, all or none, and gives the sequence of the last one.
type commitFunc func(context.Context, []message) (last uint64, err error)

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
