// Package reduce makes a payload of flags smaller, for clients that need not know all of it.
//
//	payload, what is known of the visitor, which flags ──> Payload ──> the same decisions, in fewer bytes
//
// For whoever has the known attributes the reduced payload decides as the whole one does: what is decided is left out, groups and bandits that nothing names any
// longer go, and the flags that others need stay, even where the filters leave them out. The semantics are those of reducePayload in GrowthBook's spec 0.12.0.
package reduce
