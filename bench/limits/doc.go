// Command limits measures how fast limits are asked: in the process against throttled, by gRPC against envoyproxy/ratelimit with Redis, and by HTTP, each in the same run as its peer.
//
//	go run ./bench/limits [-rounds 30] [-keys 10000000] [-for 5s] [-part process,keys,envoy,http,crowd]
//
// process: one key of 1,024, with what finds its limit and what is written down of it. keys: so many live keys in memory. envoy: one request of one descriptor after another on 16 connections' worth of calls, and what the
// server's processes spent on each; the peer is installed as a Go module, and Redis is the machine's. http: single checks on kept connections, with who asks on the same processors. crowd: 800 at once on a limit of 100.
// Times of the process are of the processor, not of the clock, and the best of the rounds, which take turns.
package main
