// Command return measures how fast a bad release is gone.
//
//	go run ./bench/return [-rounds 5] [-hosts 10] [-agents 500]
//
// First table: ten hosts, an edge and visitors. The time from the event rollout.judged with "regressed" to the last answer that a visitor got from the bad release. Every
// fourth request to it fails; each request is a new visitor's, so that both releases are met all the time.
//
// Second and third table: 500 simulated hosts and no edge. They are goroutines of a process of their own that speak the wire as an agent does (join, long poll, report) and do at once what they
// are asked for. The way out is timed from the release's creation, by the events of the rollout. The way back is taken once because the release crashes (one host reports its third death; from the moment before that report), once by a person's command (from the
// moment before it is sent), until the last host was told to stop the bad release, and until the server has acknowledged the last host's report that it did.
//
// There is no peer: what others do here is a redeployment by hand.
package main
