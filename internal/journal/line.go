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
	// patient are those who would rather share another's commit than hold it up by their own, since when they wait, and when another last came.
	patient turns.Queue[appendRequest]
	since   time.Time
	prompt  time.Time
}

// Sender is one of several who take turns.
type Sender struct {
	Name string
	// Patient says that what it sends may wait for what another sends, for patience at most, to be written together: who comes while a commit is under way waits for it, and for its own, and so meets one commit instead of two.
	Patient bool
}

func newLine() *line {
	return &line{ended: make(chan struct{}), some: make(chan struct{}, 1), waiting: turns.Queue[appendRequest]{Quantum: shortBatch / 2}, patient: turns.Queue[appendRequest]{Quantum: shortBatch / 2}}
}

func (l *line) append(ctx context.Context, sender Sender, msgs []message) (last uint64, err error) {
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

func (l *line) push(sender Sender, req appendRequest) {
	now := time.Now()
	l.mu.Lock()
	switch {
	case !sender.Patient:
		l.waiting.Push(sender.Name, len(req.msgs), req)
		l.prompt = now
	case l.patient.Len() == 0:
		l.since = now
		fallthrough
	default:
		l.patient.Push(sender.Name, len(req.msgs), req)
	}
	if sender.Name != l.last {
		l.last, l.mixed = sender.Name, now
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
	patience   = 10 * time.Millisecond
)

// take gives what shares the next commit, up to a batch: of each sender in turn, as many messages of one as of another, and then of those who are patient. Where only these wait it is empty, and wait is for how long yet.
func (l *line) take() (group []appendRequest, wait time.Duration) {
	now := time.Now()
	l.mu.Lock()
	defer l.mu.Unlock()
	n, most := 0, maxBatch
	if now.Sub(l.mixed) < mixedFor {
		most = shortBatch
	}
	fill := func(from *turns.Queue[appendRequest], least int) {
		for taken := 0; n < most || taken < least; taken++ {
			req, ok := from.Pop()
			if !ok {
				return
			}
			group, n = append(group, req), n+len(req.msgs)
		}
	}
	fill(&l.waiting, 0)
	if l.patient.Len() == 0 {
		return group, 0
	}
	least := 0
	if wait = l.since.Add(patience).Sub(now); wait <= 0 || now.Sub(l.prompt) > mixedFor {
		least = 1
	}
	if len(group) == 0 && least == 0 {
		return nil, wait
	}
	fill(&l.patient, least)
	if least > 0 || l.patient.Len() == 0 {
		l.since = now
	}
	return group, 0
}

// commitFunc writes the first n of at most maxBatch messages, all of these or none, and gives the sequence of the last one.
type commitFunc func(context.Context, []message) (n int, last uint64, err error)

func (l *line) run(ctx context.Context, commit commitFunc) {
	defer close(l.ended)
	for ctx.Err() == nil {
		group, wait := l.take()
		if len(group) > 0 {
			commitGroup(group, commit)
			continue
		}
		var due <-chan time.Time
		if wait > 0 {
			due = time.After(wait)
		}
		select {
		case <-l.some:
		case <-due:
		case <-ctx.Done():
		}
	}
}
