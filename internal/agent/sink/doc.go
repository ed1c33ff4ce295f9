// Package sink takes what apps send by statsd (UDP, lines of package statsd) and adds it up by second and release.
//
//	a release's own socket ────────────────────────┐
//	the common one ──> a tag that names a release ─┼──> book of that release ──each second──> event.Metric
//	        └──> the kernel: whose process sent it ┘
//	                       └── nobody knows ──> the book of nobody
//
// Whose a packet is, ADR 0033 says: nothing is guessed here.
//
// Everything is bounded, and what is dropped is counted by its reason: packets of one socket in a second (what comes beyond waits in the kernel, which drops it when its buffer is full, and counts), series of one
// release, members of its sets, the table of senders. A series that is known keeps its place when others flood in; it is forgotten after a minute in which nothing came.
//
// Guarantees: a packet that was read is in exactly one second; nothing that comes by the network ends the sink or makes it grow beyond its bounds; counting allocates nothing but for
// names and members that are new.
package sink
