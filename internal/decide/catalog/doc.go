// Package catalog knows the apps, their environments, configuration versions and releases.
//
// A release is an artifact and a configuration version. Both a passed build and a change of configuration make one:
//
//	build.passed ────────────────┐                        ┌─ rollout.queued ── waiting
//	                             ├──> release.created ──> │  rollout.started ─ rolling
//	ChangeConfig ─ config.changed┘       (waiting)        └─ rollout.ended ┬── live        promoted
//	                                                                       ├── bad         rolled_back
//	                                                                       └── superseded  overtaken by a newer one
//	                                                      live ── another one is promoted ┬── good  it was newer
//	                                                                                      └── bad   it was older: somebody went back
//
// reads: build.passed, rollout.queued, rollout.started, rollout.moved, rollout.judged, rollout.held, rollout.ended, freeze.set, freeze.lifted
//
// emits: app.created, environment.created, environment.changed, config.changed, release.created
//
// Guarantees. Numbers of releases and versions of configurations count per environment, from 1, without gaps. No two environments of an app follow one branch. A release
// made by a change of configuration never brings back older code: it takes the newest code that is not known to be bad. An artifact is dropped only when nothing runs it, is about to,
// or could be rolled back to it.
package catalog
