// Package explore turns questions about what users did into SQL that both DuckDB and PostgreSQL answer, and that people can read, change and ask again.
//
//	Trend      how many events, or visitors, over time, split by a property
//	Funnel     how many visitors do one thing, then another, within a time
//	Retention  how many come back, by when they first came
//	Top        the most frequent values of a property
//	Timeline   what one visitor did
//
// The SQL stands on what package analytics keeps: the relation events, the view activity (events, with the person behind each), and the functions prop (a property as text), obj (one that is an object) and num
// (a text as a number, or NULL).
package explore
