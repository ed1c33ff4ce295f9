// Package ramp gives a flag's new value to more and more visitors, watched by the judge of rollouts, and takes it back where what they do is worse.
//
//	Start ──> watching step 1 ──healthy, its time over──> step 2 ──> … ──> promoted: for all whom the ramp means
//	               │  ▲   └──regressed, at any time──> returned: the flag is what it was
//	             Pause Resume            cannot tell at the end of the time: promote, wait or hold, as was said at the start
//	               ▼  │
//	             paused            somebody takes the ramp's rule out, switches the flag off or takes it out of use ──> overtaken, and its rule goes with that
//	                               nothing was counted by the end of the time ──> held
//
// A flag that is off may have said already whom it means: the ramp is among those then, and ends with what was prepared.
//
// The ramp is a rule of its own, before the others: an experiment with two variations, whose first leaves the decision to the rules behind it. Visitors are placed by a
// hash with one seed for all steps, so that a larger share only adds visitors. The experiment's key names the step, so that an exposure says by which share its visitor was
// drawn: what a client evaluates by an older state is no evidence.
//
// What is compared. Clients tell of exposures: this visitor was given the old value, or the new one, by that key. From then on the visitor's first event of each vital counts for the
// arm, once in the ramp. The only randomness is that of the draw, so the test is the exact one of a split by visitor (package judge), and stays valid however often one looks.
//
// reads: what Counter counts (door/exposed), the flag's states
//
// emits: ramp.started, ramp.moved, ramp.ended; flag.changed, by package flag
//
// Guarantees. A move and the change of the flag are one transaction, and so are a change that overtakes a ramp and its end. What is counted is folded once, or lost for both arms alike. A regressed ramp goes back within two seconds of the count that shows it.
package ramp
