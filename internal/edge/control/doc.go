// Package control is the unix socket by which a running edge is asked how it is, told to stop, and hands its listening sockets to its successor.
//
//	successor                              running edge
//	    ── {"op":"take","all":true} ───────────>
//	    <── the first address, and the listening sockets themselves (SCM_RIGHTS)
//	    (loads its snapshot and accepts: both accept now)
//	    ── {"op":"drain"} ─────────────────────>
//	    <── ok                                     accepts no more, finishes what it has, ends
//
// Because they are the same sockets, connections that wait in their queues are never dropped, which they are when one with SO_REUSEPORT is closed.
//
// Each line is a JSON object. A connection that asks "watch" gets no answer: it breaks when the edge is gone, and so tells its supervisor at once.
package control
