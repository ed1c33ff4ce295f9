// Package flag keeps flags, switches and samples: what each is in each environment, who changed it and why, and what is still to change.
//
//	Create ──> a flag, off in every environment ──Set──> another state of one environment ──Archive──> out of use ──Bring back──┐
//	                    ▲                                   ▲                                                                   │
//	                    └───────────────────────────────────┼───────────────────────────────────────────────────────────────────┘
//	Plan ──> waiting ──Approve──> approved ──its time──> done, or failed where what it changes is no more as it was seen
//	            └──Refuse, Withdraw──> over
//
// What an environment evaluates with is a Set: all of its flags, compiled, as servers and as browsers may see them. It is made anew when something changes, by
// every server that reads of it in the log, and whoever waits for it is woken.
//
//	rows ──> State ──features──> payload ──assign.Compile──> Set ──> door/flags
//
// reads: flag.created, flag.changed, group.changed, flags.configured, key.changed
//
// emits: flag.created, flag.changed, group.changed, flags.configured, key.changed, change.planned, change.settled
//
// Guarantees. What is saved can be evaluated: a state with a fault is refused, with the place of the fault, and so is one that another flag or a group cannot go
// with. Of two who change the same state, the second is told. A planned change touches nothing but the members it names, and is not made where these were changed meanwhile.
// Each change is kept, with what was before. Sets have times that only go forward, whatever the clock does.
package flag
