// Command flags measures the evaluation of flags against GrowthBook's Go client and LaunchDarkly's evaluator, in the same run.
//
//	go run ./bench/flags [-rounds 40]
//
// The first table is one flag: a rule for country = US, and half of those by id. The attributes are new in each request; where a peer can keep them ready, that is
// a row of its own. The second is a payload of 1,000 flags for one visitor, and 10,000 flags of ten rules from text to ready. Times are of the processor, not of
// the clock, and the best of the rounds, which take turns.
package main
