// Package demo shows Slipway at work on one machine: a server, hosts and workers as processes of their own, a git repository, a shop, and its visitors.
//
//	start ──> fleet joins ──> first release ──> visitors come ──> good commit ──> bad commit ──┬─ Once: summary, end
//	                                                                 promoted     rolled back  └─ stay up until told to end; Drill plants more faults
//
// Nothing is played: it is the program itself, driven by its API, and by git as a person would. What is scaled down are the watch times, and the manifest says so.
//
// Guarantees. Whatever it starts ends with it: children in their own process groups are told to end, then made to, and notice by themselves when the demo was killed. The summary
// is counted by the visitors, not by the server: a request without an answer is lost, whoever is to blame.
package demo
