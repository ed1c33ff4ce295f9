// Package redis counts what is taken of limits in Redis or Valkey, for several servers that share their limits.
//
//	Take, Return, Forget ──> queue ──Run──> round: read the keys and the time ──> internal/pure/rate ──> script: what is still as it was read is written
//	                           └──────────<── what another server wrote meanwhile, again ────────────────────┘
//
// What waits together shares a round, so that servers compete for a key, and not the takes of one server: of many at once on one key each round answers all. The arithmetic is that of every other
// store, in Go; Redis compares and writes, in one script that does all or nothing of takes that share a key.
//
// The time is Redis's own (TIME), read after the keys. Servers' clocks differ, and of two that take in turns the one that is ahead would give back each time what the other does not know to have come
// back: rate minds one clock that goes back, but not two. So whoever reads a key has a time that is no earlier than that of who wrote it.
//
// A key is slipway:takes:<series>:<group>. It expires when everything that was taken has come back, and never for what is once ever: Redis must not evict (maxmemory-policy noeviction). What was
// taken survives a crash of Redis as far as its own log does: with appendonly yes, appendfsync everysec the last second is forgotten, with appendfsync always nothing. An error means that nobody knows
// whether it was taken: a write whose answer is lost is not sent again.
package redis
