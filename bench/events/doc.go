// Command events measures the way of events: from their clients into the log, from the log into the store, and what questions cost.
//
//	go run ./bench/events [-for 20s] [-rows 2000000] [-visitors 200000]
//
// It prints three tables. The first has what a whole server takes, with the load generator (slipway load events) beside it on the same processors, and every event on disk before its 2xx; the log alone, given the same bytes in
// atomic batches of 1,000 and nothing to unpack, to know twice, or to store, is the peer. The second has one app's acknowledgements alone, and beside another app
// that sends as fast as it can. The third asks a store of DuckDB, filled directly, what the page asks.
package main
