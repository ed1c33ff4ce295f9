// Package check is asked whether something may be had: by Slipway's own clients, and by those of RateLim.it.
//
//	key ──> app and environment ──> rate.Set.Find(group) ──> takes.Store ──> given or denied, what is left, and when more can be had
//
// Guarantees. An answer that something passed or was denied comes from the limit; whatever else goes wrong is an error that cannot be taken for either, so that the client does what its caller chose: go
// on, stop, or fail.
package check
