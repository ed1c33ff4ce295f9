// Package shadow says what Slipway would have said about the deploys of a team that does not use it yet, from what the team has: its access logs or its Prometheus, and the times of its deploys.
//
//	Traffic + deploys ──Judge──> for each deploy: would have been taken back at 14:03, sparing 1,900 errors | nothing seen | cannot tell
//	                             and the score, false alarms included
//
// There are two ways to judge, and each answer says which it was.
//
// Side by side: for a while some hosts (or some requests) were on the new release and the others on the old one. This is what Slipway compares too, by the same code (package replay).
//
// Before and after: everybody got the release at once. Then only the rate after the deploy can be held against the rate before it, and everything else that changed at that moment is taken
// for the release's doing. How much rates change by themselves is learned from the same log: neighbouring windows between which nothing was deployed, by package units. How often
// the test is wrong all the same is measured: it is run at moments at which nothing was deployed (placebos), each with what the rest of the log taught. It is an indication, and is never called more.
//
// No I/O, no clock, no randomness.
package shadow
