// Package relational is what the engines of analytics have in common, as they both speak SQL: the tables, the appending, the questions. What differs is a Dialect.
//
//	events   one row an event, in the order of the log
//	people   as whom an anonymous visitor became known: the first who was
//	activity events, with the person behind each: as whom they became known, or the visitor
//	failed   what is no event, and why
//	learned  which properties of which types were seen
//	position the sequence of the log up to which all of that is true
package relational
