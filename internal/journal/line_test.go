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
		l.push(Sender{Name: sender}, req)
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
	l.push(Sender{Name: "a"}, one())
	l.mixed = time.Now().Add(-2 * mixedFor) // it has been alone
	for range 1500 {
		l.push(Sender{Name: "a"}, one())
	}
	if group, _ := l.take(); len(group) != maxBatch {
		t.Errorf("one alone: %d", len(group))
	}
	l.push(Sender{Name: "b"}, one())
	if group, _ := l.take(); len(group) != shortBatch {
		t.Errorf("with another: %d", len(group))
	}
}

// One sender's requests stay in their order.
func TestOneSendersRequestsStayInOrder(t *testing.T) {
	l := newLine()
	for n := range 5 {
		for _, sender := range []string{"a", "b", "c"} {
			l.push(Sender{Name: sender}, appendRequest{msgs: []message{{subject: fmt.Sprint(sender, n)}}})
		}
	}
	var got []string
	for group, _ := l.take(); len(group) > 0; group, _ = l.take() {
		for _, r := range group {
			got = append(got, r.msgs[0].subject)
		}
	}
	if want := "[a0 a1 a2 a3 a4 b0 b1 b2 b3 b4 c0 c1 c2 c3 c4]"; fmt.Sprint(got) != want {
		t.Errorf("%v", got)
	}
}

// Who is patient shares the commit of who is not, has one of his own after a while, and at once where nobody else is.
func TestThePatientShareACommit(t *testing.T) {
	l := newLine()
	flood, other := Sender{"flood", true}, Sender{"other", false}
	of := func(n int) appendRequest { return appendRequest{msgs: make([]message, n)} }
	// However slow the machine is, the other was here just now, and the patient have waited for no time, or for too long.
	both := func(since time.Duration) {
		now := time.Now()
		l.mixed, l.prompt, l.since = now.Add(time.Hour), now.Add(time.Hour), now.Add(since)
	}
	takes := func(what string, want ...int) {
		t.Helper()
		group, wait := l.take()
		got := make([]int, 0, len(group))
		for _, r := range group {
			got = append(got, len(r.msgs))
		}
		if !slices.Equal(got, want) || (len(want) == 0 && l.patient.Len() > 0) != (wait > 0) {
			t.Errorf("%s: %v in a commit, or wait %v", what, got, wait)
		}
	}
	l.push(flood, of(100))
	takes("alone", 100)
	l.push(other, of(1))
	takes("only the other", 1)
	l.push(flood, of(98))
	l.push(flood, of(97))
	l.push(flood, of(96))
	both(time.Hour)
	takes("the other may come")
	l.push(other, of(2))
	both(time.Hour)
	takes("with the other, as much as a short commit has room for", 2, 98)
	l.push(other, of(100))
	both(time.Hour)
	takes("where there is no room", 100)
	takes("the others wait on")
	l.push(other, of(100))
	both(-patience)
	takes("for too long, they have room in any case", 100, 97)
	if again := time.Until(l.since); again < -time.Minute || again > 0 {
		t.Errorf("the others wait again since %v", again)
	}
	both(time.Hour)
	takes("and wait on")
	both(-patience)
	takes("nobody came", 96)
	takes("nothing is there")
	l.push(flood, of(50))
	l.prompt = time.Now().Add(-2 * mixedFor)
	takes("the other has gone", 50)
}

// The line goes on by itself when nobody comes.
func TestThePatientDoNotWaitForEver(t *testing.T) {
	l := newLine()
	ctx, cancel := context.WithCancel(t.Context())
	var runs sync.WaitGroup
	runs.Go(func() {
		l.run(ctx, func(_ context.Context, msgs []message) (int, uint64, error) { return len(msgs), 1, nil })
	})
	for _, sender := range []Sender{{"other", false}, {"flood", true}, {"flood", true}} {
		if _, err := l.append(t.Context(), sender, make([]message, 1)); err != nil {
			t.Error(err)
		}
	}
	cancel()
	runs.Wait()
}
