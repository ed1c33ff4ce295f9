// Package split decides who sees what: which release a visitor, or a request, is given, and which bucket a visitor is counted in. It is pure: the same words give the same answer on every edge and after every restart.
//
// A visitor v of a rollout with salt r is on the new release when Hash(r, v) / 2^64 < share. Shares nest: who is on the new release at 10 % is on
// it at 50 % too, so that a step only ever adds visitors. A new rollout has a new salt, and so draws anew and independently.
package split
