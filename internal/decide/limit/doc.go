// Package limit keeps limits: how much of something may be had, who has another amount, who asked for it and who was denied.
//
//	Create ──> a limit ──Set──> another amount ──Remove──> none
//	              └──Override──> another amount for one key, for a time or for good ──Lift──> the limit's own
//	Watch (of package takes) ──rows──> minutes by limit, and by those keys that ask most and are denied most ──> charts
//	the log's takes ──Simulate──> what another limit would have denied
//
// What an environment is limited by is a rate.Set, made anew when a limit changes, by every server that reads of it in the log. Each environment counts for itself.
//
// reads: limit.changed
//
// emits: limit.changed, limit.neared
//
// Guarantees. What is saved can be asked: a limit with a fault is refused, with the place of the fault. Of two who change the same limit, the second is told; of two who override one key, the last counts. A limit that changes goes on
// from what is taken, unless it counts in another way. A minute that had ended when the server stopped is kept; the one under way is lost to charts, and to nothing else.
package limit
