// Package turns lets those who wait take turns by who they are, so that however much one of them has waiting, another's next is among the next.
package turns

import "slices"

// Queue is what waits. A turn is worth so much (Quantum, in the unit of Push's costs): one who has much little takes as much in it as one who has little much. It is deficit round robin (Shreedhar and Varghese, 1996), but for that a turn
// may end above its worth, by a part of the last that is taken, which is not made good: nothing here is much larger than a turn.
type Queue[T any] struct {
	// Quantum is what a turn is worth; 0 gives each one at a time.
	Quantum int

	waiting map[string][]item[T] // by sender, the oldest first
	senders []string             // who wait and are not held, the next first
	held    map[string]bool
	spent   int // of the first one's turn
	n       int
}

type item[T any] struct {
	v    T
	cost int
}

// Push adds what a sender has; its own stay in their order.
func (q *Queue[T]) Push(sender string, cost int, v T) {
	if q.waiting == nil {
		q.waiting = map[string][]item[T]{}
	}
	if len(q.waiting[sender]) == 0 && !q.held[sender] {
		q.senders = append(q.senders, sender)
	}
	q.waiting[sender] = append(q.waiting[sender], item[T]{v, cost})
	q.n++
}

// Hold keeps what a sender has, and what he adds, until he is released; the others go on.
func (q *Queue[T]) Hold(sender string) {
	if q.held == nil {
		q.held = map[string]bool{}
	}
	q.held[sender] = true
	q.leave(sender)
}

// Release gives a sender who was held a place behind the others.
func (q *Queue[T]) Release(sender string) {
	if q.held[sender] && len(q.waiting[sender]) > 0 {
		q.senders = append(q.senders, sender)
	}
	delete(q.held, sender)
}

// Held tells whether a sender is.
func (q *Queue[T]) Held(sender string) bool { return q.held[sender] }

// leave takes a sender out of those whose turn comes.
func (q *Queue[T]) leave(sender string) {
	i := slices.Index(q.senders, sender)
	if i < 0 {
		return
	}
	if i == 0 {
		q.spent = 0
	}
	q.senders = slices.Delete(q.senders, i, i+1)
}

// Pop takes the next; ok is false when nothing waits but what is held.
func (q *Queue[T]) Pop() (v T, ok bool) {
	if len(q.senders) == 0 {
		return v, false
	}
	sender := q.senders[0]
	own := q.waiting[sender]
	v = own[0].v
	q.spent += own[0].cost
	q.n--
	if own = own[1:]; len(own) == 0 {
		delete(q.waiting, sender)
		q.senders, q.spent = q.senders[1:], 0
		return v, true
	}
	q.waiting[sender] = own
	if q.spent >= q.Quantum {
		q.senders, q.spent = append(q.senders[1:], sender), 0
	}
	return v, true
}

// Turn takes the next, and with it what follows of the same sender and may go together, as long as all of it is worth no more than a turn: what would be worth more ends the turn. It is empty when nothing waits but what is held.
func (q *Queue[T]) Turn(together func(T) bool) (all []T) {
	for {
		v, ok := q.Pop()
		if !ok {
			return all
		}
		all = append(all, v)
		if q.spent == 0 || !together(v) { // 0: Pop ended the turn
			return all
		}
		sender := q.senders[0]
		next := q.waiting[sender][0]
		if !together(next.v) {
			return all
		}
		if q.spent+next.cost > q.Quantum {
			q.senders, q.spent = append(q.senders[1:], sender), 0
			return all
		}
	}
}

// Remove takes away what a sender does not want any more, and tells whether it was still there.
func (q *Queue[T]) Remove(sender string, is func(T) bool) bool {
	own := q.waiting[sender]
	i := slices.IndexFunc(own, func(it item[T]) bool { return is(it.v) })
	if i < 0 {
		return false
	}
	q.n--
	if len(own) > 1 {
		q.waiting[sender] = slices.Delete(own, i, i+1)
		return true
	}
	delete(q.waiting, sender)
	q.leave(sender)
	return true
}

// Len is how much waits, with what is held.
func (q *Queue[T]) Len() int { return q.n }
