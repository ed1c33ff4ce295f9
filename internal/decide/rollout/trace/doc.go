// Package trace keeps what a rollout was judged by, second by second: each second of an edge and each slot of what hosts measured, with where the evidence stood after it. From it the
// page draws the vitals over time, and the rollout can be judged again with other settings.
//
//	machine.Second ──Keep──> rollout_ticks ──Of──> Series (drawn)
//	machine.Look   ──KeepSlot──┘           └─Judge──> replay.Result (judged again)
//
// reads nothing of the log and emits nothing: package rollout calls it in its transactions. The table rollout_ticks is its own.
package trace
