package journal

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"testing"
)

// Whoever has much waiting holds nobody else up.
func TestSendersTakeTurns(t *testing.T) {
	l := newLine()
	begun, goOn := make(chan struct{}, 100), make(chan struct{})
	var order []string
	commit := func(_ context.Context, msgs []message) (uint64, error) {
		begun <- struct{}{}
		<-goOn
		for _, m := range msgs {
			order = append(order, m.subject)
		}
		return uint64(len(order)), nil
	}
	ctx, cancel := context.WithCancel(t.Context())
	var runs, senders sync.WaitGroup
	runs.Go(func() { l.run(ctx, commit) })
	send := func(sender string, n int) {
		msgs := make([]message, n)
		for i := range msgs {
			msgs[i].subject = sender
		}
		senders.Go(func() {
			if _, err := l.append(t.Context(), sender, msgs); err != nil {
				t.Error(err)
			}
		})
	}
	waits := func(n int) {
		for {
			l.mu.Lock()
			sum := 0
			for _, w := range l.waiting {
				sum += len(w)
			}
			l.mu.Unlock()
			if sum == n {
				return
			}
		}
	}
	send("first", 1)
	<-begun
	for range 20 {
		send("flood", 400)
	}
	waits(20)
	send("a", 1)
	send("b", 2)
	waits(22)
	close(goOn)
	senders.Wait()
	cancel()
	runs.Wait()
	if at := max(slices.Index(order, "a"), slices.Index(order, "b")); at < 0 || at > 1+2*400+3 || len(order) != 1+20*400+3 {
		t.Errorf("of %d messages those of the others are at %d", len(order), at)
	}
	if len(l.waiting) != 0 || len(l.turns) != 0 {
		t.Errorf("there is something left: %v", l.turns)
	}
}

// One sender's requests stay in their order.
func TestOneSendersRequestsStayInOrder(t *testing.T) {
	l := newLine()
	for n := range 5 {
		for _, sender := range []string{"a", "b", "c"} {
			l.push(sender, appendRequest{msgs: []message{{subject: fmt.Sprint(sender, n)}}})
		}
	}
	var got []string
	for group := l.take(); len(group) > 0; group = l.take() {
		for _, r := range group {
			got = append(got, r.msgs[0].subject)
		}
	}
	if want := "[a0 b0 c0 a1 b1 c1 a2 b2 c2 a3 b3 c3 a4 b4 c4]"; fmt.Sprint(got) != want {
		t.Errorf("%v", got)
	}
}
