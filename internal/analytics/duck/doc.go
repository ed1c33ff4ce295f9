// Package duck is analytics on DuckDB, embedded: a file an app. It is the only package that needs cgo; a program built without has no Engine here, and takes PostgreSQL.
//
// A file that is found broken is set aside as <app>.duckdb.broken-<time>, and an empty one takes its place, with position 0: what feeds the store begins again from the archive and the log.
//
// Beside the tables of all stores a file has numbers of visitors, and columns of properties that were asked for: way.go says how they are made, docs/adr/0120 why. What events look like is in sights, which "learned" sums up (docs/adr/0130).
package duck
