// Package takes counts what is taken of limits, and writes it down.
//
//	Take ──> shard: cell or leases ──answer────────────────────────────────> at once, while a crash could not give too much again
//	              └──what it did──> cycle ──block──> the log, LIMITS ──────> or when it is on disk
//	                                          └─────> Watch: charts, near and denied
//	shard ──every few minutes──> file, with the place of the log that it has
//
// After a start each shard is its file, and what the log has behind it. The log is kept for a week, also for asking what another limit would have denied (Read).
package takes
