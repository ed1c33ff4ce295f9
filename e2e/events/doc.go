// Package events looks whether events of users are lost or doubled, and limits given twice, when things go wrong: a server that is killed again and again while many send, and clients that hold connections and do nothing.
//
//	crash_test.go    kill -9, a few times in the ordinary tests, more by make crash (SLIPWAY_KILLS); SLIPWAY_SEED repeats a run's draw
//	idle_test.go     connections that do nothing (SLIPWAY_IDLE says how many)
//	limits_test.go   kill -9 while many take of limits
//	senders_test.go  who sends: several forms, each again and again under the same ids until it is answered
//	server_test.go   the server as a process, and what its log has
//
// What must hold in the end: each event, and each failed one, that was acknowledged is kept once, and none that was sent is kept twice; and no limit gave more than it has, but for what a crash may give again.
package events
