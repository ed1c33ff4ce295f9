package count

import (
	"cmp"
	"maps"
	"slices"
	"sync"

	"github.com/slipwayhq/slipway/internal/edge/split"
	"github.com/slipwayhq/slipway/internal/event"
	"github.com/slipwayhq/slipway/internal/pure/stats/repeats"
)

const (
	// erredLimit bounds the visitors that are followed under one split. Newcomers beyond it take no part, whichever release they have.
	erredLimit = 1 << 16
	// tellEvery is how often those are told of, in seconds; all edges tell of the same ones.
	tellEvery = 5
)

// erred follows the visitors who had their first error in the rollout under one split: how often they erred since, and how often they came.
type erred struct {
	limit  int // of one shard
	shards [memoryShards]erredShard
}

type erredShard struct {
	mu   sync.Mutex
	held map[uint64]*erredVisitor
}

type erredVisitor struct {
	release          string // drawn, of the first error
	since            int64  // Unix second of it
	errors, requests int64  // after it
	before           int64  // errors before the rollout
}

// newErred is nil where visitors are not drawn.
func newErred(s event.Split) *erred {
	if s.New == "" || s.Mode != split.Visitors {
		return nil
	}
	return &erred{limit: erredLimit / memoryShards}
}

func (e *erred) shard(visitor uint64) *erredShard { return &e.shards[visitor%memoryShards] }

// begin follows a visitor from the first error on.
func (e *erred) begin(visitor uint64, v erredVisitor) {
	if e == nil {
		return
	}
	s := e.shard(visitor)
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.held == nil {
		s.held = map[uint64]*erredVisitor{}
	}
	if len(s.held) < e.limit {
		s.held[visitor] = &v
	}
}

// add counts what a visitor did who may be followed.
func (e *erred) add(visitor uint64, errors, requests int64) {
	if e == nil {
		return
	}
	s := e.shard(visitor)
	s.mu.Lock()
	defer s.mu.Unlock()
	if v := s.held[visitor]; v != nil {
		v.errors += errors
		v.requests += requests
	}
}

// tell gives the visitors by release, as they are at a Unix second: how many there are of each age, and of each bucket of errors, requests and errors before.
func (e *erred) tell(at int64) map[string][][5]int64 {
	if e == nil || at%tellEvery != 0 {
		return nil
	}
	type cell struct {
		release string
		is      [4]int64
	}
	count := map[cell]int64{}
	for i := range e.shards {
		s := &e.shards[i]
		s.mu.Lock()
		for _, v := range s.held {
			age := repeats.Age(at - v.since)
			if age == repeats.Looks() {
				continue // no look is planned so late
			}
			count[cell{v.release, [4]int64{
				int64(age), int64(repeats.Bucket(v.errors)), int64(repeats.Bucket(v.requests)), int64(repeats.Bucket(v.before)),
			}}]++
		}
		s.mu.Unlock()
	}
	var out map[string][][5]int64
	for _, c := range slices.SortedFunc(maps.Keys(count), func(a, b cell) int {
		return cmp.Or(cmp.Compare(a.release, b.release), slices.Compare(a.is[:], b.is[:]))
	}) {
		if out == nil {
			out = map[string][][5]int64{}
		}
		out[c.release] = append(out[c.release], [5]int64{c.is[0], c.is[1], c.is[2], c.is[3], count[c]})
	}
	return out
}
