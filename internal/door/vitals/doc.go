// Package vitals is the door behind the one for events: it counts what users do, for the vitals that ask for it, and tells of it once a second as hosts tell of what they measure ("host").
//
//	door/ingest ──events on disk──> Counter ──counts by release and host──> journal (telemetry "host") ──> rollout
//	                                   │
//	                     rollout.EventQueries: which events, of which releases, under which split
//
// What is counted. A visitor counts once: the first event of the vital's name since the rollout began to compare. What it is divided by are the events of the other name (or all events) of visitors who have
// not had theirs yet, as an edge counts requests. So what falls to a release is a draw for each visitor, whatever the visitors are like, and the test is exact. While one release serves alone a visitor
// counts once in ten minutes.
//
// What is not: an event that names no release of those that serve, or nobody who did it; one that happened long before it came, or failed and was repaired only long after; while releases are compared one of a page that was loaded before the present split, since who reads it may have been
// drawn for the other release meanwhile, and one of a browser that says its release alone; and where hosts are compared one that names no host. How many there were is kept for who asks why a vital has no data.
//
// Guarantees. Only what is on disk for the first time is counted. A crash loses what was not told of, at most a second, of all releases alike; then, and on each of several servers, a visitor may count
// once more. While it cannot be asked what is wanted, what was wanted before is counted. Beyond so many visitors a sample of them, drawn by a hash, is counted.
package vitals
