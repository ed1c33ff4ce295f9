// Package seen knows which events have been taken: what came within the last seven days does not come in again.
//
//	Claim(keys) ──> which are fresh ──> the log has them ──> Commit     from now on they are known
//	                                └──> it has not       ──> Release    as if nobody had come
//
// It is a projection of the log, and may lose its newest part: Settle writes down up to which sequence of the log everything is in, and after a start what lies behind that is read again and learnt. So no
// event waits for a second fsync. Who does not know what the log has holds its ids until it is known; at its end it leaves that to the next start (Abandon), and nothing is settled any more.
//
//	recent (memory) ──full, or each five seconds──> files ──eight of a size──> one larger file ──seven days after the last of its half week──> gone
//
// The newest ids are in memory, all others in sorted files with filters (package run), half a week together. In memory are those of calls under way and a fixed number of new ones; of what lies on disk the system keeps what it has room for.
//
// Of two calls with the same id at the same time, one waits for what becomes of the other.
package seen
