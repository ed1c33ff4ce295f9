// Package analytics is the port to where events are asked about: append them, ask in SQL, read them back by day, and forget people.
//
//	journal EVENTS ──feed──> Store of the app (duck: a file; pg: a schema) ──Query──> doors
//	                              └──Read──> parquet ──> a folder, S3
//
// Each app has a Store of its own. Who may ask about one app cannot reach another's events, whatever SQL they write; an app is removed with its file; a file that breaks is one app's.
//
// Guarantees. Append is all or nothing, and keeps the log's sequence in the same transaction as the rows: what is appended again, after a crash or by two at once, is there once. Query never writes, never
// reaches files or the network, and ends at its limits of rows, time and memory. What Forget removed does not come back by appending the same log again: feed leaves out who is forgotten.
//
// Stores keep two relations for who asks: events, with one row an event, and people, which says as whom an anonymous visitor became known. Times are in UTC, without a zone.
package analytics
