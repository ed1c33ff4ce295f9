// Package assign evaluates feature flags, with the semantics of GrowthBook's spec 0.12.0, whose cases it passes.
//
//	payload ──Compile──> Flags ──Eval(key, visitor, trail)──> Result: value, on, where it is from, which rule, which variation, what is wrong
//	  strict: any fault refuses            └──> Trail: exposures to record, assignments to keep
//	  lenient: faults are counted
//
// A flag has a default value and rules, which are asked one after the other; the first that means the visitor decides:
//
//	prerequisites (other flags' values)  unmet: next rule; a gate unmet: no value at all
//	filters                              outside: next rule
//	force     condition, then the share of visitors that coverage or range says
//	variations (an experiment):
//	  never run < forced by the URL's query < forced by the caller < idle (draft, stopped, inactive) < nothing to place the visitor by
//	  < as assigned earlier < condition, filters or namespace, prerequisites, groups < the place between 0 and 1, and whose range that is
//
// A visitor is placed by a hash of a salt (the seed, or else the key of the flag or the experiment) and of an attribute (id, unless another is named), so that each
// flag divides visitors anew, and always in the same way, in every program and on every platform. Larger shares only add visitors.
//
// Everything is pure: no clock, no dice, no state. Who keeps assignments (Sticky) gives what was kept and takes what is new from the Trail; a visitor whose Sticky is
// nil is placed anew each time. Who records exposures takes them from the Trail, too.
//
// Flags are compiled once, and do not change; all strings are pieces of the payload's text, which stays in memory with them. An evaluation allocates nothing where the
// attribute it places by is a string and there is no URL to look into; whatever the payload, it ends, by a budget of steps: then, as for a flag with a part of the
// wrong type, the default counts, and Result.Problem says why.
//
// Conditions are in condition, the reading of JSON in span, the reduction of payloads for one visitor in reduce.
package assign
