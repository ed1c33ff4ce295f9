// Package fleet knows the machines: how they join, whether they live, when they are lost.
//
//	join token ──Join──> up ──silent for LostAfter──> lost ──heard of──> up
//	                      └────────────Remove────────────┴──> gone (credential void)
//
// reads nothing; emits agent.joined, agent.lost, agent.returned, agent.removed.
//
// Guarantees. Tokens and credentials are kept as SHA-256 only. A join under a name that is taken succeeds only with the same machine's key, and then
// gives the same agent a new credential; by the same token it takes no further use, so that a join whose answer was lost can be repeated. Each change by a person and
// each join writes its audit row in its own transaction. A restart of the server counts as having heard of everybody at its start.
package fleet
