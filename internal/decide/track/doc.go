// Package track knows where events may come from: sources, each with a write key that belongs to one environment of an app.
//
//	Create ──> takes events ──Stop──> stopped ──Resume──> takes events
//	                │ Rotate: another key; the old one is nobody's
//
// reads: source.created, source.changed, environment.created
//
// emits: source.created, source.changed
//
// Guarantees. A key that was stopped or rotated is refused by every server as soon as that one has read it in the log. Looking a key up touches no store.
package track
