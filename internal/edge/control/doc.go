// Package control is the unix socket by which a running edge is asked how it is, told to stop, and hands its listening socket to its successor.
//
//	successor                              running edge
//	    ── {"op":"take"} ──────────────────────>
//	    <── the address, and the listening socket itself (SCM_RIGHTS)
//	    (loads its snapshot and accepts: both accept now)
//	    ── {"op":"drain"} ─────────────────────>
//	    <── ok                                     accepts no more, finishes what it has, ends
//
// Because it is the same socket, connections that wait in its queue are never dropped, which they are when a socket with SO_REUSEPORT is closed.
//
// Each line is a JSON object. A connection that asks "watch" gets no answer: it breaks when the edge is gone, and so tells its supervisor at once.
package control
