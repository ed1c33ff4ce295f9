// Package takestest is what every takes.Store does: one suite for the memory of one server and for Redis.
//
// The time is the suite's own, and stands still between the steps of a test: what a store gives back, it gives back by that clock.
package takestest
