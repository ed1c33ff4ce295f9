// Package git is the git door: push and clone over smart HTTP, by the system's git.
//
//	POST git-receive-pack ──> git receive-pack ──┬─ pre-receive ──> check (objects in quarantine) ──> git_pushes: pending    or refused, with reasons
//	                                             ├─ refs move
//	                                             └─ post-receive ─> settle: git.pushed in one Tx ──> follow: lines until the verdict of the tests
//
// Git's hooks are this same program ("slipway git-hook"), which only passes its input to the server over a unix socket and prints what comes back: git puts that on the
// sideband, where the pusher reads "remote: …", and sends the empty packets that keep proxies from cutting a quiet connection.
//
// Exactly once between refs and SQL. Git's refs are the truth. git_refs holds the heads of which git.pushed told; settle compares the two, under the app's lock, and tells what is
// new in the transaction that notes it. It runs behind each push and at each start: a push that was cut off between ref and event is told of at the next start, with the actor
// and the manifest that pre-receive had noted. So no commit is lost and none is told of twice.
//
// The lock is held from pre-receive until settle is done, not while the pusher reads on: of two pushes at once, the later sees the earlier one's event and is refused by git's own
// comparison of the old head. A pusher who goes away (ctrl-C) ends the reading, nothing else.
package git
