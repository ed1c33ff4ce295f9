// Package machine is a rollout as a pure state machine: facts in, moves with their reasons out. The states are drawn in package rollout's doc.go.
//
//	Hear, SetLost, Fold (facts) ──> Rollout ──Decide──> Move ──Enter──> Rollout ──Requests──> what to ask of hosts and edges
//
// What the hosts should run and how the edges should split is a pure function of the state (wish.go), so that a restart finds the same. No I/O, no clock:
// the time comes in with each call.
//
// It reads no log and emits nothing itself: package rollout hears for it, and emits what Requests says.
package machine
