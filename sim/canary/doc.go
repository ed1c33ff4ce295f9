// Package canary is the language of the benchmark of canary judges: what a judge knows before a rollout, what it sees during one, and
// what it may answer. The worlds that make the numbers are in sim/world, judges in sim/slipway (ours) and sim/peer (everybody
// else's), and sim/trial plays the same stream to all of them.
//
//	Setting, Window ──> Judge.Begin
//	Tick, every 10 s ──> Judge.Observe
//	when it looks    ──> Judge.Look ──> go on | roll back | hold
//	at the end       ──> Judge.End  ──> promoted | healthy | unknown
//
// What a judge is given belongs to the world and is overwritten by the next tick: a judge copies what it keeps.
package canary
