// Package traffic tells the edges how to split, and tells when they do.
//
//	traffic.requested ─┐
//	process.changed ───┼──> rows, generation+1 ──long poll──> edge ──applied generation──> traffic.applied
//	environment.* ─────┘
//
// Every edge gets the same whole snapshot. traffic.applied is emitted once a request, when every live edge splits by it; where no edge belongs to the
// installation at all, at once. A live edge is one that is not lost (decide/fleet says so); one that comes back gets the newest snapshot first.
//
// reads traffic.requested, process.changed, release.created, environment.created, environment.changed, agent.joined, agent.lost, agent.returned,
// agent.removed; emits traffic.applied.
package traffic
