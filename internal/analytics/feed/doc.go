// Package feed brings the log's events into the stores of their apps.
//
//	journal EVENTS ──read──> collected for a second, or 20,000 ──Append──> Store of each app
//
// reads: the stream EVENTS of the log. emits: nothing.
//
// Guarantees. Each event of the log is in its app's store once, whatever ends when: a store keeps the sequence it has come to in the transaction of the rows, and passes over what comes again. The feeder's
// own mark, a file, is only where it is certain that every store has come to; a store that has nothing yet is fed from the beginning. Nothing is skipped: an event that its store refuses is put aside as a
// failed one, in that transaction of the position; any other error holds up all events until it is over. While the stores do not answer, the log holds the events, and Behind tells how far they are.
package feed
