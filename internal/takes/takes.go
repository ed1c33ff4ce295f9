package takes

import (
	"context"

	"github.com/slipwayhq/slipway/internal/fault"
	"github.com/slipwayhq/slipway/internal/pure/rate"
)

// Ask wants something of a limit.
type Ask struct {
	// Limit is what the group has, by rate.Set.Find. It must not be nil.
	Limit *rate.Defined
	// Group is what is counted, whole: "api:search:ana" under the limit "api:search".
	Group string
	// Amount is how much; 0 looks and takes nothing.
	Amount int64
	// Partial says that a part will do.
	Partial bool
}

// Store counts what is taken. It has two implementations, of one server's memory and of Redis, which several servers share; both pass takestest.
type Store interface {
	// Take takes everything that is asked for, or nothing when one of the limits does not have it; answers, which is as long as asks, says how each stands. What passed was written down as far as
	// its limit promises: what a crash can give again is at most rate.Rule.Slack of it. An error means that nobody knows; nothing more than was asked for is counted then.
	Take(ctx context.Context, asks []Ask, answers []rate.Answer) error
	// Return gives back amount of what was taken of a concurrent limit, by the Ends of its answer; 0 is all of it. false: no such lease is out (any more), and nothing has changed.
	Return(ctx context.Context, ask Ask, ends int64) (bool, error)
	// Forget makes as if nothing had been taken of a limit under one group.
	Forget(ctx context.Context, limit *rate.Defined, group string) error
}

// Longest is the length of a group in bytes, at most.
const Longest = 1024

// Most is how many limits one Take asks, at most.
const Most = 32

// Check refuses what no store takes.
func Check(asks []Ask) error {
	if len(asks) == 0 || len(asks) > Most {
		return fault.Invalid("a check asks 1 to %d limits, not %d", Most, len(asks)).At("groups")
	}
	for i, a := range asks {
		switch {
		case a.Group == "" || len(a.Group) > Longest:
			return fault.Invalid("a group has 1 to %d bytes, not %d", Longest, len(a.Group)).At("groups")
		case a.Amount < 0 || a.Amount > rate.MaxAmount:
			return fault.Invalid("an amount is 0 (look, and take nothing) to %d, not %d", int64(rate.MaxAmount), a.Amount).At("amount")
		}
		for _, b := range asks[:i] {
			if a.Group == b.Group && a.Limit == b.Limit {
				return fault.Invalid("the group %q is asked twice; add up its amounts", a.Group).At("groups")
			}
		}
	}
	return nil
}
