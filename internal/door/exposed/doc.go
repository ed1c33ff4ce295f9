// Package exposed is the door behind the one for events that counts for ramps of flags: who was given which value, and what they did after it.
//
//	door/ingest ──events on disk──> Counter ──once a second──> decide/flag/ramp
//	                                   └── ramps under way: which keys, which events
//
// An exposure that names the key of a ramp's present step puts its visitor into an arm; from then on the first event of each vital counts, once for the whole ramp. A visitor who was
// given both values in one step (before and after signing in, say) counts no more: of the draw nothing is known then.
//
// Guarantees. Only what is on disk is counted. A program that starts asks the store of events who had theirs since the ramp began, so that nobody counts twice; who was given what comes in again
// with the next exposure. Each of several servers counts what came to it: there a visitor who comes to two of them may count twice, so send a ramp's events to one. Beyond so many visitors new ones are passed over, of both arms alike.
package exposed
