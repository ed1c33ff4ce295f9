// Package cli is the command line, one file a verb.
//
//	slipway VERB ──parse (kong)──> command.Run(program) ──┬─ serve, agent, edge, demo: the program itself
//	                                                     └─ all others ──apiclient──> the HTTP API, and nothing else
//
// Guarantees. What a verb found goes to stdout, what went wrong to stderr, as one plain line that says what to do. --json prints what the API gave, field by field, so that
// scripts may lean on it. Exit statuses are those of [exit codes]: 0 done, 1 failed, 2 not understood, 3 a rollout that was followed did not reach everyone, 130 interrupted.
package cli
