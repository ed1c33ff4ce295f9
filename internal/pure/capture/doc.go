// Package capture turns what analytics clients send, each in a dialect of its own, into one shape of event.
//
//	body ──dialect──> items ──read one by one──> Event     what goes into the log
//	                                        └──> Failure   what cannot: the reason, the words, and the very bytes
//
// A body that is no JSON, or too large, is refused whole with an error for its sender, who can do something about it. Anything wrong with one event of a body that can be read is a Failure of that
// one: the others go on, and the sender is told "accepted", as clients expect who would otherwise send the same again for ever. Nothing is dropped without a Failure.
//
// Sources: the Segment specification (segment.com/docs/connections/spec and …/sources/catalog/libraries/server/http-api), what clients of PostHog send to its capture endpoints, and CloudEvents 1.0
// (github.com/cloudevents/spec, JSON and HTTP bindings).
package capture
