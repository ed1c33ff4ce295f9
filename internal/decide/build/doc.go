// Package build turns pushed commits into tested artifacts.
//
// Each push to a branch that is mapped to an environment is built. A free worker starts it at once; while all are busy, pushes to the same environment join the
// one build that waits, which lists them all. A build lists its units (cached by tree), hands them out as leases of package shard's sizes, and packages the
// artifact on a worker that would otherwise be idle.
//
//	queued ──first lease──> listing ──all suites listed──> testing ──all units passed──> packaging ──artifact stored──> passed
//	   │                       │                              │                             │
//	   └───────────────────────┴──────────────────────────────┴─────────────────────────────┴──> failed (red, or it could not be judged)
//	                                                                                         └──> cancelled (by a person, or by a hotfix that holds its commits)
//
// A lease is lent, not given: its worker beats, and the lease that falls silent or passes its deadline goes out again. A result counts only while its lease is
// open, in one transaction with all that follows from it.
//
//	running ──result──> done
//	   ├──no beat, deadline, the worker's own fault, worker removed──> lost    (its units wait again; the third time they are errors)
//	   └──build ended────────────────────────────────────────────> cancelled
//
// Guarantees: no commit of a mapped branch is left out of the builds; no unit is lost or counted twice; builds of one environment pass in the order of their
// numbers, so that an older commit never follows a newer one; everything above is in the store, so that a restart goes on where it was and workers do not notice it.
//
// Reads: git.pushed, agent.joined, agent.removed.
// Emits: build.queued, build.started, build.listed, build.progressed, build.passed, build.failed, build.cancelled, lease.expired.
package build
