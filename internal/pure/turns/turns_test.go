package turns_test

import (
	"fmt"
	"math/rand/v2"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/slipwayhq/slipway/internal/pure/turns"
)

func TestSendersTakeTurnsAndKeepTheirOrder(t *testing.T) {
	var q turns.Queue[string]
	for n := range 3 {
		for _, s := range []string{"a", "b", "c"} {
			for range 1 + 2*(2-len(s)) {
				q.Push(s, 1, fmt.Sprint(s, n))
			}
		}
	}
	q.Push("late", 1, "late")
	if q.Len() != 28 {
		t.Errorf("%d wait", q.Len())
	}
	if !q.Remove("b", func(v string) bool { return v == "b1" }) || q.Remove("b", func(v string) bool { return v == "z" }) || q.Remove("z", func(string) bool { return true }) {
		t.Error("what is there can be taken away, and nothing else")
	}
	var got []string
	for v, ok := q.Pop(); ok; v, ok = q.Pop() {
		got = append(got, v)
	}
	want := []string{"a0", "b0", "c0", "late", "a0", "b0", "c0", "a0", "b0", "c0"}
	if !slices.Equal(got[:len(want)], want) || len(got) != 27 || q.Len() != 0 {
		t.Errorf("%d: %v", len(got), got)
	}
	last := -1
	for _, v := range got {
		if v[0] == 'a' {
			if n := int(v[1] - '0'); n < last {
				t.Errorf("a sender's own are out of order: %v", got)
			} else {
				last = n
			}
		}
	}
}

// Whatever is pushed, removed and popped, nothing is lost, and nobody's next waits for more than one of each of the others.
func TestNobodyWaitsForABacklog(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	var q turns.Queue[int]
	in, out, number := map[int]string{}, 0, 0
	since := map[string]int{} // how many of others were popped while a sender waited
	for range 20_000 {
		s := string(rune('a' + rng.IntN(5)))
		switch rng.IntN(5) {
		case 0, 1:
			number++
			in[number] = s
			q.Push(s, 1, number)
		case 2:
			for n, who := range in {
				if !q.Remove(who, func(v int) bool { return v == n }) {
					t.Fatalf("%d of %s is lost", n, who)
				}
				delete(in, n)
				since[who] = 0 // who comes again has the last place
				break
			}
		default:
			v, ok := q.Pop()
			if ok != (len(in) > 0) {
				t.Fatalf("popped %v with %d in", ok, len(in))
			}
			if !ok {
				continue
			}
			who := in[v]
			delete(in, v)
			out++
			since[who] = 0
			waits := map[string]bool{}
			for _, w := range in {
				waits[w] = true
			}
			for w := range since {
				if !waits[w] {
					since[w] = 0
				}
			}
			for w := range waits {
				if w != who {
					since[w]++
				}
				if since[w] > 4 {
					t.Fatalf("%s waited for %d of the others", w, since[w])
				}
			}
		}
	}
	if out == 0 {
		t.Error("nothing came out")
	}
}

// One whose requests are small has as many in a turn as another's large one is worth.
func TestATurnIsWorthTheSameForAll(t *testing.T) {
	q := turns.Queue[string]{Quantum: 100}
	for range 10 {
		q.Push("large", 100, "large")
	}
	for range 500 {
		q.Push("small", 1, "small")
	}
	q.Push("huge", 1000, "huge")
	q.Push("huge", 1, "after")
	at := map[string]int{}
	for n := 1; q.Len() > 0; n++ {
		v, _ := q.Pop()
		at[fmt.Sprint(v, n)] = n
		switch {
		case n == 1 && v != "large", n > 1 && n <= 101 && v != "small", n == 102 && v != "huge", n == 103 && v != "large", n > 103 && n <= 203 && v != "small", n == 204 && v != "after":
			t.Errorf("number %d is %s", n, v)
		}
	}
	if len(at) != 512 {
		t.Errorf("%d came", len(at))
	}
	// A turn that one left is not the next one's.
	q.Push("a", 60, "a")
	q.Push("a", 60, "a2")
	q.Push("b", 60, "b")
	q.Push("b", 60, "b2")
	q.Pop()
	q.Remove("a", func(string) bool { return true })
	if one, _ := q.Pop(); one != "b" {
		t.Errorf("then %s", one)
	}
	if two, _ := q.Pop(); two != "b2" {
		t.Errorf("then %s", two)
	}
}

// Who is held has no turn, keeps what he has, and comes behind the others once he is released.
func TestWhoIsHeldHasNoTurn(t *testing.T) {
	q := turns.Queue[string]{Quantum: 2}
	pop := func(want string) {
		t.Helper()
		if v, ok := q.Pop(); v != want || ok != (want != "") {
			t.Errorf("%q comes, not %q", v, want)
		}
	}
	push := func(sender string, all ...string) {
		for _, v := range all {
			q.Push(sender, 1, v)
		}
	}
	push("a", "a1", "a2", "a3")
	push("b", "b1", "b2", "b3")
	pop("a1")
	q.Hold("a")
	q.Hold("c") // who has nothing yet, too
	push("a", "a4")
	push("c", "c1")
	if q.Len() != 7 || !q.Held("a") || q.Held("b") {
		t.Errorf("%d wait", q.Len())
	}
	pop("b1") // a whole turn, for what a left of his is not the next one's
	pop("b2")
	pop("b3")
	pop("")
	if !q.Remove("a", func(v string) bool { return v == "a3" }) || !q.Remove("c", func(string) bool { return true }) {
		t.Error("what is held can be taken away")
	}
	push("b", "b4")
	q.Release("a")
	q.Release("c")
	q.Release("b")
	pop("b4")
	pop("a2")
	pop("a4")
	pop("")
	push("c", "c2")
	pop("c2")
}

func TestATurnIsTakenWhole(t *testing.T) {
	q := turns.Queue[string]{Quantum: 10}
	for _, v := range []string{"a3", "a3", "a4", "a3", "a8", "a9", "a5", "b25", "b1", "c6", "c5", "d2", "d3", "d4", "d4"} {
		cost, err := strconv.Atoi(v[1:])
		if err != nil {
			t.Fatal(err)
		}
		q.Push(v[:1], cost, v)
	}
	q.Hold("c")
	small := func(v string) bool { return !strings.HasPrefix(v, "d") }
	var got [][]string
	for all := q.Turn(small); len(all) > 0; all = q.Turn(small) {
		got = append(got, all)
		if len(got) == 4 {
			q.Release("c")
		}
	}
	want := [][]string{{"a3", "a3", "a4"}, {"b25"}, {"d2"}, {"d3"}, {"d4"}, {"d4"}, {"a3"}, {"b1"}, {"c6"}, {"a8"}, {"c5"}, {"a9"}, {"a5"}}
	if !reflect.DeepEqual(got, want) || q.Len() != 0 {
		t.Errorf("%v, and %d are left", got, q.Len())
	}
	if all := (&turns.Queue[int]{}).Turn(func(int) bool { return true }); len(all) != 0 {
		t.Errorf("of nothing: %v", all)
	}
}
