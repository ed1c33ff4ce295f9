// Package deploy makes hosts hold and run what was asked, and says how it went.
//
//	deploy.requested ──> desired row for each host ──long poll──> agent ──report──> deploy.applied | deploy.failed, process.changed
//
// It is level-triggered: a host always gets its whole wish, so one that was down converges when it is back. A later request for the same
// environment and host replaces an earlier one, which is then never answered for that host.
//
// reads release.created, deploy.requested, agent.removed; emits deploy.applied (once for each host of a request), deploy.failed (again when the
// reason changes), process.changed.
//
// Settings and secrets go to a host inside its wish, over the wire, and nowhere else.
package deploy
