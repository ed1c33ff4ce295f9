// Package accesslog reads the access logs that web servers and load balancers write anyway.
//
//	lines ──detect──> common, combined | json | alb ──parse──> Entry, or a problem that is counted
//
// The format is found from the first lines. A line that cannot be read is counted under a reason, with the first example of each, and nothing else comes of it: no file
// fails because of a line. A file of which none of the first lines can be read is no access log, and that is an error.
//
// What is kept does not grow with the file: one line at a time, of at most MaxLine bytes.
package accesslog
