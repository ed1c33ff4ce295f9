// Package shard decides which test units go to a worker next.
//
// A build has one queue, and each worker that is free asks it for a lease: a
// few units to run in one go. Guided self-scheduling makes leases shrink
// towards the end: each holds about 1/(k·N) of the predicted time that is left
// for N workers, but never so little that the cost of a lease would show, and
// the last ones hold a single unit. Within that, what was never seen goes first (it may be
// long), then the longest expected. Served so, a pull queue is LPT list
// scheduling when predictions are right, and corrects itself when they are not.
//
//	           Lease                       Finish
//	waiting ───────────────> leased ─────────────────────> done
//	   ^                       │
//	   └───────────────────────┘
//	        Return (expired, worker lost)
//
// A unit is in exactly one of these states. A result that arrives for a lease
// that was returned is refused by its number, so that nothing counts twice.
//
// A prediction is an exponentially weighted mean of the logarithm of a unit's
// past durations (see [Observe]): durations are skewed, and one slow run must
// not move it far.
//
// [ReadList] reads the units that a list command printed, and [Command] puts
// those of a lease into the command that runs them.
//
// Guarantees: pure and deterministic; the same calls give the same leases.
package shard
