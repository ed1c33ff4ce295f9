// Command canary measures how fast a green build is in front of visitors, and where the time from a push to everyone goes.
//
//	go run ./bench/canary [-rounds 5] [-size 20] [-shop 3]
//
// First table: ten hosts, an edge and visitors; each release is new bytes that do not compress. From the end of the last test, and from the event build.passed (the artifact is
// packed and stored), to the event traffic.applied of the first step (the edge splits), and to the first answer that a visitor gets from the new release.
//
// Second table: the demo's shop from the start of git push to everyone, stage by stage, on ten hosts and four workers: medians over a few small commits. Its watch times are those
// of the table, not of a real rollout.
//
// There is no peer: the time is ours from end to end.
package main
