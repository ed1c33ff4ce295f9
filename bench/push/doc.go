// Command push measures the time from an accepted push to the start of the first test command, beside Buildbot in the same run.
//
//	go run ./bench/push [-rounds 20] [-large 1024]
//
// Ours counts from the time of the event git.pushed, which is that of the transaction in which the push becomes true, before it is on disk; the peer from the
// moment that its master has stored the change, told by its own event. Both end with the time that the command writes: date +%s%N. Pushes alternate
// between the two, so that noise from elsewhere falls on both. The peer's commit lies in a repository on disk; ours comes through the server.
package main
