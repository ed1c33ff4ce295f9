package journal

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"
)

// Whoever has much waiting holds nobody else up.
func TestSendersTakeTurns(t *testing.T) {
	l := newLine()
	begun, goOn := make(chan struct{}, 100), make(chan struct{})
	var order []string
	commit := func(_ context.Context, msgs []message) (int, uint64, error) {
		begun <- struct{}{}
		<-goOn
		for _, m := range msgs {
			order = append(order, m.subject)
		}
		return len(msgs), uint64(len(order)), nil
	}
	ctx, cancel := context.WithCancel(t.Context())
	var runs sync.WaitGroup
	runs.Go(func() { l.run(ctx, commit) })
	var sent []appendRequest
	send := func(sender string, n int) {
		req := appendRequest{msgs: make([]message, n), done: make(chan appended, 1)}
		for i := range req.msgs {
			req.msgs[i].subject = sender
		}
		l.push(sender, req)
		sent = append(sent, req)
	}
	send("first", 1)
	<-begun
	for range 20 {
		send("flood", 400)
	}
	send("a", 1)
	send("b", 2)
	close(goOn)
	for _, req := range sent {
		if got := <-req.done; got.err != nil {
			t.Error(got.err)
		}
	}
	cancel()
	runs.Wait()
	if at := max(slices.Index(order, "a"), slices.Index(order, "b")); at < 0 || at > 1+2*400+3 || len(order) != 1+20*400+3 {
		t.Errorf("of %d messages those of the others are at %d", len(order), at)
	}
}

// While several send, whoever comes waits for a short commit; one alone has long ones.
func TestCommitsAreShortWhileSeveralSend(t *testing.T) {
	one := func() appendRequest { return appendRequest{msgs: make([]message, 1)} }
	l := newLine()
	l.push("a", one())
	l.mixed = time.Now().Add(-2 * mixedFor) // it has been alone
	for range 1500 {
		l.push("a", one())
	}
	if n := len(l.take()); n != maxBatch {
		t.Errorf("one alone: %d", n)
	}
	l.push("b", one())
	if n := len(l.take()); n != shortBatch {
		t.Errorf("with another: %d", n)
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
	if want := "[a0 a1 a2 a3 a4 b0 b1 b2 b3 b4 c0 c1 c2 c3 c4]"; fmt.Sprint(got) != want {
		t.Errorf("%v", got)
	}
}
