// Package world makes the streams on which canary judges are compared: fleets, visitors, traffic, harm and faults, each scenario declared in
// a few lines of the catalogue.
//
//	Scenario ──Open──> Stream, one for each worker
//	Stream.Begin(seed, run) ──> Setting, Window     Stream.Next ──> Tick …, the harm done meanwhile
//
// The same (seed, scenario, run) gives the same stream, whatever else is simulated.
//
// Two machines draw the ticks. A fleet draws counts: each kind of bad request is a Poisson number for each release, put on hosts, buckets and routes
// by their weights, so that a tick of 20,000 requests costs as much as one of 200. A crowd draws visitor by visitor, where
// visitors differ: bad requests one by one, the good ones only as rates (package sim has the proof that this is the same law).
package world
