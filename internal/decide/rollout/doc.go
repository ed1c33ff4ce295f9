// Package rollout takes a release to everyone, or back.
//
//	queued ──its turn, not frozen──> staging ──all hosts hold it──> starting ──up and healthy──> shifting ──edges split──> settling ──> watching
//	  │                                 │                              ▲                             │                       │          │  │
//	  └─a newer one came─> superseded   │                              └────────── next step ────────┼───────────────────────┼──────────┘  │
//	                                    │                                                            │                       │             │ last step over
//	                                    ▼ cannot start, crashes, regressed, rolled back by somebody  ▼                       ▼             ▼
//	                                  returning ──edges are back──> rolled_back                                        promoting ──edges──> promoted
//
//	watching ─cannot tell, unknown: hold─> held          any of staging … watching ─somebody─> paused ─somebody─> where it was
//	held, paused ─somebody─> watching | promoting | returning; a regression returns from these, too
//	staging … watching, paused, held ─a hotfix waits─> returning (a first release that everyone is on: promoting); a hotfix goes before all that waits
//	any of staging … watching ─no host is left─> queued, until one joins
//	starting ─canaries are up, and the policy restarts controls─> starting once more: hosts of the old release start it anew (package control)
//	staging, starting ─its time is over─> on without the hosts that could not, or returning where too few could
//
// The machine is pure (package machine): what the hosts should run, how the edges should split and each move are functions of it and
// the time. This package only loads, moves, stores and emits, in one transaction, so that kill -9 at any point loses nothing and does nothing twice.
//
// reads release.created, environment.created, environment.changed, deploy.applied, deploy.failed, process.changed, traffic.applied, agent.*, and the
// telemetry "edge" and "host"; emits rollout.*, freeze.*, deploy.requested, traffic.requested.
//
// Guarantees. One rollout an environment at a time. The old release's processes keep running on every host until the promotion. Evidence restarts nowhere:
// each second of each edge is folded once. Every move has its reasons, kept. Time in which no server looked, or by which the clock was set, is no watch.
package rollout
