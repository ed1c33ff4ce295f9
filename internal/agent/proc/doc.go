// Package proc starts commands as process groups and ends them whole.
//
// Two kinds of command need opposite things when their agent dies:
//
//   - What a host serves must go on. It is started Held, written down by its Ident, and Released; an agent that starts later adopts it by that Ident.
//   - What a worker tests must end. It is started Tied: a guard process leads the group and holds the end of a pipe. However the agent ends,
//     kill -9 included, the pipe closes and the guard kills its own group.
//
// States:
//
//	Start ──Held──> waiting ──Release──┐
//	  └──────────────────────────────> running ──its command ends, or Stop──> ending ──last of the group gone──> Done
//
// Guarantees: after Done no process of the group is left, but for one that made a session of its own; Stop sends SIGTERM, waits, sends SIGKILL, both to
// the whole group; no signal goes to a group that is not the one that was started; nothing of the agent's environment is passed on, except for what Environ names.
package proc
