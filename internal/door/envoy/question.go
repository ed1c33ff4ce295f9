package envoy

import (
	"context"
	"fmt"
	"slices"

	ratelimit "github.com/envoyproxy/go-control-plane/envoy/extensions/common/ratelimit/v3"
	pb "github.com/envoyproxy/go-control-plane/envoy/service/ratelimit/v3"
	typev3 "github.com/envoyproxy/go-control-plane/envoy/type/v3"

	"github.com/slipwayhq/slipway/internal/fault"
	"github.com/slipwayhq/slipway/internal/pure/envoylimit"
	"github.com/slipwayhq/slipway/internal/pure/rate"
	"github.com/slipwayhq/slipway/internal/takes"
)

// question is one request, while it is decided.
type question struct {
	parts   []part
	entries []envoylimit.Entry
	asks    []takes.Ask
	answers []rate.Answer
	of      []int // which part each ask is of
}

// part is one descriptor of a request.
type part struct {
	limit   *envoylimit.Limit // nil: it has none
	rule    *rate.Rule        // nil: nothing is counted
	group   string
	want    int64
	answer  rate.Answer
	decided bool
}

// question gives room for one of n descriptors.
func (d *Door) question(n int) *question {
	q, ok := d.spare.Get().(*question)
	if !ok {
		q = &question{}
	}
	q.parts = slices.Grow(q.parts[:0], n)[:n]
	clear(q.parts)
	return q
}

// done keeps the room for another request, and nothing of this one.
func (d *Door) done(q *question) {
	const most = 64 // what a large request needed is not kept
	if cap(q.parts) > most || cap(q.entries) > most {
		return
	}
	clear(q.parts)
	clear(q.entries[:cap(q.entries)])
	clear(q.asks[:cap(q.asks)])
	d.spare.Put(q)
}

// match finds the limit of each descriptor, and drops those that others replace.
func (q *question) match(c *envoylimit.Config, req *pb.RateLimitRequest) error {
	replaces := false
	for i, desc := range req.GetDescriptors() {
		p := &q.parts[i]
		if desc.GetIsNegativeHits() {
			return fault.Invalid("is_negative_hits gives back what was taken, which limits here do by themselves; leave it out").At(fmt.Sprintf("descriptors[%d].is_negative_hits", i))
		}
		m, err := q.matched(c, desc)
		if err != nil {
			return fault.Invalid("%s", err).At(fmt.Sprintf("descriptors[%d].limit", i))
		}
		if p.limit = m.Limit; p.limit == nil {
			continue
		}
		replaces = replaces || len(p.limit.Replaces) > 0
		if !p.limit.Unlimited() {
			p.group, p.rule, p.want = m.Group, p.limit.Defined.For(m.Group), wanted(req, desc)
		}
	}
	if replaces {
		q.replace()
	}
	return nil
}

// matched finds the limit of one descriptor, which may bring its own.
func (q *question) matched(c *envoylimit.Config, desc *ratelimit.RateLimitDescriptor) (envoylimit.Matched, error) {
	q.entries = q.entries[:0]
	for _, e := range desc.GetEntries() {
		q.entries = append(q.entries, envoylimit.Entry{Key: e.GetKey(), Value: e.GetValue()})
	}
	if o := desc.GetLimit(); o != nil {
		return c.Override(q.entries, envoylimit.Override{PerUnit: o.GetRequestsPerUnit(), Unit: unitOf(o.GetUnit()), Every: o.GetUnitMultiplier().GetValue()})
	}
	return c.Match(q.entries), nil
}

func unitOf(u typev3.RateLimitUnit) rate.Unit {
	switch u {
	case typev3.RateLimitUnit_SECOND:
		return rate.Second
	case typev3.RateLimitUnit_MINUTE:
		return rate.Minute
	case typev3.RateLimitUnit_HOUR:
		return rate.Hour
	case typev3.RateLimitUnit_DAY:
		return rate.Day
	case typev3.RateLimitUnit_MONTH:
		return rate.Month
	case typev3.RateLimitUnit_YEAR:
		return rate.Year
	case typev3.RateLimitUnit_UNKNOWN:
	}
	return ""
}

// wanted is how much a descriptor asks for: its own hits_addend, where 0 looks and takes nothing, or the request's, where 0 is 1.
func wanted(req *pb.RateLimitRequest, desc *ratelimit.RateLimitDescriptor) int64 {
	if own := desc.GetHitsAddend(); own != nil {
		return int64(min(own.GetValue(), rate.MaxAmount))
	}
	return max(int64(req.GetHitsAddend()), 1)
}

// replace drops the limits whose names others of this request replace.
func (q *question) replace() {
	for i := range q.parts {
		l := q.parts[i].limit
		if l == nil || l.Unlimited() || l.Name == "" {
			continue
		}
		if slices.ContainsFunc(q.parts, func(p part) bool { return p.limit != nil && slices.Contains(p.limit.Replaces, l.Name) }) {
			q.parts[i].rule = nil
		}
	}
	for i := range q.parts {
		if p := &q.parts[i]; p.rule == nil && p.limit != nil && !p.limit.Unlimited() {
			p.limit = nil
		}
	}
}

// take asks for everything at once. Where that is refused nothing was taken: what was over its limit is decided, and the rest is asked for again without it (ADR 125).
func (q *question) take(ctx context.Context, store takes.Store) error {
	for q.collect() {
		if err := store.Take(ctx, q.asks, q.answers); err != nil {
			return fmt.Errorf("take of limits: %w", err)
		}
		refused := slices.ContainsFunc(q.answers, func(a rate.Answer) bool { return !a.Passed })
		for i, a := range q.answers {
			if refused && a.Passed {
				continue
			}
			p := &q.parts[q.of[i]]
			p.answer, p.decided = a, true
			if a.Passed || a.Left == 0 {
				continue
			}
			// It was used all the same: what was left is gone, too.
			rest, left := q.asks[i:i+1], [1]rate.Answer{}
			rest[0].Amount, rest[0].Partial = min(p.want, a.Left), true
			if err := store.Take(ctx, rest, left[:]); err != nil {
				return fmt.Errorf("take the rest of a limit: %w", err)
			}
			p.answer.Next, p.answer.Full = left[0].Next, left[0].Full
		}
	}
	return nil
}

// collect gathers what is not decided: at most as much as a store takes at once, and of each group one.
func (q *question) collect() bool {
	q.asks, q.of = q.asks[:0], q.of[:0]
	for i := range q.parts {
		p := &q.parts[i]
		if p.rule == nil || p.decided || len(q.asks) == takes.Most || slices.ContainsFunc(q.asks, func(a takes.Ask) bool { return a.Group == p.group }) {
			continue
		}
		q.asks, q.of = append(q.asks, takes.Ask{Limit: p.limit.Defined, Group: p.group, Amount: p.want}), append(q.of, i)
	}
	q.answers = slices.Grow(q.answers[:0], len(q.asks))[:len(q.asks)]
	clear(q.answers)
	return len(q.asks) > 0
}
