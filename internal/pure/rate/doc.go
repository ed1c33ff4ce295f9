// Package rate says how much of a limit may be taken, and what is left of it.
//
//	Limit ──Compile──> Rule ──Take(cell, now, amount)──> Answer      rolling, calendar and ever count in a Cell of 16 bytes
//	                        └─Lease(leases, now, amount)─> Answer    concurrent counts what is out, and until when
//	Set.Find("api:search:ana") ──> the limit of the longest group that is defined, and the override of this very one
//
// Times are nanoseconds since 1970, UTC. Amounts are whole; nothing is rounded in a taker's favour, and nothing is lost by rounding either: what drained is counted in whole
// units, and the time of the rest is kept. A clock that goes back drains nothing and opens no new window.
package rate
