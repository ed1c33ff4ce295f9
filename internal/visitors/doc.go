// Package visitors is steady traffic for the demo, the simulations and the benchmarks: a crowd of people who look
// around in a shop, fill a cart, pay, leave, and are followed by others.
//
// The load is open: requests fall due at the asked rate whether or not earlier ones were answered, as those of real
// people do. Visitors differ: some click eighty times as often as others, some leave after a page. Each keeps the
// cookies it was given, has one request open at a time, and asks for products and assets that it was shown.
//
// What is counted is what the visitors saw. Requests are written to connections by this package and never a second
// time: net/http's client repeats a request whose connection died under it, and so hides the very loss that is looked
// for. A connection that the server closed while it was idle is noticed before it is used.
//
//	answered   the head of an answer came; counted by status class, by method and by release
//	cut        answered, but the body ended early
//	lost       no answer at all: refused, reset, closed, or silent for the timeout
//
// Every request that was begun is in exactly one of answered and lost; the end of a run waits for those that are open.
package visitors
