// Package spool keeps the seconds of an edge or an agent that the server has not yet taken: in memory and on disk, in order, bounded.
//
//	Put ──> segment file (one JSON line a second) ──> batch ──> post ──204──> acknowledged: the file is cut or removed
//	              │                                      └── anything else: back off, again, for ever
//	              └── beyond the limit: the oldest segment goes, counted in Stats.Dropped
//
// Each boot writes files of its own and holds a lock (flock) on them. Files whose writer is gone are taken over, so that neither a crash nor
// an absent server loses a second. A crash between post and cut sends up to one batch again: the server counts a second once, by its key.
// Writes are not synced: a power failure may lose the last seconds, a crash of the process does not.
package spool
