// Package turns lets those who wait take turns by who they are, so that however much one of them has waiting, another's next is among the next.
package turns

import "slices"

// Queue is what waits. The zero value is empty.
type Queue[T any] struct {
	waiting map[string][]T // by sender, the oldest first
	senders []string       // who wait, the next first
}

// Push adds what a sender has; its own stay in their order.
func (q *Queue[T]) Push(sender string, v T) {
	if q.waiting == nil {
		q.waiting = map[string][]T{}
	}
	if len(q.waiting[sender]) == 0 {
		q.senders = append(q.senders, sender)
	}
	q.waiting[sender] = append(q.waiting[sender], v)
}

// Pop takes the next; ok is false when nothing waits.
func (q *Queue[T]) Pop() (v T, ok bool) {
	if len(q.senders) == 0 {
		return v, false
	}
	sender := q.senders[0]
	own := q.waiting[sender]
	v, q.senders = own[0], q.senders[1:]
	q.left(sender, own[1:])
	return v, true
}

// Remove takes away what a sender does not want any more, and tells whether it was still there.
func (q *Queue[T]) Remove(sender string, is func(T) bool) bool {
	own := q.waiting[sender]
	i := slices.IndexFunc(own, is)
	if i < 0 {
		return false
	}
	q.senders = slices.DeleteFunc(q.senders, func(s string) bool { return s == sender && len(own) == 1 })
	if own = slices.Delete(own, i, i+1); len(own) > 0 {
		q.waiting[sender] = own
	} else {
		delete(q.waiting, sender)
	}
	return true
}

// left puts a sender that has more at the end.
func (q *Queue[T]) left(sender string, more []T) {
	if len(more) == 0 {
		delete(q.waiting, sender)
		return
	}
	q.waiting[sender], q.senders = more, append(q.senders, sender)
}

// Senders is how many of them wait.
func (q *Queue[T]) Senders() int { return len(q.senders) }

// Len is how much waits.
func (q *Queue[T]) Len() (n int) {
	for _, own := range q.waiting {
		n += len(own)
	}
	return n
}
