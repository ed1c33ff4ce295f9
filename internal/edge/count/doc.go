// Package count is the edge's book-keeping: every request is counted once, under the split it began with, in the second in which the thing happened.
//
//	Begin ──> waiting ──(passes a threshold: slow)──> Answered (latency) ──> End (error or not)
//	   └ requests, at risk                                  └ not slow any more       └ errors, first errors
//
// An Epoch is one environment under one split; it becomes one event.RouteSecond for each second in which something happened to a request that began
// in it. A new split begins a new epoch at once. The old one stays until its last request has ended, so that a late error or a hang is booked
// where the request was drawn: numerator and denominator of the judge's test belong to the same share.
//
// Slow needs no timers: requests without an answer stand in a list that is swept when a second is closed, so that one that hangs is booked in the
// second in which it passed the threshold even if nothing ever comes.
//
// Memory holds which visitors of a rollout have erred (and been slow, by threshold), 64 bits for each. It is bounded: at ¾ of its size it takes no
// more visitors for being slow, full it takes none for errors. A visitor it could not take is from then on neither counted first nor at risk, so that
// the evidence stops growing and never becomes false. It is on disk and outlives a restart.
//
// Where visitors are drawn, those who have erred are followed from their first error on: how often they err since, how often they come, and how often they erred in the half hour before the rollout,
// which an edge remembers all the time. Both are bounded, and in this process only: after a restart newcomers are followed alone. Every five seconds all are told of as a histogram.
//
// Guarantees: counting allocates nothing per request but for path patterns never seen before; every event is in exactly one second; a second's
// number has no gaps.
package count
