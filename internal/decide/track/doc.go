// Package track knows where events may come from, and what an app wants of them.
//
// Sources have a write key each, that belongs to one environment of an app:
//
//	Create ──> takes events ──Stop──> stopped ──Resume──> takes events
//	                │ Rotate: another key; the old one is nobody's
//
// Rules are what doors and feeders follow. They are at hand, made anew when something changes:
//
//	Settings ────┐
//	             ├──> Rules ──> door/ingest     what is never stored, and who is not taken
//	Forgotten ───┤         ├──> analytics/feed  what is not stored again
//	Plan ────────┘         └──> Keeper          what is removed
//
// The plan is what people set, or what the repository of the live release declares:
//
//	push ──Declare──> commit ──release.created──> release ──rollout.started──> beside the plan that counts
//	                                                 └──rollout.ended, promoted──> counts, until another release is live
//
// Before a plan counts, a Reviewer says what counts events that it would reject.
//
// reads: source.created, source.changed, collection.changed, user.forgotten, suppression.lifted, plan.changed, environment.created, release.created, rollout.started, rollout.ended
//
// emits: source.created, source.changed, collection.changed, user.forgotten, suppression.lifted, plan.changed
//
// Guarantees. A key that was stopped or rotated is refused by every server as soon as that one has read it in the log. Looking a key or the rules up touches no store.
// Who is forgotten stays so when a store is filled anew; what fails to be removed is removed later.
package track
